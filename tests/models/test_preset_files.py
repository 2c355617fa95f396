"""A preset on disk is whole at every moment, and what it says it is."""

import json
import os

import h5py
import keras
import numpy as np
import pytest

from keras_maelre import MaelreBackbone, MaelreClassifier
from keras_maelre.models import preset_files
from tests.models.tiny import predict, random_input, randomize, tiny_classifier


class Stopped(Exception):
    pass


def stop_at(monkeypatch, count):
    """Makes the replacement of files fail at its `count`-th call."""
    replace, calls = os.replace, []

    def replace_or_stop(*args):
        calls.append(args)
        if len(calls) > count:
            raise Stopped
        replace(*args)

    monkeypatch.setattr(preset_files.os, "replace", replace_or_stop)


@pytest.mark.parametrize("count", range(5))
def test_saving_stopped_between_any_two_steps(count, tmp_path, monkeypatch):
    old = randomize(tiny_classifier("series"), seed=1)
    new = randomize(tiny_classifier("series", depths=(1, 1, 1, 1)), seed=2)
    old.save_to_preset(tmp_path)
    with monkeypatch.context() as patch:
        stop_at(patch, count)
        if count < 4:
            with pytest.raises(Stopped):
                new.save_to_preset(tmp_path)
        else:
            new.save_to_preset(tmp_path)
    loaded = MaelreClassifier.from_preset(tmp_path)
    whole = old if loaded.backbone.depths == old.backbone.depths else new
    assert (whole is new) == (count >= 2)
    for one, other in zip(loaded.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    # What is saved next replaces what was left.
    old.save_to_preset(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "README.md",
        "config.json",
        "model.weights.h5",
    ]


def test_a_full_disk_leaves_the_old_preset(tmp_path, monkeypatch):
    old = randomize(tiny_classifier("series"))
    old.save_to_preset(tmp_path)

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keras.Model, "save_weights", full)
    with pytest.raises(OSError, match="No space"):
        tiny_classifier("series").save_to_preset(tmp_path)
    monkeypatch.undo()
    loaded = MaelreClassifier.from_preset(tmp_path)
    for one, other in zip(loaded.get_weights(), old.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(list(tmp_path.iterdir())) == 3


def test_saving_over_a_preset_that_is_being_read(tmp_path):
    tiny_classifier("series").save_to_preset(tmp_path)
    new = randomize(tiny_classifier("series"))
    with h5py.File(tmp_path / "model.weights.h5"):
        new.save_to_preset(tmp_path)
    loaded = MaelreClassifier.from_preset(tmp_path)
    np.testing.assert_array_equal(loaded.get_weights()[0], new.get_weights()[0])


@pytest.fixture
def preset(tmp_path):
    randomize(tiny_classifier("series")).save_to_preset(tmp_path)
    return tmp_path


def change(preset, **changes):
    path = preset / "config.json"
    config = json.loads(path.read_text())
    config["config"]["backbone"]["config"].update(changes)
    path.write_text(json.dumps(config))


def rehash(preset):
    path = preset / "config.json"
    config = json.loads(path.read_text())
    config["weights_sha256"] = preset_files._hash(preset / "model.weights.h5")
    path.write_text(json.dumps(config))


@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
def test_flipped_bytes_are_noticed(place, preset):
    path = preset / "model.weights.h5"
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 64
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged.*hash"):
        MaelreClassifier.from_preset(preset)


def test_weights_that_are_not_finite_are_refused(preset):
    with h5py.File(preset / "model.weights.h5", "r+") as file:
        names = []
        file.visititems(lambda name, item: names.append(name))
        kernel = next(n for n in names if isinstance(file[n], h5py.Dataset))
        file[kernel][...] = np.nan
    rehash(preset)
    with pytest.raises(ValueError, match="damaged.*not finite"):
        MaelreClassifier.from_preset(preset)


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 10**9},
        {"depths": [1, 1, 10**7, 1]},
        {"input_shape": [10**12, 2]},
    ],
    ids=str,
)
def test_more_weights_than_the_file_can_hold(changes, preset):
    change(preset, **changes)
    with pytest.raises(ValueError, match="damaged or belong.*at least"):
        MaelreClassifier.from_preset(preset)


def test_a_built_in_name_is_never_a_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = tiny_classifier("series")
    with pytest.raises(ValueError, match="'./tiny_series'"):
        model.save_to_preset("tiny_series")
    model.save_to_preset("./tiny_series")
    with pytest.raises(ValueError, match="both a built-in preset and a saved one"):
        MaelreClassifier.from_preset("tiny_series")
    assert MaelreClassifier.from_preset("./tiny_series").num_classes == 3


def test_a_hub_is_not_written_to():
    with pytest.raises(ValueError, match="local directory.*push_to_hub"):
        tiny_classifier("series").save_to_preset("hf://someone/something")


def test_architecture_without_weights(preset):
    saved = MaelreClassifier.from_preset(preset)
    fresh = MaelreClassifier.from_preset(preset, load_weights=False)
    changed = MaelreClassifier.from_preset(preset, load_weights=False, width=8)
    assert fresh.get_config().keys() == saved.get_config().keys()
    assert changed.backbone.width == 8
    assert np.abs(fresh.get_weights()[0] - saved.get_weights()[0]).max() > 1e-3


@keras.saving.register_keras_serializable(package="tests")
class Doubled(MaelreClassifier):
    """A classifier with an answer of its own."""

    def call(self, inputs, training=None, mask=None):
        return 2 * super().call(inputs, training=training, mask=mask)


class Unregistered(MaelreClassifier):
    pass


def test_subclasses_load_what_they_save(tmp_path):
    model = randomize(tiny_classifier("series", Doubled))
    model.save_to_preset(tmp_path)
    loaded = Doubled.from_preset(tmp_path)
    x = random_input("series")
    assert type(loaded) is Doubled
    np.testing.assert_allclose(predict(loaded, x), predict(model, x), atol=1e-6)
    assert type(MaelreClassifier.from_preset(tmp_path)) is Doubled
    assert type(MaelreBackbone.from_preset(tmp_path)) is MaelreBackbone
    with pytest.raises(ValueError, match="Unregistered.*register_keras_serializable"):
        tiny_classifier("series", Unregistered).save_to_preset(tmp_path)


@pytest.mark.parametrize("kind", ["preset", "keras"])
def test_quantized_models_load_as_they_are(kind, tmp_path):
    model = randomize(tiny_classifier("bytes"))
    x = random_input("bytes")
    exact = predict(model, x)
    model.quantize("int8")
    expected = predict(model, x)
    if kind == "preset":
        model.save_to_preset(tmp_path / "preset")
        loaded = MaelreClassifier.from_preset(tmp_path / "preset")
    else:
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
    assert len(loaded.quantization()) == len(model.quantization()) > 20
    np.testing.assert_allclose(predict(loaded, x), expected, atol=1e-6)
    assert 0 < np.abs(expected - exact).max() < 0.2 * np.ptp(exact)
