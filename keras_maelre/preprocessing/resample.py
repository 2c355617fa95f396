"""Changing the sampling rate of signals."""

import math

import numpy as np


def resample(signal, source_rate, target_rate):
    """Resamples a signal with soxr's band-limited filter.

    Beyond its ends a signal is taken to be 0.

    Args:
        signal: Float array of shape `(length,)` or `(length, channels)`.
        source_rate: Number, the rate of `signal` in Hz.
        target_rate: Number, the rate wanted in Hz.

    Returns:
        An array of `resampled_length(length, source_rate, target_rate)` steps, of
        float64 if `signal` is, and else of float32.

    Raises:
        ImportError: If soxr is not installed.
    """
    signal = np.asarray(signal)
    if signal.dtype != "float64":
        signal = signal.astype("float32", copy=False)
    if source_rate == target_rate:
        return signal
    try:
        import soxr
    except ImportError as error:
        raise ImportError(
            'Resampling needs soxr: pip install "keras_maelre[audio]"'
        ) from error
    return soxr.resample(signal, source_rate, target_rate)


def resampled_length(length, source_rate, target_rate):
    """The number of steps that `resample` makes of `length` steps."""
    return math.floor(length * target_rate / source_rate + 0.5)
