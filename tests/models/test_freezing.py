"""What is frozen stays frozen: within another model, saved, loaded, changed."""

import keras
import numpy as np
import pytest

from keras_maelre import MaelreBackbone, MaelreClassifier
from tests.models.tiny import FEW_STEPS, tiny_classifier

HEAD = ["logits/bias", "logits/kernel"]


def trained_weights(model):
    return sorted(variable.path for variable in model.trainable_variables)


@pytest.fixture
def frozen():
    """A classifier of which only the head is trained."""
    model = tiny_classifier("series")
    model.backbone.trainable = False
    return model


def test_a_frozen_backbone_is_not_trained_by_a_classifier():
    backbone = tiny_classifier("series", MaelreBackbone, trainable=False)
    assert trained_weights(MaelreClassifier(backbone, 3)) == HEAD
    assert trained_weights(tiny_classifier("series", trainable=False)) == []


@pytest.mark.parametrize("change", [{}, {"dropout_rate": 0.1}], ids=str)
def test_a_preset_keeps_the_backbone_frozen(frozen, change, tmp_path):
    frozen.save_to_preset(tmp_path)
    assert trained_weights(MaelreClassifier.from_preset(tmp_path, **change)) == HEAD
    assert trained_weights(MaelreBackbone.from_preset(tmp_path, **change)) == []


def test_a_keras_file_keeps_the_backbone_frozen(frozen, tmp_path):
    frozen.save(tmp_path / "model.keras")
    assert trained_weights(keras.models.load_model(tmp_path / "model.keras")) == HEAD


def test_asking_for_training_thaws_it(frozen, tmp_path):
    frozen.save_to_preset(tmp_path)
    loaded = MaelreClassifier.from_preset(tmp_path, trainable=True)
    assert len(loaded.trainable_variables) == len(loaded.weights)


@pytest.mark.parametrize("change", [{}, {"remat": True}], ids=str)
def test_a_frozen_token_table_stays_frozen(change, tmp_path):
    model = tiny_classifier("bytes", trainable_embeddings=False)
    model.save_to_preset(tmp_path)
    model.save(tmp_path / "model.keras")
    table = "stem/embedding/embeddings"
    for loaded in (
        model,
        MaelreClassifier.from_preset(tmp_path, **change),
        MaelreBackbone.from_preset(tmp_path, **change),
        keras.models.load_model(tmp_path / "model.keras"),
    ):
        assert len(loaded.trainable_variables) == len(loaded.weights) - 1
        assert table not in trained_weights(getattr(loaded, "backbone", loaded))


def test_training_moves_the_head_alone(frozen):
    before = [frozen.backbone.get_weights(), frozen.head.get_weights()]
    frozen.compile("sgd", "mse", **FEW_STEPS)
    frozen.fit(np.ones((2, 9, 2), "float32"), np.ones((2, 3)), verbose=0)
    for old, new in zip(before[0], frozen.backbone.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert not np.array_equal(before[1][0], frozen.head.get_weights()[0])
