import importlib.util
import pathlib
import subprocess
import sys
import tempfile
from unittest import mock

import keras  # noqa: F401  (its backend has to be imported before TensorFlow)
import numpy as np
import pytest

from keras_maelre.datasets import load_mosquito_sound, read_ucr

tfds = pytest.importorskip("tensorflow_datasets", reason="needs the extra [data]")
from keras_maelre.datasets.mosquito_sound_builder import (  # noqa: E402
    MosquitoSound,
    find_files,
)

LENGTH = 12


def write_files(folder, suffix=".ts", samples=(7, 4), change=lambda line: line):
    """Writes a small pair of files; every series is distinct."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    names = MosquitoSound.SPECIES
    for split, count in zip(("TRAIN", "TEST"), samples, strict=True):
        with open(folder / f"MosquitoSound_{split}{suffix}", "w") as file:
            if suffix == ".ts":
                file.write(f"@classLabel true {' '.join(names)}\n@data\n")
            for index in range(count):
                values = [f"{value:.6f}" for value in rng.normal(size=LENGTH)]
                label = names[index % len(names)]
                if suffix == ".ts":
                    line = ",".join(values) + ":" + label
                else:
                    line = "\t".join([label, *values])
                file.write(change(line) + "\n")


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(MosquitoSound, "LENGTH", LENGTH)


class TestMosquitoSound(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = MosquitoSound
    SPLITS = {"train": 7, "test": 4}  # noqa: RUF012

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.EXAMPLE_DIR = folder.name
        write_files(pathlib.Path(folder.name))
        patch = mock.patch.object(MosquitoSound, "LENGTH", LENGTH)
        patch.start()
        cls.addClassCleanup(patch.stop)
        super().setUpClass()


def manual(data_dir):
    return data_dir / "downloads" / "manual"


def by_first_value(x, y):
    """Series and labels in an order that does not depend on how they are stored."""
    order = np.argsort(x[:, 0, 0])
    return x[order], y[order]


@pytest.mark.parametrize("suffix", [".ts", ".tsv"])
def test_loads_what_the_files_hold(tmp_path, short, suffix):
    write_files(manual(tmp_path), suffix)
    data = load_mosquito_sound(tmp_path)
    direct = read_ucr(manual(tmp_path))
    assert data.x_train.shape == (7, LENGTH, 1) and data.x_test.shape == (4, LENGTH, 1)
    assert data.class_names == MosquitoSound.SPECIES
    assert data.sample_rate == 6000.0
    assert not data.simulated
    for split in ("train", "test"):
        x, y = by_first_value(getattr(data, f"x_{split}"), getattr(data, f"y_{split}"))
        x_direct, y_direct = by_first_value(
            getattr(direct, f"x_{split}"), getattr(direct, f"y_{split}")
        )
        np.testing.assert_array_equal(x, x_direct)
        names = [data.class_names[label] for label in y]
        assert names == [direct.class_names[label] for label in y_direct]


def test_later_calls_need_the_files_no_more(tmp_path, short):
    write_files(manual(tmp_path))
    first = load_mosquito_sound(tmp_path)
    for file in manual(tmp_path).iterdir():
        file.unlink()
    np.testing.assert_array_equal(load_mosquito_sound(tmp_path).x_test, first.x_test)


def test_missing_files_are_explained(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        load_mosquito_sound(tmp_path)
    for part in (str(manual(tmp_path)), "MosquitoSound_TRAIN.ts", "archive"):
        assert part in str(error.value)


def test_half_a_pair_is_none(tmp_path):
    write_files(tmp_path)
    (tmp_path / "MosquitoSound_TEST.ts").unlink()
    with pytest.raises(FileNotFoundError):
        find_files(tmp_path)


@pytest.mark.parametrize(
    ("suffix", "change", "message"),
    [
        (".ts", lambda line: "0.5," + line, "series 0 must have 12 values"),
        (".ts", lambda line: line.replace(",", ",x", 1), "line 3: "),
        (
            ".tsv",
            lambda line: "1" + line[line.index("\t") :],
            "Received: '1'.*read_ucr",
        ),
    ],
)
def test_other_files_are_refused(tmp_path, short, suffix, change, message):
    write_files(manual(tmp_path), suffix, change=change)
    with pytest.raises(ValueError, match=message):
        load_mosquito_sound(tmp_path)


@pytest.mark.parametrize("absent", ["tensorflow", "tensorflow_datasets"])
def test_missing_extra_names_the_command(tmp_path, monkeypatch, absent):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == absent else find_spec(name, *rest),
    )
    with pytest.raises(ImportError, match=rf"{absent}: pip install .*\[data\]"):
        load_mosquito_sound(tmp_path)


def test_package_does_not_import_tensorflow_datasets():
    code = (
        "import sys, keras_maelre.datasets\n"
        "sys.exit('tensorflow_datasets' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
