"""Arguments and inputs that a layer cannot use are errors that name them."""

import keras
import numpy as np
import pytest

from keras_maelre import layers
from keras_maelre.layers.attention_kinds import ATTENTION_KINDS

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
    (layers.DotAttention, {"num_heads": 1, "relative_positions": 1}, "positions=1"),
    (layers.DotAttention, {"num_heads": 1, "relative_positions": True}, "shape=None"),
    (
        layers.EncoderLayer,
        {
            "num_heads": 1,
            "attention": "dot",
            "grid_shape": (9,),
            "relative_positions": True,
        },
        r"grid_shape=\(9,\)",
    ),
    (layers.FocusedAttention, {"num_heads": 1, "kernel_size": 4}, "kernel_size=4"),
    (layers.WindowAttention, {"num_heads": 1, "window": 0}, "window=0"),
    (layers.WindowAttention, {"num_heads": 1, "window": 10**9}, "window=1000000000"),
    (layers.LongShortAttention, {"num_heads": 1, "num_landmarks": 0}, "landmarks=0"),
    (layers.PerformerAttention, {"num_heads": 1, "num_features": 0}, "features=0"),
    (layers.PerformerAttention, {"num_heads": 1, "seed": -1}, "seed=-1"),
    (layers.PerformerAttention, {"num_heads": 1, "seed": None}, "seed=None"),
    (layers.NystromAttention, {"num_heads": 1, "num_landmarks": 0}, "landmarks=0"),
    (layers.NystromAttention, {"num_heads": 1, "num_landmarks": 513}, "arks=513"),
    (layers.LinformerAttention, {"num_heads": 1, "grid_shape": None}, "shape=None"),
    (
        layers.LinformerAttention,
        {"num_heads": 1, "grid_shape": (4,), "num_landmarks": 0},
        "num_landmarks=0",
    ),
    (layers.EncoderLayer, {"num_heads": 1, "grid_shape": 4}, "grid_shape=4"),
    (
        layers.EncoderLayer,
        {"num_heads": 1, "attention": "linformer"},
        "grid_shape=None",
    ),
    (layers.PoolMixer, {"num_heads": 1, "pool_size": 2}, "pool_size=2"),
    (layers.PoolMixer, {"num_heads": 1, "grid_shape": (0, 3)}, "shape=.0, 3"),
    (layers.ConvMixer, {"num_heads": 1, "kernel_size": 4}, "kernel_size=4"),
    (layers.ConvMixer, {"num_heads": 1, "grid_shape": (1, 2, 3)}, "shape=.1, 2"),
    (layers.AxialAttention, {"num_heads": 1, "grid_shape": (9,)}, "shape=.9,"),
    (layers.EncoderLayer, {"num_heads": 1, "attention": "axial"}, "grid_shape=None"),
    (layers.EncoderLayer, {"num_heads": 1, "attention_window": 0}, "_window=0"),
    (layers.EncoderLayer, {"num_heads": 1, "attention_window": 2.5}, "_window=2.5"),
    (layers.ConvMerge1D, {"kernel_size": 0}, "kernel_size=0"),
    (layers.ConvMerge2D, {"strides": (2, 2)}, r"strides=\(2, 2\)"),
    (layers.AverageMerge1D, {"pool_size": -1}, "pool_size=-1"),
    (layers.AverageMerge2D, {"strides": 0}, "strides=0"),
    (layers.MaxMerge1D, {"pool_size": 0}, "pool_size=0"),
    (layers.MaxMerge2D, {"kernel_size": 2.5}, "kernel_size=2.5"),
    (layers.ResidualMerge1D, {"kernel_size": 0}, "kernel_size=0"),
    (layers.LinearMerge, {"grid_shape": (4,), "strides": None}, "strides=None"),
    (layers.LinearMerge, {"grid_shape": (1, 2, 3), "strides": 2}, r"grid_shape=\(1"),
    (layers.MaelreBlock, {"depth": 0, "num_heads": 1}, "depth=0"),
    (layers.MaelreBlock, {"depth": 1, "num_heads": 1, "merge": "med"}, "merge='med'"),
    (layers.MaelreBlock, {"depth": 1, "num_heads": 1, "merge": "linear"}, "grid_shape"),
    (
        layers.MaelreBlock,
        {"depth": 2, "num_heads": 1, "drop_path_rate": [0.1]},
        r"drop_path_rate=\[0.1\]",
    ),
    (layers.EncoderLayer, {"num_heads": 2, "remat": "no"}, "remat='no'"),
    (layers.EncoderLayer, {"num_heads": 2, "attention": ["dot"]}, "attention="),
    (layers.MaelreBlock, {"depth": 1, "num_heads": 1, "output_dim": 0}, "output_dim=0"),
    (
        layers.MaelreBlock,
        {"depth": 1, "num_heads": 1, "return_tokens": 1},
        "return_tokens=1",
    ),
    (layers.SplitClassToken, {"grid_shape": (4,)}, r"grid_shape=\(4,\)"),
    (layers.RunningStandardization, {"horizon": 0}, "horizon=0"),
    (layers.RunningStandardization, {"epsilon": "small"}, "epsilon='small'"),
    (layers.TokenStatistics, {"statistics": "mean"}, "statistics='mean'"),
    (layers.TokenStatistics, {"statistics": []}, r"statistics=\[\]"),
    (layers.TokenStatistics, {"statistics": ("mean", "median")}, "statistics="),
    (layers.TokenStatistics, {"statistics": ("mean", "mean")}, "statistics="),
    (layers.TokenStatistics, {"epsilon": 0.0}, "epsilon=0.0"),
    (layers.GeneralizedMean, {"exponent": 1.0}, "exponent=1.0"),
    (layers.GeneralizedMean, {"exponent": "3"}, "exponent='3'"),
    (layers.GeneralizedMean, {"epsilon": 0.0}, "epsilon=0.0"),
    (layers.PositionEmbedding, {"grid_shape": 4}, "grid_shape=4"),
    (layers.PatchStem, {"dim": 4, "strides": 0.5}, "strides=0.5"),
    (layers.SeriesStem, {"dim": "4"}, "dim='4'"),
    (
        layers.TokenStem,
        {"vocabulary_size": 9, "embedding_dim": 4, "dim": 4, "padding_id": 9},
        "padding_id=9",
    ),
    (
        layers.TokenStem,
        {
            "vocabulary_size": 9,
            "embedding_dim": 4,
            "dim": 4,
            "padding_id": 0,
            "trainable_embeddings": "no",
        },
        "trainable_embeddings='no'",
    ),
]


def test_numpy_integers_are_integers():
    """And the configuration holds what JSON can."""
    layer = layers.MaelreBlock(np.int64(2), np.int32(1), output_dim=np.int64(6))
    config = layer.get_config()
    assert [type(config[k]) for k in ("depth", "num_heads", "output_dim")] == [int] * 3


def unregistered(x):
    return x * x


@keras.saving.register_keras_serializable(package="tests.arguments")
class RegisteredClass(keras.layers.Layer):
    pass


@keras.saving.register_keras_serializable(package="tests.arguments")
def cubed(x):
    return abs(x) ** 3


@pytest.mark.parametrize(
    "feature_map",
    [
        unregistered,
        lambda x: x,
        keras.layers.Dense,
        keras.layers.Dense(3),
        keras.ops.exp,
        RegisteredClass,
        "tests.arguments>RegisteredClass",
        "tests.arguments>nothing",
        {"class_name": "Dense", "config": {"units": 3}, "module": "keras.layers"},
        {"class_name": "function", "config": "system", "module": "os"},
        None,
    ],
)
def test_a_feature_map_is_of_the_list_or_registered(feature_map):
    with pytest.raises(ValueError, match="`feature_map` must be one of.*Received"):
        layers.LinearAttention(2, feature_map=feature_map)
    config = {"num_heads": 2, "feature_map": feature_map}
    # Keras wraps what a constructor raises in a TypeError.
    with pytest.raises(TypeError, match="`feature_map` must be one of.*Received"):
        layers.LinearAttention.from_config(config)


def test_a_registered_feature_map_is_saved_by_its_name():
    config = layers.LinearAttention(2, feature_map=cubed).get_config()
    assert config["feature_map"] == "tests.arguments>cubed"
    assert layers.LinearAttention.from_config(config).feature_map is cubed


class Unregistered(layers.SelfAttention):
    pass


@keras.saving.register_keras_serializable(package="tests.arguments")
class First(layers.WindowAttention):
    """Every token receives what the first has."""

    def attend(self, query, key, value, mask):
        return value[:, :1] + 0 * query


@pytest.mark.parametrize(
    "attention",
    [
        Unregistered,
        RegisteredClass,
        layers.SelfAttention,
        "tests.arguments>RegisteredClass",
        "tests.arguments>cubed",
        "tests.arguments>nothing",
        "keras_maelre>EncoderLayer",
        {"class_name": "First", "config": {"num_heads": 2}},
        None,
    ],
    ids=lambda value: getattr(value, "__name__", str(value)[:40]),
)
def test_a_kind_of_attention_is_of_the_list_or_registered(attention):
    with pytest.raises(ValueError, match="(?s)`attention` must be one of.*Received"):
        layers.EncoderLayer(2, attention=attention)


@pytest.mark.parametrize("attention", [First, "tests.arguments>First"])
def test_a_kind_of_attention_of_the_user_s_own(attention):
    layer = layers.EncoderLayer(2, attention=attention, attention_window=7)
    assert layer.get_config()["attention"] == "tests.arguments>First"
    twin = layers.EncoderLayer.from_config(layer.get_config())
    assert type(twin.attention) is First and twin.attention.window == 7
    x = np.random.default_rng(0).normal(size=(2, 5, 4)).astype("float32")
    y = keras.ops.convert_to_numpy(twin.attention(x))
    np.testing.assert_allclose(y, np.repeat(y[:, :1], 5, axis=1), atol=1e-6)


def test_a_kind_of_attention_that_is_not_finished():
    """Says what it lacks."""
    layer = layers.EncoderLayer(2, attention=Whole, chunk_size=2)
    with pytest.raises(NotImplementedError, match="Whole.*chunk_size"):
        layer(np.zeros((2, 5, 4), "float32"))
    with pytest.raises(NotImplementedError, match="Whole.*count_macs"):
        layer.attention.count_macs(5)


@keras.saving.register_keras_serializable(package="tests.arguments")
class Whole(layers.SelfAttention):
    def attend(self, query, key, value, mask):
        return value


def test_the_classes_of_this_package_have_their_short_names():
    for name, kind in ATTENTION_KINDS.items():
        for identifier in (name, kind, f"keras_maelre>{kind.__name__}"):
            layer = layers.EncoderLayer(2, identifier, grid_shape=(2, 3))
            assert layer.attention_kind == name


def name(value):
    return getattr(value, "__name__", None)


@pytest.mark.parametrize("layer_class, arguments, received", BAD_ARGUMENTS, ids=name)
def test_bad_arguments(layer_class, arguments, received):
    wrong = (TypeError, ValueError)
    with pytest.raises(wrong, match=f"(?s)must.*Received: .*{received}"):
        layer_class(**arguments)


BAD_INPUTS = [
    (layers.AverageMerge1D(), (2, 4), r"\(batch, tokens, dim\)"),
    (layers.AverageMerge2D(), (2, 4, 4), r"\(batch, height, width, dim\)"),
    (layers.ClassToken(), (2, 4), r"\(batch, tokens, dim\)"),
    (layers.ConvMerge1D(), (2, 4, 4, 4), r"\(batch, tokens, dim\)"),
    (layers.ConvMerge2D(), (2, 4, 4), r"\(batch, height, width, dim\)"),
    (layers.MaxMerge1D(), (2, 4), r"\(batch, tokens, dim\)"),
    (layers.ResidualMerge2D(), (2, 4, 4), r"\(batch, height, width, dim\)"),
    (layers.WindowAttention(2), (2, 4), r"\(batch, tokens, dim\)"),
    (layers.DotAttention(2), (2, 4), r"\(batch, tokens, dim\)"),
    (layers.EncoderLayer(2), (2, 4), r"\(batch, tokens, dim\)"),
    (layers.PoolMixer(2, grid_shape=(2, 3)), (2, 6, 4), r"\(2, 3\).*Received: 6"),
    (layers.ConvMixer(2, grid_shape=(2, 3)), (2, 8, 4), r"\(2, 3\).*Received: 8"),
    (layers.DotAttention(2, (2, 3), True), (2, 6, 4), r"\(2, 3\).*Received: 6"),
    (layers.AxialAttention(2, (2, 3)), (2, 6, 4), r"\(2, 3\).*Received: 6"),
    (layers.LinformerAttention(2, (3,)), (2, 5, 4), r"most 4 tokens.*\(3,\).*: 5"),
    (
        layers.EncoderLayer(2, "linformer", grid_shape=(3,), chunk_size=2),
        (2, 5, 4),
        r"most 4 tokens.*\(3,\).*: 5",
    ),
    (layers.LinearAttention(3), (2, 5, 4), "num_heads=3, width 4"),
    (layers.LinearMerge((4,), 4), (2, 5, 4), r"\(4,\).*Received: \(5,\)"),
    (layers.LinearMerge((4, 4), 2), (2, 4, 3, 4), r"\(4, 4\).*Received: \(4, 3\)"),
    (layers.PatchStem(4), (2, 8, 8), r"\(batch, height, width, dim\)"),
    (layers.PositionEmbedding((4,)), (2, 4), r"\(batch, tokens, dim\)"),
    (layers.SeriesStem(4), (2, 8), r"\(batch, tokens, dim\)"),
    (layers.RunningStandardization(), (2, 4, 4), r"\(batch, features\)"),
    (layers.GeneralizedMean(), (2, 4), r"\(batch, tokens, dim\)"),
    (layers.TokenStatistics(), (2, 4), r"\(batch, tokens, dim\)"),
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
