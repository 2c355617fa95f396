"""A rate that is set later acts, in a layer built without noise too."""

import keras
import numpy as np
import pytest

from keras_maelre import layers

SHAPE = (8, 9, 8)


def outputs(layer):
    x = np.random.default_rng(0).normal(size=SHAPE).astype("float32")
    return keras.ops.convert_to_numpy(keras.ops.stop_gradient(layer(x, training=True)))


def test_drop_path():
    layer = layers.DropPath(0.0)
    assert isinstance(layer, keras.layers.Dropout)
    before = outputs(layer)
    layer.rate = 0.5
    zero = (outputs(layer) == 0).all(axis=(1, 2))
    assert 0 < zero.sum() < len(zero) and not (before == 0).any()
    assert layer.get_config()["rate"] == 0.5


@pytest.mark.parametrize("rates", [(0.5, 0.0), (0.0, 0.5)])
@pytest.mark.parametrize(
    "layer",
    [layers.EncoderLayer(2), layers.MaelreBlock(2, 2), layers.EncoderLayer(2, "dot")],
    ids=lambda layer: layer.name,
)
def test_layers(layer, rates):
    layer.set_dropout(0.0, 0.0)
    before = outputs(layer)
    np.testing.assert_array_equal(outputs(layer), before)
    layer.set_dropout(*rates)
    first, second = outputs(layer), outputs(layer)
    assert np.abs(first - before).max() > 1e-2
    assert np.abs(first - second).max() > 1e-2
    config = layer.get_config()
    assert (config["dropout_rate"], config["drop_path_rate"]) == rates


def test_a_block_takes_a_rate_per_layer():
    block = layers.MaelreBlock(2, 2)
    block.set_dropout(0.1, (0.2, 0.3))
    assert [layer.drop_path_rate for layer in block.encoder_layers] == [0.2, 0.3]
    assert [layer.dropout_rate for layer in block.encoder_layers] == [0.1, 0.1]
    with pytest.raises(ValueError, match="`drop_path_rate` must be.*Received"):
        block.set_dropout(0.1, (0.2,))
    with pytest.raises(ValueError, match="`dropout_rate` must be.*Received"):
        block.set_dropout(1.0, 0.2)


def test_a_compiled_model_is_traced_anew():
    """With noise the loss of equal weights and batches differs between steps."""
    model = keras.Sequential([keras.Input(SHAPE[1:]), layers.EncoderLayer(2)])
    model.compile(keras.optimizers.SGD(0.0), "mean_squared_error")
    x = np.random.default_rng(0).normal(size=SHAPE).astype("float32")
    y = np.zeros_like(x)
    assert model.train_on_batch(x, y) == model.train_on_batch(x, y)
    model.layers[0].set_dropout(0.5, 0.5)
    model.make_train_function(force=True)
    assert model.train_on_batch(x, y) != model.train_on_batch(x, y)
