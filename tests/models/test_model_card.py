"""The model card says what is so, and nothing that nobody said."""

import hashlib
import json
import re

import keras
import pytest
import yaml

from keras_maelre import MaelreBackbone, MaelreClassifier, ModelCard, __version__
from keras_maelre.preprocessing import SeriesPreprocessor
from keras_maelre.training import recipe
from tests.models.tiny import tiny_classifier

SECTIONS = ["Model", "Data", "Scores", "Recipe", "Limits", "Versions"]


def read(folder):
    """The header of a card, and its sections by their names."""
    text = (folder / "README.md").read_text(encoding="utf-8")
    _, header, body = text.split("---\n", 2)
    parts = re.split(r"^## (\w+)\n\n", body, flags=re.M)
    return yaml.safe_load(header), dict(zip(parts[1::2], parts[2::2], strict=True))


def test_what_is_not_known_is_not_stated(tmp_path):
    model = tiny_classifier("series")
    model.save_to_preset(tmp_path)
    header, sections = read(tmp_path)
    assert header == {"library_name": "keras", "tags": ["keras_maelre", "series"]}
    assert list(sections) == SECTIONS
    for name in ("Data", "Scores", "Recipe", "Limits"):
        assert sections[name].strip() == "Not stated."
    assert f"{model.count_params():,}" in sections["Model"]
    assert "3 classes\n" in sections["Model"]
    weights = (tmp_path / "model.weights.h5").read_bytes()
    assert hashlib.sha256(weights).hexdigest() in sections["Versions"]
    assert __version__ in sections["Versions"]
    assert keras.version() in sections["Versions"]


def test_what_was_said_and_what_the_model_is(tmp_path):
    model = tiny_classifier(
        "series",
        class_names=["calm", "a | b", "<b>"],
        preprocessor=SeriesPreprocessor((50, 2)),
    )
    model.quantize("int8")
    model.enable_lora(2, "qkv")
    card = ModelCard(
        data="Waves.",
        scores={"test": {"accuracy": 0.9125}, "validation": {"loss": 0.5}},
        recipe=recipe("series", learning_rate=2e-3),
        limits="One buoy.",
        license="cc-by-4.0",
        tags=["sea: waves", "series"],
    )
    model.save_to_preset(tmp_path, card=card)
    header, sections = read(tmp_path)
    assert header["license"] == "cc-by-4.0"
    assert header["tags"] == ["keras_maelre", "series", "sea: waves"]
    assert "Waves." in sections["Data"] and "One buoy." in sections["Limits"]
    assert (
        "| test | accuracy | 0.9125 |\n| validation | loss | 0.5 |"
        in (sections["Scores"])
    )
    assert "learning_rate        0.002" in sections["Recipe"]
    assert "calm, a &#124; b, &#60;b&#62;" in sections["Model"]
    assert "SeriesPreprocessor" in sections["Model"]
    assert "Adapted at low rank: 5 layers" in sections["Model"]
    assert re.search(r"Quantized: \d+ layers, int8\n", sections["Model"])
    # The card is for people: the model is what it was.
    assert MaelreClassifier.from_preset(tmp_path).lora() == model.lora()


@pytest.mark.parametrize("modality", ["bytes", "audio", "image"])
def test_tasks_that_the_hub_knows(modality, tmp_path):
    tiny_classifier(modality).save_to_preset(tmp_path)
    kind = {"bytes": "text"}.get(modality, modality)
    assert read(tmp_path)[0]["pipeline_tag"] == f"{kind}-classification"
    tiny_classifier(modality, MaelreBackbone).save_to_preset(tmp_path)
    assert "pipeline_tag" not in read(tmp_path)[0]


def test_a_card_goes_with_its_preset_and_another_file_stays(tmp_path):
    model = tiny_classifier("series")
    model.save_to_preset(tmp_path, card=ModelCard(data="Waves."))
    # The scores and data of other weights.
    model.save_to_preset(tmp_path)
    assert "Waves." not in (tmp_path / "README.md").read_text()
    (tmp_path / "README.md").write_text("Mine.")
    before = (tmp_path / "config.json").read_bytes()
    with pytest.raises(ValueError, match="README.md.*is not replaced"):
        model.save_to_preset(tmp_path, card=ModelCard(data="Waves."))
    assert (tmp_path / "config.json").read_bytes() == before
    model.save_to_preset(tmp_path)
    assert (tmp_path / "README.md").read_text() == "Mine."


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"data": 3}, TypeError, "`data`"),
        ({"license": ["mit"]}, TypeError, "`license`"),
        ({"tags": "series"}, TypeError, "`tags`"),
        ({"scores": {"accuracy": 0.9}}, TypeError, "`scores`.*splits"),
        ({"scores": {"test": {"f1": float("nan")}}}, ValueError, "'test'.*'f1'"),
        ({"scores": {"test": {"f1": "high"}}}, TypeError, "'f1'"),
    ],
    ids=str,
)
def test_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        ModelCard(**arguments)


def test_a_card_of_another_kind(tmp_path):
    with pytest.raises(TypeError, match="`card` must be a ModelCard"):
        tiny_classifier("series").save_to_preset(tmp_path / "new", card={"data": "x"})
    assert not (tmp_path / "new").exists()


def test_text_cannot_leave_its_place_in_the_header(tmp_path):
    sly = 'mit"\nlibrary_name: other'
    tiny_classifier("series").save_to_preset(
        tmp_path, card=ModelCard(license=sly, tags=["a\n---\nb"])
    )
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    header = yaml.safe_load(text.split("\n---\n")[0].removeprefix("---\n"))
    assert header["library_name"] == "keras" and header["license"] == sly
    assert json.dumps(sly) in text
