"""Time-series tasks kept as one NumPy `.npz` archive."""

import zipfile
from pathlib import Path

import numpy as np

from keras_maelre.datasets.series_dataset import SeriesDataset

ONE_ARRAY = ("X", "y", "is_test")
TWO_SPLITS = ("X_train", "y_train", "X_test", "y_test")


def read_npz(path):
    """Reads a time-series classification task from a `.npz` archive.

    The archive holds one of two sets of arrays:

    - `X`, `y` and the boolean `is_test`, and perhaps `file_id`, the integer
      that tells which recording each series was cut from;
    - `X_train`, `y_train`, `X_test` and `y_test`.

    Series have shape `(samples, length)` or `(samples, length, channels)` and
    hold integers or floats. Either set may be joined by `classes` (or
    `orig_labels`), the names that the labels 0, 1, ... stand for, and by the
    scalar `sample_rate` in Hz. Without names, the distinct labels are numbered
    in sorted order. Arrays of other names are not read. Nothing in the archive
    is unpickled.

    Args:
        path: Path of the archive.

    Returns:
        A `SeriesDataset`, named after the file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no `.npz` archive, lacks an array, or holds
            arrays that do not fit together.

    Example:

    ```python
    x = np.random.normal(size=(6, 100))
    np.savez(
        "flights.npz",
        X=x,
        y=[0, 1, 0, 1, 0, 1],
        is_test=[False, False, False, False, True, True],
        classes=["rest", "flight"],
    )
    data = read_npz("flights.npz")
    ```
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is not a .npz archive (a zip file of NumPy arrays).")
    with np.load(path, allow_pickle=False) as archive:
        return _read_archive(archive, path)


def _read_archive(archive, path):
    def read(key):
        try:
            return archive[key]
        except ValueError as error:
            raise ValueError(f"{path}: array {key!r} cannot be read: {error}") from None

    sample_rate = read("sample_rate")[()] if "sample_rate" in archive else None
    groups_train = None
    if all(key in archive for key in ONE_ARRAY):
        x, y = _with_channels(read("X")), read("y")
        is_test = _as_mask(read("is_test"), path)
        _check_lengths(path, X=x, y=y, is_test=is_test)
        if "file_id" in archive:
            groups = read("file_id")
            _check_lengths(path, X=x, file_id=groups)
            groups_train = groups[~is_test]
        x_train, x_test = x[~is_test], x[is_test]
        y_train, y_test = y[~is_test], y[is_test]
    elif all(key in archive for key in TWO_SPLITS):
        x_train, y_train = _with_channels(read("X_train")), read("y_train")
        x_test, y_test = _with_channels(read("X_test")), read("y_test")
    else:
        raise ValueError(
            f"{path} must hold the arrays {', '.join(ONE_ARRAY)} or the arrays "
            f"{', '.join(TWO_SPLITS)}. Received: {', '.join(archive.files)}"
        )

    names_key = next((k for k in ("classes", "orig_labels") if k in archive), None)
    try:
        if names_key is None:
            class_names, y_train, y_test = _number_labels(y_train, y_test)
        else:
            class_names = np.atleast_1d(read(names_key))
        return SeriesDataset(
            x_train=x_train,
            y_train=y_train,
            x_test=x_test,
            y_test=y_test,
            class_names=tuple(str(name) for name in class_names),
            groups_train=groups_train,
            sample_rate=sample_rate,
            name=path.stem,
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _with_channels(x):
    return x[..., None] if x.ndim == 2 else x


def _number_labels(y_train, y_test):
    y = np.concatenate([y_train, y_test])
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise ValueError("a label is NaN or infinite")
    class_names, y = np.unique(y, return_inverse=True)
    return class_names, y[: len(y_train)], y[len(y_train) :]


def _as_mask(is_test, path):
    if is_test.dtype.kind not in "biu" or not np.isin(is_test, (0, 1)).all():
        raise ValueError(
            f"{path}: `is_test` must hold booleans or the integers 0 and 1. "
            f"Received: dtype {is_test.dtype}"
        )
    return is_test.astype(bool)


def _check_lengths(path, **arrays):
    shapes = {name: array.shape for name, array in arrays.items()}
    others = list(shapes.values())[1:]
    samples = shapes["X"][:1]
    if any(shape != samples for shape in others):
        raise ValueError(
            f"{path}: the arrays must agree in their number of samples, one entry "
            f"per series of `X`. Received shapes: {shapes}"
        )
