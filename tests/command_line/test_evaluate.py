"""Scores of a preset on labelled data."""

import json

import numpy as np

from keras_maelre.datasets import read_npz
from tests.command_line.small import run, series_archive, series_preset


def scores(capsys, *arguments):
    capsys.readouterr()
    assert run("evaluate", *arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_scores_of_the_chosen_samples(tmp_path, capsys):
    classifier = series_preset(tmp_path / "preset")
    data = read_npz(series_archive(tmp_path / "data.npz"))

    def accuracy(x, y):
        return float(np.mean(np.argmax(classifier.predict_proba(x), axis=1) == y))

    arguments = (tmp_path / "preset", tmp_path / "data.npz")
    wanted = accuracy(data.x_test, data.y_test)
    assert scores(capsys, *arguments)["accuracy"] == wanted
    x = np.concatenate([data.x_train, data.x_test])
    wanted = accuracy(x, np.concatenate([data.y_train, data.y_test]))
    assert scores(capsys, *arguments, "--samples", "all")["accuracy"] == wanted


def test_classes_are_known_by_their_names(tmp_path, capsys):
    series_preset(tmp_path / "preset")
    one = series_archive(tmp_path / "one.npz")
    with np.load(one) as archive:
        arrays = dict(archive)
    arrays |= {"y": 1 - arrays["y"], "classes": arrays["classes"][::-1]}
    np.savez(tmp_path / "other.npz", **arrays)
    first = scores(capsys, tmp_path / "preset", one)
    assert scores(capsys, tmp_path / "preset", tmp_path / "other.npz") == first


def test_unknown_classes(tmp_path, capsys):
    series_preset(tmp_path / "preset")
    data = series_archive(tmp_path / "data.npz", classes=("calm", "fog"))
    assert run("evaluate", tmp_path / "preset", data) == 2
    error = capsys.readouterr().err
    assert "does not know: fog; it knows calm, storm" in error
