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
        ({"input_shape": (50,)}, r"\(steps, channels\) in positive.*\(50,\)"),
        ({"input_shape": (50, 0)}, "positive integers"),
        ({"source_rate": 10}, "belong together.*source_rate=10"),
        ({"source_rate": 10, "sampling_rate": 0}, r"`sampling_rate`.*\(0, inf\)"),
        ({"source_rate": "10", "sampling_rate": 5}, "`source_rate`.*'10'"),
        ({"truncate": "no"}, "`truncate` must be True or False.*'no'"),
        ({"normalize": "no"}, "`normalize` must be True or False.*'no'"),
    ],
)
def test_bad_arguments_raise(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        SeriesPreprocessor(**arguments)


# What float32 cannot hold.


@pytest.mark.parametrize(
    "offset, amplitude",
    [
        (1.7e9, 10.0),
        (1e5, 0.01),
        (0.0, 1e-20),
        (0.0, 1e20),
        (0.0, 1e300),
        (1e300, 1e290),
    ],
)
@pytest.mark.parametrize("kind", [np.asarray, np.ndarray.tolist])
def test_offset_and_scale_do_not_matter(offset, amplitude, kind):
    wave = np.sin(np.arange(40) * 0.7)
    (made,) = SeriesPreprocessor((50, 1))([kind(offset + amplitude * wave)])
    expected = (wave - wave.mean()) / wave.std()
    np.testing.assert_allclose(made[:40, 0], expected, atol=1e-4)
    assert np.isnan(made[40:]).all()


def test_integers_on_an_offset_keep_their_differences():
    seconds = 1_700_000_000 + np.arange(40) % 7
    (made,) = SeriesPreprocessor((40, 1))([seconds])
    expected = np.arange(40) % 7
    expected = (expected - expected.mean()) / expected.std()
    np.testing.assert_allclose(made[:, 0], expected, atol=1e-5)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e5 / 3, -1.7e9, 1e300])
@pytest.mark.parametrize("rates", [{}, {"source_rate": 10, "sampling_rate": 4}])
def test_a_constant_channel_becomes_zero(value, rates):
    if rates:
        pytest.importorskip("soxr", reason="the extra [audio]")
    series = np.full((41, 2), value)
    series[:, 1] = np.sin(np.arange(41))
    steps = 16 if rates else 41
    made = SeriesPreprocessor((steps, 2), **rates)([series])[0]
    np.testing.assert_array_equal(made[:, 0], 0)
    assert abs(made[:, 1].std() - 1) < 1e-5


def test_rounding_on_a_constant_is_not_blown_up():
    for dtype in ("float32", "float64"):
        series = np.full(41, 0.1, dtype)
        series[::3] = np.nextafter(series[0], np.dtype(dtype).type(1))
        made = SeriesPreprocessor((41, 1))([series])
        np.testing.assert_array_equal(made, 0)


def test_resampling_does_not_ring_at_the_ends_of_an_offset():
    pytest.importorskip("soxr", reason="the extra [audio]")
    wave = np.sin(2 * np.pi * np.arange(200) / 50)
    arguments = {"source_rate": 50, "sampling_rate": 25}
    preprocessor = SeriesPreprocessor((100, 1), **arguments)
    expected = preprocessor([wave])
    np.testing.assert_allclose(preprocessor([1.7e9 + 10 * wave]), expected, atol=1e-4)
    plain = SeriesPreprocessor((100, 1), normalize=False, **arguments)
    np.testing.assert_allclose(plain([np.full(200, 3.0)]), 3.0)


def test_without_normalisation_float32_must_hold_the_values():
    preprocessor = SeriesPreprocessor((50, 1), normalize=False)
    with pytest.raises(ValueError, match="fit float32.*sample 1.*1e\\+300"):
        preprocessor([[1.0, 2.0], [1.0, 1e300]])
    with pytest.raises(ValueError, match="constant in float32.*sample 0.*offset"):
        preprocessor([1.7e9 + np.arange(5.0)])
    # Channels that are constant anyway lose nothing.
    np.testing.assert_array_equal(preprocessor([[0.1] * 50]), np.float32(0.1))


@pytest.mark.parametrize(
    "samples, name",
    [
        (np.ma.masked_less(np.ones((2, 9)), 0), "The batch"),
        ([np.ones(9), np.ma.masked_array(np.ones(9), np.arange(9) > 5)], "Sample 1"),
        ([[np.ma.masked_array([1.0], [True]), [2.0]]], "Sample 0"),
    ],
)
def test_masked_arrays_are_refused(samples, name):
    with pytest.raises(TypeError, match=f"{name} must not be a NumPy masked array"):
        SeriesPreprocessor((50, 1))(samples)


@pytest.mark.parametrize(
    "sample", [np.ones(5, complex), np.zeros(5, "datetime64[s]"), ["1", "2"]]
)
def test_what_is_no_number_is_not_converted(sample):
    with pytest.raises(ValueError, match="numbers.*sample 0, of dtype"):
        SeriesPreprocessor((50, 1))([sample])


# Lengths.


def test_lengths_are_those_of_the_tensor():
    padded = np.full((9, 2), np.nan)
    padded[:4] = 1.0
    samples = [*RAGGED, padded]
    preprocessor = SeriesPreprocessor((50, 2))
    np.testing.assert_array_equal(preprocessor.lengths(samples), [30, 7, 50, 4])
    assert preprocessor.lengths(samples).dtype.kind == "i"
    cutting = SeriesPreprocessor((20, 2), truncate=True)
    np.testing.assert_array_equal(cutting.lengths(samples), [20, 7, 20, 4])
    with pytest.raises(ValueError, match="longer than the 20 steps"):
        SeriesPreprocessor((20, 2)).lengths(samples)


@pytest.mark.parametrize("rates", [(250, 100), (100, 250), (3, 7), (173.61, 50)])
def test_lengths_after_resampling(rates):
    pytest.importorskip("soxr", reason="the extra [audio]")
    preprocessor = SeriesPreprocessor(
        (400, 1), source_rate=rates[0], sampling_rate=rates[1]
    )
    samples = [np.arange(steps) for steps in (2, 3, 5, 7, 11, 50, 101)]
    made = (~np.isnan(preprocessor(samples)[..., 0])).sum(axis=1)
    np.testing.assert_array_equal(preprocessor.lengths(samples), made)


def test_a_series_too_short_to_resample_is_named():
    preprocessor = SeriesPreprocessor((50, 1), source_rate=10, sampling_rate=1)
    for method in (preprocessor, preprocessor.lengths):
        with pytest.raises(ValueError, match="too short.*1 Hz.*sample 1 of 3 steps"):
            method([np.arange(40), np.arange(3)])


def test_a_gap_cannot_be_resampled():
    series = np.arange(20.0)
    series[5] = np.nan
    preprocessor = SeriesPreprocessor((50, 1), source_rate=10, sampling_rate=20)
    with pytest.raises(ValueError, match="gap.*sample 0"):
        preprocessor([series])
