"""The checks of arguments, once.

Each returns the value in the type that a configuration can hold, or raises a TypeError
(the value is of the wrong kind) or a ValueError (it is out of range) that names the
argument, what came and what is possible.
"""

import math
import numbers
import os

import numpy as np


def check_integer(name, value, low=1, high=None):
    """Returns `value` as an `int` in `[low, high]`; NumPy integers are accepted.

    Args:
        name: String, the name of the argument.
        value: What the caller passed.
        low: Integer, the smallest value that is possible.
        high: Integer, the largest value that is possible, or `None`.
    """
    possible = f"an integer of at least {low}" if low != 1 else "a positive integer"
    if high is not None:
        possible = f"an integer from {low} to {high}"
    message = f"Argument `{name}` must be {possible}. Received: {name}={value!r}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(message)
    if value < low or (high is not None and value > high):
        raise ValueError(message)
    return int(value)


def check_number(name, value, low=0.0, high=math.inf, *, above=None, below=None):
    """Returns `value` as a finite `float` within bounds.

    Args:
        name: String, the name of the argument.
        value: What the caller passed.
        low: Float, the smallest value that is possible.
        high: Float, the largest value that is possible.
        above: Float, an exclusive lower bound in place of `low`, or `None`.
        below: Float, an exclusive upper bound in place of `high`, or `None`.
    """
    left = f"[{low:g}" if above is None else f"({above:g}"
    right = f"{high:g}]" if below is None else f"{below:g})"
    if high == math.inf and below is None:
        right = "inf)"
    message = (
        f"Argument `{name}` must be a finite number in {left}, {right}. "
        f"Received: {name}={value!r}"
    )
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError(message)
    # Written so that NaN fails too.
    fits = value >= low if above is None else value > above
    fits = fits and (value <= high if below is None else value < below)
    if not fits or not math.isfinite(value):
        raise ValueError(message)
    return float(value)


def check_rate(name, value):
    """Returns `value` as a `float` in `[0, 1)`, the range of a dropout rate."""
    return check_number(name, value, low=0.0, below=1.0)


def check_flag(name, value):
    """Returns `value` as a `bool`; strings and numbers are not taken for flags."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(
            f"Argument `{name}` must be True or False. Received: {name}={value!r}"
        )
    return bool(value)


def check_count(name, value):
    """Returns a number of frames or bands, or a fraction of them, or raises an error.

    Args:
        name: String, the name of the argument.
        value: What the caller passed: an integer of at least 1, or a float in
            `(0, 1)`.
    """
    message = (
        f"Argument `{name}` must be a positive integer, or a fraction in (0, 1). "
        f"Received: {name}={value!r}"
    )
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError(message)
    whole = isinstance(value, numbers.Integral)
    if not (value >= 1 if whole else 0 < value < 1):
        raise ValueError(message)
    return int(value) if whole else float(value)


def check_choice(name, value, choices):
    """Returns `value` if it is one of `choices`."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(
            f"Argument `{name}` must be one of {tuple(choices)}. "
            f"Received: {name}={value!r}"
        )
    return value


def check_integers(name, value, axes):
    """Returns `value` as a tuple of positive integers, one for each of `axes`.

    Args:
        name: String, the name of the argument.
        value: What the caller passed: a list or tuple, or an integer if there is
            a single axis.
        axes: Tuple of strings, what the integers stand for.
    """
    values = value
    if len(axes) == 1 and isinstance(value, numbers.Integral):
        values = (value,)
    fits = isinstance(values, (list, tuple)) and len(values) == len(axes)
    fits = fits and all(
        isinstance(n, numbers.Integral) and not isinstance(n, bool) and n > 0
        for n in values
    )
    if not fits:
        raise ValueError(
            f"Argument `{name}` must be ({', '.join(axes)}) in positive integers. "
            f"Received: {name}={value!r}"
        )
    return tuple(int(n) for n in values)


def check_path(name, value):
    """Returns the path of a file or folder as a string; an empty one is none."""
    message = (
        f"Argument `{name}` must be a string or a path. Received: {name}={value!r}"
    )
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(message)
    path = os.fspath(value)
    if not isinstance(path, str):
        raise TypeError(message)
    if not path or "\0" in path:
        raise ValueError(message)
    return path
