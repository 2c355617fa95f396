import json

import keras
import numpy as np
import pytest
from keras import ops

from keras_maelre.augmentation import (
    FrequencyMask,
    SpectrogramNoise,
    SpectrogramRoll,
    TimeMask,
)

EVERY_LAYER = pytest.mark.parametrize(
    "layer_class, settings",
    [
        (FrequencyMask, {"max_width": 12}),
        (TimeMask, {"max_width": 20}),
        (SpectrogramNoise, {"max_scale": 0.2}),
        (SpectrogramRoll, {"max_shift": 7}),
    ],
)
# Few shapes, since JAX compiles every operation anew for every shape.
FEW = (5, 40, 16)
MANY = (1000, 40, 16)


def augment(layer, spectrograms):
    return ops.convert_to_numpy(layer(spectrograms, training=True))


def random_spectrograms(shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def assert_uniform(values, high):
    """Whether integers come from 0 to `high`, all about as often."""
    counts = np.bincount(values, minlength=high + 1)
    assert len(counts) == high + 1
    expected = len(values) / (high + 1)
    # Five deviations of a count.
    assert np.all(np.abs(counts - expected) < 5 * np.sqrt(expected))


def widths_of(masked):
    """The widths of the bands in `(batch, size)`, of which each row has at most one."""
    starts = np.diff(masked.astype(int), axis=1, prepend=0) == 1
    assert starts.sum(axis=1).max() <= 1
    return masked.sum(axis=1)


@EVERY_LAYER
@pytest.mark.parametrize("training", [False, None])
def test_identity_unless_training(layer_class, settings, training):
    spectrograms = random_spectrograms(FEW)
    output = layer_class(**settings)(spectrograms, training=training)
    np.testing.assert_array_equal(ops.convert_to_numpy(output), spectrograms)


@EVERY_LAYER
def test_rate_is_the_share_of_changed_samples(layer_class, settings):
    spectrograms = random_spectrograms(MANY)
    for rate, low, high in ((0.0, 0.0, 0.0), (0.3, 0.22, 0.36), (1.0, 0.88, 1.0)):
        output = augment(layer_class(rate=rate, seed=1, **settings), spectrograms)
        changed = np.mean(np.any(output != spectrograms, axis=(1, 2)))
        # At rate 1 too a sample may stay: a band of no width, a shift by 0.
        assert low <= changed <= high


@EVERY_LAYER
def test_seed_fixes_the_sequence_of_outputs(layer_class, settings):
    spectrograms = random_spectrograms(FEW)
    one, other = (layer_class(seed=7, **settings) for _ in range(2))
    first, second = augment(one, spectrograms), augment(one, spectrograms)
    np.testing.assert_array_equal(augment(other, spectrograms), first)
    np.testing.assert_array_equal(augment(other, spectrograms), second)
    assert np.any(first != second)


@EVERY_LAYER
def test_config_round_trip(layer_class, settings):
    layer = layer_class(rate=0.75, seed=5, name="changed", **settings)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    clone = keras.saving.deserialize_keras_object(config)
    assert type(clone) is layer_class
    assert clone.get_config() == layer.get_config()
    assert settings.items() <= layer.get_config().items()
    spectrograms = random_spectrograms(FEW)
    np.testing.assert_array_equal(
        augment(clone, spectrograms), augment(layer, spectrograms)
    )


@EVERY_LAYER
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(layer_class, settings, dtype):
    layer = layer_class(seed=0, dtype=dtype, **settings)
    output = layer(random_spectrograms(FEW), training=True)
    assert keras.backend.standardize_dtype(output.dtype) == dtype
    assert np.isfinite(ops.convert_to_numpy(ops.cast(output, "float32"))).all()


@EVERY_LAYER
def test_compiled_training_changes_and_evaluation_does_not(layer_class, settings):
    spectrograms = random_spectrograms(FEW)
    model = keras.Sequential(
        [
            keras.Input(FEW[1:]),
            layer_class(seed=0, **settings),
            keras.layers.Dense(FEW[2], kernel_initializer="identity", use_bias=False),
        ]
    )
    compiles = keras.backend.backend() != "torch"
    model.compile("sgd", "mse", jit_compile=compiles)
    before = model.evaluate(spectrograms, spectrograms, verbose=0)
    np.testing.assert_allclose(before, 0.0, atol=1e-10)
    history = model.fit(
        spectrograms, spectrograms, batch_size=FEW[0], verbose=0
    ).history
    assert history["loss"][0] > 1e-4


@EVERY_LAYER
def test_symbolic_call_keeps_shape(layer_class, settings):
    layer = layer_class(**settings)
    assert layer(keras.Input((None, 16))).shape == (None, None, 16)
    assert layer.compute_output_shape((2, 5, 3)) == (2, 5, 3)
    with pytest.raises(ValueError, match="ndim"):
        layer(np.zeros((4, 20), "float32"))


@pytest.mark.parametrize(
    "layer_class, settings, error, message",
    [
        (
            FrequencyMask,
            {"rate": 1.5},
            ValueError,
            "`rate` .*finite.*0, 1",
        ),
        (
            FrequencyMask,
            {"max_width": 0},
            ValueError,
            "`max_width`.*positive int",
        ),
        (
            TimeMask,
            {"max_width": 2.5},
            ValueError,
            "`max_width`.*positive integer, or a fraction.*2.5",
        ),
        (
            SpectrogramNoise,
            {"max_scale": -1},
            ValueError,
            "`max_scale` must be a finite",
        ),
        (
            SpectrogramRoll,
            {"max_shift": "far"},
            TypeError,
            "`max_shift`.*positive",
        ),
    ],
)
def test_bad_arguments_raise(layer_class, settings, error, message):
    with pytest.raises(error, match=message):
        layer_class(**settings)


@pytest.mark.parametrize("layer_class, axis", [(FrequencyMask, 2), (TimeMask, 1)])
def test_masks_are_one_uniform_band_of_each_sample(layer_class, axis):
    output = augment(layer_class(max_width=9, seed=0), np.ones(MANY, "float32"))
    assert set(np.unique(output)) == {0, 1}
    other = 3 - axis
    np.testing.assert_array_equal(output.min(axis=other), output.max(axis=other))
    masked = output.min(axis=other) == 0
    assert_uniform(widths_of(masked), 9)
    # Every place is reached, the ends of the axis too.
    assert masked.mean(axis=0).min() > 0.01


def test_band_may_cover_an_axis_that_is_shorter():
    output = augment(FrequencyMask(100, seed=0), np.ones(MANY, "float32"))
    assert_uniform(widths_of(output[:, 0] == 0), MANY[2])


@pytest.mark.parametrize("layer_class, axis", [(FrequencyMask, 2), (TimeMask, 1)])
def test_fractions_count_from_the_size_of_the_axis(layer_class, axis):
    ones = np.ones(MANY, "float32")
    most = int(np.ceil(0.25 * MANY[axis]))
    expected = augment(layer_class(most, seed=0), ones)
    np.testing.assert_array_equal(augment(layer_class(0.25, seed=0), ones), expected)


def test_a_fraction_of_a_shift():
    spectrograms = random_spectrograms(FEW)
    most = int(np.ceil(0.1 * FEW[1]))
    np.testing.assert_array_equal(
        augment(SpectrogramRoll(0.1, seed=0), spectrograms),
        augment(SpectrogramRoll(most, seed=0), spectrograms),
    )


def test_masks_leave_padding_zero():
    spectrograms = random_spectrograms(FEW)
    spectrograms[:, 25:] = 0
    for layer in (FrequencyMask(12, seed=0), TimeMask(20, seed=0)):
        assert not augment(layer, spectrograms)[:, 25:].any()


def test_noise_is_uniform_with_a_scale_of_each_sample():
    spectrograms = random_spectrograms(MANY)
    noise = augment(SpectrogramNoise(0.2, seed=0), spectrograms) - spectrograms
    assert noise.min() >= -1e-6 and noise.max() <= 0.2 + 1e-6
    scale = noise.max(axis=(1, 2))
    np.testing.assert_allclose(noise.mean(axis=(1, 2)), scale / 2, atol=0.01)
    np.testing.assert_allclose(scale.mean(), 0.1, atol=0.01)
    np.testing.assert_allclose(scale.std(), 0.2 / np.sqrt(12), atol=0.005)


@pytest.mark.parametrize("max_shift", [7, 100])
def test_roll_is_a_uniform_circular_shift(max_shift):
    ramp = np.arange(40, dtype="float32")[None, :, None]
    spectrograms = np.broadcast_to(ramp, MANY).copy()
    output = augment(SpectrogramRoll(max_shift, seed=0), spectrograms)
    np.testing.assert_array_equal(output.min(axis=2), output.max(axis=2))
    shifts = -output[:, 0, 0].astype(int)
    for sample, shift in zip(output[..., 0], shifts, strict=True):
        np.testing.assert_array_equal(sample, np.roll(ramp[0, :, 0], shift))
    if max_shift == 7:
        assert_uniform((shifts + 7) % 40, 14)
    else:
        assert len(np.unique(shifts % 40)) == 40
