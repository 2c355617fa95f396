import pathlib
import subprocess
import sys
import tempfile
from unittest import mock

import keras  # noqa: F401  (its backend has to be imported before TensorFlow)
import numpy as np
import pytest

from keras_maelre.datasets import read_meshup
from keras_maelre.datasets.meshup import split_of
from tests.datasets.test_meshup import article, write

tfds = pytest.importorskip("tensorflow_datasets", reason="needs the extra [data]")
from keras_maelre.datasets.meshup_builder import FILE, Meshup  # noqa: E402

ARTICLES = [article(i) for i in range(40)]
ARTICLES[1]["mesh"]["D1"] = "A rare one"
ARTICLES[2]["mesh"] = {"D1": "A rare one"}
COUNTS = {"train": 0, "validation": 0, "test": 0}
for number, one in enumerate(ARTICLES):
    COUNTS[split_of(one["pmid"])] += number != 2


class TestMeshup(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = Meshup
    SPLITS = COUNTS

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.EXAMPLE_DIR = folder.name
        write(pathlib.Path(folder.name) / FILE, ARTICLES)
        patch = mock.patch.object(Meshup, "MIN_ARTICLES", 5)
        patch.start()
        cls.addClassCleanup(patch.stop)
        super().setUpClass()


def prepared(tmp_path):
    manual_dir = tmp_path / "manual"
    manual_dir.mkdir(exist_ok=True)
    write(manual_dir / FILE, ARTICLES)
    builder = Meshup(data_dir=tmp_path)
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=manual_dir)
    )
    return builder


def test_holds_what_the_reader_reads(tmp_path, monkeypatch):
    monkeypatch.setattr(Meshup, "MIN_ARTICLES", 5)
    builder = prepared(tmp_path)
    data = read_meshup(tmp_path / "manual" / FILE, min_articles=5)
    # A builder that was made anew reads the names from disk.
    builder = Meshup(data_dir=tmp_path)
    names = builder.info.features["labels"].feature.names
    assert tuple(names) == data.class_names

    def stored(split):
        texts = {}
        for one in tfds.as_numpy(builder.as_dataset(split=split)):
            row = np.zeros(len(names), "uint8")
            row[one["labels"]] = 1
            texts[one["text"].decode()] = row.tolist()
        return texts

    def read(split):
        rows = getattr(data, f"y_{split}").tolist()
        return dict(zip(getattr(data, f"x_{split}"), rows, strict=True))

    assert stored("train+validation") == read("train")
    assert stored("test") == read("test")


def test_missing_file_is_explained(tmp_path):
    manual_dir = tmp_path / "manual"
    manual_dir.mkdir()
    (manual_dir / "other.json").write_text("{}")
    config = tfds.download.DownloadConfig(manual_dir=manual_dir)
    with pytest.raises(FileNotFoundError) as error:
        Meshup(data_dir=tmp_path).download_and_prepare(download_config=config)
    for part in (str(manual_dir / FILE), "2204.13604"):
        assert part in str(error.value)


def test_package_does_not_import_tensorflow_datasets():
    code = (
        "import sys, keras_maelre.datasets\n"
        "sys.exit('tensorflow_datasets' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
