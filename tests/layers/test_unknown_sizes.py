"""In a graph the batch, and the length of a sequence, may be unknown."""

import keras
import pytest

from keras_maelre import layers

# A layer, a shape and the output's, both without the batch; sequences have any length.
SEQUENCES = [
    (layers.AverageMerge1D(), (None, 4), (None, 4)),
    (layers.ClassToken(), (None, 4), (None, 4)),
    (layers.ConvMerge1D(), (None, 4), (None, 4)),
    (layers.DotAttention(2), (None, 4), (None, 4)),
    (layers.DropPath(), (None, 4), (None, 4)),
    (layers.EncoderLayer(2), (None, 4), (None, 4)),
    (layers.EncoderLayer(2, "window", chunk_size=3), (None, 4), (None, 4)),
    (layers.FocusedAttention(2), (None, 4), (None, 4)),
    (layers.LinearAttention(2), (None, 4), (None, 4)),
    (layers.LongShortAttention(2), (None, 4), (None, 4)),
    (layers.PerformerAttention(2), (None, 4), (None, 4)),
    (layers.NystromAttention(2), (None, 4), (None, 4)),
    (layers.LinformerAttention(2, (9,)), (None, 4), (None, 4)),
    (layers.PoolMixer(2), (None, 4), (None, 4)),
    (layers.ConvMixer(2), (None, 4), (None, 4)),
    (layers.WindowAttention(2), (None, 4), (None, 4)),
    (layers.LinearMerge((9,), strides=4), (None, 4), (None, 4)),
    (layers.MaelreBlock(1, 2, output_dim=8), (None, 4), (None, 8)),
    (layers.MaxMerge1D(), (None, 4), (None, 4)),
    (layers.ResidualMerge1D(), (None, 4), (None, 4)),
    (layers.PositionEmbedding((9,)), (None, 4), (None, 4)),
    (layers.SeriesStem(6), (None, 2), (None, 6)),
    (layers.SplitClassToken(), (None, 4), [(4,), (None, 4)]),
    (layers.GeneralizedMean(), (None, 3), (3,)),
    (layers.TokenStatistics(), (None, 3), (12,)),
    (layers.TokenStem(9, 5, 6, padding_id=0), (None,), (None, 6)),
]
GRIDS = [
    (layers.AverageMerge2D(), (5, 4, 3), (3, 2, 3)),
    (layers.ConvMerge2D(), (5, 4, 3), (3, 2, 3)),
    (layers.LinearMerge((5, 4), strides=2), (5, 4, 3), (3, 2, 3)),
    (layers.PoolMixer(1, grid_shape=(5, 4)), (21, 4), (21, 4)),
    (layers.ConvMixer(1, grid_shape=(5, 4)), (21, 4), (21, 4)),
    (layers.DotAttention(1, (5, 4), True), (21, 4), (21, 4)),
    (layers.AxialAttention(1, (5, 4)), (21, 4), (21, 4)),
    (layers.MaelreBlock(1, 1, grid_shape=(5, 4)), (21, 4), (7, 4)),
    (layers.MaxMerge2D(), (5, 4, 3), (3, 2, 3)),
    (layers.ResidualMerge2D(), (5, 4, 3), (3, 2, 3)),
    (layers.PatchStem(6), (9, 8, 3), (6, 6)),
    (layers.PositionEmbedding((5, 4)), (20, 3), (20, 3)),
    (layers.SplitClassToken((5, 4)), (21, 3), [(3,), (5, 4, 3)]),
]


@pytest.mark.parametrize(
    "layer, shape, expected",
    SEQUENCES + GRIDS,
    ids=[f"{type(row[0]).__name__}{row[1]}" for row in SEQUENCES + GRIDS],
)
def test_shapes(layer, shape, expected):
    dtype = "int32" if isinstance(layer, layers.TokenStem) else "float32"
    outputs = layer(keras.Input(shape, dtype=dtype))
    declared = layer.compute_output_shape((None, *shape))
    if isinstance(expected, list):
        assert [tuple(x.shape) for x in outputs] == [(None, *s) for s in expected]
        assert list(declared) == [(None, *s) for s in expected]
    else:
        assert tuple(outputs.shape) == declared == (None, *expected)
