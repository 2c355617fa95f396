"""Long recordings as windows, and the answers to windows as answers to recordings."""

import numpy as np

from keras_maelre.checks import check_integer


def cut_windows(samples, length, step=None):
    """Cuts recordings into windows of one length.

    Of each recording a window begins every `step` steps, and one more ends where the
    recording ends, if another did not already: nothing is left out. A recording that is
    shorter than a window is one window, as long as it is.

    Labels and groups of the windows are those of their recordings: `y[sources]`, and
    `groups=sources`, without which windows of one recording are both trained and
    validated on.

    Args:
        samples: List of arrays of shape `(steps,)` or `(steps, channels)`: series, or
            waves. Or one array of shape `(samples, steps)` or `(samples, steps,
            channels)`, in which steps at the end that are NaN in every channel are
            padding.
        length: Integer, the steps of a window.
        step: Integer, the steps from the beginning of a window to that of the next, or
            `None` for `length`. Smaller, windows overlap.

    Returns:
        Tuple `(windows, sources)`: a list of arrays, views of the recordings, and an
        integer array of shape `(windows,)`, the place of each one's recording.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is out of range, or a recording is empty.

    Example:

    ```python
    import numpy as np
    from keras_maelre.datasets import average_windows, cut_windows

    recordings = [np.random.normal(size=n) for n in (1000, 250, 90)]
    labels = np.array(["calm", "storm", "calm"])
    windows, sources = cut_windows(recordings, length=100, step=50)
    labels[sources]  # of the windows
    probabilities = np.full((len(windows), 2), 0.5)  # of a classifier
    average_windows(probabilities, sources).shape  # (3, 2)
    ```
    """
    length = check_integer("length", length)
    step = length if step is None else check_integer("step", step)
    if isinstance(samples, (str, bytes, dict)) or not hasattr(samples, "__len__"):
        raise TypeError(
            "Argument `samples` must be a list of arrays, or an array. "
            f"Received: {type(samples).__name__}"
        )
    windows, sources = [], []
    for number, sample in enumerate(samples):
        sample = np.asarray(sample)
        if sample.dtype.kind not in "iufb" or sample.ndim not in (1, 2):
            raise ValueError(
                "Every sample must be an array of numbers of shape (steps,) or (steps, "
                f"channels). Received: sample {number} of dtype {sample.dtype} and "
                f"shape {sample.shape}"
            )
        steps = _count_steps(sample) if isinstance(samples, np.ndarray) else len(sample)
        if not steps:
            raise ValueError(f"Sample {number} has no steps.")
        starts = list(range(0, max(steps - length, 0) + 1, step))
        if starts[-1] + length < steps:
            starts.append(steps - length)
        windows += [sample[start : min(start + length, steps)] for start in starts]
        sources += [number] * len(starts)
    return windows, np.array(sources, "int64")


def average_windows(probabilities, sources):
    """Returns the mean of the probabilities of each recording's windows.

    Args:
        probabilities: Float array of shape `(windows, classes)`, of all windows.
        sources: Integer array of shape `(windows,)`, as `cut_windows` returns it.

    Returns:
        Float array of shape `(recordings, classes)`.

    Raises:
        ValueError: If the arguments do not fit, or a recording has no window.

    Example:

    ```python
    import numpy as np
    from keras_maelre.datasets import average_windows

    probabilities = np.array([[0.2, 0.8], [0.4, 0.6], [1.0, 0.0]])
    average_windows(probabilities, [0, 0, 1])  # [[0.3, 0.7], [1.0, 0.0]]
    ```
    """
    probabilities, sources = np.asarray(probabilities), np.asarray(sources)
    if probabilities.ndim != 2 or probabilities.dtype.kind != "f":
        raise ValueError(
            "Argument `probabilities` must be floats of shape (windows, classes). "
            f"Received: dtype {probabilities.dtype}, shape {probabilities.shape}"
        )
    if sources.shape != (len(probabilities),) or sources.dtype.kind not in "iu":
        raise ValueError(
            "Argument `sources` must hold an integer for each of the "
            f"{len(probabilities)} windows. Received: dtype {sources.dtype}, shape "
            f"{sources.shape}"
        )
    if not len(sources):
        raise ValueError("There are no windows to average.")
    if sources.min() < 0:
        raise ValueError(
            "Argument `sources` must hold integers of at least 0. "
            f"Received: {sources.min()}"
        )
    counts = np.bincount(sources)
    if not counts.all():
        missing = int(np.argmin(counts))
        raise ValueError(f"Argument `sources` has no window of recording {missing}.")
    totals = np.zeros((len(counts), probabilities.shape[1]), probabilities.dtype)
    np.add.at(totals, sources, probabilities)
    return totals / counts[:, None]


def _count_steps(sample):
    """The steps before the padding of a series from an array."""
    if sample.dtype.kind != "f":
        return len(sample)
    valid = ~np.isnan(sample if sample.ndim == 1 else sample.T).reshape(-1, len(sample))
    kept = np.flatnonzero(valid.any(axis=0))
    return int(kept[-1]) + 1 if len(kept) else 0
