"""Facts of a preset, from its configuration."""

import json

import pytest

from tests.command_line.small import run, series_preset


def test_facts_are_those_of_the_model(tmp_path, capsys):
    classifier = series_preset(tmp_path / "preset", temperature=2.5)
    backbone = classifier.backbone
    # The output of a training holds the preset.
    assert run("info", tmp_path, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["class"] == "MaelreClassifier"
    assert facts["modality"] == "series"
    assert tuple(facts["input_shape"]) == classifier.signal_shape
    assert tuple(facts["classes"]) == classifier.class_names
    assert facts["temperature"] == 2.5
    assert facts["width"] == backbone.width
    assert tuple(facts["depths"]) == backbone.depths
    assert facts["dtype"] == "float32"
    assert facts["preprocessor"]["class"] == "SeriesPreprocessor"
    size = (tmp_path / "preset" / "model.weights.h5").stat().st_size
    assert facts["bytes"]["model.weights.h5"] == size


def test_text_for_people(tmp_path, capsys):
    series_preset(tmp_path)
    assert run("info", tmp_path) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "classes (calm, storm)" in lines
    assert "input shape (40, 1)" in lines
    assert "multi label no" in lines


def test_a_backbone_has_no_classes(tmp_path, capsys):
    series_preset(tmp_path / "whole").backbone.save_to_preset(tmp_path / "backbone")
    assert run("info", tmp_path / "backbone", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["class"] == "MaelreBackbone" and facts["width"] == 16
    assert "classes" not in facts


@pytest.mark.parametrize("text", ["", "[]", '{"config": {}}', '{"config": []}'])
def test_damaged_configuration(text, tmp_path, capsys):
    (tmp_path / "config.json").write_text(text)
    assert run("info", tmp_path) == 2
    assert "does not describe a model" in capsys.readouterr().err
