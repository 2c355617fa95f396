"""The reference is itself held against numbers worked out by hand."""

import numpy as np
import pytest

from tests.references import maelre_numpy as reference
from tests.references.gradients import numeric_gradient, numeric_slope


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("name", reference.FEATURE_MAPS)
def test_both_forms_of_linear_attention_are_one_function(name):
    weights = {
        "qkv": {"kernel": random(8, 24), "bias": random(24, seed=1)},
        "output_dense": {"kernel": random(8, 8, seed=2), "bias": random(8, seed=3)},
    }
    x = random(2, 11, 8, seed=4)
    mask = np.arange(11) < [[11], [6]]
    feature_map = reference.FEATURE_MAPS[name]
    quadratic = reference.linear_attention(x, mask, weights, 2, feature_map)
    linear = reference.long_linear_attention(x, mask, weights, 2, feature_map)
    np.testing.assert_allclose(linear, quadratic, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("kind", ["linear", "dot"])
def test_one_valid_token_is_all_that_is_attended_to(kind):
    weights = {
        "qkv": {"kernel": random(4, 12), "bias": np.zeros(12)},
        "output_dense": {"kernel": np.eye(4), "bias": np.zeros(4)},
    }
    x = random(1, 5, 4)
    mask = np.array([[False, False, True, False, False]])
    out = reference.attention(x, mask, weights, 2, kind)
    value = x[0, 2] @ weights["qkv"]["kernel"][:, 8:]
    np.testing.assert_allclose(out[0], np.tile(value, (5, 1)))


def test_feature_maps_at_hand_picked_points():
    x = np.array([-1.0, 0.0, 2.0])
    np.testing.assert_allclose(reference.elu_plus_one(x), [np.exp(-1), 1, 3])
    np.testing.assert_allclose(reference.relu(x), [0, 0, 2])
    np.testing.assert_allclose(
        reference.softplus(x), np.log([1 + np.exp(-1), 2, 1 + np.exp(2)])
    )


def test_gelu_and_layer_norm():
    # The normal distribution puts 0.841344746 below one standard deviation.
    np.testing.assert_allclose(reference.gelu(np.array([0.0, 1.0])), [0, 0.841344746])
    weights = {"gamma": np.full(2, 2.0), "beta": np.full(2, 5.0)}
    normalised = reference.layer_norm(np.array([1.0, 3.0]), weights)
    np.testing.assert_allclose(normalised, [3, 7], atol=1e-5)


def test_conv_sums_the_tokens_around_each_fourth():
    x = np.arange(1.0, 11.0)[None, :, None]
    weights = {"kernel": np.ones((9, 1, 1)), "bias": np.zeros(1)}
    # Windows end at tokens 5, 9 and, cut off by the sequence, 10.
    np.testing.assert_array_equal(
        reference.conv(x, weights, 4)[0, :, 0],
        [sum(range(1, 6)), sum(range(1, 10)), sum(range(5, 11))],
    )
    mask = np.arange(10)[None] < 3
    np.testing.assert_array_equal(
        reference.conv(x, weights, 4, mask)[0, :, 0], [6, 6, 0]
    )
    np.testing.assert_array_equal(
        reference.merged_mask(mask, 4), [[True, False, False]]
    )


def test_conv_in_two_dimensions_applies_the_kernel_unflipped():
    x = np.zeros((1, 3, 3, 1))
    x[0, 0, 2] = 1.0
    kernel = np.arange(9.0).reshape(3, 3, 1, 1)
    out = reference.conv(x, {"kernel": kernel, "bias": np.zeros(1)}, 2)
    # Seen from output (0, 1), centred at (0, 2), the one sits in the middle.
    np.testing.assert_array_equal(out[0, :, :, 0], [[0, 4], [0, 0]])


def test_average_merge_counts_valid_tokens_only():
    x = np.arange(1.0, 11.0)[None, :, None]
    np.testing.assert_array_equal(
        reference.average_merge(x, 9, 4)[0, :, 0], [3, 5, 7.5]
    )
    mask = np.isin(np.arange(10), [0, 2])[None]
    np.testing.assert_array_equal(
        reference.average_merge(x, 9, 4, mask)[0, :, 0], [2, 2, 0]
    )


def test_linear_merge_uses_the_leading_weights():
    weights = {"kernel": random(12, 3), "bias": random(3, seed=1)}
    x = random(2, 5, 4, seed=2)
    expected = np.einsum("bnd,nm->bmd", x, weights["kernel"][:5, :2])
    np.testing.assert_allclose(
        reference.linear_merge(x, weights, 4), expected + weights["bias"][:2, None]
    )


@pytest.mark.parametrize("merge", ["conv", "average", "linear", "none"])
def test_padding_changes_no_token_of_a_block(merge):
    dim, tokens = 4, 6
    layer = {
        "attention_norm": {"gamma": np.ones(dim), "beta": np.zeros(dim)},
        "attention": {
            "qkv": {"kernel": random(dim, 3 * dim), "bias": np.ones(3 * dim)},
            "output_dense": {"kernel": random(dim, dim), "bias": np.ones(dim)},
        },
        "mlp_norm": {"gamma": np.ones(dim), "beta": np.zeros(dim)},
        "mlp_hidden": {"kernel": random(dim, 4 * dim), "bias": np.ones(4 * dim)},
        "mlp_output": {"kernel": random(4 * dim, dim), "bias": np.ones(dim)},
    }
    merges = {
        "conv": {"kernel": random(9, dim, dim), "bias": np.ones(dim)},
        "linear": {"kernel": random(16, 4), "bias": np.ones(4)},
    }
    weights = {"layers": [layer], "merge": merges.get(merge)}
    padded = random(2, 1 + 13, dim)
    mask = np.tile(np.arange(1 + 13) < 1 + tokens, (2, 1))
    alone, *_ = reference.block(
        padded[:, : 1 + tokens], None, weights, 2, "linear", merge, (tokens,)
    )
    full, kept, *_ = reference.block(padded, mask, weights, 2, "linear", merge, (13,))
    np.testing.assert_array_equal(kept.sum(axis=1), alone.shape[1])
    np.testing.assert_allclose(full[:, : alone.shape[1]], alone, rtol=1e-12)


def test_differences_find_the_gradient_of_a_cubic():
    x = random(2, 3)
    before = x.copy()

    def cubic():
        return np.sum(x**3)

    np.testing.assert_allclose(
        numeric_gradient(cubic, x, [0, 4]), 3 * before.flat[[0, 4]] ** 2, rtol=1e-8
    )
    np.testing.assert_allclose(
        numeric_slope(cubic, x, np.ones((2, 3))), np.sum(3 * before**2), rtol=1e-8
    )
    np.testing.assert_array_equal(x, before)
