"""Arguments and inputs that a layer cannot use are errors that name them."""

import numpy as np
import pytest

from keras_maelre import layers

BAD_ARGUMENTS = [
    (
        layers.EncoderLayer,
        {"num_heads": 2, "attention": "cosine"},
        "attention='cosine'",
    ),
    (layers.EncoderLayer, {"num_heads": 2, "dropout_rate": 1.0}, "dropout_rate=1.0"),
    (layers.EncoderLayer, {"num_heads": 2, "drop_path_rate": -1}, "drop_path_rate=-1"),
    (layers.EncoderLayer, {"num_heads": 2, "feature_map": "exp"}, "feature_map='exp'"),
    (layers.LinearAttention, {"num_heads": 2, "feature_map": 3}, "feature_map=3"),
    (layers.LinearAttention, {"num_heads": 0}, "num_heads=0"),
    (layers.DotAttention, {"num_heads": 1.5}, "num_heads=1.5"),
    (layers.ConvMerge1D, {"kernel_size": 0}, "kernel_size=0"),
    (layers.ConvMerge2D, {"strides": (2, 2)}, r"strides=\(2, 2\)"),
    (layers.AverageMerge1D, {"pool_size": -1}, "pool_size=-1"),
    (layers.AverageMerge2D, {"strides": 0}, "strides=0"),
    (layers.LinearMerge, {"grid_shape": (4,), "strides": None}, "strides=None"),
    (layers.LinearMerge, {"grid_shape": (1, 2, 3), "strides": 2}, r"grid_shape=\(1"),
    (layers.MaelreBlock, {"depth": 0, "num_heads": 1}, "depth=0"),
    (layers.MaelreBlock, {"depth": 1, "num_heads": 1, "merge": "max"}, "merge='max'"),
    (layers.MaelreBlock, {"depth": 1, "num_heads": 1, "merge": "linear"}, "grid_shape"),
    (
        layers.MaelreBlock,
        {"depth": 2, "num_heads": 1, "drop_path_rate": [0.1]},
        r"drop_path_rate=\[0.1\]",
    ),
]


def name(value):
    return getattr(value, "__name__", None)


@pytest.mark.parametrize("layer_class, arguments, received", BAD_ARGUMENTS, ids=name)
def test_bad_arguments(layer_class, arguments, received):
    with pytest.raises(ValueError, match=f"(?s)must.*Received: .*{received}"):
        layer_class(**arguments)


BAD_INPUTS = [
    (layers.AverageMerge1D(), (2, 4), r"\(batch, tokens, dim\)"),
    (layers.AverageMerge2D(), (2, 4, 4), r"\(batch, height, width, dim\)"),
    (layers.ClassToken(), (2, 4), r"\(batch, tokens, dim\)"),
    (layers.ConvMerge1D(), (2, 4, 4, 4), r"\(batch, tokens, dim\)"),
    (layers.ConvMerge2D(), (2, 4, 4), r"\(batch, height, width, dim\)"),
    (layers.DotAttention(2), (2, 4), r"\(batch, tokens, dim\)"),
    (layers.EncoderLayer(2), (2, 4), r"\(batch, tokens, dim\)"),
    (layers.LinearAttention(3), (2, 5, 4), "num_heads=3, width 4"),
    (layers.LinearMerge((4,), 4), (2, 5, 4), r"\(4,\).*Received: \(5,\)"),
    (layers.LinearMerge((4, 4), 2), (2, 4, 3, 4), r"\(4, 4\).*Received: \(4, 3\)"),
    (layers.PatchStem(4), (2, 8, 8), r"\(batch, height, width, dim\)"),
    (layers.PositionEmbedding((4,)), (2, 4), r"\(batch, tokens, dim\)"),
    (layers.SeriesStem(4), (2, 8), r"\(batch, tokens, dim\)"),
    (layers.TokenStem(5, 4, 4, padding_id=0), (2, 8, 1), r"\(batch, tokens\)"),
]


@pytest.mark.parametrize(
    "layer, shape, expected",
    BAD_INPUTS,
    ids=[type(row[0]).__name__ for row in BAD_INPUTS],
)
def test_bad_inputs(layer, shape, expected):
    with pytest.raises(ValueError, match=f"(?s){expected}"):
        layer(np.zeros(shape, "float32"))
