"""Files that run without Keras."""

import keras
import pytest

import keras_maelre
from keras_maelre.deployment.formats import FORMATS
from keras_maelre_cli import export
from tests.command_line.small import run, series_preset


def test_formats_are_those_of_the_library():
    assert export.FORMATS == {f.suffix: name for name, f in FORMATS.items()}


def test_what_is_asked_for_is_passed_on(tmp_path, capsys, monkeypatch):
    seen = {}

    def written(classifier, path, **kwargs):
        seen.update(kwargs, path=path, classes=classifier.class_names)
        return "a file"

    monkeypatch.setattr(keras_maelre, "export", written)
    series_preset(tmp_path)
    options = ("--model-input", "--batch", "2", "--length", "30", "--license", "MIT")
    assert run("export", tmp_path, "storms.tflite", *options) == 0
    assert capsys.readouterr().out == "a file\n"
    assert seen == {
        "classes": ("calm", "storm"),
        "path": "storms.tflite",
        "format": "litert",
        "raw_input": False,
        "batch": 2,
        "length": 30,
        "license": "MIT",
    }


@pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="the format is written by torch alone"
)
def test_a_file(tmp_path, capsys):
    series_preset(tmp_path / "preset")
    assert run("export", tmp_path / "preset", tmp_path / "storms.pt2") == 0
    assert (tmp_path / "storms.pt2").stat().st_size
    assert "of Keras on torch" in capsys.readouterr().out


def test_unknown_ending(tmp_path, capsys):
    assert run("export", tmp_path, "storms.zip") == 2
    assert "must end in .onnx, .tflite, .xml, .pt2" in capsys.readouterr().err


def test_a_file_that_cannot_be_written(tmp_path, capsys, monkeypatch):
    def failing(*args, **kwargs):
        raise RuntimeError("disagrees with Keras")

    monkeypatch.setattr(keras_maelre, "export", failing)
    series_preset(tmp_path)
    assert run("export", tmp_path, "storms.onnx") == 2
    assert "error: disagrees with Keras" in capsys.readouterr().err
