import pathlib

import numpy as np
import pytest

from keras_maelre.datasets import read_folder
from keras_maelre.datasets.shared_samples import count_shared_files

PETS = {"dog": 10, "cat": 5, "ant": 5}


def fill(folder, classes=PETS, suffix=".jpg"):
    for name, count in classes.items():
        (folder / name).mkdir(parents=True)
        for i in range(count):
            (folder / name / f"{i}{suffix}").write_text(f"{name} {i}")
    return folder


def names(paths, folder):
    return [str(pathlib.Path(path).relative_to(folder)) for path in paths]


def test_classes_are_split_alike(tmp_path):
    data = read_folder(fill(tmp_path / "pets"))
    assert data.class_names == ("ant", "cat", "dog")
    assert np.bincount(data.y_train).tolist() == [4, 4, 8]
    assert np.bincount(data.y_test).tolist() == [1, 1, 2]
    assert data.name == "pets" and data.skipped == ()
    for split in ("train", "test"):
        x, y = getattr(data, f"x_{split}"), getattr(data, f"y_{split}")
        for path, label in zip(x, y, strict=True):
            assert isinstance(path, str)
            name = data.class_names[label]
            assert pathlib.Path(path).read_text().split()[0] == name
    every = names(data.x_train + data.x_test, tmp_path / "pets")
    assert sorted(every) == sorted(
        f"{name}/{i}.jpg" for name, count in PETS.items() for i in range(count)
    )


def test_seed_chooses_the_same_files_anywhere(tmp_path):
    one, other = fill(tmp_path / "one"), fill(tmp_path / "other")

    def chosen(folder, seed):
        return names(read_folder(folder, seed=seed, test_fraction=0.4).x_test, folder)

    assert chosen(one, 0) == chosen(other, 0)
    assert chosen(one, 0) != chosen(one, 1)


@pytest.mark.parametrize("test", ["test", "val", "validation"])
def test_folders_of_splits_are_the_splits(tmp_path, test):
    fill(tmp_path / "train")
    fill(tmp_path / test, {"dog": 2, "cat": 1})
    data = read_folder(tmp_path)
    assert len(data.x_train) == 20
    assert names(data.x_test, tmp_path / test) == [
        "cat/0.jpg",
        "dog/0.jpg",
        "dog/1.jpg",
    ]
    assert data.class_names == ("ant", "cat", "dog")
    assert data.y_test.tolist() == [1, 2, 2]


def test_a_third_split_is_named_as_left_out(tmp_path):
    for split in ("train", "val", "test"):
        fill(tmp_path / split)
    (tmp_path / "README.md").touch()
    data = read_folder(tmp_path)
    assert all("/test/" in path for path in data.x_test)
    assert [line.partition(":")[0] for line in data.skipped] == [
        str(tmp_path / "README.md"),
        str(tmp_path / "val"),
    ]


def test_equal_files_in_both_splits_are_counted(tmp_path):
    fill(tmp_path / "train")
    fill(tmp_path / "test", {"dog": 2, "cat": 1})
    (tmp_path / "test" / "dog" / "1.jpg").write_text("dog ?")  # of the same size
    name = tmp_path.name
    with pytest.warns(UserWarning, match=f"{name}: 2 of 3 test samples are training"):
        read_folder(tmp_path)


def test_files_that_differ_between_their_blocks_are_not_equal(tmp_path):
    content = bytearray(100_000)
    paths = [tmp_path / "a", tmp_path / "b", tmp_path / "c"]
    for number, path in enumerate(paths):
        content[10_000] = number % 2
        path.write_bytes(content)
    assert count_shared_files(paths[:1], paths[1:]) == 1  # a and c


def test_a_class_may_be_called_train(tmp_path):
    data = read_folder(fill(tmp_path, {"train": 3, "car": 3}))
    assert data.class_names == ("car", "train")


def test_unknown_class_in_test_is_named(tmp_path):
    fill(tmp_path / "train")
    fill(tmp_path / "test", {"dog": 1, "emu": 1})
    with pytest.raises(ValueError, match="emu. Known: ant, cat, dog"):
        read_folder(tmp_path)


def test_other_files_are_listed_and_hidden_ones_ignored(tmp_path):
    fill(tmp_path)
    (tmp_path / "labels.csv").touch()
    (tmp_path / "dog" / "notes.txt").write_text("mine")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "a.jpg").write_text("hidden")
    (tmp_path / "dog" / ".DS_Store").write_text("hidden")
    (tmp_path / "dog" / ".thumbs").mkdir()
    (tmp_path / "dog" / ".thumbs" / "0.jpg").write_text("hidden")
    data = read_folder(tmp_path)
    assert len(data.x_train) + len(data.x_test) == 20
    assert data.class_names == ("ant", "cat", "dog")
    assert sorted(data.skipped) == [
        f"{tmp_path / 'dog' / 'notes.txt'}: of another suffix",
        f"{tmp_path / 'labels.csv'}: not in the folder of a class",
    ]


def test_suffixes(tmp_path):
    fill(tmp_path, suffix=".JPG")
    assert len(read_folder(tmp_path).x_train) == 16
    with pytest.raises(ValueError, match="class 'ant': no file ends in .wav"):
        read_folder(tmp_path, suffixes=(".wav",))
    for bad in (".jpg", ("jpg",), (".JPG",), (1,)):
        with pytest.raises(ValueError, match="`suffixes` must be a tuple"):
            read_folder(tmp_path, suffixes=bad)


def test_nested_folders_and_links_belong_to_their_class(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    fill(elsewhere, {"puppies": 2})
    folder = fill(tmp_path / "pets")
    deep = folder / "dog" / "2020" / "may"
    deep.mkdir(parents=True)
    (deep / "rex.jpg").write_text("dog")
    (folder / "dog" / "puppies").symlink_to(elsewhere / "puppies")
    (folder / "cat" / "linked.jpg").symlink_to(elsewhere / "puppies" / "0.jpg")
    (folder / "dog" / "again").symlink_to(folder / "dog")  # leads back
    (folder / "bird").symlink_to(elsewhere / "puppies")
    data = read_folder(folder)
    assert data.class_names == ("ant", "bird", "cat", "dog")
    counts = np.bincount(np.concatenate([data.y_train, data.y_test]))
    assert counts.tolist() == [5, 2, 6, 10 + 1 + 2]


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("dog/up", ".."),
        ("dog/2020/may/far_up", "../../../.."),
        ("dog/cats", "../cat"),
        ("dog/1.jpeg", "../cat/1.jpg"),
        ("dog2", "dog"),
        ("every", "."),
    ],
)
def test_links_to_other_classes_are_refused(tmp_path, link, target):
    folder = fill(tmp_path / "pets")
    (folder / "dog" / "2020" / "may").mkdir(parents=True)
    (folder / link).symlink_to(target)
    with pytest.raises(ValueError, match=f"link .*{link}.*other classes"):
        read_folder(folder)


def test_links_between_splits_are_refused(tmp_path):
    fill(tmp_path / "train")
    fill(tmp_path / "test")
    (tmp_path / "test" / "dog" / "more").symlink_to("../../train/dog")
    with pytest.raises(ValueError, match="link .*more"):
        read_folder(tmp_path)


def test_data_behind_a_link_may_hold_links_of_their_own(tmp_path):
    fill(tmp_path / "pets")
    (tmp_path / "pets" / ".store").mkdir()
    (tmp_path / "pets" / ".store" / "1").write_text("dog")
    (tmp_path / "pets" / "dog" / "stored.jpg").symlink_to("../.store/1")
    (tmp_path / "link").symlink_to("pets")
    assert len(read_folder(tmp_path / "link").x_train) == 17


def refuse_threes(path):
    if pathlib.Path(path).stem == "3":
        raise ValueError("a three")


def test_damaged_files_are_named(tmp_path):
    fill(tmp_path)
    (tmp_path / "ant" / "1.jpg").write_text("")
    (tmp_path / "ant" / "2.jpg").unlink()
    (tmp_path / "ant" / "2.jpg").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ValueError) as error:
        read_folder(tmp_path, check=refuse_threes)
    text = str(error.value)
    assert text.startswith(f"5 files in {tmp_path} are damaged")
    for part in ("ant/1.jpg: the file is empty", "ant/2.jpg", "dog/3.jpg: a three"):
        assert part in text


def test_damaged_files_may_be_skipped(tmp_path):
    fill(tmp_path)
    data = read_folder(tmp_path, check=refuse_threes, damaged="skip")
    assert len(data.x_train) + len(data.x_test) == 17
    assert len(data.skipped) == 3 and data.skipped[0].endswith("ant/3.jpg: a three")
    assert "3 files were skipped" in data.describe()
    with pytest.raises(ValueError, match="class 'ant': no whole file"):
        read_folder(tmp_path, check=refuse_all, damaged="skip")


def refuse_all(path):
    raise OSError("no")


def test_many_damaged_files_are_counted(tmp_path):
    fill(tmp_path)
    with pytest.raises(ValueError, match=r"20 files(.*\n){6}and 15 more"):
        read_folder(tmp_path, check=refuse_all)


def test_what_is_no_task_is_refused(tmp_path):
    with pytest.raises(NotADirectoryError, match="absent"):
        read_folder(tmp_path / "absent")
    with pytest.raises(ValueError, match="two classes or more. Received: no folder"):
        read_folder(tmp_path)
    fill(tmp_path, {"dog": 3})
    with pytest.raises(ValueError, match="two classes or more. Received: dog"):
        read_folder(tmp_path)
    (tmp_path / "cat").mkdir()
    with pytest.raises(ValueError, match="no sample of the class 'cat'"):
        read_folder(tmp_path)
    with pytest.raises(ValueError, match="`damaged` must be.*'ignore'"):
        read_folder(tmp_path, damaged="ignore")
    (tmp_path / "cat" / "0.jpg").write_text("cat")
    with pytest.raises(ValueError, match="`test_fraction`"):
        read_folder(tmp_path, test_fraction=1.0)
