"""Changing the sampling rate of signals."""

import numpy as np


def resample(signal, source_rate, target_rate):
    """Resamples a signal with soxr's band-limited filter.

    Args:
        signal: Float array of shape `(length,)` or `(length, channels)`.
        source_rate: Number, the rate of `signal` in Hz.
        target_rate: Number, the rate wanted in Hz.

    Returns:
        A float32 array with `length * target_rate / source_rate` steps, rounded.

    Raises:
        ImportError: If soxr is not installed.
    """
    signal = np.asarray(signal, "float32")
    if source_rate == target_rate:
        return signal
    try:
        import soxr
    except ImportError as error:
        raise ImportError(
            'Resampling needs soxr: pip install "keras_maelre[audio]"'
        ) from error
    return soxr.resample(signal, source_rate, target_rate)
