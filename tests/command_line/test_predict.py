"""Answers for files, tables, arrays and standard input."""

import csv
import io
import json

import numpy as np
import pytest
import soundfile

from keras_maelre import MaelreClassifier
from keras_maelre.preprocessing import AudioPreprocessor
from tests.command_line.small import bytes_preset, run, series_archive, series_preset

TEXTS = ("a fine film", "dull", "long and dull", "so so")


def rows(capsys, *arguments, code=0):
    capsys.readouterr()
    assert run("predict", *arguments) == code
    return list(csv.DictReader(io.StringIO(capsys.readouterr().out)))


@pytest.fixture
def texts(tmp_path, monkeypatch):
    """A folder with a file for each text, below the preset `films`."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "texts"
    (folder / "below").mkdir(parents=True)
    for i, text in enumerate(TEXTS):
        (folder / ("below" if i % 2 else ".") / f"{i}.txt").write_text(text)
    (folder / "notes.md").write_text("not a sample")
    return folder


def test_a_folder(texts, capsys):
    classifier = bytes_preset("films")
    found = rows(capsys, "films", "texts", "--probabilities", "--batch-size", "3")
    names = [row["sample"] for row in found]
    assert names == [f"texts/{name}" for name in ("0.txt", "2.txt")] + [
        f"texts/below/{name}" for name in ("1.txt", "3.txt")
    ]
    # In the same batches: others round in another way.
    answers = classifier.predict_raw([TEXTS[i] for i in (0, 2, 1, 3)], batch_size=3)
    for row, answer in zip(found, answers, strict=True):
        assert row["label"] == answer.labels[0] and row["error"] == ""
        for name in ("bad", "good"):
            assert float(row[name]) == pytest.approx(answer[name], abs=1e-6)
        assert row["probability"] == row[row["label"]]


def test_lines_of_json_in_a_file(texts, capsys):
    classifier = bytes_preset("films")
    assert run("predict", "films", "texts/0.txt", "--json", "--output", "a.jsonl") == 0
    assert capsys.readouterr().out == ""
    (line,) = (texts.parent / "a.jsonl").read_text().splitlines()
    answer = classifier.predict_raw([TEXTS[0]])[0]
    assert json.loads(line) == {
        "sample": "texts/0.txt",
        "labels": list(answer.labels),
        "probabilities": pytest.approx(answer, abs=1e-6),
    }


def test_paths_from_standard_input(texts, capsys, monkeypatch):
    bytes_preset("films")
    monkeypatch.setattr("sys.stdin", io.StringIO("texts/0.txt\n\ntexts/below\n"))
    found = rows(capsys, "films", "-")
    assert [row["sample"] for row in found] == [
        "texts/0.txt",
        "texts/below/1.txt",
        "texts/below/3.txt",
    ]


def test_rows_of_a_table(texts, capsys):
    bytes_preset("films")
    (texts / "t.csv").write_text("review\nfine\ndull\n")
    found = rows(capsys, "films", "texts/t.csv", "--text", "review")
    assert [row["sample"] for row in found] == ["texts/t.csv:1", "texts/t.csv:2"]
    assert run("predict", "films", "texts/t.csv") == 2
    assert "no column 'text', see --text" in capsys.readouterr().err


def test_bad_samples_are_named_and_counted_and_the_others_answered(texts, capsys):
    classifier = bytes_preset("films")
    (texts / "1b.txt").write_bytes(b"\xff\xfe not UTF-8")
    (texts / "1c.txt").write_text("longer than the input of the model " * 3)
    capsys.readouterr()
    assert run("predict", "films", "texts", "texts/missing.txt") == 1
    printed = capsys.readouterr()
    assert "7 samples: 4 classified, 3 failed." in printed.err
    found = {r["sample"]: r for r in csv.DictReader(io.StringIO(printed.out))}
    bad = [name for name, row in found.items() if row["error"]]
    assert bad == ["texts/1b.txt", "texts/1c.txt", "texts/missing.txt"]
    assert "utf-8" in found[bad[0]]["error"]
    assert "48 bytes of `input_shape`" in found[bad[1]]["error"]
    assert "sample 0" not in printed.out + printed.err
    for name in bad:
        assert found[name]["label"] == "" and name in printed.err
    (answer,) = classifier.predict_raw([TEXTS[3]])
    assert found["texts/below/3.txt"]["label"] == answer.labels[0]


def test_a_damaged_sound_among_many(tmp_path, capsys):
    generator = np.random.default_rng(0)
    for i in range(20):
        wave = generator.uniform(-0.1, 0.1, 1600)
        soundfile.write(tmp_path / f"{i:02}.wav", wave, 16000)
    damaged = tmp_path / "07.wav"
    damaged.write_bytes(damaged.read_bytes()[:2000])
    MaelreClassifier.from_preset(
        "tiny_audio",
        width=16,
        num_classes=2,
        preprocessor=AudioPreprocessor((16, 32)),
    ).save_to_preset(tmp_path / "preset")
    capsys.readouterr()
    assert run("predict", tmp_path / "preset", tmp_path, "--batch-size", "2") == 1
    printed = capsys.readouterr()
    assert "20 samples: 19 classified, 1 failed." in printed.err
    found = list(csv.DictReader(io.StringIO(printed.out)))
    assert [row["sample"] for row in found if row["error"]] == [str(damaged)]
    assert sum(row["label"] in ("0", "1") for row in found) == 19
    assert "is cut off" in printed.err


def test_series_and_what_is_cut(tmp_path, capsys):
    series_preset(tmp_path / "preset")
    archive = series_archive(tmp_path / "data.npz")
    found = rows(capsys, tmp_path / "preset", archive)
    assert [row["sample"] for row in found[:2]] == [f"{archive}:0", f"{archive}:1"]
    assert len(found) == 24
    np.savez(tmp_path / "long.npz", waves=np.random.normal(size=(2, 50)))
    assert run("predict", tmp_path / "preset", tmp_path / "long.npz") == 2
    assert "no array 'X', see --array. Its arrays: 'waves'" in capsys.readouterr().err
    options = (tmp_path / "preset", tmp_path / "long.npz", "--array", "waves")
    assert run("predict", *options) == 0
    assert "the ends of 2 samples were cut off" in capsys.readouterr().err


def test_series_of_the_named_half(tmp_path, capsys):
    series_preset(tmp_path / "preset")
    line = "\t".join(map(str, np.sin(np.arange(40))))
    (tmp_path / "Toy_TRAIN.tsv").write_text(f"1\t{line}\n2\t{line}1\n")
    (tmp_path / "Toy_TEST.tsv").write_text(f"2\t{line}2\n")
    for name, count in (("Toy_TRAIN.tsv", 2), ("Toy_TEST.tsv", 1)):
        assert len(rows(capsys, tmp_path / "preset", tmp_path / name)) == count


def test_several_labels(texts, capsys):
    bytes_preset(
        "films", class_names=["a", "b", "c"], multi_label=True, thresholds=[0, 1, 0]
    )
    (row,) = rows(capsys, "films", "texts/0.txt")
    assert sorted(row["label"].split(";")) == ["a", "c"]
    assert len(row["probability"].split(";")) == 2


def test_what_holds_no_sample_is_an_error(texts, capsys):
    bytes_preset("films")
    (texts / "empty").mkdir()
    assert run("predict", "films", "texts/empty") == 2
    assert "holds no file that ends in .txt" in capsys.readouterr().err
    assert run("predict", "films", "texts", "--output", "no/where.csv") == 2
    assert "no/where.csv: No such file or directory" in capsys.readouterr().err


def test_a_preset_without_a_preprocessor(tmp_path, capsys):
    classifier = bytes_preset(tmp_path)
    classifier.preprocessor = None
    classifier.save_to_preset(tmp_path)
    assert run("predict", tmp_path, "a.txt") == 2
    assert "saved without a preprocessor" in capsys.readouterr().err
