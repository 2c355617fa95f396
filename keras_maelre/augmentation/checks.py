"""Checks of the arguments that the augmentation layers share."""

import numbers


def check_number(name, value, low=0.0, high=float("inf")):
    """Returns `value` as a float, or raises if it is not in `[low, high]`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"`{name}` must be a number. Received: {name}={value!r}")
    # Written so that NaN fails too; infinity is never a sensible setting.
    if not low <= value <= high or value == float("inf"):
        possible = f"between {low:g} and {high:g}"
        if high == float("inf"):
            possible = f"finite and at least {low:g}"
        raise ValueError(f"`{name}` must be {possible}. Received: {name}={value!r}")
    return float(value)


def check_count(name, value, low=1):
    """Returns `value` as an int, or raises if it is no integer of at least `low`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"`{name}` must be an integer. Received: {name}={value!r}")
    if value < low:
        raise ValueError(f"`{name}` must be at least {low}. Received: {name}={value!r}")
    return int(value)
