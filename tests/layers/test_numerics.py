"""Every layer against the float64 reference: values, gradients, half precision."""

import keras
import numpy as np
import pytest

from keras_maelre import layers
from tests.references import kinds_numpy
from tests.references import maelre_numpy as reference
from tests.references import weights as variables_of
from tests.references.comparison import (
    assert_gradients_match,
    assert_values_match,
    randomise,
    relative_error,
    to_arrays,
)
from tests.references.gradients import backend_gradients, values

DIM = 8
TOKENS = [1, 2, 5, 13, 37]


@keras.saving.register_keras_serializable(package="tests")
def square_plus(x):
    """A feature map of the user's own, for Keras tensors and NumPy arrays."""
    return x * x + 0.1


# What an attention layer is asked to do -> the feature map of the reference.
FEATURE_MAPS = {**reference.FEATURE_MAPS, square_plus: square_plus}
# The other kinds, small enough for inputs of a few tokens, and their references.
OTHER_KINDS = {
    "dot": (layers.DotAttention, {}, reference.dot_attention, {}),
    "focused attention": (
        layers.FocusedAttention,
        {"kernel_size": 5},
        reference.focused_attention,
        {},
    ),
    "window": (
        layers.WindowAttention,
        {"window": 3},
        reference.window_attention,
        {"window": 3},
    ),
    "long_short": (
        layers.LongShortAttention,
        {"window": 2, "num_landmarks": 3},
        reference.long_short_attention,
        {"window": 2},
    ),
    "performer": (
        layers.PerformerAttention,
        {"num_features": 6},
        kinds_numpy.performer_attention,
        {},
    ),
    "nystrom": (
        layers.NystromAttention,
        {"num_landmarks": 4},
        kinds_numpy.nystrom_attention,
        {"num_landmarks": 4},
    ),
    "linformer": (
        layers.LinformerAttention,
        {"grid_shape": (40,), "num_landmarks": 3},
        kinds_numpy.linformer_attention,
        {},
    ),
    "pool": (
        layers.PoolMixer,
        {},
        kinds_numpy.pool_mixer,
        {"size": 3},
    ),
    "pool grid": (
        layers.PoolMixer,
        {"grid_shape": (3, 4)},
        kinds_numpy.pool_mixer,
        {"size": 3, "grid": (3, 4)},
    ),
    "conv": (
        layers.ConvMixer,
        {"kernel_size": 5},
        kinds_numpy.conv_mixer,
        {"size": 5},
    ),
    "conv grid": (
        layers.ConvMixer,
        {"kernel_size": 3, "grid_shape": (3, 4)},
        kinds_numpy.conv_mixer,
        {"size": 3, "grid": (3, 4)},
    ),
    "axial": (
        layers.AxialAttention,
        {"grid_shape": (3, 4)},
        kinds_numpy.axial_attention,
        {"grid": (3, 4)},
    ),
    "dot relative": (
        layers.DotAttention,
        {"grid_shape": (3, 4), "relative_positions": True},
        kinds_numpy.relative_dot_attention,
        {"grid": (3, 4)},
    ),
}
# Those of which fewer lengths are looked at; those of a grid have one.
LENGTHS = {
    kind: (13,) if len(arguments.get("grid_shape", ())) == 2 else (2, 37)
    for kind, (_, arguments, *_) in list(OTHER_KINDS.items())[4:]
}
ATTENTION = [*FEATURE_MAPS, *OTHER_KINDS]
MERGES_1D = {
    "conv": lambda tokens: layers.ConvMerge1D(),
    "average": lambda tokens: layers.AverageMerge1D(),
    "max": lambda tokens: layers.MaxMerge1D(),
    "residual": lambda tokens: layers.ResidualMerge1D(),
    "linear": lambda tokens: layers.LinearMerge((tokens + 3,), strides=4),
}
MERGES_2D = {
    "conv": lambda grid: layers.ConvMerge2D(),
    "average": lambda grid: layers.AverageMerge2D(),
    "max": lambda grid: layers.MaxMerge2D(),
    "residual": lambda grid: layers.ResidualMerge2D(),
    "linear": lambda grid: layers.LinearMerge(grid, strides=2),
}


def random(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def masks(tokens):
    """Six masks, True = keep: all, two paddings, a gap, two with a single token."""
    place = np.arange(tokens)
    return np.stack(
        [
            place >= 0,
            place < max(1, 2 * tokens // 3),
            place < max(1, tokens // 4),
            (place < 1) | (place > tokens // 2),
            place == tokens // 2,
            place == tokens - 1,
        ]
    )


def built(layer, x):
    layer.build(x.shape)
    randomise(layer)
    return layer


def attention_and_reference(kind, num_heads, x, **kwargs):
    """A layer and its reference `(x, mask, weights) -> output`."""
    if kind in OTHER_KINDS:
        make, arguments, function, extra = OTHER_KINDS[kind]
        layer = make(num_heads, **arguments, **kwargs)
    else:
        layer = layers.LinearAttention(num_heads, feature_map=kind, **kwargs)
        function = reference.linear_attention
        extra = {"feature_map": FEATURE_MAPS[kind]}

    def expected(x, mask, weights):
        return function(x, mask, weights, num_heads, **extra)

    return built(layer, x), expected


def name(value):
    return getattr(value, "__name__", None)


# Attention


@pytest.mark.parametrize(
    "kind,tokens",
    [
        (kind, tokens)
        for kind in ("elu", *OTHER_KINDS)
        for tokens in LENGTHS.get(kind, TOKENS)
    ]
    + [
        (kind, tokens)
        for kind in ("relu", "softplus", "focused", square_plus)
        for tokens in (5, 37)
    ],
    ids=name,
)
def test_attention_values(kind, tokens):
    x, mask = random(6, tokens, DIM), masks(tokens)
    layer, expected = attention_and_reference(kind, 2, x)
    weights = to_arrays(variables_of.attention(layer))
    assert_values_match(
        values(layer, x, mask),
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


@pytest.mark.parametrize("kind", ATTENTION, ids=name)
def test_attention_gradients(kind):
    assert_attention_matches(kind, 2, random(6, 13, DIM), masks(13))


@pytest.mark.parametrize(
    "kind,tokens,num_heads",
    [
        (kind, tokens, num_heads)
        for kind in ("elu", *OTHER_KINDS)
        for tokens, num_heads in (
            [(13, 8)] if kind in LENGTHS else [(1, 1), (5, 8), (37, 4)]
        )
    ],
)
def test_attention_gradients_with_few_or_many_heads(kind, tokens, num_heads):
    assert_attention_matches(kind, num_heads, random(3, tokens, DIM), None)


@pytest.mark.parametrize(
    "kind,part",
    [(kind, part) for kind in ("elu", "softplus") for part in ("query", "key")]
    + [("performer", "query")],
)
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
        "max": lambda x, mask, w: reference.max_merge(x, w, kernel_size, strides, mask),
        "residual": lambda x, mask, w: reference.residual_merge(x, w, strides, mask),
        "linear": lambda x, mask, w: reference.linear_merge(x, w, strides, mask),
    }[kind]


def assert_merged_values_match(layer, expected, x, mask, strides):
    weights = to_arrays(variables_of.merge(layer))
    assert_values_match(
        values(layer, x, mask), expected(x.astype("float64"), mask, weights)
    )
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(layer.compute_mask(x, mask)),
        reference.merged_mask(mask, strides),
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
    x = random(6, tokens, 4)
    layer = built(MERGES_1D[kind](tokens), x)
    expected = merge_reference(kind, 9, 4)
    assert_merged_values_match(layer, expected, x, masks(tokens), 4)


@pytest.mark.parametrize("grid", [(1, 1), (4, 6), (5, 3)])
@pytest.mark.parametrize("kind", MERGES_2D)
def test_merging_a_grid(kind, grid):
    x = random(6, *grid, 4)
    layer = built(MERGES_2D[kind](grid), x)
    expected = merge_reference(kind, 3, 2)
    mask = masks(grid[0] * grid[1]).reshape(6, *grid)
    assert_merged_values_match(layer, expected, x, mask, 2)


@pytest.mark.parametrize("kernel_size,strides", [(4, 2), (2, 5)])
@pytest.mark.parametrize("kind", ["conv", "average", "max", "residual"])
def test_merging_with_other_kernels_and_strides(kind, kernel_size, strides):
    layer = {
        "conv": layers.ConvMerge1D(kernel_size, strides),
        "average": layers.AverageMerge1D(kernel_size, strides),
        "max": layers.MaxMerge1D(2, kernel_size, strides),
        "residual": layers.ResidualMerge1D(kernel_size, strides),
    }[kind]
    x = random(6, 11, 4)
    layer = built(layer, x)
    expected = merge_reference(kind, kernel_size, strides)
    assert_merged_values_match(layer, expected, x, masks(11), strides)


@pytest.mark.parametrize("tokens,masked", [(5, False), (13, True)])
@pytest.mark.parametrize("kind", MERGES_1D)
def test_gradients_of_merging_a_sequence(kind, tokens, masked):
    x = random(6, tokens, 4)
    layer = built(MERGES_1D[kind](tokens), x)
    mask = masks(tokens) if masked else None
    assert_merged_gradients_match(layer, merge_reference(kind, 9, 4), x, mask)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kind", MERGES_2D)
def test_gradients_of_merging_a_grid(kind, masked):
    x = random(6, 5, 4, 4)
    layer = built(MERGES_2D[kind]((5, 4)), x)
    mask = masks(20).reshape(6, 5, 4) if masked else None
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


def test_patch_stem():
    x = random(2, 11, 9, 3)
    layer = layers.PatchStem(DIM)

    def expected(x, weights):
        grid = reference.patch_stem(x, weights)
        return grid.reshape(2, -1, DIM)

    assert_gradients_match(built(layer, x), x, variables_of.stem(layer), expected)


# Composed layers


@pytest.mark.parametrize(
    "kind,masked",
    [
        ("linear", True),
        ("dot", False),
        ("focused", True),
        ("window", True),
        ("long_short", False),
    ],
)
def test_encoder_layer(kind, masked):
    # Small numbers, so that the epsilon of the normalisation shows.
    x = 0.1 * random(6, 9, DIM)
    mask = masks(9) if masked else None
    layer = built(layers.EncoderLayer(2, attention=kind, attention_window=3), x)
    assert_gradients_match(
        layer,
        x,
        variables_of.encoder_layer(layer),
        lambda x, weights: reference.encoder_layer(x, mask, weights, 2, kind, window=3),
        mask=mask,
        valid=mask,
    )


def block_and_reference(shape, masked, kind, merge, depth, output_dim):
    """A block, its inputs and mask, and its reference `(x, weights) -> outputs`."""
    tokens = int(np.prod(shape))
    x = random(6, 1 + tokens, DIM)
    mask = None
    if masked:
        mask = np.concatenate([np.ones((6, 1), dtype=bool), masks(tokens)], axis=1)
    layer = layers.MaelreBlock(
        depth, 2, attention=kind, merge=merge, output_dim=output_dim, grid_shape=shape
    )

    def expected(x, weights):
        return reference.block(x, mask, weights, 2, kind, merge, shape)

    return built(layer, x), x, mask, expected


@pytest.mark.parametrize(
    "shape,masked,kind,merge,depth,output_dim",
    [
        ((14,), True, "dot", "average", 1, None),
        ((14,), True, "linear", "linear", 1, 16),
        ((14,), True, "linear", "none", 2, 16),
        ((14,), True, "dot", "residual", 1, 16),
        ((3, 5), False, "dot", "max", 1, 16),
        ((14,), False, "dot", "conv", 1, 16),
        ((3, 5), False, "dot", "average", 1, 16),
        ((3, 5), False, "linear", "linear", 1, 12),
    ],
)
def test_block_values(shape, masked, kind, merge, depth, output_dim):
    layer, x, mask, expected = block_and_reference(
        shape, masked, kind, merge, depth, output_dim
    )
    weights = to_arrays(variables_of.block(layer))
    outputs, merged_mask, *_ = expected(x.astype("float64"), weights)
    assert_values_match(values(layer, x, mask), outputs, valid=merged_mask)
    if mask is not None:
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(layer.compute_mask(x, mask)), merged_mask
        )


@pytest.mark.parametrize(
    "shape,masked,kind,depth",
    [((14,), True, "linear", 2), ((3, 5), False, "dot", 1)],
)
def test_block_gradients(shape, masked, kind, depth):
    layer, x, mask, expected = block_and_reference(
        shape, masked, kind, "conv", depth, 16
    )
    variables = variables_of.block(layer)
    _, merged_mask, *_ = expected(x, to_arrays(variables))
    assert_gradients_match(
        layer,
        x,
        variables,
        lambda x, weights: expected(x, weights)[0],
        mask=mask,
        valid=merged_mask,
        entries=4,
    )


# Long inputs and half precision

# Rounding of an input to half precision alone costs 5e-4 (float16) or 4e-3 (bfloat16).
TOLERANCES = {"float32": 1e-5, "mixed_float16": 0.01, "mixed_bfloat16": 0.03}


@pytest.mark.parametrize("policy", TOLERANCES)
@pytest.mark.parametrize("kind", reference.FEATURE_MAPS)
def test_large_features_of_long_inputs(kind, policy):
    """Sums that overflow float16 stay finite and near the float64 result."""
    tokens, num_heads = 8192, 2
    # Features that agree in sign, so that their sums grow with the tokens.
    x = 30 * (1 + random(2, tokens, 16))
    mask = masks(tokens)[:2]
    layer, _ = attention_and_reference(kind, num_heads, x, dtype=policy)
    weights = to_arrays(variables_of.attention(layer))

    _, key, value = np.split(reference.dense(x, weights["qkv"]), 3, axis=-1)
    state = FEATURE_MAPS[kind](key[0]).T @ value[0]
    assert np.abs(state).max() > np.finfo(np.float16).max

    outputs = values(layer, x, mask)
    expected = reference.long_linear_attention(
        x.astype("float64"), mask, weights, num_heads, FEATURE_MAPS[kind]
    )
    assert np.isfinite(outputs).all()
    assert relative_error(outputs[mask], expected[mask]) < TOLERANCES[policy]


@pytest.mark.parametrize("kind", ["elu", "relu", "focused", "focused attention"])
def test_gradients_of_large_features_are_finite(kind):
    x = 30 * (1 + random(2, 8192, 16))
    layer, _ = attention_and_reference(kind, 2, x, dtype="mixed_float16")
    _, gradient, gradients = backend_gradients(layer, x, random(*x.shape, seed=2))
    assert all(np.isfinite(array).all() for array in [gradient, *gradients])


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize(
    "kind", ["focused attention", "window", "long_short", *LENGTHS]
)
def test_other_kinds_in_half_precision(kind, policy):
    tokens = LENGTHS.get(kind, TOKENS)[-1]
    x, mask = random(6, tokens, 16), masks(tokens)
    layer, expected = attention_and_reference(kind, 2, x, dtype=policy)
    weights = to_arrays(variables_of.attention(layer))
    outputs = values(layer, x, mask)
    expected = expected(x.astype("float64"), mask, weights)
    assert relative_error(outputs[mask], expected[mask]) < TOLERANCES[policy]


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_gradients_of_long_inputs_in_half_precision(policy):
    """The gradient passes through the same sums and must not vanish in them."""
    x = random(2, 8192, 16)
    half, single = (
        attention_and_reference("elu", 2, x, dtype=dtype)[0]
        for dtype in (policy, "float32")
    )
    cotangent = random(*x.shape, seed=2)
    _, gradient, _ = backend_gradients(half, x, cotangent)
    _, expected, _ = backend_gradients(single, x, cotangent)
    assert relative_error(gradient, expected) < TOLERANCES[policy]


@pytest.mark.parametrize("vocabulary_size", [40, 5000])
def test_token_stem_is_a_convolution_of_embeddings(vocabulary_size):
    """Whatever way the sum over the window is computed."""
    layer = layers.TokenStem(vocabulary_size, 6, 5, padding_id=1, kernel_size=4)
    generator = np.random.default_rng(0)
    ids = generator.integers(0, vocabulary_size, (2, 19), "int32")
    ids[0, 11:] = 1
    layer.build(ids.shape)
    table, kernel, bias = (
        generator.normal(size=w.shape).astype("float32") for w in layer.weights
    )
    layer.set_weights([table, kernel, bias])
    embedded = np.where((ids == 1)[..., None], 0, table[ids]).astype("float64")
    embedded = np.pad(embedded, ((0, 0), (2, 1), (0, 0)))
    expected = bias + sum(embedded[:, i : i + 19] @ kernel[i] for i in range(4))
    got = keras.ops.convert_to_numpy(layer(ids))
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)
