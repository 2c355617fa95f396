"""Linear and dot-product attention hold the same variables."""

import keras
import numpy as np
import pytest

from keras_maelre import layers
from tests.references.comparison import randomise

DIM = 8


def built(layer_class, *arguments, **kwargs):
    layer = layer_class(*arguments, name="layer", **kwargs)
    layer.build((None, None, DIM))
    return layer


def assert_equal_weights(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_variables_have_the_same_names_and_shapes():
    linear, dot = (
        {weight.path: tuple(weight.shape) for weight in built(kind, 2).weights}
        for kind in (layers.LinearAttention, layers.DotAttention)
    )
    assert linear == dot
    assert len(linear) == 4


@pytest.mark.parametrize("kinds", [("linear", "dot"), ("dot", "linear")])
def test_each_loads_the_weights_of_the_other(kinds, tmp_path):
    source, target = (built(layers.EncoderLayer, 2, attention=kind) for kind in kinds)
    randomise(source)
    target.attention.set_weights(source.attention.get_weights())
    assert_equal_weights(target.attention, source.attention)

    models = [
        keras.Sequential([keras.Input((None, DIM)), layer])
        for layer in (source, built(layers.EncoderLayer, 2, attention=kinds[1]))
    ]
    models[0].save_weights(tmp_path / "layer.weights.h5")
    models[1].load_weights(tmp_path / "layer.weights.h5")
    assert_equal_weights(*models)
