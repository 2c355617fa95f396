"""Ragged series become one tensor, and say what is wrong with them."""

import keras
import numpy as np
import pytest

from keras_maelre.preprocessing import SeriesPreprocessor, ZNormalize

RNG = np.random.default_rng(0)
RAGGED = [RNG.normal(5, 3, (steps, 2)) for steps in (30, 7, 50)]


def test_ragged_series_are_normalised_and_padded():
    made = SeriesPreprocessor((50, 2))(RAGGED)
    assert made.shape == (3, 50, 2) and made.dtype == np.float32
    for row, series in zip(made, RAGGED, strict=True):
        normal = (series - series.mean(axis=0)) / series.std(axis=0)
        np.testing.assert_allclose(row[: len(series)], normal, atol=1e-5)
        assert np.isnan(row[len(series) :]).all()


def test_company_does_not_matter():
    together = SeriesPreprocessor((50, 2))(RAGGED)
    for i, series in enumerate(RAGGED):
        alone = SeriesPreprocessor((50, 2))([series])
        # Sums over other batches may be rounded in another order.
        np.testing.assert_allclose(alone[0], together[i], atol=1e-6)


@pytest.mark.parametrize("kind", [np.asarray, np.ndarray.tolist])
def test_kinds_of_input_are_the_same(kind):
    series = RNG.normal(size=(4, 20)).astype("float32")
    preprocessor = SeriesPreprocessor((20, 1))
    expected = preprocessor(series[..., None])
    np.testing.assert_array_equal(preprocessor(kind(series)), expected)


def test_without_normalisation_values_stay():
    series = np.arange(12, dtype="float32").reshape(1, 12)
    made = SeriesPreprocessor((15, 1), normalize=False)(series)
    np.testing.assert_array_equal(made[0, :12, 0], series[0])
    assert np.isnan(made[0, 12:]).all()


def test_padding_at_the_end_counts_as_absent():
    padded = np.full((1, 20), np.nan)
    padded[0, :9] = np.arange(9)
    preprocessor = SeriesPreprocessor((12, 1))
    np.testing.assert_array_equal(preprocessor(padded), preprocessor([np.arange(9)]))


def test_resampling_keeps_pitch_and_duration():
    def tone(rate):
        return np.sin(2 * np.pi * 5 * np.arange(4 * rate) / rate)

    preprocessor = SeriesPreprocessor((400, 1), source_rate=250, sampling_rate=100)
    made = preprocessor([tone(250)])[0, :, 0]
    expected = SeriesPreprocessor((400, 1))([tone(100)])[0, :, 0]
    # A filter's ends differ: nothing is known beyond them.
    np.testing.assert_allclose(made[20:-20], expected[20:-20], atol=0.02)


def test_truncation_is_asked_for():
    with pytest.raises(ValueError, match="1 of 3.*40 steps.*sample 2 with 50"):
        SeriesPreprocessor((40, 2))(RAGGED)
    made = SeriesPreprocessor((40, 2), truncate=True, normalize=False)(RAGGED)
    np.testing.assert_array_equal(made[2], RAGGED[2][:40].astype("float32"))


def test_labels_pass_through():
    x, y = SeriesPreprocessor((50, 2))(RAGGED, [1, 2, 0])
    assert x.shape == (3, 50, 2) and y == [1, 2, 0]


def test_layer_does_the_same_inside_a_model():
    series = RNG.normal(3, 2, (2, 30, 1)).astype("float32")
    preprocessor = SeriesPreprocessor((30, 1))
    assert isinstance(preprocessor.layer, ZNormalize)
    model = keras.Sequential([keras.Input((30, 1)), preprocessor.layer])
    np.testing.assert_allclose(
        model.predict(series, verbose=0), preprocessor(series), atol=1e-6
    )


def test_in_a_tf_data_pipeline():
    tf = pytest.importorskip("tensorflow")
    series = RNG.normal(size=(6, 20)).astype("float32")
    preprocessor = SeriesPreprocessor((25, 1))
    pairs = tf.data.Dataset.from_tensor_slices((series, np.arange(6)))
    prepared = pairs.batch(3).map(preprocessor)
    assert prepared.element_spec[0].shape == (None, 25, 1)
    x = np.concatenate([batch.numpy() for batch, _ in prepared])
    np.testing.assert_array_equal(x, preprocessor(series))


def test_config_is_whole():
    preprocessor = SeriesPreprocessor(
        (40, 2), truncate=True, normalize=False, source_rate=50, sampling_rate=25
    )
    copy = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(preprocessor)
    )
    assert copy.get_config() == preprocessor.get_config()
    assert copy.get_config()["sampling_rate"] == 25


@pytest.mark.parametrize(
    "samples, message",
    [
        ([], "at least one sample"),
        ([np.ones((5, 2)), np.ones((0, 2))], "at least one valid step.*sample 1"),
        ([np.full((5, 2), np.nan)], "at least one valid step.*sample 0"),
        ([np.ones((5, 3))], r"\(steps, 2\).*\(5, 3\)"),
        ([np.ones(5)], r"\(steps, 2\).*\(5,\)"),
        (np.ones((5, 2)), r"\(steps, 2\)"),
        ([[[1.0, np.inf]]], "infinities.*sample 0"),
        ([[[1.0, np.nan]]], "NaN in only.*sample 0"),
        ([["a", "b"]], "numbers.*sample 0"),
    ],
)
def test_bad_series_raise(samples, message):
    with pytest.raises(ValueError, match=message):
        SeriesPreprocessor((50, 2))(samples)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"input_shape": (50,)}, r"2 positive integer.*\(50,\)"),
        ({"input_shape": (50, 0)}, "2 positive integer"),
        ({"source_rate": 10}, "belong together.*source_rate=10"),
        ({"source_rate": 10, "sampling_rate": 0}, "`sampling_rate`.*positive"),
    ],
)
def test_bad_arguments_raise(arguments, message):
    with pytest.raises(ValueError, match=message):
        SeriesPreprocessor(**arguments)


def test_a_gap_cannot_be_resampled():
    series = np.arange(20.0)
    series[5] = np.nan
    preprocessor = SeriesPreprocessor((50, 1), source_rate=10, sampling_rate=20)
    with pytest.raises(ValueError, match="gap.*sample 0"):
        preprocessor([series])
