"""Kernels are drawn by the initializer that was asked for, each on its own."""

import keras
import numpy as np
import pytest

from keras_maelre import layers
from keras_maelre.layers.aligned_conv import AlignedConv

SEQUENCE, GRID = (2, 13, 8), (2, 6, 5, 8)
CASES = [
    (layers.LinearAttention, {"num_heads": 2}, SEQUENCE, 2),
    (layers.DotAttention, {"num_heads": 2}, SEQUENCE, 2),
    (layers.FocusedAttention, {"num_heads": 2}, SEQUENCE, 2),
    (layers.WindowAttention, {"num_heads": 2}, SEQUENCE, 2),
    (layers.LongShortAttention, {"num_heads": 2}, SEQUENCE, 3),
    (layers.PerformerAttention, {"num_heads": 2}, SEQUENCE, 2),
    (layers.NystromAttention, {"num_heads": 2}, SEQUENCE, 2),
    (layers.LinformerAttention, {"num_heads": 2, "grid_shape": (12,)}, SEQUENCE, 4),
    (layers.ConvMixer, {"num_heads": 2}, SEQUENCE, 3),
    (layers.AxialAttention, {"num_heads": 2, "grid_shape": (3, 4)}, SEQUENCE, 2),
    (layers.EncoderLayer, {"num_heads": 2}, SEQUENCE, 4),
    (
        layers.MaelreBlock,
        {"depth": 2, "num_heads": 2, "output_dim": 6},
        SEQUENCE,
        10,
    ),
    (
        layers.MaelreBlock,
        {"depth": 1, "num_heads": 2, "merge": "linear", "grid_shape": (12,)},
        SEQUENCE,
        5,
    ),
    (layers.ConvMerge1D, {}, SEQUENCE, 1),
    (layers.ConvMerge2D, {}, GRID, 1),
    (layers.MaxMerge1D, {}, SEQUENCE, 1),
    (layers.ResidualMerge2D, {}, GRID, 1),
    (layers.LinearMerge, {"grid_shape": (13,), "strides": 4}, SEQUENCE, 1),
    (layers.SeriesStem, {"dim": 4}, SEQUENCE, 1),
    (layers.PatchStem, {"dim": 4}, GRID, 1),
    (
        layers.TokenStem,
        {"vocabulary_size": 9, "embedding_dim": 4, "dim": 4, "padding_id": 0},
        (2, 13),
        1,
    ),
    (AlignedConv, {"rank": 1, "kernel_size": 3, "filters": 4}, SEQUENCE, 1),
]
EVERY_CASE = pytest.mark.parametrize(
    "layer_class, arguments, shape, count",
    CASES,
    ids=lambda value: getattr(value, "__name__", None),
)


def kernels(layer):
    return [
        keras.ops.convert_to_numpy(weight)
        for weight in layer.weights
        if weight.name.endswith(("kernel", "_projection"))
        and weight.name != "value_kernel"
    ]


@EVERY_CASE
def test_every_kernel(layer_class, arguments, shape, count):
    """Also after a way through the configuration."""
    initializer = keras.initializers.Constant(0.25)
    layer = layer_class(**arguments, kernel_initializer=initializer)
    twin = layer_class.from_config(layer.get_config())
    for one in (layer, twin):
        one.build(shape)
        assert len(kernels(one)) == count
        for kernel in kernels(one):
            np.testing.assert_array_equal(kernel, 0.25)


@pytest.mark.parametrize(
    "layer_class, arguments, shape, count",
    [case for case in CASES if case[3] > 1],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_kernels_of_one_initializer_differ(layer_class, arguments, shape, count):
    """Though an initializer repeats what it drew."""
    layer = layer_class(**arguments, kernel_initializer=keras.initializers.HeNormal())
    layer.build(shape)
    # Two draws of equal values differ by a factor at most, that of their fans.
    directions = {np.round(k.flat[:8] / k.flat[0], 3).tobytes() for k in kernels(layer)}
    assert len(directions) == count


@pytest.mark.parametrize(
    "layer, variable, shape",
    [
        (
            layers.PositionEmbedding((13,), embeddings_initializer="ones"),
            "embeddings",
            SEQUENCE,
        ),
        (
            layers.TokenStem(9, 4, 4, 0, embeddings_initializer="ones"),
            "embeddings",
            (2, 13),
        ),
    ],
    ids=["PositionEmbedding", "TokenStem"],
)
def test_the_initializer_of_embeddings(layer, variable, shape):
    twin = type(layer).from_config(layer.get_config())
    for one in (layer, twin):
        one.build(shape)
        (table,) = [w for w in one.weights if w.name == variable]
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(table), 1)


@pytest.mark.parametrize(
    "arguments",
    [
        {"rank": 1, "kernel_size": 3, "strides": 2, "filters": 5},
        {"rank": 2, "kernel_size": 4},
    ],
)
def test_a_convolution_is_made_anew_from_its_configuration(arguments):
    x = np.random.default_rng(0).normal(
        size=SEQUENCE if arguments["rank"] == 1 else GRID
    )
    layer = AlignedConv(**arguments, name="conv")
    config = keras.saving.serialize_keras_object(layer)
    twin = keras.saving.deserialize_keras_object(config)
    outputs = keras.ops.convert_to_numpy(layer(x))
    twin.build(x.shape)
    twin.set_weights(layer.get_weights())
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(twin(x)), outputs)
    assert twin.get_config() == layer.get_config()
