import pickle

import numpy as np
import pytest

from keras_maelre.datasets import read_npz

RNG = np.random.default_rng(0)
X = RNG.integers(-100, 100, size=(6, 5)).astype("int16")
Y = np.array([0, 1, 0, 1, 1, 0], "int8")
IS_TEST = np.array([False, True, False, False, True, False])


def save(folder, **arrays):
    path = folder / "flights.npz"
    np.savez(path, **arrays)
    return path


def test_one_array_is_split_by_is_test(tmp_path):
    path = save(
        tmp_path,
        X=X,
        y=Y,
        is_test=IS_TEST,
        file_id=[5, 6, 5, 7, 6, 7],
        classes=["rest", "flight"],
        sample_rate=np.float32(173.61),
        notes=["not read"],
    )
    data = read_npz(path)
    np.testing.assert_array_equal(data.x_train[..., 0], X[~IS_TEST])
    np.testing.assert_array_equal(data.x_test[..., 0], X[IS_TEST])
    assert data.x_train.shape == (4, 5, 1)
    assert data.y_train.tolist() == [0, 0, 1, 0]
    assert data.y_test.tolist() == [1, 1]
    assert data.groups_train.tolist() == [5, 5, 7, 7]
    assert data.class_names == ("rest", "flight")
    assert data.sample_rate == pytest.approx(173.61)
    assert data.name == "flights"
    assert not data.simulated


def test_two_splits(tmp_path):
    x = RNG.normal(size=(6, 5, 3))
    path = save(
        tmp_path,
        X_train=x[:4],
        y_train=Y[:4],
        X_test=x[4:],
        y_test=Y[4:],
        orig_labels=[1, 2],
    )
    data = read_npz(path)
    np.testing.assert_array_equal(data.x_train, x[:4].astype("float32"))
    np.testing.assert_array_equal(data.x_test, x[4:].astype("float32"))
    assert data.class_names == ("1", "2")
    assert data.groups_train is None
    assert data.sample_rate is None


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([10, 9, 10, 9, 9, 10], ("9", "10")),
        (["b", "a", "b", "a", "a", "b"], ("a", "b")),
    ],
)
def test_labels_without_names_are_numbered_in_order(tmp_path, labels, names):
    data = read_npz(save(tmp_path, X=X, y=labels, is_test=IS_TEST))
    assert data.class_names == names
    assert data.y_train.tolist() == [1, 1, 0, 1]
    assert data.y_test.tolist() == [0, 0]


def test_is_test_may_be_integers(tmp_path):
    data = read_npz(save(tmp_path, X=X, y=Y, is_test=IS_TEST.astype("uint8")))
    assert len(data.x_train) == 4


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": X, "y": Y}, "X, y, is_test or .*X_train.*Received: X, y"),
        ({"X": X, "y": Y, "is_test": IS_TEST * 2}, "`is_test`.*booleans"),
        ({"X": X, "y": Y[:5], "is_test": IS_TEST}, "number of samples"),
        ({"X": X, "y": Y, "is_test": IS_TEST, "file_id": [1, 2]}, "file_id"),
        ({"X": X, "y": Y, "is_test": ~(IS_TEST & ~IS_TEST)}, "`x_train`"),
        ({"X": X, "y": Y, "is_test": IS_TEST, "classes": ["a"]}, "`y_train`.*0 to 0"),
        ({"X": X, "y": Y * np.nan, "is_test": IS_TEST}, "label is NaN"),
        ({"X": X[:, 0], "y": Y, "is_test": IS_TEST}, "`x_train`.*shape"),
        ({"X": X.astype(object), "y": Y, "is_test": IS_TEST}, "'X' cannot be read"),
    ],
)
def test_wrong_archives_are_refused_by_name(tmp_path, arrays, message):
    path = save(tmp_path, **arrays)
    with pytest.raises(ValueError, match=f"flights.npz.*{message}"):
        read_npz(path)


def test_nothing_but_an_archive_is_opened(tmp_path):
    path = tmp_path / "pickled.npz"
    path.write_bytes(pickle.dumps({"X": X}))
    with pytest.raises(ValueError, match="not a .npz archive"):
        read_npz(path)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent.npz"):
        read_npz(tmp_path / "absent.npz")
