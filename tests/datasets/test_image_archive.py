import pickle

import numpy as np
import pytest

from keras_maelre.datasets import read_image_archive

FILES = [b"first", b"2", b"third file", b"fourth"]
JPEG = np.frombuffer(b"".join(FILES), "uint8")
OFFSET = np.cumsum([0, *map(len, FILES)])
X = np.random.default_rng(0).integers(256, size=(4, 5, 6, 3), dtype="uint8")
Y = np.array([0, 1, 1, 0], "int16")
IS_TEST = np.array([False, True, False, True])


def save(folder, **arrays):
    path = folder / "pets.npz"
    np.savez(path, **arrays)
    return path


def test_files(tmp_path):
    path = save(
        tmp_path,
        jpeg=JPEG,
        offset=OFFSET,
        y=Y,
        is_test=IS_TEST,
        classes=["cat", "dog"],
        wnid=["not", "read"],
    )
    data = read_image_archive(path)
    assert data.x_train == [b"first", b"third file"]
    assert data.x_test == [b"2", b"fourth"]
    assert data.y_train.tolist() == [0, 1] and data.y_test.tolist() == [1, 0]
    assert data.class_names == ("cat", "dog") and data.name == "pets"


@pytest.mark.parametrize("channels", [None, 1, 3, 4])
def test_pixels(tmp_path, channels):
    x = np.repeat(X[..., :1], channels or 1, axis=-1)
    path = save(tmp_path, X=x if channels else x[..., 0], y=Y, is_test=IS_TEST)
    data = read_image_archive(path)
    np.testing.assert_array_equal(data.x_train, x[~IS_TEST])
    np.testing.assert_array_equal(data.x_test, x[IS_TEST])
    assert data.x_train.dtype == "uint8"


def test_labels_without_names_are_numbered_in_order(tmp_path):
    labels = ["dog", "ant", "cat", "ant"]
    data = read_image_archive(save(tmp_path, X=X, y=labels, is_test=IS_TEST))
    assert data.class_names == ("ant", "cat", "dog")
    assert data.y_train.tolist() == [2, 1] and data.y_test.tolist() == [0, 0]


def test_names_may_be_bytes(tmp_path):
    path = save(tmp_path, X=X, y=Y, is_test=IS_TEST, classes=[b"cat", b"dog"])
    assert read_image_archive(path).class_names == ("cat", "dog")


def files(**changes):
    arrays = {"jpeg": JPEG, "offset": OFFSET, "y": Y, "is_test": IS_TEST, **changes}
    return {key: value for key, value in arrays.items() if value is not None}


def pixels(**changes):
    arrays = {"X": X, "y": Y, "is_test": IS_TEST, **changes}
    return {key: value for key, value in arrays.items() if value is not None}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (pixels(y=None), "jpeg, offset, y, is_test or .*X, y.*Received: X, is_test"),
        (files(offset=None), "Received: jpeg, y, is_test"),
        (files(jpeg=JPEG.astype("int16")), "`jpeg`.*uint8.*int16"),
        (files(offset=OFFSET[:-1]), "`offset` must rise from 0 to the 22.*to 16"),
        (files(offset=OFFSET[1:]), "`offset` must rise from 0 to the 22.*from 5"),
        (files(offset=OFFSET[[0, 1, 1, 3, 4]]), "`offset`.*smallest step 0"),
        (files(offset=OFFSET.astype("uint64")[[0, 2, 1, 3, 4]]), "smallest step -1"),
        (files(offset=OFFSET * 1.0), "`offset` must be a row.*float64"),
        (files(offset=OFFSET[[0, 1, 2, 4]]), "each of the 3 images"),
        (pixels(X=X.astype("float32")), "`X` must be uint8.*float32"),
        (pixels(X=X[..., :2]), r"`X` must be.*\(4, 5, 6, 2\)"),
        (pixels(X=X[:, 0, 0]), "`X` must be"),
        (pixels(X=X[:, :0]), "`X` is empty"),
        (pixels(X=X.astype(object)), "'X' cannot be read"),
        (pixels(y=Y[:3]), "`y` and `is_test` must have one entry"),
        (pixels(is_test=IS_TEST[:, None]), "`y` and `is_test` must have one entry"),
        (pixels(is_test=IS_TEST * 2), "`is_test`.*booleans"),
        (pixels(is_test=IS_TEST & ~IS_TEST), "`x_test` must hold at least one"),
        (pixels(y=Y * np.nan), "label of `y` is NaN"),
        (pixels(classes=["cat"]), "`y_train`.*0 to 0"),
        (pixels(classes=["cat", "cat"]), "distinct"),
    ],
)
def test_wrong_archives_are_refused_by_name(tmp_path, arrays, message):
    path = save(tmp_path, **arrays)
    with pytest.raises(ValueError, match=f"pets.npz.*{message}"):
        read_image_archive(path)


def test_damaged_archive_is_named(tmp_path):
    path = save(tmp_path, **pixels())
    content = bytearray(path.read_bytes())
    content[200] ^= 255  # a pixel: the checksum of the zip file fails
    path.write_bytes(content)
    with pytest.raises(ValueError, match="pets.npz: array 'X' cannot be read.*CRC"):
        read_image_archive(path)


def test_nothing_but_an_archive_is_opened(tmp_path):
    path = tmp_path / "pickled.npz"
    path.write_bytes(pickle.dumps({"X": X}))
    with pytest.raises(ValueError, match="not a .npz archive"):
        read_image_archive(path)
    with pytest.raises(FileNotFoundError, match="absent.npz"):
        read_image_archive(tmp_path / "absent.npz")
