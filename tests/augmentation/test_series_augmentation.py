import json

import keras
import numpy as np
import pytest
from keras import ops

from keras_maelre.augmentation import (
    Jitter,
    MagnitudeWarp,
    RandomDrop,
    RandomRoll,
    Scaling,
    TimeWarp,
    WindowSlice,
)

EVERY_LAYER = pytest.mark.parametrize(
    "layer_class, settings",
    [
        (Jitter, {"stddev": 0.1}),
        (Jitter, {"stddev": (0.05, 0.2)}),
        (Scaling, {"stddev": 0.3}),
        (MagnitudeWarp, {"stddev": 0.3, "knots": 2}),
        (TimeWarp, {"stddev": 0.3, "knots": 1}),
        (RandomDrop, {"drop_fraction": 0.3, "segments": 2}),
        (RandomRoll, {}),
        (WindowSlice, {"smallest": 0.5}),
    ],
)
LENGTHS = (61, 37, 2, 1, 0)  # Valid steps of the samples of `padded_series`.
# Few shapes, since JAX compiles every operation anew for every shape.
FEW = (5, 61, 2)
MANY = (1000, 61, 2)


def augment(layer, series):
    return ops.convert_to_numpy(layer(series, training=True))


def random_series(shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def padded_series():
    series = random_series(FEW)
    for sample, length in zip(series, LENGTHS, strict=True):
        sample[length:] = np.nan
    return series


def ramps(shape):
    ramp = np.arange(shape[1], dtype="float32")[None, :, None]
    return np.broadcast_to(ramp, shape).copy()


@EVERY_LAYER
@pytest.mark.parametrize("training", [False, None])
def test_identity_unless_training(layer_class, settings, training):
    series = padded_series()
    output = layer_class(rate=1.0, **settings)(series, training=training)
    np.testing.assert_array_equal(ops.convert_to_numpy(output), series)


@EVERY_LAYER
def test_rate_is_the_share_of_changed_samples(layer_class, settings):
    series = random_series(MANY)
    for rate, low, high in ((0.0, 0.0, 0.0), (0.3, 0.24, 0.36), (1.0, 0.96, 1.0)):
        output = augment(layer_class(rate=rate, seed=1, **settings), series)
        changed = np.mean(np.any(output != series, axis=(1, 2)))
        # At rate 1 too a sample may stay: one shift in 61 is by zero steps.
        assert low <= changed <= high


@EVERY_LAYER
def test_padding_stays_and_valid_part_is_finite(layer_class, settings):
    series = padded_series()
    output = augment(layer_class(rate=1.0, seed=0, **settings), series)
    assert output.shape == series.shape
    np.testing.assert_array_equal(np.isnan(output), np.isnan(series))
    assert np.any(output[0] != series[0])


@EVERY_LAYER
def test_gap_stays_and_does_not_spread(layer_class, settings):
    series = random_series(FEW)
    series[:, 10:13] = np.nan
    output = augment(layer_class(rate=1.0, seed=0, **settings), series)
    np.testing.assert_array_equal(np.isnan(output), np.isnan(series))


@EVERY_LAYER
def test_seed_fixes_the_sequence_of_outputs(layer_class, settings):
    series = random_series(FEW)
    one = layer_class(rate=1.0, seed=7, **settings)
    other = layer_class(rate=1.0, seed=7, **settings)
    first, second = augment(one, series), augment(one, series)
    np.testing.assert_array_equal(augment(other, series), first)
    np.testing.assert_array_equal(augment(other, series), second)
    assert np.any(first != second)


@EVERY_LAYER
def test_config_round_trip(layer_class, settings):
    layer = layer_class(rate=0.75, seed=5, name="changed", **settings)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    clone = keras.saving.deserialize_keras_object(config)
    assert type(clone) is layer_class
    assert clone.get_config() == layer.get_config()
    series = random_series(FEW)
    np.testing.assert_array_equal(augment(clone, series), augment(layer, series))


@EVERY_LAYER
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(layer_class, settings, dtype):
    series = padded_series()
    layer = layer_class(rate=1.0, seed=0, dtype=dtype, **settings)
    output = layer(series, training=True)
    assert keras.backend.standardize_dtype(output.dtype) == dtype
    output = ops.convert_to_numpy(ops.cast(output, "float32"))
    np.testing.assert_array_equal(np.isnan(output), np.isnan(series))


@EVERY_LAYER
def test_compiled_training_changes_and_evaluation_does_not(layer_class, settings):
    series = random_series(FEW)
    model = keras.Sequential(
        [
            keras.Input(FEW[1:]),
            layer_class(rate=1.0, seed=0, **settings),
            keras.layers.Dense(2, kernel_initializer="identity", use_bias=False),
        ]
    )
    compiles = keras.backend.backend() != "torch"
    model.compile("sgd", "mse", jit_compile=compiles)
    before = model.evaluate(series, series, verbose=0)
    np.testing.assert_allclose(before, 0.0, atol=1e-10)
    history = model.fit(series, series, batch_size=FEW[0], verbose=0).history
    assert history["loss"][0] > 1e-4


@EVERY_LAYER
def test_symbolic_call_keeps_shape_and_mask(layer_class, settings):
    layer = layer_class(**settings)
    inputs = keras.Input((None, 3))
    assert layer(inputs).shape == (None, None, 3)
    assert layer.compute_output_shape((2, 5, 3)) == (2, 5, 3)
    assert layer.supports_masking


@EVERY_LAYER
def test_input_of_another_rank_raises(layer_class, settings):
    with pytest.raises(ValueError, match="expected ndim=3, found ndim=2"):
        layer_class(**settings)(np.zeros((4, 20), "float32"))


@pytest.mark.parametrize(
    "layer_class, settings, error, message",
    [
        (
            Jitter,
            {"rate": 1.5},
            ValueError,
            "`rate` .*finite.*0, 1.*1.5",
        ),
        (
            RandomRoll,
            {"rate": -0.1},
            ValueError,
            "`rate` .*finite.*0, 1",
        ),
        (Scaling, {"rate": float("nan")}, ValueError, "`rate` must be a finite"),
        (
            Scaling,
            {"rate": "often"},
            TypeError,
            "`rate` must be a finite.*'often'",
        ),
        (Scaling, {"rate": True}, TypeError, "`rate` must be a finite.*True"),
        (Jitter, {"stddev": -1.0}, ValueError, "`stddev` must be a finite"),
        (
            Jitter,
            {"stddev": float("inf")},
            ValueError,
            "`stddev` must be a finite",
        ),
        (Jitter, {"stddev": (0.1,)}, ValueError, r"a pair \(low, high\)"),
        (Jitter, {"stddev": (0.2, 0.1)}, ValueError, r"`stddev\[1\]`.*\[0.2, inf"),
        (
            Scaling,
            {"stddev": (0.1, 0.2)},
            TypeError,
            "`stddev` must be a finite",
        ),
        (
            MagnitudeWarp,
            {"stddev": -0.1},
            ValueError,
            "`stddev` must be a finite",
        ),
        (MagnitudeWarp, {"knots": 0}, ValueError, "`knots`.*positive int"),
        (
            TimeWarp,
            {"knots": 2.5},
            TypeError,
            "`knots`.*positive int.*2.5",
        ),
        (
            TimeWarp,
            {"stddev": None},
            TypeError,
            "`stddev` must be a finite.*None",
        ),
        (RandomDrop, {"drop_fraction": 2}, ValueError, "`drop_fraction` must be"),
        (
            RandomDrop,
            {"segments": 0},
            ValueError,
            "`segments`.*positive int",
        ),
    ],
)
def test_bad_arguments_raise(layer_class, settings, error, message):
    with pytest.raises(error, match=message):
        layer_class(**settings)


def test_jitter_has_the_standard_deviation_asked_for():
    series = random_series(MANY)
    noise = augment(Jitter(0.05, rate=1.0, seed=0), series) - series
    np.testing.assert_allclose(noise.std(), 0.05, rtol=0.03)
    np.testing.assert_allclose(noise.mean(), 0.0, atol=0.002)


def test_jitter_draws_the_standard_deviation_of_each_sample():
    series = np.zeros(MANY, "float32")
    noise = augment(Jitter((0.1, 0.3), rate=1.0, seed=0), series)
    stddev = noise.std(axis=(1, 2))
    assert 0.07 < stddev.min() < 0.11 and 0.29 < stddev.max() < 0.4
    np.testing.assert_allclose(stddev.mean(), 0.2, atol=0.01)
    # The spread of a uniform distribution of this width, plus the estimate's own.
    np.testing.assert_allclose(stddev.std(), np.hypot(0.058, 0.013), atol=0.005)


def test_scaling_has_one_factor_per_sample_and_channel():
    series = 1 + random_series(MANY) ** 2
    factors = augment(Scaling(0.1, rate=1.0, seed=0), series) / series
    np.testing.assert_allclose(factors, np.repeat(factors[:, :1], 61, 1), rtol=1e-5)
    np.testing.assert_allclose(factors.mean(), 1.0, atol=0.01)
    np.testing.assert_allclose(factors[:, 0].std(), 0.1, atol=0.01)
    correlation = np.corrcoef(factors[:, 0].T)[0, 1]
    assert abs(correlation) < 0.1


def test_magnitude_warp_is_a_smooth_curve_through_normal_knots():
    series = np.ones(MANY, "float32")
    curves = augment(MagnitudeWarp(0.2, knots=4, rate=1.0, seed=0), series)
    knots = curves[:, ::12]
    np.testing.assert_allclose(knots.mean(), 1.0, atol=0.01)
    np.testing.assert_allclose(knots.std(axis=0), 0.2, atol=0.025)
    assert abs(np.corrcoef(knots[:, 0].T)[0, 1]) < 0.15
    # Far smoother than independent steps, whose differences are 1.4 as large.
    assert np.abs(np.diff(curves, axis=1)).max() < curves.std()


def test_time_warp_is_monotone_and_keeps_the_ends():
    series = ramps(FEW)
    series[np.isnan(padded_series())] = np.nan
    output = augment(TimeWarp(0.5, knots=4, rate=1.0, seed=0), series)
    for sample, length in zip(output[:, :, 0], LENGTHS, strict=True):
        valid = sample[:length]
        assert np.all(np.diff(valid) > 0)
        if length:
            assert valid[0] == 0 and valid[-1] == length - 1
    assert np.abs(output[0] - series[0]).max() > 1


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_time_warp_without_deviation_is_the_identity(dtype):
    # Float16 cannot count that far; the layer has to.
    series = np.sin(ramps((2, 3000, 1)) / 20)
    output = TimeWarp(0.0, rate=1.0, dtype=dtype)(series, training=True)
    output = ops.convert_to_numpy(ops.cast(output, "float32"))
    np.testing.assert_allclose(output, series, atol=1e-3)


def test_time_warp_warps_channels_together():
    series = ramps(FEW) * np.array([1, 3], "float32")
    output = augment(TimeWarp(0.5, rate=1.0, seed=0), series)
    np.testing.assert_allclose(output[..., 1], 3 * output[..., 0], rtol=1e-5)


def test_drop_covers_its_fraction_in_few_segments():
    series = np.ones(MANY, "float32")
    series[500:, 40:] = np.nan
    layer = RandomDrop(0.25, segments=4, rate=1.0, seed=0)
    output = augment(layer, series)
    assert np.all((output == 0) | (output == 1) | np.isnan(output))
    np.testing.assert_array_equal(output[..., 0], output[..., 1])
    dropped = output[..., 0] == 0
    for part, length in ((dropped[:500], 61), (dropped[500:], 40)):
        steps = part.sum(axis=1)
        # Each of the segments is rounded to a whole number of steps.
        assert np.all(np.abs(steps - 0.25 * length) < 4)
        np.testing.assert_allclose(steps.mean(), 0.25 * length, atol=0.2)
        starts = np.diff(part.astype(int), axis=1, prepend=0) == 1
        segments = starts.sum(axis=1)
        assert segments.min() == 1 and segments.max() == 4
        share = part[:, :length].mean(axis=0)
        assert share.min() > 0 and share.max() < 0.5


def test_drop_reaches_the_first_step_as_often_as_the_last():
    layer = RandomDrop(0.5, segments=1, rate=1.0, seed=0)
    dropped = augment(layer, np.ones((1000, 2, 1), "float32"))[..., 0] == 0
    np.testing.assert_array_equal(dropped.sum(axis=1), 1)
    np.testing.assert_allclose(dropped.mean(axis=0), 0.5, atol=0.06)


@pytest.mark.parametrize("drop_fraction", [0.0, 1.0])
def test_drop_of_nothing_and_of_everything(drop_fraction):
    series = np.ones(FEW, "float32")
    layer = RandomDrop(drop_fraction, segments=1, rate=1.0, seed=0)
    np.testing.assert_array_equal(augment(layer, series), (1 - drop_fraction) * series)


def test_roll_is_a_uniform_circular_shift_of_the_valid_part():
    series = ramps(MANY)
    series[500:, 40:] = np.nan
    output = augment(RandomRoll(rate=1.0, seed=0), series)[..., 0]
    for part, length in ((output[:500], 61), (output[500:], 40)):
        shifts = part[:, 0].astype(int)
        expected = (np.arange(length) + shifts[:, None]) % length
        np.testing.assert_array_equal(part[:, :length], expected)
        assert np.unique(shifts).size > 0.9 * length
        # Four standard errors of the mean of a uniform distribution.
        error = 4 * length / np.sqrt(12 * 500)
        np.testing.assert_allclose(shifts.mean(), (length - 1) / 2, atol=error)


def test_window_slice_is_a_stretched_window_of_the_valid_part():
    series = ramps(MANY)
    series[500:, 40:] = np.nan
    output = augment(WindowSlice(0.5, rate=1.0, seed=0), series)[..., 0]
    for part, last in ((output[:500], 60), (output[500:, :40], 39)):
        step = np.diff(part, axis=1)
        np.testing.assert_allclose(step, step[:, :1] * np.ones_like(step), atol=1e-3)
        begin, end = part[:, 0], part[:, -1]
        assert begin.min() >= 0 and end.max() <= last
        size = (end - begin) / last
        assert 0.5 <= size.min() < 0.51 and 0.99 < size.max() <= 1
        # Windows of one size begin anywhere.
        place = begin[size < 0.9] / (last * (1 - size[size < 0.9]))
        np.testing.assert_allclose(place.mean(), 0.5, atol=0.06)
        np.testing.assert_allclose(place.std(), np.sqrt(1 / 12), atol=0.03)


def test_window_slice_of_the_whole_is_the_identity():
    series = random_series(FEW)
    output = augment(WindowSlice(1.0, rate=1.0, seed=0), series)
    np.testing.assert_allclose(output, series, atol=1e-5)


@pytest.mark.parametrize("smallest", [0, 1.5, float("nan")])
def test_window_slice_of_no_fraction_raises(smallest):
    with pytest.raises(ValueError, match="`smallest` must be a finite"):
        WindowSlice(smallest)
