"""The classes to explain, as numbers."""

import numbers

import numpy as np


def encode_explained(target, classifier, count):
    """Returns the argument `target` as a list of integers, or `None` for `None`.

    Args:
        target: See `explain`.
        classifier: A `MaelreClassifier`.
        count: Integer, the number of samples.

    Raises:
        TypeError: If a class is neither a string nor an integer.
        ValueError: If a class is unknown, or there is not one for each sample.
    """
    if target is None:
        return None
    if isinstance(target, (str, numbers.Integral)):
        return [_number(target, classifier)] * count
    if isinstance(target, np.ndarray) and target.ndim == 0:
        return [_number(target.item(), classifier)] * count
    if isinstance(target, dict) or not hasattr(target, "__len__"):
        raise TypeError(
            "Argument `target` must be the name or number of a class, one of them for "
            f"each sample, or None. Received: target={target!r}"
        )
    if len(target) != count:
        raise ValueError(
            "Argument `target` must hold one class for each sample. Received: "
            f"{len(target)} classes for {count} samples"
        )
    return [_number(one, classifier) for one in target]


def _number(one, classifier):
    names = classifier.class_names
    if isinstance(one, str):
        if names is not None and one in names:
            return names.index(one)
        known = "the classifier has no `class_names`" if names is None else _some(names)
        raise ValueError(f"Argument `target`: there is no class {one!r}: {known}.")
    if isinstance(one, (bool, np.bool_)) or not isinstance(one, numbers.Integral):
        raise TypeError(
            "Argument `target` must hold names or numbers of classes. "
            f"Received: {one!r}"
        )
    if not 0 <= one < classifier.num_classes:
        raise ValueError(
            "Argument `target` must hold numbers of classes from 0 to "
            f"{classifier.num_classes - 1}. Received: {one}"
        )
    return int(one)


def _some(names):
    shown = ", ".join(repr(name) for name in names[:10])
    return f"known are {shown}" + (", ..." if len(names) > 10 else "")
