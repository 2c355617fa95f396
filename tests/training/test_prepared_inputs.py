"""Inputs are prepared once, and are the same as if they were prepared every time."""

import numpy as np
import pytest

from keras_maelre import modalities
from keras_maelre.modalities import cut_padding
from keras_maelre.preprocessing import (
    AudioPreprocessor,
    BytePreprocessor,
    SeriesPreprocessor,
)
from keras_maelre.training import prepared_inputs
from keras_maelre.training.prepared_inputs import PreparedInputs

GENERATOR = np.random.default_rng(0)
SOUNDS = [GENERATOR.uniform(-1, 1, n) for n in (4000, 6000, 5000, 8000)]
SERIES = [GENERATOR.normal(size=n) for n in (12, 20, 9, 16)]
DOCUMENTS = ["one", "two and three", "a", "four"]
CASES = {
    "audio": (AudioPreprocessor((48, 16)), SOUNDS),
    "series": (SeriesPreprocessor((20, 2), differences=True), SERIES),
    "bytes": (BytePreprocessor((64,)), DOCUMENTS),
}


class Counted:
    def __init__(self, preprocessor):
        self.preprocessor, self.seen = preprocessor, 0
        self.input_shape = preprocessor.input_shape
        self.dtype = preprocessor.dtype

    def __call__(self, samples):
        self.seen += len(samples)
        return self.preprocessor(samples)


@pytest.mark.parametrize("name", CASES)
def test_prepared_once(name):
    preprocessor, samples = CASES[name]
    counted = Counted(preprocessor)
    inputs = PreparedInputs(samples, counted)
    for chosen in ([2, 0], [1, 0, 3], [3, 3, 2]):
        expected = np.concatenate([preprocessor([samples[i]]) for i in chosen])
        np.testing.assert_array_equal(inputs[np.array(chosen)], expected)
    assert counted.seen == 4


def test_what_is_kept_cannot_be_changed_from_outside():
    preprocessor, samples = CASES["series"]
    inputs, chosen = PreparedInputs(samples, preprocessor), np.array([0, 1])
    first = inputs[chosen]
    expected = first.copy()
    first[:] = 0
    np.testing.assert_array_equal(inputs[chosen], expected)


def test_too_large_to_keep(monkeypatch):
    preprocessor, samples = CASES["series"]
    counted = Counted(preprocessor)
    size = 4 * 20 * 2 * 4
    monkeypatch.setattr(prepared_inputs, "KEPT_BYTES", size - 1)
    inputs, chosen = PreparedInputs(samples, counted), np.arange(4)
    np.testing.assert_array_equal(inputs[chosen], inputs[chosen])
    assert counted.seen == 8 and inputs.rows is None
    monkeypatch.setattr(prepared_inputs, "KEPT_BYTES", size)
    inputs[chosen], inputs[chosen]
    assert counted.seen == 12 and inputs.rows.nbytes == size


def test_batches_are_cut_to_their_longest():
    preprocessor, samples = CASES["bytes"]
    inputs = PreparedInputs(samples, preprocessor, modalities.get("bytes"))
    for chosen in ([0, 2], [0, 1]):
        expected = cut_padding(
            preprocessor([DOCUMENTS[i] for i in chosen]), modalities.get("bytes")
        )
        np.testing.assert_array_equal(inputs[np.array(chosen)], expected)
    assert inputs[np.array([0, 2])].shape[1] < 64


def test_arrays_without_a_preprocessor():
    x = np.arange(12.0).reshape(4, 3, 1)
    np.testing.assert_array_equal(PreparedInputs(x)[np.array([3, 1])], x[[3, 1]])


def test_the_bad_sample_is_named():
    preprocessor, _ = CASES["audio"]
    inputs = PreparedInputs([*SOUNDS[:3], np.full(4000, np.nan)], preprocessor)
    with pytest.raises(ValueError, match="ample 3"):
        inputs[np.array([1, 3])]
