"""All kinds of attention hold the same variables; some have further ones."""

import keras
import numpy as np
import pytest

from keras_maelre import layers
from keras_maelre.layers.attention_kinds import ATTENTION_KINDS
from tests.references.comparison import randomise

DIM = 8


def built(layer_class, *arguments, **kwargs):
    layer = layer_class(*arguments, name="layer", **kwargs)
    layer.build((None, None, DIM))
    return layer


def grid(kind):
    """The argument of kinds that need to know where tokens lie."""
    return {"grid_shape": (3, 4)} if "grid_shape" in kind.options else {}


def assert_equal_weights(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_variables_have_the_same_names_and_shapes():
    found = {
        name: {w.path: tuple(w.shape) for w in built(kind, 2, **grid(kind)).weights}
        for name, kind in ATTENTION_KINDS.items()
    }
    assert len(found["linear"]) == 4
    further = {
        name: len(weights.items() - found["linear"].items())
        for name, weights in found.items()
        if weights.items() >= found["linear"].items()
    }
    own = {"focused": 1, "long_short": 5, "performer": 1, "linformer": 2}
    same = ("linear", "dot", "window", "nystrom", "axial")
    assert further == {**dict.fromkeys(same, 0), **own}


@pytest.mark.parametrize(
    "kinds", [("linear", "dot"), ("dot", "window"), ("window", "linear")]
)
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
