"""Whether probabilities mean what they say, and a temperature that helps."""

import warnings

import numpy as np

from keras_maelre.checks import check_flag, check_integer
from keras_maelre.training.pictures import new_figure, plain

# No classifier that learned anything needs its logits multiplied or divided by more.
LARGEST_TEMPERATURE = 20.0


def fit_temperature(logits, y_true, multi_label=False):
    """Returns the temperature by which to divide logits to calibrate probabilities.

    The temperature minimises the negative log-likelihood of a validation split, which
    is convex in its inverse: the root of the derivative is found by bisection, in
    float64. A temperature changes neither the most probable class nor the order of
    probabilities of a label.

    Args:
        logits: Float array, `(samples, classes)`.
        y_true: Integer array, `(samples,)`, the classes; if `multi_label`, an array of
            zeros and ones, `(samples, classes)`.
        multi_label: Boolean, whether probabilities are sigmoids of the logits rather
            than their softmax.

    Returns:
        A float between 0.05 and 20. If the likelihood has no maximum in between, as
        where every sample is classified correctly or all are of the same class, there
        is a warning and the temperature is 1.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If shapes disagree or values are out of range.

    Example:

    ```python
    from keras_maelre.training import fit_temperature

    logits = [[4.0, 0.0], [0.0, 4.0], [4.0, 0.0], [0.0, 4.0]]
    fit_temperature(logits, [0, 1, 0, 0])  # 3.64: right three times out of four
    ```

    Reference:
        Guo et al., "On Calibration of Modern Neural Networks" (arXiv 1706.04599).
    """
    y_true, logits = check_truth(y_true, logits, multi_label, "logits")
    if not multi_label:
        # Shifts do not change the softmax, and the true class is then at 0.
        logits = logits - np.take_along_axis(logits, y_true[:, None], axis=1)

    def slope(inverse):
        """The derivative of the negative log-likelihood by the inverse temperature."""
        scaled = inverse * logits
        if multi_label:
            return np.sum((0.5 + 0.5 * np.tanh(scaled / 2) - y_true) * logits)
        scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        return np.sum(np.sum(scaled * logits, axis=1) / scaled.sum(axis=1))

    low, high = -np.log(LARGEST_TEMPERATURE), np.log(LARGEST_TEMPERATURE)
    if slope(np.exp(low)) >= 0 or slope(np.exp(high)) <= 0:
        warnings.warn(
            "The samples do not determine a temperature: the more or the less extreme "
            "the probabilities, the better they fit. The temperature is 1.",
            stacklevel=2,
        )
        return 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if slope(np.exp(middle)) > 0 else (middle, high)
    return float(np.exp(-(low + high) / 2))


def expected_calibration_error(y_true, probabilities, bins=15, multi_label=False):
    """Returns the mean distance between confidence and accuracy (ECE).

    Predictions are put into bins of equal width by their confidence; the error is the
    mean of `|accuracy - confidence|` over the bins, weighted by their predictions.

    Args:
        y_true: Integer array, `(samples,)`, the classes; if `multi_label`, an array of
            zeros and ones, `(samples, classes)`.
        probabilities: Float array in [0, 1], `(samples, classes)`.
        bins: Integer, the number of bins.
        multi_label: Boolean. If `False`, a prediction is the most probable class of a
            sample. If `True`, it is the probability of any label of any sample,
            beside the share of those that are true; where most probabilities are
            close to 0, the error is small whatever the others are.

    Returns:
        A float in [0, 1].

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If shapes disagree or values are out of range.

    Example:

    ```python
    from keras_maelre.training import expected_calibration_error

    expected_calibration_error([0, 1], [[0.9, 0.1], [0.8, 0.2]])  # 0.45
    ```

    Reference:
        Guo et al., "On Calibration of Modern Neural Networks" (arXiv 1706.04599).
    """
    confidence, accuracy, share = _reliability(y_true, probabilities, bins, multi_label)
    return float(np.sum(share * np.abs(accuracy - confidence)))


def plot_reliability(y_true, probabilities, path, title="", bins=15, multi_label=False):
    """Draws a reliability diagram: accuracy by confidence, and its calibration error.

    Args:
        y_true: Integer array, `(samples,)`, the classes; if `multi_label`, an array of
            zeros and ones, `(samples, classes)`.
        probabilities: Float array in [0, 1], `(samples, classes)`.
        path: Path of the picture; its suffix is the format, such as `.png`.
        title: String, the title of the picture.
        bins: Integer, the number of bins.
        multi_label: Boolean, see `expected_calibration_error`.

    Raises:
        ImportError: If matplotlib is not installed.
        TypeError: If an argument is of the wrong type.
        ValueError: If shapes disagree or values are out of range.

    Example:

    ```python
    from keras_maelre.training import plot_reliability

    plot_reliability([0, 1], [[0.9, 0.1], [0.8, 0.2]], "reliability.png")
    ```
    """
    figure = new_figure(figsize=(5, 5))
    axes = figure.subplots()
    draw_reliability(axes, y_true, probabilities, bins, multi_label)
    figure.suptitle(plain(title))
    figure.savefig(path, dpi=120)


def draw_reliability(axes, y_true, probabilities, bins=15, multi_label=False):
    """Draws a reliability diagram on axes of matplotlib."""
    confidence, accuracy, share = _reliability(y_true, probabilities, bins, multi_label)
    error = np.sum(share * np.abs(accuracy - confidence))
    left, filled = np.arange(bins) / bins, share > 0
    style = {"width": 1 / bins, "align": "edge", "edgecolor": "white"}
    axes.bar(left, share, color="lightgrey", label="share of predictions", **style)
    axes.bar(left, accuracy, alpha=0.6, label="accuracy", **style)
    axes.plot(confidence[filled], accuracy[filled], "k.", label="mean confidence")
    axes.plot([0, 1], [0, 1], "k--", linewidth=1)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="accuracy")
    axes.set(title=f"calibration error {error:.3f}")
    axes.set_box_aspect(1)
    axes.legend(loc="upper left")


def _reliability(y_true, probabilities, bins, multi_label):
    """Mean confidence, accuracy and share of predictions of each bin."""
    bins = check_integer("bins", bins)
    y_true, probabilities = check_truth(y_true, probabilities, multi_label)
    if multi_label:
        confidence, right = probabilities.ravel(), y_true.ravel()
    else:
        confidence = probabilities.max(axis=1)
        right = probabilities.argmax(axis=1) == y_true
    # A bin includes its upper edge; the first one includes 0 too.
    index = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], confidence)
    counts = np.bincount(index, minlength=bins)
    filled = np.maximum(counts, 1)
    return (
        np.bincount(index, confidence, bins) / filled,
        np.bincount(index, right, bins) / filled,
        counts / len(confidence),
    )


def check_truth(y_true, scores, multi_label, name="probabilities"):
    """Returns checked labels, integers or booleans, and scores in float64.

    Args:
        y_true: What the caller passed, see `fit_temperature`.
        scores: What the caller passed, `(samples, classes)`.
        multi_label: Boolean.
        name: String, the name of the argument `scores`. Probabilities must be in
            [0, 1].
    """
    check_flag("multi_label", multi_label)
    scores = _numbers(name, scores).astype("float64")
    if scores.ndim != 2 or not scores.size:
        raise ValueError(
            f"Argument `{name}` must have shape (samples, classes) and not be "
            f"empty. Received: shape {scores.shape}"
        )
    if name == "probabilities" and not np.all((scores >= 0) & (scores <= 1)):
        raise ValueError(
            "Argument `probabilities` must be in [0, 1]. Received: values from "
            f"{scores.min()} to {scores.max()}"
        )
    if not np.isfinite(scores).all():
        raise ValueError(f"Argument `{name}` must be finite.")
    check = check_label_matrix if multi_label else check_labels
    y_true = check("y_true", y_true, scores.shape[1])
    if len(y_true) != len(scores):
        raise ValueError(
            f"Arguments `y_true` and `{name}` must have the same length. "
            f"Received: {len(y_true)} and {len(scores)}"
        )
    return y_true, scores


def check_labels(name, values, classes):
    """Returns classes, `(samples,)`, as int64."""
    values = _numbers(name, values)
    if values.ndim != 1 or not len(values):
        raise ValueError(
            f"Argument `{name}` must be one-dimensional and not empty. "
            f"Received: shape {values.shape}"
        )
    if values.dtype.kind not in "ui":
        raise TypeError(
            f"Argument `{name}` must hold classes as integers. "
            f"Received: dtype {values.dtype}"
        )
    if values.min() < 0 or values.max() >= classes:
        raise ValueError(
            f"Argument `{name}` must hold classes in [0, {classes}). "
            f"Received: values from {values.min()} to {values.max()}"
        )
    return values.astype("int64")


def check_label_matrix(name, values, classes):
    """Returns the labels of each sample, `(samples, classes)`, as booleans."""
    values = _numbers(name, values)
    if values.ndim != 2 or values.shape[1] != classes or not values.size:
        raise ValueError(
            f"Argument `{name}` must have shape (samples, {classes}) and not be "
            f"empty. Received: shape {values.shape}"
        )
    if not np.isin(values, (0, 1)).all():
        raise ValueError(
            f"Argument `{name}` must hold zeros and ones. Received: values from "
            f"{values.min()} to {values.max()}"
        )
    return values.astype(bool)


def _numbers(name, values):
    values = np.asarray(values)
    if values.dtype.kind not in "buif":
        raise TypeError(
            f"Argument `{name}` must hold numbers. Received: dtype {values.dtype}"
        )
    return values
