"""Masks follow the tokens, and what they mask changes nothing."""

import inspect

import keras
import numpy as np
import pytest
from keras import ops

from keras_maelre import layers
from keras_maelre.layers.attention_kinds import ATTENTION_KINDS
from tests.references.comparison import randomise
from tests.references.gradients import values

DIM = 4
# Padding at the end, a gap at the front, and nothing masked.
MASK = np.array(
    [[1, 1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 0], [1, 1, 1, 1, 1, 1, 1]], dtype=bool
)
QUARTERED = np.array([[1, 0], [0, 1], [1, 1]], dtype=bool)
GRID_MASK = np.array(
    [[[1, 1, 0], [0, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 1], [1, 0, 0]]], dtype=bool
)
MERGED_GRID = np.array([[[1, 0], [0, 0]], [[0, 1], [1, 0]]], dtype=bool)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def with_class_token(mask):
    kept = np.ones((len(mask), 1), dtype=bool)
    return np.concatenate([kept, mask.reshape(len(mask), -1)], axis=1)


def to_numpy(x):
    return ops.convert_to_numpy(x)


class ReceivedMask(keras.layers.Layer):
    """Returns the mask that comes with a tensor; fails if none does."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x, mask=None):
        return ops.cast(mask, "int32")


# A layer, the mask that comes, the mask that goes.
STEPS = {
    "AverageMerge1D": (layers.AverageMerge1D(), MASK, QUARTERED),
    "AverageMerge2D": (layers.AverageMerge2D(), GRID_MASK, MERGED_GRID),
    "ClassToken": (layers.ClassToken(), MASK, with_class_token(MASK)),
    "ConvMerge1D": (layers.ConvMerge1D(), MASK, QUARTERED),
    "ConvMerge2D": (layers.ConvMerge2D(), GRID_MASK, MERGED_GRID),
    "MaxMerge1D": (layers.MaxMerge1D(), MASK, QUARTERED),
    "MaxMerge2D": (layers.MaxMerge2D(), GRID_MASK, MERGED_GRID),
    "ResidualMerge1D": (layers.ResidualMerge1D(), MASK, QUARTERED),
    "ResidualMerge2D": (layers.ResidualMerge2D(), GRID_MASK, MERGED_GRID),
    "DotAttention": (layers.DotAttention(1), MASK, MASK),
    "DropPath": (layers.DropPath(), MASK, MASK),
    "EncoderLayer": (layers.EncoderLayer(1), MASK, MASK),
    "FocusedAttention": (layers.FocusedAttention(1), MASK, MASK),
    "LinearAttention": (layers.LinearAttention(1), MASK, MASK),
    "LongShortAttention": (layers.LongShortAttention(1, 2), MASK, MASK),
    "WindowAttention": (layers.WindowAttention(1, 2), MASK, MASK),
    "PerformerAttention": (layers.PerformerAttention(1), MASK, MASK),
    "NystromAttention": (layers.NystromAttention(1, 3), MASK, MASK),
    "LinformerAttention": (layers.LinformerAttention(1, (6,)), MASK, MASK),
    "PoolMixer": (layers.PoolMixer(1), MASK, MASK),
    "PoolMixer-grid": (layers.PoolMixer(1, grid_shape=(2, 3)), MASK, MASK),
    "ConvMixer": (layers.ConvMixer(1), MASK, MASK),
    "AxialAttention": (layers.AxialAttention(1, (2, 3)), MASK, MASK),
    "LinearMerge": (layers.LinearMerge((7,), strides=4), MASK, QUARTERED),
    "LinearMerge-grid": (layers.LinearMerge((3, 3), 2), GRID_MASK, MERGED_GRID),
    "MaelreBlock": (
        layers.MaelreBlock(1, 1, output_dim=8),
        with_class_token(MASK),
        with_class_token(QUARTERED),
    ),
    "MaelreBlock-grid": (
        layers.MaelreBlock(1, 1, grid_shape=(3, 3)),
        with_class_token(GRID_MASK),
        with_class_token(MERGED_GRID),
    ),
    "MaelreBlock-no-merge": (
        layers.MaelreBlock(1, 1, merge="none"),
        with_class_token(MASK),
        with_class_token(MASK),
    ),
    "PositionEmbedding": (layers.PositionEmbedding((7,)), MASK, MASK),
}


@pytest.mark.parametrize("layer, mask, expected", STEPS.values(), ids=STEPS)
def test_a_mask_passes_through(layer, mask, expected):
    """The mask of `keras.layers.Masking`, and the same given by hand."""
    x = random(*mask.shape, DIM) * mask[..., None]
    inputs = keras.Input((*x.shape[1:-1], DIM))
    outputs = layer(keras.layers.Masking()(inputs))
    received = ReceivedMask()(outputs)
    result = values(keras.Model(inputs, {"outputs": outputs, "mask": received}), x)
    np.testing.assert_array_equal(result["mask"], expected)

    by_hand = layer.compute_mask(x, ops.convert_to_tensor(mask))
    np.testing.assert_array_equal(to_numpy(by_hand), expected)
    if "mask" in inspect.signature(layer.call).parameters:
        by_hand = values(layer, x, ops.convert_to_tensor(mask))
        np.testing.assert_allclose(by_hand, result["outputs"], atol=1e-6)
    assert layer.compute_mask(x, None) is None


def received_mask(layer, x):
    inputs = keras.Input(x.shape[1:], dtype=x.dtype.name)
    return values(keras.Model(inputs, ReceivedMask()(layer(inputs))), x)


def test_the_token_stem_masks_the_padding_id():
    token_ids = np.array([[3, 4, 1, 1], [1, 2, 1, 3]], dtype="int32")
    stem = layers.TokenStem(5, 3, DIM, padding_id=1)
    np.testing.assert_array_equal(received_mask(stem, token_ids), token_ids != 1)


def test_the_series_stem_masks_steps_without_any_value():
    series = random(2, 5, 2)
    series[0, 3:] = np.nan
    series[1, 0] = np.nan
    series[1, 2, 1] = np.nan
    expected = np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 1]], dtype=bool)
    np.testing.assert_array_equal(
        received_mask(layers.SeriesStem(DIM), series), expected
    )


@pytest.mark.parametrize("grid_shape", [None, (3, 3)])
def test_splitting_off_the_class_token_splits_the_mask(grid_shape):
    mask = with_class_token(GRID_MASK)
    split = layers.SplitClassToken(grid_shape)
    cls_mask, tokens_mask = split.compute_mask(random(2, 10, DIM), mask)
    assert cls_mask is None
    expected = GRID_MASK if grid_shape else mask[:, 1:]
    np.testing.assert_array_equal(to_numpy(tokens_mask), expected)


def test_the_tokens_of_a_block_keep_their_mask():
    mask = with_class_token(MASK)
    block = layers.MaelreBlock(1, 1, return_tokens=True)
    merged, tokens = block.compute_mask(random(*mask.shape, DIM), mask)
    np.testing.assert_array_equal(to_numpy(merged), with_class_token(QUARTERED))
    np.testing.assert_array_equal(to_numpy(tokens), mask)


# Masks of other dtypes

OTHER_DTYPES = {
    **STEPS,
    "DotAttention": (layers.DotAttention(2), MASK, MASK),
    "EncoderLayer-dot": (layers.EncoderLayer(2, "dot"), MASK, MASK),
    "EncoderLayer-chunks": (layers.EncoderLayer(2, chunk_size=3), MASK, MASK),
}
OTHER_DTYPES = {
    name: case
    for name, case in OTHER_DTYPES.items()
    if "mask" in inspect.signature(case[0].call).parameters
}


@pytest.mark.parametrize("layer, mask, _", OTHER_DTYPES.values(), ids=OTHER_DTYPES)
def test_zeros_and_ones_mask_as_booleans_do(layer, mask, _):
    x = random(*mask.shape, DIM)
    if not layer.built:
        layer.build(x.shape)
    randomise(layer)
    expected = values(layer, x, mask)
    assert np.abs(values(layer, x) - expected).max() > 1e-2
    for dtype in ("int32", "float32"):
        np.testing.assert_array_equal(values(layer, x, mask.astype(dtype)), expected)


@pytest.mark.parametrize(
    "layer",
    [layers.ClassToken(), layers.ConvMerge1D(), layers.MaelreBlock(1, 1)],
    ids=lambda layer: layer.name,
)
def test_the_mask_that_goes_on_is_boolean(layer):
    going = layer.compute_mask(
        random(*MASK.shape, DIM), ops.convert_to_tensor(MASK.astype("float32"))
    )
    assert keras.backend.standardize_dtype(going.dtype) == "bool"
    expected = layer.compute_mask(None, ops.convert_to_tensor(MASK))
    np.testing.assert_array_equal(to_numpy(going), to_numpy(expected))


@pytest.mark.parametrize("layer, mask, _", OTHER_DTYPES.values(), ids=OTHER_DTYPES)
def test_a_mask_of_another_rank_is_an_error(layer, mask, _):
    with pytest.raises(ValueError, match="`mask`.*must have the shape.*Received"):
        layer(random(*mask.shape, DIM), mask=mask[..., None])


# Padding

PADDED = {
    "DotAttention": lambda: layers.DotAttention(2),
    "LinearAttention": lambda: layers.LinearAttention(2),
    "LinearAttention-relu": lambda: layers.LinearAttention(2, "relu"),
    "LinearAttention-focused": lambda: layers.LinearAttention(2, "focused"),
    "EncoderLayer-linear": lambda: layers.EncoderLayer(2),
    "EncoderLayer-dot": lambda: layers.EncoderLayer(2, "dot"),
    "FocusedAttention": lambda: layers.FocusedAttention(2),
    "LongShortAttention": lambda: layers.LongShortAttention(2, 3),
    "WindowAttention": lambda: layers.WindowAttention(2, 3),
    "PerformerAttention": lambda: layers.PerformerAttention(2),
    "NystromAttention": lambda: layers.NystromAttention(2, 3),
    "LinformerAttention": lambda: layers.LinformerAttention(2, (20,), 3),
    "PoolMixer": lambda: layers.PoolMixer(2),
    "ConvMixer": lambda: layers.ConvMixer(2),
    "EncoderLayer-window": lambda: layers.EncoderLayer(2, "window", chunk_size=4),
    "ConvMerge1D": lambda: layers.ConvMerge1D(),
    "AverageMerge1D": lambda: layers.AverageMerge1D(),
    "MaxMerge1D": lambda: layers.MaxMerge1D(),
    "ResidualMerge1D": lambda: layers.ResidualMerge1D(),
    "LinearMerge": lambda: layers.LinearMerge((13,), strides=4),
    "MaelreBlock-linear": lambda: layers.MaelreBlock(1, 2, output_dim=6),
    "MaelreBlock-dot": lambda: layers.MaelreBlock(1, 2, "dot", merge="average"),
}


@pytest.mark.parametrize("make", PADDED.values(), ids=PADDED)
@pytest.mark.parametrize("length", [5, 8])
def test_padding_at_the_end_changes_nothing(make, length):
    alone = random(2, length, DIM)
    # What is masked may hold anything, as long as it is finite.
    padded = np.concatenate([alone, 100 * random(2, 13 - length, DIM, seed=1)], axis=1)
    mask = np.tile(np.arange(13) < length, (2, 1))
    layer = make()
    layer.build(padded.shape)
    randomise(layer)
    expected = values(layer, alone)
    outputs = values(layer, padded, mask)
    np.testing.assert_allclose(outputs[:, : expected.shape[1]], expected, atol=1e-5)
    # The mask ends where the outputs of the input alone do.
    kept = to_numpy(layer.compute_mask(padded, ops.convert_to_tensor(mask)))
    np.testing.assert_array_equal(kept.sum(axis=1), [expected.shape[1]] * 2)


@pytest.mark.parametrize(
    "merge",
    [
        layers.ConvMerge2D,
        layers.AverageMerge2D,
        layers.MaxMerge2D,
        layers.ResidualMerge2D,
    ],
)
@pytest.mark.parametrize("grid", [(3, 2), (4, 5)])
def test_padding_beyond_a_grid_changes_nothing(merge, grid):
    height, width = grid
    padded = 100 * random(2, 7, 6, DIM)
    alone = padded[:, :height, :width] = random(2, *grid, DIM, seed=1)
    mask = np.zeros((2, 7, 6), dtype=bool)
    mask[:, :height, :width] = True
    layer = merge()
    layer.build(padded.shape)
    randomise(layer)
    expected = values(layer, alone)
    outputs = values(layer, padded, mask)
    valid = outputs[:, : expected.shape[1], : expected.shape[2]]
    np.testing.assert_allclose(valid, expected, atol=1e-5)


GRID_LAYERS = {
    "ConvMerge2D": lambda: layers.ConvMerge2D(),
    "AverageMerge2D": lambda: layers.AverageMerge2D(),
    "MaxMerge2D": lambda: layers.MaxMerge2D(),
    "ResidualMerge2D": lambda: layers.ResidualMerge2D(),
    "LinearMerge": lambda: layers.LinearMerge((3, 3), strides=2),
}


@pytest.mark.parametrize("make", GRID_LAYERS.values(), ids=GRID_LAYERS)
def test_masked_tokens_of_a_grid_may_hold_anything(make):
    x = random(2, 3, 3, DIM)
    other = np.where(GRID_MASK[..., None], x, np.float32("nan"))
    layer = make()
    layer.build(x.shape)
    randomise(layer)
    np.testing.assert_array_equal(
        values(layer, x, GRID_MASK), values(layer, other, GRID_MASK)
    )


# Permutation

PERMUTED = {name: PADDED[name] for name in (*list(PADDED)[:6], "PerformerAttention")}


@pytest.mark.parametrize("make", PERMUTED.values(), ids=PERMUTED)
@pytest.mark.parametrize("masked", [False, True])
def test_permuting_the_tokens_permutes_the_outputs(make, masked):
    x = random(3, 7, DIM)
    order = np.random.default_rng(1).permutation(7)
    layer = make()
    layer.build(x.shape)
    randomise(layer)
    mask = MASK if masked else None
    expected = values(layer, x, mask)[:, order]
    permuted_mask = MASK[:, order] if masked else None
    permuted = values(layer, x[:, order], permuted_mask)
    valid = MASK[:, order] if masked else np.ones((3, 7), dtype=bool)
    np.testing.assert_allclose(permuted[valid], expected[valid], atol=1e-5)


@pytest.mark.parametrize("kind", ATTENTION_KINDS)
def test_where_values_come_from_adds_up_to_one(kind):
    """Also where more is done to the values than averaging."""
    arguments = {"attention_window": 2, "grid_shape": (2, 3)}
    layer = layers.EncoderLayer(2, kind, **arguments).attention
    layer.build((3, 7, DIM))
    randomise(layer)
    query, key = random(2, 3, 7, 2, DIM // 2)
    if kind == "focused":
        # A query that no key agrees with receives nothing.
        query, key = np.abs(query), np.abs(key)
    value = np.ones_like(query)
    inputs = map(ops.convert_to_tensor, (query, key, value, MASK))
    weighed = to_numpy(layer.weigh(*inputs))
    np.testing.assert_allclose(weighed[MASK], 1, atol=1e-5)
