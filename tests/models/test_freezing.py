"""What is frozen stays frozen: within another model, saved, loaded, changed."""

import json

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


# === By block ===

FIRST = {"stem", "position_embedding", "class_token"}


def frozen_parts(model):
    """The first names of all weights that are not trained."""
    trained = set(trained_weights(model))
    return {v.path.split("/")[0] for v in model.weights if v.path not in trained}


@pytest.mark.parametrize("blocks", range(5))
def test_blocks_are_frozen(blocks):
    model = tiny_classifier("bytes")
    model.freeze(blocks)
    expected = FIRST | {f"block_{i + 1}" for i in range(blocks)}
    assert frozen_parts(model) == expected | ({"norm"} if blocks == 4 else set())
    model.unfreeze()
    assert not frozen_parts(model)


def test_training_moves_what_is_not_frozen():
    model = tiny_classifier("series")
    model.freeze(blocks=2)
    before = {v.path: np.array(v) for v in model.weights}
    model.compile("sgd", "mse", **FEW_STEPS)
    model.fit(np.ones((2, 9, 2), "float32"), np.ones((2, 3)), verbose=0)
    moved = {v.path for v in model.weights if not np.array_equal(before[v.path], v)}
    assert {path.split("/")[0] for path in moved} == {
        *("block_3", "block_4", "norm", "logits")
    }


def test_what_was_compiled_before_is_not_trained():
    """It would go on with the weights that are frozen now."""
    model = tiny_classifier("series")
    x, y = np.ones((2, 9, 2), "float32"), np.ones((2, 3))
    model.compile("sgd", "mse", **FEW_STEPS)
    model.fit(x, y, verbose=0)
    model.freeze(1)
    with pytest.raises(ValueError, match="call `compile"):
        model.fit(x, y, verbose=0)
    assert model.predict(x, verbose=0).shape == (2, 3)


LOADS = {
    "preset": lambda path: MaelreClassifier.from_preset(path / "preset"),
    "changed": lambda path: MaelreClassifier.from_preset(
        path / "preset", drop_path_rate=0.1
    ),
    "keras": lambda path: keras.models.load_model(path / "model.keras"),
}


@pytest.mark.parametrize("kind", LOADS)
def test_blocks_stay_frozen(kind, tmp_path):
    model = tiny_classifier("bytes", trainable_embeddings=False)
    model.freeze(blocks=2)
    model.backbone.get_layer("block_4").encoder_layers[0].attention.trainable = False
    model.compile("adam", "mse", **FEW_STEPS)
    model.optimizer.build(model.trainable_variables)
    model.save_to_preset(tmp_path / "preset")
    model.save(tmp_path / "model.keras")
    loaded = LOADS[kind](tmp_path)
    assert trained_weights(loaded) == trained_weights(model)
    # The optimizer of a `.keras` file has the slots of what is trained.
    if kind == "keras":
        loaded.fit(np.ones((2, 9), "int32"), np.ones((2, 3)), verbose=0)
    loaded.unfreeze()
    assert frozen_parts(loaded) == {"stem"}
    assert len(loaded.trainable_variables) == len(loaded.weights) - 1


def test_a_frozen_head_and_a_frozen_backbone_alone(tmp_path):
    model = tiny_classifier("series")
    model.head.trainable = False
    model.freeze(blocks=1)
    model.save_to_preset(tmp_path)
    loaded = MaelreClassifier.from_preset(tmp_path)
    assert frozen_parts(loaded) == {*FIRST, "block_1", "logits"}
    assert frozen_parts(MaelreBackbone.from_preset(tmp_path)) == {*FIRST, "block_1"}
    # A head that is new is there to be trained.
    with pytest.warns(UserWarning, match="head is new"):
        loaded = MaelreClassifier.from_preset(tmp_path, num_classes=5)
    assert frozen_parts(loaded) == {*FIRST, "block_1"}
    loaded = MaelreClassifier.from_preset(tmp_path, trainable=True)
    assert not frozen_parts(loaded)


def test_a_new_head_in_one_call(tmp_path):
    """What the preset has learned is kept, and the head is that of other classes."""
    model = tiny_classifier("series", class_names=["a", "b", "c"])
    model.freeze(blocks=2)
    model.save_to_preset(tmp_path)
    with pytest.warns(UserWarning, match="head is new and must be trained"):
        new = MaelreClassifier.from_preset(tmp_path, class_names=["calm", "storm"])
    assert new.class_names == ("calm", "storm") and new.head.units == 2
    assert frozen_parts(new) == frozen_parts(model)
    for one, other in zip(
        new.backbone.get_weights(), model.backbone.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "blocks, error", [(5, ValueError), (-1, ValueError), (1.0, TypeError)]
)
def test_numbers_of_blocks(blocks, error):
    model = tiny_classifier("series")
    with pytest.raises(error, match="`blocks` must be an integer from 0 to 4"):
        model.freeze(blocks)
    assert not frozen_parts(model)


def test_a_hostile_configuration_freezes_nothing_unknown(tmp_path):
    tiny_classifier("series").save_to_preset(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    for value in (["nothing"], "stem", 3, [3], [["stem"]], {"stem": {}}):
        config["config"]["frozen"] = value
        (tmp_path / "config.json").write_text(json.dumps(config))
        with pytest.raises(ValueError, match="does not describe"):
            MaelreClassifier.from_preset(tmp_path)
