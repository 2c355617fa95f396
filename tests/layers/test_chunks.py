"""Layers that process a sequence in chunks give what they give at once."""

import keras
import numpy as np
import pytest

import keras_maelre
from keras_maelre.layers.at_once import AtOnce
from keras_maelre.layers.attention_kinds import ATTENTION_KINDS
from keras_maelre.layers.encoder_layer import EncoderLayer
from tests.references.comparison import randomise


def gradients(model, x, weights=None, **kwargs):
    """Sum of weighted outputs, and its gradient for all weights, as arrays."""
    numpy = keras.ops.convert_to_numpy

    def loss(outputs):
        return keras.ops.sum(keras.ops.multiply(outputs, weights))

    if keras.backend.backend() == "torch":
        model.zero_grad()
        outputs = model(x, **kwargs)
        loss(outputs).backward()
        grads = [v.value.grad for v in model.trainable_variables]
    elif keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            outputs = model(x, **kwargs)
            total = loss(outputs)
        grads = tape.gradient(total, [v.value for v in model.trainable_variables])
    else:
        import jax

        states = [v.value for v in model.non_trainable_variables]

        def run(values):
            outputs, _ = model.stateless_call(values, states, x, **kwargs)
            return loss(outputs), outputs

        values = [v.value for v in model.trainable_variables]
        grads, outputs = jax.jit(jax.grad(run, has_aux=True))(values)
    return numpy(outputs), [numpy(g) for g in grads]


LENGTHS = [(37, 8, False), (32, 16, True), (9, 4, True)]
# Of the tokens after the class token.
GRIDS = {37: (6, 6), 32: (31,), 9: (2, 4)}


@pytest.mark.parametrize(
    "attention, length, chunk_size, remat",
    [
        (kind, *lengths)
        for kind, layer in ATTENTION_KINDS.items()
        for lengths in (LENGTHS[-1:] if issubclass(layer, AtOnce) else LENGTHS)
    ]
    + [("relative", *lengths) for lengths in LENGTHS[::2]],
)
def test_layer_in_chunks(attention, length, chunk_size, remat):
    generator = np.random.default_rng(0)
    x = keras.ops.convert_to_tensor(generator.normal(size=(2, length, 12)), "float32")
    weights = generator.normal(size=(2, length, 12)).astype("float32")
    mask = np.ones((2, length), bool)
    mask[1, length // 2 :] = False
    mask[0, length // 4 : length // 3] = False
    # Outputs of masked tokens mean nothing.
    weights *= mask[..., None]
    # Reaches over more than one chunk of four.
    kind = {"num_heads": 2, "attention": attention, "attention_window": 5}
    kind["grid_shape"] = GRIDS[length]
    if attention == "relative":
        kind |= {"attention": "dot", "relative_positions": True}
    whole = EncoderLayer(**kind)
    parts = EncoderLayer(**kind, chunk_size=chunk_size, remat=remat)
    for layer in (whole, parts):
        layer.build(x.shape)
    randomise(whole)
    parts.set_weights(whole.get_weights())
    kwargs = {"weights": weights, "mask": keras.ops.convert_to_tensor(mask)}
    expected, expected_gradients = gradients(whole, x, training=True, **kwargs)
    got, got_gradients = gradients(parts, x, training=True, **kwargs)
    np.testing.assert_allclose(got[mask], expected[mask], rtol=1e-5, atol=1e-6)
    for one, other in zip(got_gradients, expected_gradients, strict=True):
        size = max(1, np.abs(other).max())
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * size)


@pytest.mark.parametrize("attention", ["linear", "focused", "long_short"])
def test_without_mask(attention):
    x = keras.random.normal((2, 21, 12))
    kind = {"attention": attention, "attention_window": 3}
    whole, parts = EncoderLayer(2, **kind), EncoderLayer(2, **kind, chunk_size=5)
    expected = whole(x)
    parts.build(x.shape)
    parts.set_weights(whole.get_weights())
    np.testing.assert_allclose(
        *(keras.ops.convert_to_numpy(y) for y in (parts(x), expected)),
        rtol=1e-5,
        atol=1e-6,
    )


def test_noise_of_chunks():
    """Dropped values differ from chunk to chunk, dropped samples do not."""
    half = keras.random.normal((8, 10, 12))
    x = keras.ops.concatenate([half, half], axis=1)
    dropout = EncoderLayer(2, chunk_size=10, dropout_rate=0.5, seed=1)
    y = keras.ops.convert_to_numpy(dropout(x, training=True))
    assert np.abs(y[:, :10] - y[:, 10:]).max() > 1e-3
    path = EncoderLayer(2, chunk_size=10, drop_path_rate=0.7, seed=1)
    y = keras.ops.convert_to_numpy(path(x, training=True))
    np.testing.assert_allclose(y[:, :10], y[:, 10:], rtol=1e-5, atol=1e-5)
    changed = np.abs(y - keras.ops.convert_to_numpy(x)).max(axis=(1, 2)) > 1e-6
    assert 0 < changed.sum() < 8


def test_quantized_layer_in_chunks():
    x = np.random.default_rng(0).normal(size=(2, 21, 12)).astype("float32")
    whole, parts = EncoderLayer(2), EncoderLayer(2, chunk_size=8)
    for layer in (whole, parts):
        layer.build(x.shape)
    parts.set_weights(whole.get_weights())
    expected = keras.ops.convert_to_numpy(whole(x))
    for layer in (whole, parts):
        layer.attention.qkv.quantize("int8", type_check=False)
    whole, parts = (keras.ops.convert_to_numpy(layer(x)) for layer in (whole, parts))
    np.testing.assert_allclose(parts, whole, atol=1e-5)
    np.testing.assert_allclose(whole, expected, atol=0.02)


@pytest.mark.compiles_long
@pytest.mark.parametrize("preset", ["tiny_series", "tiny_bytes"])
def test_model_in_chunks(preset):
    """A whole model, padded inputs, through `predict`, which compiles."""
    whole = keras_maelre.MaelreClassifier.from_preset(preset)
    parts = keras_maelre.MaelreClassifier.from_preset(preset, chunk_size=48)
    parts.set_weights(whole.get_weights())
    generator = np.random.default_rng(0)
    if preset == "tiny_series":
        x = generator.normal(size=(3, 301, 1)).astype("float32")
        x[1, 200:] = np.nan
    else:
        x = generator.integers(1, 257, (3, 301), "int32")
        x[1, 200:] = 0
    np.testing.assert_allclose(
        parts.predict(x, verbose=0), whole.predict(x, verbose=0), rtol=1e-4, atol=1e-5
    )
    assert parts.backbone.get_config()["chunk_size"] == 48


@pytest.mark.compiles_long
def test_training_in_chunks():
    """`fit` compiles the chunks too; the loss is that of the whole."""
    losses = []
    x = np.random.default_rng(0).normal(size=(4, 130, 1)).astype("float32")
    x[2, 90:] = np.nan
    weights = None
    for changes in ({}, {"chunk_size": 32, "remat": True}):
        model = keras_maelre.MaelreClassifier.from_preset("tiny_series", **changes)
        weights = weights or model.get_weights()
        model.set_weights(weights)
        model.compile(
            keras.optimizers.SGD(0.005),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        history = model.fit(
            x, np.arange(4), batch_size=2, epochs=2, shuffle=False, verbose=0
        )
        losses.append(history.history["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)


@pytest.mark.parametrize("chunk_size", [0, -3, 2.5, True])
def test_bad_chunk_size(chunk_size):
    with pytest.raises((TypeError, ValueError), match="`chunk_size` must be"):
        EncoderLayer(2, chunk_size=chunk_size)
