"""Stochastic depth: samples are dropped as a whole, the mean stays."""

import numpy as np
import pytest
from keras import ops

from keras_maelre.layers import DropPath

RATE = 0.25
SHAPES = [(400,), (400, 3), (400, 2, 3, 2)]


def dropped(shape, rate=RATE, seed=0, layer=None):
    layer = layer or DropPath(rate, seed=seed)
    return ops.convert_to_numpy(layer(np.ones(shape, "float32"), training=True))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_sample_is_kept_and_scaled_or_dropped_as_a_whole(shape):
    samples = dropped(shape).reshape(400, -1)
    assert (samples == samples[:, :1]).all()
    np.testing.assert_allclose(np.unique(samples), [0, 1 / (1 - RATE)], rtol=1e-6)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_rate_is_the_share_of_dropped_samples(rate):
    share = np.mean(dropped((4000, 2), rate)[:, 0] == 0)
    # Five standard deviations of a binomial share.
    assert abs(share - rate) < 5 * np.sqrt(rate * (1 - rate) / 4000)


@pytest.mark.parametrize("rate, training", [(0.5, False), (0.5, None), (0.0, True)])
def test_it_is_the_identity_otherwise(rate, training):
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    outputs = ops.convert_to_numpy(DropPath(rate)(x, training=training))
    np.testing.assert_array_equal(outputs, x)


def test_a_seed_repeats_the_draws():
    layer, twin, other = (
        DropPath(0.5, seed=1),
        DropPath(0.5, seed=1),
        DropPath(0.5, seed=2),
    )
    first, second = (dropped((100, 1), layer=layer) for _ in range(2))
    assert (first != second).any()
    np.testing.assert_array_equal(dropped((100, 1), layer=twin), first)
    assert (dropped((100, 1), layer=other) != first).any()


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, float("nan"), "0.1", None, True])
def test_a_rate_outside_its_range_is_an_error(rate):
    with pytest.raises(
        (TypeError, ValueError), match=r"`rate` must be .*\[0, 1\).*Received"
    ):
        DropPath(rate)
