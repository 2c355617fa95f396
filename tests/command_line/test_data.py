"""Labelled data in every form, told apart by what they are."""

import argparse

import numpy as np
import pytest
import soundfile
from PIL import Image

from keras_maelre_cli.data import add_arguments, read_data
from tests.command_line.small import series_archive


def read(path, *options, **kwargs):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return read_data(parser.parse_args([str(path), *options]), **kwargs)


def write_sounds(folder, suffix="wav"):
    generator = np.random.default_rng(0)
    for name in ("dog", "rain"):
        (folder / name).mkdir(parents=True)
        for i in range(3):
            wave = generator.uniform(-0.1, 0.1, 800)
            soundfile.write(folder / name / f"{i}.{suffix}", wave, 16000)
    return folder


def write_images(folder):
    for hue, name in enumerate(("cat", "dog")):
        (folder / name).mkdir(parents=True)
        for i in range(3):
            pixel = (100 * hue, 50 * i, 0)
            Image.new("RGB", (8, 8), pixel).save(folder / name / f"{i}.png")
    return folder


@pytest.mark.parametrize(
    ("write", "modality", "classes"),
    [(write_sounds, "audio", ("dog", "rain")), (write_images, "image", ("cat", "dog"))],
)
def test_folders(write, modality, classes, tmp_path):
    data, found = read(write(tmp_path / "data"))
    assert found == modality and data.class_names == classes
    assert len(data.x_train) == 4 and len(data.x_test) == 2


def test_a_table_of_sound_files(tmp_path):
    write_sounds(tmp_path / "audio")
    (tmp_path / "index.csv").write_text(
        "filename,fold,category\ndog/0.wav,1,dog\nrain/0.wav,1,rain\nrain/1.wav,2,rain\n"
    )
    data, modality = read(tmp_path / "index.csv")
    assert modality == "audio" and len(data.x_test) == 1
    assert data.groups_train.tolist() == [1, 1]


def test_tables_of_texts(tmp_path):
    table = tmp_path / "films.csv"
    rows = "".join(f"a good film {i},good fun\na bad film {i},bad\n" for i in range(4))
    table.write_text("review,kind\n" + rows)
    options = ("--text", "review", "--label", "kind")
    data, modality = read(table, *options)
    assert modality == "text" and data.class_names == ("bad", "good fun")
    _, modality = read(table, *options, modality="bytes")
    assert modality == "bytes"
    data, _ = read(table, *options, multi_label=True)
    assert data.class_names == ("bad", "fun", "good") and data.multi_label


def test_archives(tmp_path):
    _, modality = read(series_archive(tmp_path / "series.npz"))
    assert modality == "series"
    pixels = np.arange(6 * 8 * 8, dtype="uint32").reshape(6, 8, 8).astype("uint8")
    y, is_test = np.arange(6) % 2, np.arange(6) > 3
    np.savez(tmp_path / "pixels.npz", X=pixels, y=y, is_test=is_test)
    data, modality = read(tmp_path / "pixels.npz", modality="image")
    assert modality == "image" and data.x_train.shape == (4, 8, 8, 1)
    files = [
        f.read_bytes() for f in sorted(write_images(tmp_path / "i").rglob("*.png"))
    ]
    np.savez(
        tmp_path / "files.npz",
        jpeg=np.frombuffer(b"".join(files), "uint8"),
        offset=np.cumsum([0, *map(len, files)]),
        y=y,
        is_test=is_test,
    )
    data, modality = read(tmp_path / "files.npz")
    assert modality == "image" and data.x_train == files[:4]


def test_ucr(tmp_path):
    (tmp_path / "Toy_TRAIN.tsv").write_text("1\t0.5\t0.2\n2\t0.1\t0.3\n")
    (tmp_path / "Toy_TEST.tsv").write_text("2\t0.2\t0.5\n")
    for path in (tmp_path, tmp_path / "Toy_TEST.tsv"):
        data, modality = read(path)
        assert modality == "series" and data.name == "Toy"


def test_damaged_files_are_left_out_on_request(tmp_path):
    folder = write_sounds(tmp_path / "data")
    (folder / "dog" / "broken.wav").write_bytes(b"RIFF, or not")
    with pytest.raises(ValueError, match="1 files in .* damaged"):
        read(folder)
    data, _ = read(folder, "--skip-damaged")
    assert len(data.x_train) + len(data.x_test) == 6
    assert "broken.wav" in data.skipped[0]


def test_what_is_there_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is nothing at"):
        read(tmp_path / "missing")
    with pytest.raises(ValueError, match="neither sound nor image files"):
        read(tmp_path)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ValueError, match=r"does not end in \.csv, \.parquet, \.npz"):
        read(tmp_path / "notes.txt")
    write_sounds(tmp_path / "audio")
    with pytest.raises(ValueError, match="holds sound files, which are audio, not im"):
        read(_table_of(tmp_path), modality="image")
    # The folder of a data set like ESC-50 has its table beside its files.
    with pytest.raises(ValueError, match=r"audio\. Is .*index\.csv the data\?"):
        read(tmp_path)
    write_images(tmp_path / "photos")
    with pytest.raises(ValueError, match="both sounds and images: pass --modality"):
        read(tmp_path)


def _table_of(folder):
    path = folder / "index.csv"
    path.write_text("file,fold,label\na.wav,1,dog\n")
    return path


def test_several_labels_are_for_texts(tmp_path):
    with pytest.raises(ValueError, match="only rows of a table of texts"):
        read(series_archive(tmp_path / "series.npz"), multi_label=True)
