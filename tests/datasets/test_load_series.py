import sys

import numpy as np
import pytest

from keras_maelre.datasets import load_series

# The package's attribute of this name is the function.
MODULE = sys.modules["keras_maelre.datasets.load_series"]


def write_pair(folder):
    for split in ("TRAIN", "TEST"):
        (folder / f"Toy_{split}.tsv").write_text("1\t2\t3\n2\t4\t5\n")


def test_npz_file(tmp_path):
    path = tmp_path / "flights.npz"
    np.savez(path, X=np.ones((2, 4)), y=[0, 1], is_test=[False, True])
    assert load_series(str(path)).name == "flights"


def test_archive_file_and_folder(tmp_path):
    write_pair(tmp_path)
    for path in (tmp_path, str(tmp_path), tmp_path / "Toy_TEST.tsv"):
        assert load_series(path).name == "Toy"


def test_word_leads_to_mosquito_sound(monkeypatch):
    monkeypatch.setattr(MODULE, "load_mosquito_sound", lambda: "the set")
    assert load_series("mosquito_sound") == "the set"


def test_folder_of_that_name_is_reached_by_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mosquito_sound").mkdir()
    write_pair(tmp_path / "mosquito_sound")
    assert load_series("./mosquito_sound").name == "Toy"


def test_nothing_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"(?s)absent.*\.npz.*mosquito_sound"):
        load_series(tmp_path / "absent.npz")


def test_unknown_kind(tmp_path):
    path = tmp_path / "flights.csv"
    path.write_text("1,2,3")
    with pytest.raises(ValueError, match=r"\.npz.*mosquito_sound.*flights.csv"):
        load_series(path)


@pytest.mark.parametrize("path", [None, 3])
def test_no_path(path):
    with pytest.raises(TypeError, match=f"`path`.*{path}"):
        load_series(path)
