"""Labels as a loss takes them."""

import numbers

import keras
import numpy as np

from keras_maelre.checks import check_integer


def encode_targets(y, num_classes, class_names=None, multi_label=False, rows=False):
    """Turns labels of any kind into an array for a loss.

    Args:
        y: Of a single-label classifier: class names, or integers in `[0,
            num_classes)`, of shape `(samples,)`. Of a multi-label classifier: one
            collection of names or integers for each sample. Of either: numbers of
            shape `(samples, num_classes)`, which are returned as they are.
        num_classes: Integer.
        class_names: Optional tuple of strings.
        multi_label: Boolean.
        rows: Boolean. Whether the classes of a single-label classifier become rows
            of zeros with a one.

    Returns:
        Integer array of shape `(samples,)` or float32 array of shape `(samples,
        num_classes)`.

    Raises:
        ValueError: If a label is not one of the classes.
        TypeError: If `y` is of another kind.

    Example:

    ```python
    from keras_maelre.models.targets import encode_targets

    encode_targets(["no", "yes"], 2, class_names=("yes", "no"))  # [1, 0]
    ```
    """
    num_classes = check_integer("num_classes", num_classes)
    array = _as_array(y)
    if _are_rows(array, y, num_classes, multi_label):
        return _checked_rows(array, num_classes, multi_label)
    if multi_label:
        if array.dtype.kind in "biufUS" and array.ndim == 1 and num_classes > 1:
            raise ValueError(
                "Argument `y` of a multi-label classifier must hold a collection of "
                f"labels for each sample, or be of shape (samples, {num_classes}). "
                f"Received: shape {array.shape}, dtype {array.dtype}"
            )
        encoded = np.zeros((len(array), num_classes), "float32")
        for i, labels in enumerate(y):
            if isinstance(labels, (str, bytes)) or not hasattr(labels, "__iter__"):
                raise TypeError(
                    "Argument `y` of a multi-label classifier must hold a collection "
                    f"of labels for each sample. Received: {labels!r} for sample {i}"
                )
            labels = list(labels)
            if labels:
                indices = _indices(np.asarray(labels), num_classes, class_names)
                encoded[i, indices] = 1
        return encoded
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(
            f"Argument `y` must be of shape (samples,) or (samples, {num_classes}). "
            f"Received: shape {array.shape}"
        )
    indices = _indices(array, num_classes, class_names)
    return np.eye(num_classes, dtype="float32")[indices] if rows else indices


def wants_rows(loss):
    """Whether a compiled loss takes a row of numbers for each sample."""
    by_row = (
        keras.losses.CategoricalCrossentropy,
        keras.losses.CategoricalFocalCrossentropy,
    )
    names = ("categorical_crossentropy", "categorical_focal_crossentropy")
    return isinstance(loss, by_row) or loss in names


def wants_integers(loss):
    """Whether a compiled loss takes an integer for each sample."""
    by_integer = keras.losses.SparseCategoricalCrossentropy
    return isinstance(loss, by_integer) or loss == "sparse_categorical_crossentropy"


def _as_array(y):
    if isinstance(y, np.ma.MaskedArray):
        raise TypeError("Argument `y` must not be a masked array: its mask is lost.")
    if keras.ops.is_tensor(y):
        return keras.ops.convert_to_numpy(y)
    try:
        return np.asarray(y)
    except ValueError:  # Collections of unequal length.
        array = np.empty(len(y), object)
        array[:] = list(y)
        return array


def _are_rows(array, y, num_classes, multi_label):
    """Whether labels are rows of numbers, one number for each class."""
    if array.ndim != 2 or array.dtype.kind not in "biuf":
        return False
    if not multi_label:
        return array.shape[1] != 1
    if not isinstance(y, (list, tuple)):
        return True
    # Lists of any other length are collections that happen to be of equal size, and
    # so are those that name every class; 0 and 1 alone are always a row.
    every = np.array_equal(np.sort(array), np.tile(range(num_classes), (len(array), 1)))
    return array.shape[1] == num_classes and not (every and num_classes > 2)


def _checked_rows(array, num_classes, multi_label):
    if array.shape[1] != num_classes:
        raise ValueError(
            f"Argument `y` must be of shape (samples, {num_classes}). "
            f"Received: shape {array.shape}"
        )
    if not np.isfinite(array).all():
        raise ValueError("Argument `y` must hold finite numbers. Received: NaN or inf")
    if not multi_label and array.size and array.min() < 0:
        raise ValueError(
            "Argument `y` must hold chances of classes, none below 0. "
            f"Received: {array.min()}"
        )
    if multi_label and array.size and not 0 <= array.min() <= array.max() <= 1:
        raise ValueError(
            "Argument `y` of a multi-label classifier must lie in [0, 1]. "
            f"Received: values from {array.min()} to {array.max()}"
        )
    return array.astype("float32")


def _indices(labels, num_classes, class_names):
    if not len(labels):
        return np.zeros(0, "int32")
    if labels.dtype.kind in "OUS":
        names = [
            # What is not UTF-8 is the name of no class, and shown in the message.
            label.decode(errors="backslashreplace")
            if isinstance(label, bytes)
            else label
            for label in labels
        ]
        if all(isinstance(name, str) for name in names):
            if class_names is None:
                raise ValueError(
                    "Argument `y` holds names, and the classifier has no "
                    f"`class_names`. Received: {names[0]!r}, ..."
                )
            places = {name: i for i, name in enumerate(class_names)}
            unknown = [name for name in names if name not in places]
            if unknown:
                shown = ", ".join(repr(name) for name in list(places)[:10])
                raise ValueError(
                    "Argument `y` must hold the classifier's `class_names`: "
                    f"{shown}{', ...' if len(places) > 10 else ''}. "
                    f"Received: {unknown[0]!r}"
                )
            return np.array([places[name] for name in names], "int32")
        known = (str, numbers.Real)
        other = [name for name in names if not isinstance(name, known)]
        if other:
            raise TypeError(
                "Argument `y` must hold class names, or integers in "
                f"[0, {num_classes}). Received: {other[0]!r}"
            )
        labels = np.asarray(names)
    whole = labels.dtype.kind == "f" and np.isfinite(labels).all()
    whole = whole and (labels == np.floor(labels)).all()
    if labels.ndim != 1 or labels.dtype.kind not in "biu" and not whole:
        raise TypeError(
            "Argument `y` must hold class names, or integers in "
            f"[0, {num_classes}). Received: dtype {labels.dtype}, shape {labels.shape}"
        )
    bad = labels[(labels < 0) | (labels >= num_classes)]
    if bad.size:
        raise ValueError(
            f"Argument `y` must hold labels in [0, {num_classes}). "
            f"Received: label {int(bad[0])}"
        )
    return labels.astype("int32")
