"""The mean of the embeddings of kept tokens: values, gradients, padding, no tokens."""

import keras
import numpy as np
import pytest

from keras_maelre.layers.embedding import Embedding
from keras_maelre.layers.embedding_mean import EmbeddingMean
from tests.models.tiny import padded, random_input, randomize, tiny_classifier
from tests.references.gradients import backend_gradients, to_numpy

PADDING_ID = 3
# Repeated ids, a gap, padding at the end, and padding alone.
IDS = np.array([[5, 2, 5, 0, 1], [3, 6, 3, 2, 3], [4, 3, 3, 3, 3], [3, 3, 3, 3, 3]])


class Whole(keras.layers.Layer):
    """A table and the mean of its rows."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.embedding = Embedding(7, 4, dtype=self.dtype_policy)
        self.mean = EmbeddingMean(self.embedding, PADDING_ID, dtype="float32")

    def build(self, input_shape):
        self.embedding.build(input_shape)

    def call(self, token_ids):
        return self.mean(token_ids)


def weights_of(ids):
    """What each row of the table counts in the mean of each sample, in float64."""
    counts = np.stack([np.sum(ids == token, axis=1) for token in range(7)], axis=1)
    counts = np.where(np.arange(7) == PADDING_ID, 0.0, counts)
    return counts / np.maximum(1, counts.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "with a regularizer"])
def test_values_and_gradients(plain):
    layer = Whole()
    layer.build(IDS.shape)
    if not plain:
        # Asks for the real call of the embedding, not for its arithmetic alone.
        layer.embedding.activity_regularizer = keras.regularizers.L2(0.0)
    cotangent = np.random.default_rng(0).normal(size=(4, 4))
    outputs, _, (gradient,) = backend_gradients(layer, IDS, cotangent)
    table = to_numpy(layer.embedding.embeddings.value)
    np.testing.assert_allclose(outputs, weights_of(IDS) @ table, atol=1e-6)
    np.testing.assert_allclose(gradient, weights_of(IDS).T @ cotangent, atol=1e-6)
    assert not outputs[3].any()
    assert not gradient[PADDING_ID].any()


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_sums_in_float32(policy):
    layer = Whole(dtype=policy)
    ids = np.tile([0, 1, 2, 5], (1, 5000)).astype("int32")
    layer.build(ids.shape)
    table = to_numpy(layer.embedding.embeddings.value)
    table = table + np.arange(7)[:, None]
    layer.embedding.embeddings.assign(table)
    found = to_numpy(layer(ids))
    # Rows may be rounded before they are summed, by 2^-9 of 5 at most.
    np.testing.assert_allclose(found, weights_of(ids) @ table, atol=1e-2)


def test_heads_on_all_blocks_see_it():
    model = randomize(tiny_classifier("text", pooling="blocks"))
    x = random_input("text")
    outputs = model.backbone.predict(x, verbose=0)
    table = to_numpy(model.backbone.get_layer("stem").embedding.embeddings.value)
    expected = table[x].mean(axis=1)
    np.testing.assert_allclose(outputs["summary"], expected, atol=1e-5)
    features = model.embed(x)
    columns = slice(outputs["cls"].shape[-1], outputs["cls"].shape[-1] + 12)
    np.testing.assert_allclose(features[:, columns], expected, atol=1e-5)
    longer = model.backbone.predict(padded("text", x[:, :25], 40), verbose=0)
    shorter = model.backbone.predict(x[:, :25], verbose=0)
    np.testing.assert_allclose(longer["summary"], shorter["summary"], atol=1e-6)


def test_the_table_is_one():
    """It is neither counted, saved nor trained twice."""
    model = tiny_classifier("text", pooling="blocks")
    paths = [weight.path for weight in model.weights]
    assert len(set(paths)) == len(paths)
    assert sum("stem/embedding/embeddings" in path for path in paths) == 1
    assert not model.backbone.get_layer("embedding_mean").weights
