"""RoBERTa's token table: copied and frozen on request, never without."""

import sys

import keras
import numpy as np
import pytest

from keras_maelre import MaelreClassifier
from tests.models.tiny import FEW_STEPS, tiny_classifier


@pytest.fixture(scope="module")
def roberta(tmp_path_factory):
    """A keras-hub preset directory with a small table."""
    hub = pytest.importorskip("keras_hub", reason="the extra [text]")
    backbone = hub.models.RobertaBackbone(
        vocabulary_size=60,
        num_layers=1,
        num_heads=2,
        hidden_dim=12,
        intermediate_dim=8,
        max_sequence_length=16,
    )
    directory = tmp_path_factory.mktemp("roberta")
    backbone.save_to_preset(str(directory))
    table = keras.ops.convert_to_numpy(backbone.token_embedding.embeddings)
    return str(directory), table


def table_of(model):
    return model.backbone.get_layer("stem").embedding.embeddings


def test_table_is_copied_and_stays_frozen(roberta, tmp_path):
    directory, expected = roberta
    model = tiny_classifier("text", token_embeddings=directory)
    np.testing.assert_array_equal(table_of(model).numpy(), expected)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, **FEW_STEPS)
    ids = np.random.default_rng(0).integers(2, 60, (6, 20))
    model.fit(ids, np.arange(6) % 3, verbose=0)
    np.testing.assert_array_equal(table_of(model).numpy(), expected)
    model.save_to_preset(tmp_path)
    loaded = MaelreClassifier.from_preset(tmp_path)
    assert not table_of(loaded).trainable
    np.testing.assert_array_equal(table_of(loaded).numpy(), expected)


def test_without_the_request_the_table_is_trained():
    model = tiny_classifier("text")
    assert table_of(model).trainable
    assert any(v is table_of(model) for v in model.trainable_variables)


def test_wrong_shape_and_wrong_modality(roberta):
    directory, _ = roberta
    with pytest.raises(ValueError, match=r"\(60, 12\).*\(60, 16\)"):
        tiny_classifier("text", token_embeddings=directory, embedding_dim=16)
    with pytest.raises(ValueError, match="'series'"):
        tiny_classifier("series", token_embeddings=directory)


def test_missing_keras_hub(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(ImportError, match=r"keras_maelre\[text\]"):
        tiny_classifier("text", token_embeddings="roberta_base_en")
