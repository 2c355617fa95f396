"""Recomputing activations changes the memory of training, not its results."""

import keras
import numpy as np
import pytest

from keras_maelre.layers import EncoderLayer
from tests.references.comparison import randomise
from tests.references.gradients import backend_gradients

SHAPE = (4, 6, 8)


def random(seed):
    return np.random.default_rng(seed).normal(size=SHAPE).astype("float32")


def training_gradients(**arguments):
    layer = EncoderLayer(2, seed=7, **arguments)
    layer.build(SHAPE)
    randomise(layer)
    return backend_gradients(layer, random(0), random(1), training=True)


@pytest.mark.parametrize("rate", [0.0, 0.4])
@pytest.mark.parametrize("attention", ["linear", "dot", "long_short"])
def test_outputs_and_gradients_are_the_same(attention, rate):
    """With noise, the recomputation must draw the same noise again."""
    arguments = {"attention": attention, "dropout_rate": rate, "drop_path_rate": rate}
    outputs, input_gradient, gradients = training_gradients(**arguments, remat=True)
    expected_outputs, expected_input_gradient, expected = training_gradients(
        **arguments
    )
    np.testing.assert_allclose(outputs, expected_outputs, atol=1e-5)
    np.testing.assert_allclose(input_gradient, expected_input_gradient, atol=1e-4)
    for gradient, wanted in zip(gradients, expected, strict=True):
        assert np.abs(wanted).max() > 0
        np.testing.assert_allclose(gradient, wanted, rtol=1e-4, atol=1e-4)


def test_the_noise_is_not_that_of_the_call_before():
    layer = EncoderLayer(2, dropout_rate=0.4, drop_path_rate=0.4, remat=True, seed=7)
    first, second = (
        keras.ops.convert_to_numpy(
            keras.ops.stop_gradient(layer(random(0), training=True))
        )
        for _ in range(2)
    )
    assert np.abs(first - second).max() > 1e-3


@pytest.mark.parametrize(
    "remat, training", [(True, True), (True, False), (False, True)]
)
def test_only_training_recomputes(monkeypatch, remat, training):
    wrapped = []

    def remat_and_note(function):
        wrapped.append(function)
        return function

    monkeypatch.setattr(keras, "remat", remat_and_note)
    layer = EncoderLayer(2, remat=remat)
    layer.build(SHAPE)
    backend_gradients(layer, random(0), random(1), training=training)
    assert len(wrapped) == (remat and training)
