"""How long, from what and how surely it trains."""

import random
import time

import keras
import numpy as np
import pytest

import keras_maelre
from tests.estimator.small import TOLERANCE, difference, documents, estimator, waves

pytestmark = pytest.mark.compiles_long


@pytest.mark.parametrize("modality", ["series", "text"])
def test_random_state_fixes_the_result_and_nothing_else(modality):
    X, y = waves() if modality == "series" else documents()
    if modality == "text":
        # Words that tell all documents apart leave little for a seed to change.
        y = y[np.arange(len(y)) // 2]
    state = random.getstate(), np.random.get_state()[1].copy()
    one = estimator(modality, epochs=2, random_state=3).fit(X, y)
    assert random.getstate() == state[0]
    np.testing.assert_array_equal(np.random.get_state()[1], state[1])
    random.random()
    np.random.uniform()
    other = estimator(modality, epochs=2, random_state=3).fit(X, y)
    assert difference(one, other, X) <= TOLERANCE
    other = estimator(modality, epochs=2, random_state=4).fit(X, y)
    assert difference(one, other, X) > 1e-4


def test_random_states_are_drawn_from():
    X, y = waves()
    state = np.random.RandomState(0)
    one = estimator(random_state=state).fit(X, y)
    other = estimator(random_state=state).fit(X, y)
    assert difference(one, other, X) > 1e-4
    again = estimator(random_state=np.random.RandomState(0)).fit(X, y)
    assert difference(one, again, X) <= TOLERANCE


def test_time_limit():
    X, y = waves(64)
    begin = time.monotonic()
    fitted = estimator(epochs=100_000, time_limit=3).fit(X, y)
    assert time.monotonic() - begin < 20
    assert 1 <= len(fitted.history_["loss"]) < 100_000
    assert fitted.predict(X).shape == (64,)


class Interrupted(keras.layers.Layer):
    """Fails at one of its calls, one for each step, as if the process were killed."""

    calls, last = 0, None

    def call(self, x, training=False):
        Interrupted.calls += 1
        if Interrupted.calls == Interrupted.last:
            raise KeyboardInterrupt
        return x


def test_output_goes_on_with_this_very_training(tmp_path, monkeypatch):
    X, y = waves(24)
    options = {"epochs": 4, "recipe": {"augmentation": [Interrupted()]}}
    whole = estimator(**options, output=tmp_path / "whole").fit(X, y)
    steps = Interrupted.calls
    assert keras_maelre.MaelreClassifier.from_preset(tmp_path / "whole" / "preset")
    monkeypatch.setattr(Interrupted, "last", steps + 6)
    with pytest.raises(KeyboardInterrupt):
        estimator(**options, output=tmp_path / "cut").fit(X, y)
    calls = Interrupted.calls
    resumed = estimator(**options, output=tmp_path / "cut").fit(X, y)
    # Two epochs, and the batch that a training is restored with.
    assert steps == 8 and Interrupted.calls - calls == 4 + 1
    assert len(resumed.history_["loss"]) == 4
    assert difference(whole, resumed, X) <= max(TOLERANCE, 1e-6)
    # Nothing is left to be trained.
    again = estimator(**options, output=tmp_path / "cut").fit(X, y)
    assert difference(whole, again, X) <= max(TOLERANCE, 1e-6)
    with pytest.raises(ValueError, match="can only be resumed with the settings"):
        estimator(**options, output=tmp_path / "cut").fit(X + 1, y)


def test_saved_presets_are_trained_further(tmp_path):
    X, y = waves()
    first = estimator().fit(X, y)
    first.classifier_.save_to_preset(tmp_path / "saved")
    X, _ = waves(24, seed=1)
    y = np.arange(24) % 3
    start = estimator(preset=tmp_path / "saved", learning_rate=1e-9).fit(X, y)
    assert start.classifier_.num_classes == 3
    assert start.classifier_.preprocessor.input_shape == (24, 2)
    weights = [e.classifier_.backbone.get_weights() for e in (start, first)]
    for mine, theirs in zip(*weights, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)
    first.classifier_.backbone.save_to_preset(tmp_path / "backbone")
    options = {"preset": str(tmp_path / "backbone")}
    with pytest.raises(ValueError, match="A series must have shape"):
        estimator(**options).fit(X, y)  # It is not known how it was made two channels.
    preprocessor = first.classifier_.preprocessor
    fitted = estimator(**options, preprocessor=preprocessor).fit(X, y)
    assert fitted.classifier_.preprocessor is preprocessor


def test_presets_by_size_and_by_name():
    X, y = waves(8)
    by_size = estimator(preset="tiny").fit(X, y)
    by_name = estimator(preset="tiny_series").fit(X, y)
    assert difference(by_size, by_name, X) <= TOLERANCE
    # Series of one channel start elsewhere by default, test_pretrained_start.py.
    X, y = waves(8, channels=2)
    by_size = estimator(preset="tiny").fit(X, y)
    default = estimator(preset=None).fit(X, y)
    assert difference(by_size, default, X) <= TOLERANCE


def test_recipe_is_changed(capsys):
    X, y = waves()
    changes = {"ema": False, "mixing": [], "label_smoothing": 0.0}
    estimator(recipe=changes, learning_rate=2e-3, verbose=2).fit(X, y)
    printed = capsys.readouterr().out
    for line in ("averages       none", "mixing         none", "up to 0.002"):
        assert line in printed
    estimator(recipe=changes).fit(X, y).predict(X)
    assert capsys.readouterr().out == ""
