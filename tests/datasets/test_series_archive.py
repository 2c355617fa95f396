import io
import pickle
import zipfile

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


def test_labels_and_names_may_be_bytes(tmp_path):
    labels = np.array(["b", "a", "ü", "a", "a", "b"])
    path = save(tmp_path, X=X, y=np.char.encode(labels, "utf-8"), is_test=IS_TEST)
    assert read_npz(path).class_names == ("a", "b", "ü")
    path = save(tmp_path, X=X, y=Y, is_test=IS_TEST, classes=[b"rest", b"flight"])
    assert read_npz(path).class_names == ("rest", "flight")


def test_large_integers_of_two_types_stay_apart(tmp_path):
    """Joined in one array, int64 and uint64 would become float64."""
    large = 2**53
    path = save(
        tmp_path,
        X_train=X[:4],
        y_train=np.array([large, large + 1] * 2, "int64"),
        X_test=X[4:],
        y_test=np.array([large + 1, large], "uint64"),
    )
    data = read_npz(path)
    assert data.class_names == (str(large), str(large + 1))
    assert data.y_test.tolist() == [1, 0]


def test_numbers_and_strings_are_not_mixed(tmp_path):
    two = {"X_train": X[:4], "y_train": Y[:4], "X_test": X[4:], "y_test": ["0", "1"]}
    with pytest.raises(ValueError, match="flights.npz.*both hold numbers"):
        read_npz(save(tmp_path, **two))


def test_a_recording_in_both_splits_is_warned_of(tmp_path):
    path = save(tmp_path, X=X, y=Y, is_test=IS_TEST, file_id=list("abcbdd"))
    with pytest.warns(UserWarning, match="flights: 2 of 2 test samples .*`file_id`"):
        data = read_npz(path)
    assert data.groups_train.tolist() == ["a", "c", "b", "d"]


def test_is_test_may_be_integers(tmp_path):
    data = read_npz(save(tmp_path, X=X, y=Y, is_test=IS_TEST.astype("uint8")))
    assert len(data.x_train) == 4


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": X, "y": Y}, "X, y, is_test or .*X_train.*Received: X, y"),
        ({"X": X, "y": Y, "is_test": IS_TEST * 2}, "`is_test`.*booleans"),
        ({"X": X, "y": Y[:5], "is_test": IS_TEST}, "each of the 6 series"),
        ({"X": X, "y": Y, "is_test": IS_TEST, "file_id": [1, 2]}, "file_id"),
        ({"X": X, "y": Y, "is_test": ~(IS_TEST & ~IS_TEST)}, "`x_train`"),
        ({"X": X, "y": Y, "is_test": IS_TEST, "classes": ["a"]}, "`y_train`.*0 to 0"),
        ({"X": X, "y": Y * np.nan, "is_test": IS_TEST}, "label of `y_train` is NaN"),
        ({"X": X[:, 0], "y": Y, "is_test": IS_TEST}, "`x_train`.*shape"),
        ({"X": X.astype(object), "y": Y, "is_test": IS_TEST}, "'X' cannot be read"),
    ],
)
def test_wrong_archives_are_refused_by_name(tmp_path, arrays, message):
    path = save(tmp_path, **arrays)
    with pytest.raises(ValueError, match=f"flights.npz.*{message}"):
        read_npz(path)


def write_member(path, header, content, **changes):
    """An archive whose `X` has a header and a size that may be lies."""
    save(path.parent, y=Y, is_test=IS_TEST)
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, header)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("X.npy", file.getvalue() + content)
        for name, value in changes.items():
            setattr(archive.getinfo("X.npy"), name, value)
    return path


def test_rows_that_are_declared_but_not_there_are_not_allocated(tmp_path):
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**10, 5)}
    path = write_member(tmp_path / "flights.npz", header, bytes(80))
    with pytest.raises(ValueError, match="flights.npz: array 'X'.*400000000000 bytes"):
        read_npz(path)
    # The archive's own directory lies as well.
    size = 128 + 400_000_000_000
    write_member(path, header, bytes(80), file_size=size)
    with pytest.raises(ValueError, match="flights.npz: array 'X'.*cannot hold"):
        read_npz(path)
    write_member(path, header, bytes(80), file_size=size, compress_size=size)
    with pytest.raises(ValueError, match="flights.npz: array 'X'.*cannot hold"):
        read_npz(path)
    # Rows of no bytes.
    write_member(path, {**header, "descr": "|S0"}, b"")
    with pytest.raises(ValueError, match="flights.npz: array 'X'"):
        read_npz(path)


@pytest.mark.parametrize("compressed", [False, True])
def test_damage_anywhere_is_named_or_harmless(tmp_path, compressed):
    path = tmp_path / "flights.npz"
    arrays = {"X": X, "y": Y, "is_test": IS_TEST}
    (np.savez_compressed if compressed else np.savez)(path, **arrays)
    whole = path.read_bytes()
    for position in range(0, len(whole), 7):
        for damaged in (
            whole[:position],
            whole[:position] + bytes([whole[position] ^ 0x55]) + whole[position + 1 :],
        ):
            path.write_bytes(damaged)
            try:
                data = read_npz(path)
            except ValueError as error:
                assert "flights.npz" in str(error)
            else:
                np.testing.assert_array_equal(data.x_train[..., 0], X[~IS_TEST])


def test_nothing_but_an_archive_is_opened(tmp_path):
    path = tmp_path / "pickled.npz"
    path.write_bytes(pickle.dumps({"X": X}))
    with pytest.raises(ValueError, match="not a .npz archive"):
        read_npz(path)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent.npz"):
        read_npz(tmp_path / "absent.npz")
