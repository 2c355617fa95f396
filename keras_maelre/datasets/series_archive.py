"""Time-series tasks kept as one NumPy `.npz` archive."""

from pathlib import Path

import numpy as np

from keras_maelre.datasets.classification_dataset import (
    ClassificationDataset,
    warn_of_shared,
)
from keras_maelre.datasets.npz_archive import (
    as_mask,
    check_lengths,
    number_labels,
    read_arrays,
    read_names,
)
from keras_maelre.datasets.series_arrays import checked_series

ONE_ARRAY = ("X", "y", "is_test")
TWO_SPLITS = ("X_train", "y_train", "X_test", "y_test")
NAMES = ("classes", "orig_labels")
OPTIONAL = ("file_id", "sample_rate", *NAMES)


def read_npz(path):
    """Reads a time-series classification task from a `.npz` archive.

    The archive holds one of two sets of arrays:

    - `X`, `y` and the boolean `is_test`, and perhaps `file_id`, integers or strings
      that tell which recording each series was cut from;
    - `X_train`, `y_train`, `X_test` and `y_test`.

    Series have shape `(samples, length)` or `(samples, length, channels)` and hold
    integers or floats; they become float32, unless that would erase what they say:
    small changes on a large offset stay float64. A time step that is NaN in every
    channel is padding. Either set may be joined by `classes` (or `orig_labels`), the
    names that the labels 0, 1, ... stand for, and by the scalar `sample_rate` in Hz.
    Without names, the distinct labels are numbered in sorted order. Arrays of other
    names are not read. Nothing in the archive is unpickled.

    A recording that `file_id` has in both splits is warned of.

    Args:
        path: Path of the archive.

    Returns:
        A `ClassificationDataset`, named after the file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not an `.npz` archive or is damaged, lacks an array,
            or holds arrays that do not fit together.

    Example:

    ```python
    import numpy as np

    from keras_maelre.datasets import read_npz

    np.savez(
        "flights.npz",
        X=np.random.normal(size=(6, 100)),
        y=[0, 1, 0, 1, 0, 1],
        is_test=[False, False, False, False, True, True],
        classes=["rest", "flight"],
    )
    data = read_npz("flights.npz")
    ```
    """
    path = Path(path)
    arrays = read_arrays(path, (ONE_ARRAY, TWO_SPLITS), OPTIONAL)
    try:
        return _make_dataset(arrays, path.stem)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None


def _make_dataset(arrays, name):
    groups_train = None
    if "X" in arrays:
        x, y, is_test = arrays["X"], arrays["y"], as_mask(arrays["is_test"])
        groups = {"file_id": arrays["file_id"]} if "file_id" in arrays else {}
        check_lengths(len(np.atleast_1d(x)), "series", y=y, is_test=is_test, **groups)
        x_train, x_test = x[~is_test], x[is_test]
        y_train, y_test = y[~is_test], y[is_test]
        if groups:
            groups_train = groups["file_id"][~is_test]
            groups_test = groups["file_id"][is_test]
            shared = np.isin(groups_test, groups_train)
            if shared.any():
                what = "cut from recordings of the training split (`file_id`)"
                warn_of_shared(name, shared.sum(), len(shared), what)
    else:
        x_train, y_train, x_test, y_test = (arrays[key] for key in TWO_SPLITS)
    x_train, x_test = checked_series(_with_channels(x_train), _with_channels(x_test))
    names_key = next((key for key in NAMES if key in arrays), None)
    if names_key is None:
        class_names, (y_train, y_test) = number_labels(y_train=y_train, y_test=y_test)
    else:
        class_names = read_names(arrays[names_key])
    sample_rate = arrays.get("sample_rate")
    return ClassificationDataset(
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        class_names=class_names,
        groups_train=groups_train,
        sample_rate=None if sample_rate is None else sample_rate[()],
        name=name,
    )


def _with_channels(x):
    return x[..., None] if x.ndim == 2 else x
