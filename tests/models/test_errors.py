"""Bad input: the right exception, naming what came and what is possible."""

import json
import shutil

import numpy as np
import pytest

from keras_maelre import MaelreBackbone, MaelreClassifier, count_macs, transfer_weights
from tests.models.tiny import random_input, tiny_classifier


@pytest.fixture(scope="module")
def series():
    return tiny_classifier("series")


@pytest.fixture(scope="module")
def tokens():
    return tiny_classifier("bytes")


@pytest.mark.parametrize(
    "kwargs, error, message",
    [
        ({"droupout": 1}, TypeError, "'droupout'.*dropout_rate"),
        ({"num_heads": (3, 2, 4, 8)}, ValueError, "num_heads=3, width 16"),
        ({"num_heads": (1, 2)}, ValueError, "`num_heads` must hold 4"),
        ({"depths": (0, 1, 1, 1)}, ValueError, r"`depths\[0\]`.*=0"),
        ({"width": 8.5}, TypeError, "`width`.*8.5"),
        ({"attention": "quadratic"}, ValueError, '"auto".*quadratic'),
        ({"attention": ("dot", "dot")}, ValueError, "sequence of 4"),
        ({"merge": "med"}, ValueError, "'average'.*'med'"),
        ({"feature_map": "gelu"}, ValueError, "'softplus'.*'gelu'"),
        ({"dropout_rate": 1.0}, ValueError, r"`dropout_rate`.*\[0, 1\).*1.0"),
        ({"drop_path_rate": "a"}, TypeError, r"`drop_path_rate`.*'a'"),
        ({"input_shape": (10,)}, ValueError, r"\(length, channels\).*\(10,\)"),
        ({"num_classes": 0}, ValueError, "`num_classes`.*0"),
    ],
)
def test_bad_arguments(kwargs, error, message):
    with pytest.raises(error, match=f"(?s){message}"):
        tiny_classifier("series", **kwargs)


def test_unknown_preset_lists_the_known():
    with pytest.raises(ValueError, match="(?s)'tinyseries'.*base_audio.*wide_text"):
        MaelreClassifier.from_preset("tinyseries")
    with pytest.raises(TypeError, match="`preset`.*3"):
        MaelreClassifier.from_preset(3)


def test_backbone_has_no_classes():
    with pytest.raises(TypeError, match="'num_classes'"):
        MaelreBackbone.from_preset("tiny_series", num_classes=3)
    with pytest.raises(TypeError, match="`backbone`"):
        MaelreClassifier("tiny_series", 3)


@pytest.mark.parametrize(
    "shape", [(2, 50), (2, 50, 2, 1), (2, 50, 3), (2, 51, 2), (2, 0, 2)]
)
@pytest.mark.parametrize("method", ["__call__", "predict"])
def test_wrong_shape(series, method, shape):
    with pytest.raises(ValueError, match=r"\(batch, 1 to 50, 2\).*Received: \(2, "):
        getattr(series, method)(np.zeros(shape, "float32"))


@pytest.mark.parametrize("method", ["__call__", "predict", "evaluate", "fit"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_value_that_is_neither_finite_nor_padding(series, method, value):
    x = random_input("series")
    x[1, 7, 0] = value
    with pytest.raises(ValueError, match=r"at \(1, 7, 0\).*NaN in every channel"):
        getattr(series, method)(x)


@pytest.mark.parametrize("modality", ["audio", "image"])
def test_wrong_size_and_nan_of_grids(modality):
    model = tiny_classifier(modality)
    x = random_input(modality)
    with pytest.raises(ValueError, match="`input_shape` to `from_preset`"):
        model(x[:, 1:])
    x[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="must be finite"):
        model(x)


@pytest.mark.parametrize("value", [-1, 257])
def test_token_ids_beyond_the_vocabulary(tokens, value):
    ids = random_input("bytes")
    ids[0, 3] = value
    with pytest.raises(ValueError, match=rf"\[0, 257\).*{value}"):
        tokens.predict(ids)


def test_token_ids_must_be_integers(tokens):
    with pytest.raises(ValueError, match="integers.*float32"):
        tokens.predict(random_input("bytes").astype("float32"))


def test_cost_of_too_long_an_input(series):
    with pytest.raises(ValueError, match="1 to 50"):
        count_macs(series, 51)
    with pytest.raises(TypeError, match="`source`"):
        transfer_weights("image", series)


@pytest.fixture
def preset(series, tmp_path):
    series.save_to_preset(tmp_path / "preset")
    return tmp_path / "preset"


def test_missing_file(preset):
    (preset / "model.weights.h5").unlink()
    with pytest.raises(ValueError, match="lacks the file 'model.weights.h5'"):
        MaelreClassifier.from_preset(preset)


def test_broken_configuration(preset):
    config = preset / "config.json"
    config.write_text(config.read_text()[:-20])
    with pytest.raises(ValueError, match="config.json.*does not describe"):
        MaelreClassifier.from_preset(preset)


@pytest.mark.parametrize("name", ["keras>Dense", "keras_maelre>Unknown"])
def test_foreign_configuration(preset, name):
    config = json.loads((preset / "config.json").read_text())
    config["registered_name"] = name
    (preset / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=f"{name}.*MaelreClassifier"):
        MaelreClassifier.from_preset(preset)


def test_truncated_weights(preset):
    weights = preset / "model.weights.h5"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(ValueError, match="damaged or belong to another model"):
        MaelreClassifier.from_preset(preset)


@pytest.mark.parametrize("other", [{"width": 32}, {"depths": (1, 1, 3, 1)}])
def test_weights_of_another_model(preset, tmp_path, other):
    tiny_classifier("series", **other).save_to_preset(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "model.weights.h5", preset)
    with pytest.raises(ValueError, match="damaged or belong to another model"):
        MaelreClassifier.from_preset(preset)


@pytest.mark.parametrize(
    "change", [{"width": 32}, {"merge": "average"}, {"depths": (1, 1, 1, 1)}]
)
def test_change_that_the_saved_weights_do_not_fit(preset, change):
    with pytest.raises(
        ValueError, match=f"do not fit what was changed.*{[*change][0]}"
    ):
        MaelreClassifier.from_preset(preset, **change)
