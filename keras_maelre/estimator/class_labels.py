"""Targets as scikit-learn's users have them: their classes, and an encoding of them."""

import numpy as np
import scipy.sparse
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import assert_all_finite, column_or_1d

COLLECTIONS = (list, tuple, set, frozenset, np.ndarray)


def read_labels(y):
    """Returns the classes of targets, and the targets in terms of them.

    Args:
        y: Array-like of shape `(samples,)`, labels of any one type; or, multi-label,
            zeros and ones of shape `(samples, classes)` or a collection of labels for
            each sample.

    Returns:
        A tuple `(classes, encoded, multi_label)`: an array of shape `(classes,)`; an
        integer array of shape `(samples,)`, or a float32 array of zeros and ones of
        shape `(samples, classes)` if the targets are multi-label; a boolean.

    Raises:
        TypeError: If labels are missing or of several types.
        ValueError: If `y` is none of the above.
    """
    if y is None:
        raise ValueError(
            "MaelreEstimator requires y to be passed, but the target y is None"
        )
    rows = _label_lists(y)
    if rows is not None:
        classes = _sorted_labels([label for row in rows for label in row])
        return classes, label_rows(rows, classes), True
    columns = getattr(y, "columns", None)
    array = as_array(y)
    if array.dtype.kind == "O" and any(label is None for label in array.ravel()):
        raise ValueError("Argument `y` must hold a label for each sample, not None.")
    if array.dtype.kind in "fcO":
        assert_all_finite(array, input_name="y")
    check_classification_targets(array)
    kind = type_of_target(array, input_name="y")
    if kind == "multilabel-indicator":
        if not np.isin(array, (0, 1)).all():
            raise ValueError(
                "Argument `y` of shape (samples, classes) must hold zeros and ones. "
                f"Received: values from {array.min()} to {array.max()}"
            )
        names = np.arange(array.shape[1]) if columns is None else np.asarray(columns)
        return names, array.astype("float32"), True
    if kind not in ("binary", "multiclass"):
        raise ValueError(
            "Argument `y` must be of shape (samples,), or zeros and ones of shape "
            f"(samples, classes). Received: shape {array.shape} ({kind})"
        )
    labels = column_or_1d(array, warn=True)
    classes = _sorted_labels(labels)
    return classes, np.searchsorted(classes, labels), False


def label_rows(rows, classes):
    """Returns collections of labels as zeros and ones.

    Args:
        rows: List with one collection of labels for each sample.
        classes: Array of shape `(classes,)`, sorted.

    Raises:
        ValueError: If a label is not one of the classes.
    """
    places = {label: i for i, label in enumerate(classes.tolist())}
    encoded = np.zeros((len(rows), len(classes)), "float32")
    for i, row in enumerate(rows):
        for label in row:
            if label not in places:
                raise ValueError(
                    "Argument `y` must hold labels that the estimator was fitted with. "
                    f"Received: {label!r} for sample {i}"
                )
            encoded[i, places[label]] = 1
    return encoded


def as_indicator(y, classes):
    """Returns targets as a multi-label prediction has them.

    Args:
        y: Multi-label targets, see `read_labels`.
        classes: Array of shape `(classes,)`.
    """
    rows = _label_lists(y)
    return as_array(y) if rows is None else label_rows(rows, classes).astype(int)


def as_array(y):
    """Returns targets as an array, sparse ones included."""
    if scipy.sparse.issparse(y):
        return y.toarray()
    if isinstance(y, (list, tuple)) or str(getattr(y, "dtype", None)) == "object":
        if any(isinstance(label, COLLECTIONS) for label in y):
            return np.asarray(list(y))  # rows of zeros and ones
        if len({isinstance(label, str) for label in y if label is not None}) == 2:
            raise _of_several_types(y)  # NumPy makes all of a list strings
    return np.asarray(y)


def _label_lists(y):
    """Returns collections of labels as a list of them, or `None` for other targets."""
    if hasattr(y, "iloc") and y.ndim == 1:
        y = y.to_numpy()
    if isinstance(y, np.ndarray) and (y.ndim != 1 or y.dtype.kind != "O"):
        return None
    if not isinstance(y, (list, tuple, np.ndarray)):
        return None
    are = [isinstance(row, COLLECTIONS) for row in y]
    if not any(are):
        return None
    if not all(are):
        i = are.index(False)
        raise TypeError(
            "Argument `y` must hold a label for each sample, or a collection of labels "
            f"for each. Received: {y[i]!r} for sample {i}, and collections"
        )
    return None if _are_zeros_and_ones(y) else [list(row) for row in y]


def _are_zeros_and_ones(rows):
    """Whether lists are the rows of an indicator matrix rather than labels."""
    if any(isinstance(row, (set, frozenset)) for row in rows):
        return False
    if len({len(row) for row in rows}) != 1 or len(rows[0]) < 2:
        return False
    array = np.asarray(list(rows))
    return array.dtype.kind in "biuf" and bool(np.isin(array, (0, 1)).all())


def _sorted_labels(labels):
    try:
        ordered = sorted(set(np.asarray(labels, object).tolist()))
    except TypeError as error:
        raise _of_several_types(labels) from error
    if isinstance(labels, np.ndarray):
        return np.array(ordered, dtype=labels.dtype)
    return np.array(ordered)


def _of_several_types(labels):
    return TypeError(
        "Argument `y` must hold labels of one type, all strings or all numbers. "
        f"Received: {sorted({type(label).__name__ for label in labels})}"
    )
