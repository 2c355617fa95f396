"""The generalized mean against a float64 reference, and at the ends of its range."""

import numpy as np
import pytest

from keras_maelre.layers import GeneralizedMean
from tests.references.comparison import assert_gradients_match
from tests.references.gradients import backend_gradients, values

KEPT = np.array([[1, 1, 0, 1, 0, 0], [1, 1, 1, 1, 1, 1], [0, 0, 1, 0, 0, 0]], bool)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def reference(x, weights, mask):
    exponent = 1 + np.log1p(np.exp(weights["raw_exponent"]))
    rows = zip(x, mask, strict=True)
    powers = [np.maximum(row[kept], 1e-6) ** exponent for row, kept in rows]
    return np.stack([one.mean(axis=0) for one in powers]) ** (1 / exponent)


@pytest.mark.parametrize("exponent", [1.3, 3.0, 40.0])
@pytest.mark.parametrize("shape", [(3, 6, 4), (3, 2, 3, 4)])
def test_values_and_gradients(shape, exponent):
    x, mask = random(*shape), KEPT.reshape(shape[:-1])
    layer = GeneralizedMean(exponent)
    layer.build(shape)
    assert_gradients_match(
        layer,
        x,
        {"raw_exponent": layer.raw_exponent},
        lambda x, weights: reference(x, weights, mask),
        mask=mask,
    )
    whole = values(layer, np.where(mask[..., None], x, np.nan).astype("float32"), mask)
    np.testing.assert_array_equal(whole, values(layer, x, mask))


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_no_power_leaves_the_range(policy):
    """Powers of 1e4 and 1e-4 would overflow and vanish; of no token there is none."""
    layer = GeneralizedMean(20.0, epsilon=1e-8, dtype=policy)
    x = np.array([[[1e4], [1e4]], [[1e-4], [1e-4]], [[-3.0], [-5.0]], [[2.0], [3.0]]])
    mask = np.array([[1, 1], [1, 1], [1, 1], [0, 0]], bool)
    layer.build(x.shape)
    means, gradient, (of_exponent,) = backend_gradients(
        layer, x.astype("float32"), np.ones((4, 1)), mask
    )
    tolerance = 1e-5 if policy == "float32" else 2e-3
    np.testing.assert_allclose(
        means[:, 0], [1e4, 1e-4, 1e-8, 0], rtol=tolerance, atol=tolerance * 1e-4
    )
    half = [[0.5, 0.5]] * 2 + [[0, 0]] * 2
    np.testing.assert_allclose(gradient[..., 0], half, rtol=0.01)
    assert np.isfinite(of_exponent)
