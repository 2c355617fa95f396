"""Every layer against the float64 reference: values, gradients, half precision."""

import keras
import numpy as np
import pytest

from keras_maelre import layers
from tests.references import maelre_numpy as reference
from tests.references import weights as variables_of
from tests.references.comparison import assert_gradients_match
from tests.references.comparison import assert_values_match
from tests.references.comparison import randomise
from tests.references.comparison import relative_error
from tests.references.comparison import to_arrays
from tests.references.gradients import backend_gradients
from tests.references.gradients import to_numpy

DIM = 8
TOKENS = [1, 2, 5, 13, 37]
MASKS = ["none", "suffix", "gap", "single"]


def square_plus(x):
    """A feature map of the user's own, for Keras tensors and NumPy arrays."""
    return x * x + 0.1


# What an attention layer is asked to do -> the feature map of the reference.
FEATURE_MAPS = {**reference.FEATURE_MAPS, square_plus: square_plus}
ATTENTION = [*FEATURE_MAPS, "dot"]
MERGES_1D = {
    "conv": lambda tokens: layers.ConvMerge1D(),
    "average": lambda tokens: layers.AverageMerge1D(),
    "linear": lambda tokens: layers.LinearMerge((tokens + 3,), strides=4),
}
MERGES_2D = {
    "conv": lambda grid: layers.ConvMerge2D(),
    "average": lambda grid: layers.AverageMerge2D(),
    "linear": lambda grid: layers.LinearMerge(grid, strides=2),
}


def random(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def make_mask(kind, tokens, batch=3):
    """A (batch, tokens) mask, True = keep, that keeps a token of each sample."""
    if kind == "none":
        return None
    mask = np.ones((batch, tokens), dtype=bool)
    if kind == "suffix":
        for sample in range(batch):
            mask[sample, max(1, tokens - sample * (tokens // 3)) :] = False
    elif kind == "gap":
        mask[1:, 1 : 1 + tokens // 2] = False
    elif kind == "single":
        mask[1] = np.arange(tokens) == tokens // 2
        mask[2] = np.arange(tokens) == tokens - 1
    return mask


def built(layer, x):
    layer.build(x.shape)
    randomise(layer)
    return layer


def attention_and_reference(kind, num_heads, x, **kwargs):
    """A layer and its reference `(x, mask, weights) -> output`."""
    if kind == "dot":
        layer = layers.DotAttention(num_heads, **kwargs)
        extra = ()
    else:
        layer = layers.LinearAttention(num_heads, feature_map=kind, **kwargs)
        extra = (FEATURE_MAPS[kind],)
    function = reference.dot_attention if kind == "dot" else reference.linear_attention

    def expected(x, mask, weights):
        return function(x, mask, weights, num_heads, *extra)

    return built(layer, x), expected


def name(value):
    return getattr(value, "__name__", None)


# Attention


@pytest.mark.parametrize("tokens", TOKENS)
@pytest.mark.parametrize("kind", ATTENTION, ids=name)
def test_attention_values(kind, tokens):
    x = random(3, tokens, DIM)
    layer, expected = attention_and_reference(kind, 2, x)
    weights = to_arrays(variables_of.attention(layer))
    for mask in (make_mask(kind, tokens) for kind in MASKS):
        assert_values_match(
            to_numpy(layer(x, mask=mask)),
            expected(x.astype("float64"), mask, weights),
            valid=mask,
        )


def assert_attention_matches(kind, num_heads, x, mask, shift=None):
    layer, expected = attention_and_reference(kind, num_heads, x)
    if shift is not None:
        layer.qkv.bias.assign_add(shift)
    assert_gradients_match(
        layer,
        x,
        variables_of.attention(layer),
        lambda x, weights: expected(x, mask, weights),
        mask=mask,
        valid=mask,
    )


@pytest.mark.parametrize(
    "tokens,num_heads,mask_kind", [(13, 2, "suffix"), (37, 4, "single")]
)
@pytest.mark.parametrize("kind", ATTENTION, ids=name)
def test_attention_gradients(kind, tokens, num_heads, mask_kind):
    x = random(3, tokens, DIM)
    assert_attention_matches(kind, num_heads, x, make_mask(mask_kind, tokens))


@pytest.mark.parametrize(
    "tokens,num_heads,mask_kind", [(1, 1, "none"), (5, 8, "none"), (13, 1, "gap")]
)
@pytest.mark.parametrize("kind", ["elu", "dot"])
def test_attention_gradients_with_few_or_many_heads(kind, tokens, num_heads, mask_kind):
    x = random(3, tokens, DIM)
    assert_attention_matches(kind, num_heads, x, make_mask(mask_kind, tokens))


@pytest.mark.parametrize("part", ["query", "key"])
@pytest.mark.parametrize("kind", ["elu", "softplus"])
def test_attention_does_not_depend_on_the_size_of_the_features(kind, part):
    """Features of about exp(-40) weigh the tokens like any others."""
    shift = np.zeros(3 * DIM, dtype="float32")
    start = {"query": 0, "key": DIM}[part]
    shift[start : start + DIM] = -40
    assert_attention_matches(kind, 2, random(3, 6, DIM), None, shift)


# Merging


def merge_reference(kind, kernel_size, strides):
    """The reference `(x, mask, weights) -> output` of a merge."""
    return {
        "conv": lambda x, mask, w: reference.conv(x, w, strides, mask),
        "average": lambda x, mask, w: reference.average_merge(
            x, kernel_size, strides, mask
        ),
        "linear": lambda x, mask, w: reference.linear_merge(x, w, strides, mask),
    }[kind]


def assert_merged_values_match(layer, expected, x, mask, strides):
    weights = to_arrays(variables_of.merge(layer))
    assert_values_match(
        to_numpy(layer(x, mask=mask)), expected(x.astype("float64"), mask, weights)
    )
    merged = layer.compute_mask(x, mask)
    if mask is None:
        assert merged is None
    else:
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(merged), reference.merged_mask(mask, strides)
        )


def assert_merged_gradients_match(layer, expected, x, mask):
    assert_gradients_match(
        layer,
        x,
        variables_of.merge(layer),
        lambda x, weights: expected(x, mask, weights),
        mask=mask,
    )


@pytest.mark.parametrize("tokens", TOKENS)
@pytest.mark.parametrize("kind", MERGES_1D)
def test_merging_a_sequence(kind, tokens):
    x = random(3, tokens, 4)
    layer = built(MERGES_1D[kind](tokens), x)
    for mask in (make_mask(mask_kind, tokens) for mask_kind in MASKS):
        assert_merged_values_match(layer, merge_reference(kind, 9, 4), x, mask, 4)


@pytest.mark.parametrize("grid", [(1, 1), (4, 6), (5, 3), (7, 2)])
@pytest.mark.parametrize("kind", MERGES_2D)
def test_merging_a_grid(kind, grid):
    x = random(3, *grid, 4)
    layer = built(MERGES_2D[kind](grid), x)
    gap = make_mask("gap", grid[0] * grid[1]).reshape(3, *grid)
    for mask in (None, gap):
        assert_merged_values_match(layer, merge_reference(kind, 3, 2), x, mask, 2)


@pytest.mark.parametrize("kernel_size,strides", [(1, 1), (4, 2), (5, 3), (2, 5)])
@pytest.mark.parametrize("kind", ["conv", "average"])
def test_merging_with_other_kernels_and_strides(kind, kernel_size, strides):
    make = {"conv": layers.ConvMerge1D, "average": layers.AverageMerge1D}[kind]
    x = random(3, 11, 4)
    layer = built(make(kernel_size, strides), x)
    expected = merge_reference(kind, kernel_size, strides)
    assert_merged_values_match(layer, expected, x, make_mask("suffix", 11), strides)


@pytest.mark.parametrize("tokens,mask_kind", [(5, "none"), (13, "suffix"), (37, "gap")])
@pytest.mark.parametrize("kind", MERGES_1D)
def test_gradients_of_merging_a_sequence(kind, tokens, mask_kind):
    x = random(3, tokens, 4)
    layer = built(MERGES_1D[kind](tokens), x)
    mask = make_mask(mask_kind, tokens)
    assert_merged_gradients_match(layer, merge_reference(kind, 9, 4), x, mask)


@pytest.mark.parametrize("kind", MERGES_2D)
def test_gradients_of_merging_a_grid(kind):
    x = random(3, 5, 4, 4)
    layer = built(MERGES_2D[kind]((5, 4)), x)
    mask = make_mask("gap", 20).reshape(3, 5, 4)
    assert_merged_gradients_match(layer, merge_reference(kind, 3, 2), x, mask)


# Stems


def test_token_stem():
    token_ids = np.random.default_rng(0).integers(2, 11, size=(3, 25))
    token_ids[1, 15:] = 1
    token_ids[2, :3] = 1
    layer = layers.TokenStem(11, 6, DIM, padding_id=1)
    assert_gradients_match(
        built(layer, token_ids),
        token_ids,
        variables_of.stem(layer),
        lambda x, weights: reference.token_stem(x, weights, padding_id=1)[0],
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_series_stem(channels):
    series = random(3, 12, channels)
    series[1, 7:] = np.nan
    series[2, 4:6] = np.nan
    layer = layers.SeriesStem(DIM)
    assert_gradients_match(
        built(layer, series),
        series,
        variables_of.stem(layer),
        lambda x, weights: reference.series_stem(x, weights)[0],
    )


@pytest.mark.parametrize("shape", [(16, 8, 1), (11, 9, 3)])
def test_patch_stem(shape):
    x = random(2, *shape)
    layer = layers.PatchStem(DIM)

    def expected(x, weights):
        grid = reference.patch_stem(x, weights)
        return grid.reshape(2, -1, DIM)

    assert_gradients_match(built(layer, x), x, variables_of.stem(layer), expected)


# Composed layers


@pytest.mark.parametrize("mask_kind", ["none", "suffix"])
@pytest.mark.parametrize("kind", ["linear", "dot"])
def test_encoder_layer(kind, mask_kind):
    x = random(3, 9, DIM)
    mask = make_mask(mask_kind, 9)
    layer = built(layers.EncoderLayer(2, attention=kind), x)
    assert_gradients_match(
        layer,
        x,
        variables_of.encoder_layer(layer),
        lambda x, weights: reference.encoder_layer(x, mask, weights, 2, kind),
        mask=mask,
        valid=mask,
    )


@pytest.mark.parametrize(
    "shape,mask_kind,kind,merge,depth,output_dim",
    [
        ((14,), "suffix", "linear", "conv", 2, 16),
        ((14,), "gap", "dot", "average", 1, 16),
        ((14,), "suffix", "linear", "linear", 1, 16),
        ((14,), "suffix", "linear", "none", 1, 16),
        ((14,), "none", "dot", "conv", 1, None),
        ((3, 5), "none", "linear", "conv", 1, 16),
        ((3, 5), "none", "dot", "average", 1, 16),
        ((3, 5), "none", "linear", "linear", 1, 12),
    ],
)
def test_block(shape, mask_kind, kind, merge, depth, output_dim):
    tokens = int(np.prod(shape))
    x = random(3, 1 + tokens, DIM)
    mask = make_mask(mask_kind, tokens)
    if mask is not None:
        mask = np.concatenate([np.ones((3, 1), dtype=bool), mask], axis=1)
    layer = layers.MaelreBlock(
        depth, 2, attention=kind, merge=merge, output_dim=output_dim, grid_shape=shape
    )
    variables = variables_of.block(built(layer, x))

    def expected(x, weights):
        return reference.block(x, mask, weights, 2, kind, merge, shape)

    _, valid, *_ = expected(x, to_arrays(variables))
    assert_gradients_match(
        layer,
        x,
        variables,
        lambda x, weights: expected(x, weights)[0],
        mask=mask,
        valid=valid,
        entries=4,
    )


# Long inputs and half precision

# Rounding of an input to half precision alone costs 5e-4 (float16) or 4e-3 (bfloat16).
TOLERANCES = {"float32": 1e-5, "mixed_float16": 0.01, "mixed_bfloat16": 0.03}


@pytest.mark.parametrize("policy", TOLERANCES)
@pytest.mark.parametrize("kind", FEATURE_MAPS, ids=name)
def test_large_features_of_long_inputs(kind, policy):
    """Sums that overflow float16 stay finite and near the float64 result."""
    tokens, num_heads = 8192, 2
    # Features that agree in sign, so that their sums grow with the tokens.
    x = 30 * (1 + random(2, tokens, 16))
    mask = make_mask("suffix", tokens, batch=2)
    layer, _ = attention_and_reference(kind, num_heads, x, dtype=policy)
    weights = to_arrays(variables_of.attention(layer))

    _, key, value = np.split(reference.dense(x, weights["qkv"]), 3, axis=-1)
    state = FEATURE_MAPS[kind](key[0]).T @ value[0]
    assert np.abs(state).max() > np.finfo(np.float16).max

    outputs, input_gradient, weight_gradients = backend_gradients(
        layer, x, random(*x.shape, seed=2), mask
    )
    expected = reference.long_linear_attention(
        x.astype("float64"), mask, weights, num_heads, FEATURE_MAPS[kind]
    )
    assert np.isfinite(outputs).all()
    assert relative_error(outputs[mask], expected[mask]) < TOLERANCES[policy]
    for gradient in [input_gradient, *weight_gradients]:
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_gradients_of_long_inputs_in_half_precision(policy):
    """The gradient passes through the same sums: it must not vanish in them."""
    x = random(2, 8192, 16)
    half, single = (
        attention_and_reference("elu", 2, x, dtype=dtype)[0]
        for dtype in (policy, "float32")
    )
    cotangent = random(*x.shape, seed=2)
    _, gradient, _ = backend_gradients(half, x, cotangent)
    _, expected, _ = backend_gradients(single, x, cotangent)
    assert relative_error(gradient, expected) < TOLERANCES[policy]
