"""Statistics are those of the batch in training, and afterwards of what was seen."""

import keras
import numpy as np
import pytest

from keras_maelre import layers
from tests.references.gradients import backend_gradients


def batches(sizes, seed=0):
    generator = np.random.default_rng(seed)
    return [(3 + 2 * generator.normal(size=(n, 4))).astype("float32") for n in sizes]


def to_numpy(x):
    return keras.ops.convert_to_numpy(x)


def test_without_training_nothing_changes():
    layer = layers.RunningStandardization()
    (x,) = batches([5])
    np.testing.assert_allclose(to_numpy(layer(x)), x, rtol=1e-5)
    assert float(layer.seen) == 0


@pytest.mark.parametrize("sizes", [(40,), (1, 1, 7, 2, 30), (1,) * 20], ids=str)
def test_statistics_of_all_samples_so_far(sizes):
    """Exactly, whatever batches they come in; those of few samples are scaled by it."""
    layer = layers.RunningStandardization()
    parts = batches(sizes)
    for part in parts:
        trained = to_numpy(layer(part, training=True))
        expected = to_numpy(layer(part))
        if len(part) >= 8:
            part = part.astype("float64")
            expected = (part - part.mean(axis=0)) / np.sqrt(part.var(axis=0) + 1e-6)
        np.testing.assert_allclose(trained, expected, atol=2e-6, rtol=2e-6)
    seen = np.concatenate(parts).astype("float64")
    np.testing.assert_allclose(to_numpy(layer.mean), seen.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(to_numpy(layer.variance), seen.var(axis=0), rtol=1e-4)
    expected = (parts[0] - seen.mean(axis=0)) / np.sqrt(seen.var(axis=0) + 1e-6)
    np.testing.assert_allclose(to_numpy(layer(parts[0])), expected, atol=1e-4)


def standardized(x, epsilon=1e-6):
    return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + epsilon)


def test_gradients_flow_through_the_statistics_of_the_batch():
    layer = layers.RunningStandardization()
    (x,) = batches([12])
    layer.build(x.shape)
    cotangent = np.random.default_rng(1).normal(size=x.shape)
    _, gradient, _ = backend_gradients(layer, x, cotangent, training=True)
    expected, step, x = np.empty(x.shape), 1e-6, x.astype("float64")
    for place in np.ndindex(x.shape):
        moved = [x.copy(), x.copy()]
        moved[0][place] += step
        moved[1][place] -= step
        upper, lower = (np.sum(standardized(m) * cotangent) for m in moved)
        expected[place] = (upper - lower) / (2 * step)
    np.testing.assert_allclose(gradient, expected, atol=2e-5)
    # A shift of all samples changes nothing, so that none is learned.
    np.testing.assert_allclose(gradient.sum(axis=0), 0, atol=1e-5)


def test_small_batches_train_too():
    layer = layers.RunningStandardization()
    (x,) = batches([1])
    layer.build((None, 4))
    layer.set_statistics(np.zeros(4), np.full(4, 4.0))
    _, gradient, _ = backend_gradients(layer, x, np.ones(x.shape), training=True)
    np.testing.assert_allclose(gradient, 0.5, rtol=0.1)


def test_after_the_horizon_the_past_fades():
    layer = layers.RunningStandardization(horizon=20)
    for part in batches([10] * 4):
        layer(part, training=True)
    assert float(layer.seen) == 20
    for part in batches([10] * 30, seed=1):
        layer(part + 100, training=True)
    np.testing.assert_allclose(to_numpy(layer.mean), 103, atol=3)
    assert (to_numpy(layer.variance) < 20).all()


def test_a_batch_beyond_the_horizon_counts_once():
    layer = layers.RunningStandardization(horizon=8)
    (x,) = batches([30])
    layer(x, training=True)
    np.testing.assert_allclose(to_numpy(layer.mean), x.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(to_numpy(layer.variance), x.var(axis=0), rtol=1e-5)


def test_frozen_statistics_stay():
    layer = layers.RunningStandardization()
    layer.build((None, 4))
    layer.set_statistics(np.arange(4.0), np.full(4, 9.0))
    layer.trainable = False
    x = np.arange(8, dtype="float32").reshape(2, 4)
    expected = (x - np.arange(4)) / 3
    np.testing.assert_allclose(to_numpy(layer(x, training=True)), expected, atol=1e-5)
    np.testing.assert_array_equal(to_numpy(layer.mean), np.arange(4))


def test_set_statistics_are_not_forgotten_at_once():
    layer = layers.RunningStandardization(horizon=100)
    layer.build((None, 4))
    layer.set_statistics(np.zeros(4), np.ones(4))
    layer(np.full((10, 4), 5, "float32"), training=True)
    np.testing.assert_allclose(to_numpy(layer.mean), 0.5, rtol=1e-5)
    np.testing.assert_allclose(to_numpy(layer.variance), 0.9 * (1 + 2.5), rtol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_does_not_overflow(policy):
    layer = layers.RunningStandardization(dtype=policy)
    x = np.array([[1000.0], [-1000.0]] * 8)
    y = layer(x, training=True)
    assert keras.backend.standardize_dtype(y.dtype) == layer.compute_dtype
    np.testing.assert_allclose(to_numpy(keras.ops.cast(y, "float32")), x / 1000)


def test_in_training_of_a_model():
    model = keras.Sequential([layers.RunningStandardization(), keras.layers.Dense(1)])
    (x,) = batches([32])
    model.compile("sgd", "mse", run_eagerly=keras.backend.backend() != "jax")
    model.fit(x, x[:, :1], batch_size=8, epochs=1, shuffle=False, verbose=0)
    mean = to_numpy(model.layers[0].mean)
    np.testing.assert_allclose(mean, x.mean(axis=0), rtol=1e-4)
