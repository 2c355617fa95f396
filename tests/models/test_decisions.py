"""Temperature and thresholds: applied, saved, and checked."""

import keras
import numpy as np
import pytest

from keras_maelre import MaelreClassifier
from keras_maelre.preprocessing import SeriesPreprocessor
from tests.models.tiny import tiny_classifier

NAMES = ("calm", "breeze", "storm")
RAW = [np.random.default_rng(i).normal(size=(30, 2)) for i in range(5)]


def classifier(**kwargs):
    keras.utils.set_random_seed(0)
    preprocessor = SeriesPreprocessor((50, 2))
    return tiny_classifier(
        "series", preprocessor=preprocessor, class_names=NAMES, **kwargs
    )


@pytest.mark.parametrize("multi_label", [False, True])
def test_temperature_divides_the_logits(multi_label):
    model = classifier(multi_label=multi_label, temperature=2.5)
    logits = model.predict(RAW, verbose=0) / 2.5
    apply = keras.ops.sigmoid if multi_label else keras.ops.softmax
    expected = keras.ops.convert_to_numpy(apply(logits))
    np.testing.assert_allclose(model.predict_proba(RAW), expected, atol=1e-6)


def test_thresholds_decide_on_the_labels():
    model = classifier(multi_label=True)
    probabilities = model.predict_proba(RAW)
    middle = np.sort(probabilities, axis=0)[2]  # two samples lie above it
    model.thresholds = middle
    decided = model.decide(probabilities)
    np.testing.assert_array_equal(decided.sum(axis=0), 2)
    for answer, row in zip(model.predict_raw(RAW), decided, strict=True):
        assert set(answer.labels) == {n for n, d in zip(NAMES, row, strict=True) if d}
    model.thresholds = 1.0
    assert not model.decide(probabilities).any()
    assert model.predict_raw(RAW)[0].labels == ()


def test_a_single_label_is_the_most_probable():
    for answer in classifier().predict_raw(RAW):
        assert answer.labels == (next(iter(answer)),)


@pytest.mark.parametrize("thresholds", [0.25, (0.2, 0.4, 0.6)])
def test_presets_and_files_keep_them(thresholds, tmp_path):
    model = classifier(multi_label=True, thresholds=thresholds, temperature=1.5)
    model.save_to_preset(tmp_path / "preset")
    model.save(tmp_path / "model.keras")
    for loaded in (
        MaelreClassifier.from_preset(tmp_path / "preset"),
        MaelreClassifier.from_preset(tmp_path / "preset", dropout_rate=0.1),
        keras.models.load_model(tmp_path / "model.keras"),
    ):
        assert loaded.thresholds == thresholds and loaded.temperature == 1.5
        np.testing.assert_allclose(
            loaded.predict_proba(RAW), model.predict_proba(RAW), atol=1e-6
        )
    with pytest.warns(UserWarning, match="head is new"):
        other = MaelreClassifier.from_preset(tmp_path / "preset", num_classes=2)
    assert other.thresholds is None


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"temperature": 0}, ValueError, "`temperature`.*0"),
        ({"temperature": "a"}, TypeError, "`temperature`.*'a'"),
        ({"thresholds": 0.5}, ValueError, "multi-label"),
        ({"thresholds": 1.5, "multi_label": True}, ValueError, "`thresholds`.*1.5"),
        ({"thresholds": [0.1, 0.2], "multi_label": True}, ValueError, "3 of them"),
        ({"thresholds": np.nan, "multi_label": True}, ValueError, "nan"),
        ({"multi_label": "no"}, TypeError, "`multi_label`.*'no'"),
    ],
)
def test_what_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        classifier(**arguments)
