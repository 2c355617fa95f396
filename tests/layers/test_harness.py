"""Every public layer in the harness that Keras ships for layers.

It checks serialisation, build, symbolic and eager shapes, weights, seeds, a compiled
training step, mixed precision and masking.
"""

import keras
import numpy as np
import pytest
from keras.src import testing

from keras_maelre import augmentation, layers, preprocessing

SEQUENCE = (2, 13, 8)
GRID = (2, 6, 5, 8)

# The class, its arguments, and what the harness is to find.
CASES = [
    (layers.LinearAttention, {"num_heads": 2}, SEQUENCE, SEQUENCE, 4, True),
    (layers.DotAttention, {"num_heads": 4}, SEQUENCE, SEQUENCE, 4, True),
    (
        layers.DotAttention,
        {"num_heads": 2, "grid_shape": (3, 4), "relative_positions": True},
        SEQUENCE,
        SEQUENCE,
        6,
        True,
    ),
    (layers.FocusedAttention, {"num_heads": 2}, SEQUENCE, SEQUENCE, 5, True),
    (
        layers.WindowAttention,
        {"num_heads": 2, "window": 3},
        SEQUENCE,
        SEQUENCE,
        4,
        True,
    ),
    (
        layers.LongShortAttention,
        {"num_heads": 2, "window": 3},
        SEQUENCE,
        SEQUENCE,
        9,
        True,
    ),
    (
        layers.PerformerAttention,
        {"num_heads": 2, "num_features": 3},
        SEQUENCE,
        SEQUENCE,
        4,
        True,
    ),
    (
        layers.NystromAttention,
        {"num_heads": 2, "num_landmarks": 3},
        SEQUENCE,
        SEQUENCE,
        4,
        True,
    ),
    (
        layers.LinformerAttention,
        {"num_heads": 2, "grid_shape": (12,), "num_landmarks": 3},
        SEQUENCE,
        SEQUENCE,
        6,
        True,
    ),
    (
        layers.PoolMixer,
        {"num_heads": 2},
        SEQUENCE,
        SEQUENCE,
        0,
        True,
    ),
    (
        layers.PoolMixer,
        {"num_heads": 2, "grid_shape": (3, 4)},
        SEQUENCE,
        SEQUENCE,
        0,
        True,
    ),
    (
        layers.ConvMixer,
        {"num_heads": 2},
        SEQUENCE,
        SEQUENCE,
        5,
        True,
    ),
    (
        layers.ConvMixer,
        {"num_heads": 2, "kernel_size": 3, "grid_shape": (3, 4)},
        SEQUENCE,
        SEQUENCE,
        5,
        True,
    ),
    (
        layers.AxialAttention,
        {"num_heads": 2, "grid_shape": (3, 4)},
        SEQUENCE,
        SEQUENCE,
        4,
        True,
    ),
    (layers.ConvMerge1D, {}, SEQUENCE, (2, 4, 8), 2, True),
    (layers.ConvMerge2D, {}, GRID, (2, 3, 3, 8), 2, True),
    (layers.MaxMerge1D, {}, SEQUENCE, (2, 4, 8), 4, True),
    (layers.MaxMerge2D, {}, GRID, (2, 3, 3, 8), 4, True),
    (layers.ResidualMerge1D, {}, SEQUENCE, (2, 4, 8), 2, True),
    (layers.ResidualMerge2D, {}, GRID, (2, 3, 3, 8), 2, True),
    (layers.AverageMerge1D, {}, SEQUENCE, (2, 4, 8), 0, True),
    (layers.AverageMerge2D, {}, GRID, (2, 3, 3, 8), 0, True),
    (
        layers.LinearMerge,
        {"grid_shape": (13,), "strides": 4},
        SEQUENCE,
        (2, 4, 8),
        2,
        True,
    ),
    (layers.ClassToken, {}, SEQUENCE, (2, 14, 8), 1, True),
    (
        layers.SplitClassToken,
        {"grid_shape": (3, 4)},
        SEQUENCE,
        ((2, 8), (2, 3, 4, 8)),
        0,
        True,
    ),
    (layers.PositionEmbedding, {"grid_shape": (20,)}, SEQUENCE, SEQUENCE, 1, True),
    (layers.DropPath, {"rate": 0.3, "seed": 1}, SEQUENCE, SEQUENCE, 0, True),
    (
        layers.EncoderLayer,
        {"num_heads": 2, "dropout_rate": 0.1, "drop_path_rate": 0.1},
        SEQUENCE,
        SEQUENCE,
        12,
        True,
    ),
    (
        layers.EncoderLayer,
        {"num_heads": 2, "attention": "dot", "remat": True},
        SEQUENCE,
        SEQUENCE,
        12,
        True,
    ),
    (
        layers.MaelreBlock,
        {"depth": 2, "num_heads": 2, "output_dim": 16},
        SEQUENCE,
        (2, 4, 16),
        28,
        True,
    ),
    (
        layers.MaelreBlock,
        {"depth": 1, "num_heads": 2, "grid_shape": (3, 4), "return_tokens": True},
        SEQUENCE,
        ((2, 5, 8), SEQUENCE),
        14,
        True,
    ),
    (layers.SeriesStem, {"dim": 8}, (2, 13, 3), SEQUENCE, 2, True),
    (layers.PatchStem, {"dim": 8}, (2, 10, 9, 3), (2, 9, 8), 2, False),
    (layers.TokenStatistics, {}, SEQUENCE, (2, 32), 0, True),
    (layers.TokenStatistics, {"statistics": ["mean"]}, GRID, (2, 8), 0, True),
    (layers.GeneralizedMean, {"exponent": 2.0}, SEQUENCE, (2, 8), 1, True),
    (preprocessing.ZNormalize, {}, SEQUENCE, SEQUENCE, 0, False),
    (preprocessing.Differences, {}, SEQUENCE, (2, 13, 16), 0, False),
    (preprocessing.ResizeSeries, {"steps": 5}, SEQUENCE, (2, 5, 8), 0, False),
    (
        preprocessing.LogMelFilterbank,
        {"sampling_rate": 1000, "num_mel_bins": 6},
        (2, 200),
        (2, 18, 6),
        0,
        False,
    ),
    (
        preprocessing.NormalizedLogMel,
        {"frames": 20, "sampling_rate": 1000, "num_mel_bins": 6},
        (2, 200),
        (2, 20, 6),
        0,
        False,
    ),
    (augmentation.RandomResizedCrop, {"seed": 3}, GRID, GRID, 0, False),
    *(
        (layer, {"rate": 0.5, "seed": 3}, SEQUENCE, SEQUENCE, 0, True)
        for layer in (
            augmentation.Jitter,
            augmentation.MagnitudeWarp,
            augmentation.RandomDrop,
            augmentation.RandomRoll,
            augmentation.Scaling,
            augmentation.TimeWarp,
            augmentation.WindowSlice,
            augmentation.FrequencyMask,
            augmentation.SpectrogramNoise,
            augmentation.SpectrogramRoll,
            augmentation.TimeMask,
        )
    ),
]
# How many weights are never trained.
FIXED = {layers.PerformerAttention: 1}
# Their input is integers or two tensors, or they keep statistics: each has a test of
# its own. One is there to be subclassed.
OTHERS = {
    layers.RunningStandardization,
    layers.SelfAttention,
    layers.TokenStem,
    augmentation.TokenDrop,
    augmentation.SeriesMixUp,
}


@pytest.mark.parametrize(
    "layer_class, arguments, input_shape, output_shape, weights, masking",
    CASES,
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_layer(layer_class, arguments, input_shape, output_shape, weights, masking):
    testing.TestCase().run_layer_test(
        layer_class,
        init_kwargs=arguments,
        input_shape=input_shape,
        expected_output_shape=output_shape,
        expected_num_trainable_weights=weights,
        expected_num_non_trainable_weights=FIXED.get(layer_class, 0),
        supports_masking=masking,
    )


def test_token_stem():
    testing.TestCase().run_layer_test(
        layers.TokenStem,
        init_kwargs={
            "vocabulary_size": 9,
            "embedding_dim": 5,
            "dim": 8,
            "padding_id": 0,
        },
        input_data=keras.ops.convert_to_tensor(np.arange(26).reshape(2, 13) % 9),
        expected_output_shape=SEQUENCE,
        expected_num_trainable_weights=3,
        expected_num_non_trainable_weights=0,
        supports_masking=True,
    )


def test_token_drop():
    testing.TestCase().run_layer_test(
        augmentation.TokenDrop,
        init_kwargs={"padding_id": 0, "drop_fraction": 0.4, "span": 3},
        input_data=keras.ops.convert_to_tensor(np.arange(26).reshape(2, 13) % 9),
        expected_output_shape=(2, 13),
        expected_num_seed_generators=1,
        supports_masking=True,
    )


def test_running_standardization():
    testing.TestCase().run_layer_test(
        layers.RunningStandardization,
        init_kwargs={"horizon": 50},
        input_shape=(4, 6),
        expected_output_shape=(4, 6),
        expected_num_trainable_weights=0,
        expected_num_non_trainable_weights=3,
        expected_num_non_trainable_variables=3,
        supports_masking=False,
    )


def test_no_layer_is_forgotten():
    public = {
        getattr(module, name)
        for module in (layers, augmentation, preprocessing)
        for name in module.__all__
    }
    public = {
        one
        for one in public
        if isinstance(one, type) and issubclass(one, keras.layers.Layer)
    }
    assert public == {case[0] for case in CASES} | OTHERS
