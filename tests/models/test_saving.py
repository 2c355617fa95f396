"""Saved equals loaded, whatever is saved, changed, or run on."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_maelre
from keras_maelre import MaelreBackbone, MaelreClassifier
from tests.models import tiny
from tests.models.tiny import (
    FEW_STEPS,
    SHAPES,
    random_input,
    randomize,
    tiny_classifier,
)

ROOT = pathlib.Path(keras_maelre.__file__).parent.parent


def predict(model, x):
    outputs = tiny.predict(model, x)
    return outputs["cls"] if isinstance(outputs, dict) else outputs


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """A model with weights of its own, its preset and its logits."""
    model = randomize(tiny_classifier("series"))
    directory = tmp_path_factory.mktemp("preset")
    model.save_to_preset(directory)
    x = random_input("series", length=30)
    return model, directory, x, predict(model, x)


@pytest.mark.parametrize("modality", sorted(SHAPES))
def test_preset_round_trip(modality, tmp_path):
    model = randomize(tiny_classifier(modality, feature_map="softplus"))
    model.save_to_preset(tmp_path / "new" / "folder")
    loaded = MaelreClassifier.from_preset(tmp_path / "new" / "folder")
    x = random_input(modality)
    np.testing.assert_allclose(predict(loaded, x), predict(model, x), atol=1e-6)
    assert loaded.get_config() == model.get_config()


def test_keras_file_round_trip(series, tmp_path):
    model, _, x, expected = series
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is MaelreClassifier
    np.testing.assert_allclose(predict(loaded, x), expected, atol=1e-6)


def test_config_is_json_and_builds_the_same_model(series):
    model, *_ = series
    config = json.loads(json.dumps(model.get_config()))
    again = MaelreClassifier.from_config(config)
    shapes = [[tuple(w.shape) for w in m.weights] for m in (model, again)]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize(
    "change",
    [
        {"dropout_rate": 0.3, "drop_path_rate": 0.1},
        {"remat": True},
        {"dtype": "float32", "name": "renamed"},
        {"num_classes": 3},
    ],
)
def test_changes_that_keep_the_logits(series, change):
    _, directory, x, expected = series
    loaded = MaelreClassifier.from_preset(directory, **change)
    np.testing.assert_allclose(predict(loaded, x), expected, atol=1e-6)


def test_weights_load_under_any_attention(series):
    model, directory, x, expected = series
    loaded = MaelreClassifier.from_preset(directory, attention="dot")
    assert loaded.backbone.attention_plan == ("dot",) * 4
    for one, other in zip(loaded.weights, model.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    assert np.abs(predict(loaded, x) - expected).max() > 1e-4


def test_another_length_resamples_the_positions(series):
    model, directory, *_ = series
    loaded = MaelreClassifier.from_preset(directory, input_shape=(80, 2))
    table = loaded.backbone.get_layer("position_embedding").embeddings
    assert tuple(table.shape) == (80, 16)
    assert np.isfinite(predict(loaded, np.zeros((1, 80, 2), "float32"))).all()
    same = [
        np.array_equal(one.numpy(), other.numpy())
        for one, other in zip(loaded.weights, model.weights, strict=True)
        if one is not table
    ]
    assert all(same) and len(same) == len(model.weights) - 1


def test_another_number_of_classes_warns_of_the_new_head(series):
    model, directory, *_ = series
    with pytest.warns(UserWarning, match="3 classes and 5 were asked for"):
        loaded = MaelreClassifier.from_preset(directory, num_classes=5)
    one, other = (m.backbone.get_layer("stem").conv.kernel for m in (loaded, model))
    np.testing.assert_array_equal(one.numpy(), other.numpy())
    assert loaded.head.kernel.shape[-1] == 5


def test_backbone_and_classifier_load_each_other(series, tmp_path):
    model, directory, x, _ = series
    backbone = MaelreBackbone.from_preset(directory)
    expected = predict(model.backbone, x)
    np.testing.assert_allclose(predict(backbone, x), expected, atol=1e-6)
    backbone.save_to_preset(tmp_path)
    with pytest.raises(ValueError, match="num_classes"):
        MaelreClassifier.from_preset(tmp_path)
    with pytest.warns(UserWarning, match="head is new"):
        classifier = MaelreClassifier.from_preset(tmp_path, num_classes=4)
    np.testing.assert_allclose(predict(classifier.backbone, x), expected, atol=1e-6)


def test_hugging_face_handle(series, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    _, directory, x, expected = series
    asked = []

    def fetched(repository, revision, allow_patterns):
        asked.append((repository, revision))
        assert sorted(allow_patterns) == ["config.json", "model.weights.h5"]
        return str(directory)

    monkeypatch.setattr(hub, "snapshot_download", fetched)
    loaded = MaelreClassifier.from_preset("hf://someone/something")
    MaelreClassifier.from_preset("hf://someone/something@v2")
    assert asked == [("someone/something", None), ("someone/something", "v2")]
    for handle in ("hf://", "hf://someone", "hf://a/b/c"):
        with pytest.raises(ValueError, match="hf://user/repository"):
            MaelreClassifier.from_preset(handle)
    np.testing.assert_allclose(predict(loaded, x), expected, atol=1e-6)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r"pip install .keras_maelre.hub"):
        MaelreClassifier.from_preset("hf://someone/something")


LOAD = """
import sys, numpy as np, keras_maelre
model = keras_maelre.MaelreClassifier.from_preset(sys.argv[1])
x = np.load(sys.argv[2])
np.save(sys.argv[3], model.predict(x, verbose=0))
"""


@pytest.mark.compiles_long
def test_trained_here_equals_loaded_on_the_other_backends(tmp_path):
    model = tiny_classifier("series")
    x, y = random_input("series", batch=12, length=40), np.arange(12) % 3
    x[3, 25:] = np.nan
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, **FEW_STEPS)
    model.fit(x, y, batch_size=4, epochs=2, verbose=0)
    expected = predict(model, x)
    model.save_to_preset(tmp_path / "preset")
    np.save(tmp_path / "x.npy", x)
    for backend in {"tensorflow", "jax", "torch"} - {keras.backend.backend()}:
        if importlib.util.find_spec(backend) is None:
            continue
        environment = {
            **os.environ,
            "KERAS_BACKEND": backend,
            "PYTHONPATH": str(ROOT),
        }
        command = [sys.executable, "-c", LOAD]
        command += [tmp_path / name for name in ("preset", "x.npy", f"{backend}.npy")]
        subprocess.run(command, env=environment, check=True, capture_output=True)
        got = np.load(tmp_path / f"{backend}.npy")
        np.testing.assert_allclose(got, expected, atol=1e-4, err_msg=backend)
