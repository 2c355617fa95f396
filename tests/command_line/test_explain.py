"""Pictures of what answers rest on."""

import csv
import io
import json

import numpy as np

import keras_maelre
from keras_maelre_cli.explain import METHODS
from tests.command_line.small import bytes_preset, run, series_archive, series_preset


def test_methods_are_those_of_the_library():
    assert METHODS == keras_maelre.explanation.METHODS


def test_pictures_and_scores(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    classifier = series_preset("preset")
    archive = series_archive("data.npz", samples=3)
    capsys.readouterr()
    options = ("--method", "gradient", "--target", "storm")
    assert run("explain", "preset", archive, *options) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["sample"] for row in rows] == [f"data.npz:{i}" for i in range(3)]
    with np.load(archive) as arrays:
        x = list(arrays["X"])
    wanted = keras_maelre.explain(classifier, x, "storm", "gradient")
    for row, found in zip(rows, wanted, strict=True):
        assert row["target"] == "storm" and row["error"] == ""
        assert abs(float(row["score"]) - found.score) < 1e-4
        with open(row["picture"], "rb") as file:
            assert file.read(4) == b"\x89PNG"


def test_a_bad_sample_leaves_the_others(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bytes_preset("films")
    (tmp_path / "good.txt").write_text("a fine film")
    options = ("--method", "gradient", "--json", "--suffix", ".html")
    capsys.readouterr()
    assert run("explain", "films", "missing.txt", "good.txt", *options) == 1
    printed = capsys.readouterr()
    bad, good = map(json.loads, printed.out.splitlines())
    assert bad["sample"] == "missing.txt" and "error" in bad
    assert len(good["values"]) == len("a fine film")
    assert "<html>" in (tmp_path / good["picture"]).read_text()
    assert "2 samples: 1 explained, 1 failed." in printed.err


def test_unknown_class(tmp_path, capsys):
    series_preset(tmp_path)
    assert run("explain", tmp_path, "x.npz", "--target", "fog") == 2
    assert "--target must be one of calm, storm" in capsys.readouterr().err
