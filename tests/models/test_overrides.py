"""What `from_preset` may change reaches every part of the model."""

import json

import keras
import numpy as np
import pytest

import keras_maelre
from keras_maelre import MaelreBackbone, MaelreClassifier, transfer_weights
from tests.models.tiny import SHAPES, predict, random_input, randomize, tiny_classifier


def encoder_layers(model):
    backbone = getattr(model, "backbone", model)
    blocks = (backbone.get_layer(f"block_{i}") for i in range(1, 5))
    return [layer for block in blocks for layer in block.encoder_layers]


def test_the_drop_path_rate_rises_linearly_over_the_layers():
    model = tiny_classifier("series", drop_path_rate=0.2, depths=(1, 2, 3, 1))
    rates = [layer.drop_path_rate for layer in encoder_layers(model)]
    np.testing.assert_allclose(rates, np.linspace(0, 0.2, 7))


def test_dropout_remat_and_feature_map_reach_every_layer():
    model = tiny_classifier("audio", dropout_rate=0.1, remat=True, feature_map="relu")
    for layer in encoder_layers(model):
        assert layer.dropout_rate == 0.1
        assert layer.remat is True
        assert layer.feature_map == "relu"


def test_attention_per_block():
    plan = ("dot", "linear", "dot", "linear")
    model = tiny_classifier("image", attention=plan)
    assert model.backbone.attention_plan == plan
    kinds = [layer.attention_kind for layer in encoder_layers(model)]
    assert kinds == ["dot", "linear", "dot", "dot", "linear"]


def test_the_window_reaches_every_layer():
    model = tiny_classifier("image", attention="window", attention_window=5)
    for layer in encoder_layers(model):
        assert layer.attention.window == layer.attention_window == 5
    assert model.backbone.attention_plan == ("window",) * 4
    assert model.backbone.get_config()["attention_window"] == 5


@keras.saving.register_keras_serializable(package="tests.overrides")
class Identity(keras_maelre.layers.SelfAttention):
    """Each token receives its own value."""

    def attend(self, query, key, value, mask):
        return value


PLAN = (Identity, "linear", "tests.overrides>Identity", "dot")


def test_a_kind_of_attention_of_the_user_s_own(tmp_path, monkeypatch):
    model = tiny_classifier("series", attention=PLAN)
    assert model.backbone.attention_plan[0] == model.backbone.attention_plan[2]
    assert model.backbone.attention_plan[2] == "tests.overrides>Identity"
    model.save_to_preset(tmp_path)
    loaded = MaelreClassifier.from_preset(tmp_path)
    assert type(encoder_layers(loaded)[0].attention) is Identity
    x = random_input("series")
    np.testing.assert_allclose(predict(loaded, x), predict(model, x), atol=1e-6)
    # Where it is not registered, the preset is refused.
    lookup = keras.saving.get_registered_object
    monkeypatch.setattr(
        keras.saving,
        "get_registered_object",
        lambda name, *others: None if name == PLAN[2] else lookup(name, *others),
    )
    with pytest.raises(ValueError, match="(?s)`attention`.*tests.overrides>Identity"):
        MaelreClassifier.from_preset(tmp_path)


def test_other_kinds_are_saved_and_swapped(tmp_path):
    """The weights of a kind with none of its own load into another."""
    model = randomize(tiny_classifier("series", attention="window", attention_window=4))
    model.save_to_preset(tmp_path / "window")
    loaded = MaelreClassifier.from_preset(tmp_path / "window")
    x = random_input("series")
    answers = predict(model, x)
    np.testing.assert_array_equal(predict(loaded, x), answers)
    dot = MaelreClassifier.from_preset(tmp_path / "window", attention="dot")
    wide = MaelreClassifier.from_preset(tmp_path / "window", attention_window=50)
    # A window over all tokens leaves nothing out.
    np.testing.assert_allclose(predict(wide, x), predict(dot, x), rtol=1e-5, atol=1e-5)
    assert np.abs(predict(dot, x) - answers).max() > 1e-3


def test_weights_that_a_kind_needs_are_not_made_up(tmp_path):
    model = tiny_classifier("series", attention="linear")
    model.save_to_preset(tmp_path)
    with pytest.raises(ValueError, match="value_kernel.*: the source has none"):
        MaelreClassifier.from_preset(tmp_path, attention="focused")
    target = tiny_classifier("series", attention="focused")
    report = transfer_weights(model, target)
    new = [line for line in report.left if "the source has none" in line]
    assert len(new) == 5 and all("value_kernel" in line for line in new)
    report = transfer_weights(target, model)
    assert len(report.unused) == 5 and all("value_kernel" in n for n in report.unused)
    assert "5 weights of the source not used" in str(report)


@pytest.mark.parametrize(
    "modality, input_shape",
    [
        ("text", 21),
        ("bytes", (33,)),
        ("series", [17, 4]),
        ("audio", (20, 24)),
        ("image", (16, 28, 1)),
    ],
)
def test_another_input_shape(modality, input_shape):
    model = tiny_classifier(modality, input_shape=input_shape)
    shape = (input_shape,) if isinstance(input_shape, int) else tuple(input_shape)
    dtype = "int32" if modality in ("text", "bytes") else "float32"
    assert model.signal_shape == shape != SHAPES[modality]
    table = model.backbone.get_layer("position_embedding").embeddings
    assert tuple(table.shape[:-1]) == model.backbone.token_grids[0]
    assert tuple(model(keras.Input(shape, dtype=dtype)).shape) == (None, 3)


def test_a_number_of_classes_counted_by_numpy():
    model = tiny_classifier("series", num_classes=np.unique([0, 1, 2, 3]).size)
    model = tiny_classifier("series", num_classes=np.max([0, 3]) + 1)
    assert model.num_classes == 4
    json.dumps(model.get_config())


@pytest.mark.parametrize("model_class", [MaelreBackbone, MaelreClassifier])
def test_the_constructors_know_their_keywords(model_class):
    arguments = {"modality": "series", "input_shape": SHAPES["series"], "width": 16}
    if model_class is MaelreClassifier:
        arguments = {"backbone": MaelreBackbone(**arguments), "num_classes": 2}
    with pytest.raises(TypeError, match="droupout"):
        model_class(**arguments, droupout=0.1)


def test_a_saved_preset_under_another_policy(tmp_path):
    model = tiny_classifier("series")
    model.save_to_preset(tmp_path)
    half = MaelreClassifier.from_preset(tmp_path, dtype="mixed_float16")
    assert half.dtype_policy.name == half.backbone.dtype_policy.name == "mixed_float16"
    for one, other in zip(half.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    x = random_input("series")
    np.testing.assert_allclose(predict(half, x), predict(model, x), atol=0.02)


@keras.saving.register_keras_serializable(package="tests")
def squared(x):
    return x * x


def test_a_feature_map_of_the_user_s_own(tmp_path):
    model = tiny_classifier("series", feature_map=squared)
    model.save_to_preset(tmp_path)
    loaded = MaelreClassifier.from_preset(tmp_path)
    assert encoder_layers(loaded)[0].attention.feature_map is squared
    x = random_input("series")
    np.testing.assert_allclose(predict(loaded, x), predict(model, x), atol=1e-6)
    changed = MaelreClassifier.from_preset(tmp_path, feature_map="softplus")
    assert changed.backbone.feature_map == "softplus"
