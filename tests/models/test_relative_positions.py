"""Relative positions of dot-product attention in whole models."""

import keras
import numpy as np
import pytest

from keras_maelre import (
    MaelreBackbone,
    MaelreClassifier,
    count_macs,
    transfer_weights,
)
from tests.models.tiny import random_input, randomize, tiny_classifier


def positions(model):
    return {
        weight.path: weight
        for weight in model.weights
        if weight.name in ("row_positions", "column_positions")
    }


def answer(model):
    return keras.ops.convert_to_numpy(model(random_input("image")))


def test_they_start_as_nothing_and_then_count():
    plain = randomize(tiny_classifier("image"))
    model = tiny_classifier("image", relative_positions=True)
    report = transfer_weights(plain, model)
    found = positions(model)
    # Two in each of the dot-product layers.
    assert len(found) == 2 * sum(model.backbone.depths[2:])
    assert sum("_positions" in line for line in report.left) == len(found)
    model.head.set_weights(plain.head.get_weights())
    np.testing.assert_allclose(answer(model), answer(plain), atol=1e-5)
    for weight in found.values():
        weight.assign(np.random.default_rng(0).normal(size=weight.shape))
    assert np.abs(answer(model) - answer(plain)).max() > 1e-3


def test_presets_bring_them(tmp_path):
    model = randomize(tiny_classifier("image", relative_positions=True))
    model.save_to_preset(tmp_path)
    again = MaelreClassifier.from_preset(tmp_path)
    assert again.backbone.relative_positions is True
    np.testing.assert_allclose(answer(again), answer(model), atol=1e-6)
    # Resampled to a grid of another size, as all positions are.
    larger = MaelreClassifier.from_preset(tmp_path, input_shape=(48, 20, 3))
    for path, weight in positions(larger).items():
        old = positions(model)[path]
        if old.shape == weight.shape:
            np.testing.assert_array_equal(weight.numpy(), old.numpy())
        else:
            assert np.abs(weight.numpy()).max() > 0
    with pytest.raises(ValueError, match="do not fit what was changed"):
        MaelreClassifier.from_preset(tmp_path, relative_positions=False)


def test_cost():
    """Every token's products with as many vectors as there are rows and columns."""
    plain, model = (
        tiny_classifier("image", MaelreBackbone, relative_positions=flag)
        for flag in (False, True)
    )
    more = sum(
        plain.depths[i]
        * (1 + plain.token_grids[i][0] * plain.token_grids[i][1])
        * sum(plain.token_grids[i])
        * 16
        * 2**i
        for i in (2, 3)
    )
    assert count_macs(model) - count_macs(plain) == more


def test_a_sequence_has_none():
    with pytest.raises(ValueError, match="relative_positions=True needs.*on a grid"):
        tiny_classifier("series", relative_positions=True)
