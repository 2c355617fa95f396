"""The form in which readers return time series."""

import numpy as np

# Rounding to float32 may change a series by this much of its standard deviation.
TOLERANCE = 1e-3
# Series are checked a few at a time: the largest sets fill most of the memory,
# and a boolean copy of the whole would not fit beside them.
CHECKED_VALUES = 2**24


def checked_series(x_train, x_test):
    """Returns training and test series as floats, or raises.

    A time step that is NaN in every channel is padding (the convention of the UCR
    archive for series shorter than the longest). Training and test series may be
    padded to different lengths.

    Series become float32, unless that would erase what they say: small changes on a
    large offset, such as times in seconds since 1970, stay float64.

    Args:
        x_train: Array of shape `(samples, length, channels)`, integers or floats.
        x_test: As `x_train`, with the same number of channels.

    Returns:
        The two arrays, float32 or float64; those that are float32 already are not
        copied.

    Raises:
        ValueError: If an array has the wrong rank or type, holds an infinity, a time
            step that is NaN in only some channels or a series without any valid time
            step, or if the numbers of channels differ.
    """
    x_train = _checked_series(x_train, "x_train")
    x_test = _checked_series(x_test, "x_test")
    channels = x_train.shape[2], x_test.shape[2]
    if channels[0] != channels[1]:
        raise ValueError(
            "`x_train` and `x_test` must have the same number of channels. "
            f"Received: {channels[0]} and {channels[1]}"
        )
    return x_train, x_test


def _checked_series(x, name):
    x = np.asarray(x)
    if x.ndim != 3 or 0 in x.shape:
        raise ValueError(
            f"`{name}` must have shape (samples, length, channels) and hold at "
            f"least one value. Received shape: {x.shape}"
        )
    if x.dtype.kind not in "iuf":
        raise ValueError(
            f"`{name}` must hold integers or floats. Received dtype: {x.dtype}"
        )
    step = max(1, CHECKED_VALUES // (x.shape[1] * x.shape[2]))
    starts = range(0, len(x), step)
    if all(fits_float32(x[start : start + step]) for start in starts):
        with np.errstate(over="ignore"):  # an overflow is reported as an infinity
            x = x.astype("float32", copy=False)
    else:
        x = x.astype("float64", copy=False)
    for start in starts:
        _check_values(x[start : start + step], name, start)
    return x


def fits_float32(x):
    """Whether series, `(..., length, channels)`, keep what they say as float32.

    Values that are too large for float32 are not looked at.
    """
    if np.can_cast(x.dtype, "float32"):
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = x.astype("float32")
        change = np.abs(x - rounded)
        change = np.where(np.isfinite(change), change, 0).max(axis=-2)
        valid = np.isfinite(rounded)
        count = np.maximum(valid.sum(axis=-2, keepdims=True), 1)
        mean = np.where(valid, x, 0).sum(axis=-2, keepdims=True) / count
        squares = np.where(valid, (x - mean) ** 2, 0).sum(axis=-2)
        deviation = np.sqrt(squares / count[..., 0, :])
    # A series that is constant stays constant.
    return bool(((change <= TOLERANCE * deviation) | (deviation == 0)).all())


def _check_values(x, name, first_index):
    if np.isfinite(x).all():
        return
    missing = np.isnan(x)
    padding = missing.all(axis=2)
    faults = {
        "holds an infinity": np.isinf(x).any(axis=(1, 2)),
        "has a time step that is NaN in only some of its channels (a time step "
        "that is NaN in every channel is padding)": (
            missing.any(axis=2) & ~padding
        ).any(axis=1),
        "has no valid time step, only NaN": padding.all(axis=1),
    }
    bad = np.flatnonzero(np.any(list(faults.values()), axis=0))
    if bad.size:
        fault = next(text for text, where in faults.items() if where[bad[0]])
        raise ValueError(f"Sample {first_index + bad[0]} of `{name}` {fault}.")
