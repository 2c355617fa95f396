"""Series of one length, and how they change, in NumPy and inside a model."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_maelre.preprocessing import (
    Differences,
    ResizeSeries,
    SeriesPreprocessor,
)
from keras_maelre.preprocessing.differences import differences
from keras_maelre.preprocessing.resize import resize_series
from keras_maelre.preprocessing.z_normalize import z_normalize

RNG = np.random.default_rng(0)


def as_numpy(x):
    return ops.convert_to_numpy(x)


def slow_means(series, steps):
    """Each part's mean, step by step: a step counts as far as it lies in the part."""
    length = len(series)
    made = np.zeros((steps, series.shape[1]))
    for part in range(steps):
        low, high = part * length / steps, (part + 1) * length / steps
        for step in range(length):
            inside = max(0.0, min(high, step + 1) - max(low, step))
            made[part] += inside * series[step] / (high - low)
    return made


@pytest.mark.parametrize("length, steps", [(30, 10), (31, 10), (7, 10), (1, 4), (5, 5)])
def test_resized_series_are_means_of_equal_parts(length, steps):
    series = RNG.normal(3, 2, (length, 2))
    expected = slow_means(series, steps)
    np.testing.assert_allclose(resize_series(series, steps), expected, atol=1e-12)
    made = as_numpy(ResizeSeries(steps)(series[None].astype("float32")))
    np.testing.assert_allclose(made[0], expected, atol=1e-5)


def test_padding_at_the_end_is_not_resized():
    series = RNG.normal(size=(2, 30, 1)).astype("float32")
    series[1, 17:] = np.nan
    made = as_numpy(ResizeSeries(10)(series))
    np.testing.assert_allclose(made[1], slow_means(series[1, :17], 10), atol=1e-5)


@pytest.mark.parametrize("offset, scale", [(1.7e9, 10.0), (0.0, 1e300), (0.0, 1e-300)])
def test_resizing_keeps_what_offset_and_scale_would_lose(offset, scale):
    wave = np.sin(np.arange(400) / 20)[:, None]
    made = z_normalize(resize_series(offset + scale * wave, 100))
    expected = z_normalize(slow_means(wave, 100))
    np.testing.assert_allclose(made, expected, atol=1e-6)


@pytest.mark.parametrize("normalize", [False, True])
def test_differences_are_further_channels(normalize):
    series = RNG.normal(size=(12, 2))
    change = np.diff(series, axis=0, prepend=series[:1])
    if normalize:
        change = (change - change.mean(axis=0)) / change.std(axis=0)
    expected = np.concatenate([series, change], axis=1)
    np.testing.assert_allclose(differences(series, normalize), expected, atol=1e-12)
    layer = Differences(normalize)
    np.testing.assert_allclose(
        as_numpy(layer(series[None].astype("float32")))[0], expected, atol=1e-5
    )
    assert layer.compute_output_shape((None, None, 2)) == (None, None, 4)


def test_differences_beside_gaps_and_padding():
    series = np.array([1.0, 2, 4, np.nan, 7, 8, np.nan])[:, None]
    expected = [0.0, 1, 2, np.nan, 0, 1, np.nan]
    np.testing.assert_array_equal(differences(series, False)[:, 1], expected)
    layer = Differences(normalize=False)
    np.testing.assert_array_equal(as_numpy(layer(series[None]))[0, :, 1], expected)


def test_constant_series_change_nothing():
    np.testing.assert_array_equal(differences(np.zeros((5, 1)), True), np.zeros((5, 2)))


@pytest.mark.parametrize("normalize", [True, False])
def test_preprocessor_resizes_and_adds_differences(normalize):
    ragged = [RNG.normal(5, 3, (steps, 2)) for steps in (30, 7, 50)]
    preprocessor = SeriesPreprocessor(
        (20, 4), normalize=normalize, resize=True, differences=True
    )
    made = preprocessor(ragged)
    assert made.shape == (3, 20, 4) and made.dtype == np.float32
    assert preprocessor.raw_channels == 2
    np.testing.assert_array_equal(preprocessor.lengths(ragged), [20, 20, 20])
    for row, series in zip(made, ragged, strict=True):
        expected = slow_means(series, 20)
        if normalize:
            expected = z_normalize(expected)
        expected = differences(expected, normalize)
        np.testing.assert_allclose(row, expected, atol=1e-5)
        inside = as_numpy(preprocessor.layer(series[None].astype("float32")))
        np.testing.assert_allclose(inside[0], expected, atol=2e-4)
    clone = SeriesPreprocessor.from_config(preprocessor.get_config())
    np.testing.assert_array_equal(clone(ragged), made)


def test_differences_of_padded_series():
    ragged = [RNG.normal(size=steps) for steps in (20, 9)]
    made = SeriesPreprocessor((20, 2), differences=True)(ragged)
    assert np.isnan(made[1, 9:]).all() and not np.isnan(made[1, :9]).any()
    (alone,) = SeriesPreprocessor((9, 2), differences=True)([ragged[1]])
    np.testing.assert_allclose(made[1, :9], alone, atol=1e-6)


def test_layers_in_a_model_of_unknown_length():
    model = keras.Sequential(
        [keras.Input((None, 1)), ResizeSeries(8), Differences(normalize=False)]
    )
    assert model.output_shape == (None, 8, 2)
    for length in (8, 21):
        series = RNG.normal(size=(3, length, 1)).astype("float32")
        made = as_numpy(model(series))
        for row, one in zip(made, series, strict=True):
            np.testing.assert_allclose(row[:, :1], slow_means(one, 8), atol=1e-5)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"input_shape": (20, 3), "differences": True}, "even number.*20, 3"),
        ({"resize": True, "truncate": True}, "not both"),
        ({"resize": "yes"}, "`resize`"),
        ({"differences": 1}, "`differences`"),
    ],
)
def test_bad_arguments_raise(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        SeriesPreprocessor(**{"input_shape": (20, 2), **arguments})


def test_series_with_a_gap_cannot_be_resized():
    series = np.arange(30.0)
    series[5] = np.nan
    with pytest.raises(ValueError, match="gap cannot be resized.*sample 0"):
        SeriesPreprocessor((20, 1), resize=True)([series])
