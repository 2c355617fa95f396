"""Thresholds of multi-label decisions, tuned on a validation split."""

import numpy as np

from keras_maelre.checks import check_choice, check_flag
from keras_maelre.training.calibration import check_truth

# Positives of a label from which its own F1 score says something.
FEWEST_POSITIVES = 3


def tune_thresholds(y_true, probabilities, per_label=False, metric="micro_f1"):
    """Returns the threshold, or one for each label, with the highest F1 score.

    A label is predicted where `probability > threshold`. The search is exact: every
    distinct way to split the probabilities is scored, in float64, and the threshold
    lies midway between the two probabilities that it separates. Of thresholds with
    equal scores, the nearest to 0.5 is returned.

    Tune on a validation split, never on the test split. Thresholds per label fit the
    validation split more closely; a label with few positives there may be decided by
    chance, and a single threshold then often generalises better.

    Args:
        y_true: Array of zeros and ones, `(samples, labels)`.
        probabilities: Float array in [0, 1], `(samples, labels)`.
        per_label: Boolean, whether each label gets a threshold of its own. A label
            without positives in `y_true` gets the single threshold of all labels.
        metric: String, `"micro_f1"`, the F1 of all decisions together, or
            `"macro_f1"`, the mean F1 of the labels.

    Returns:
        A float in [0, 1], or a float64 array `(labels,)` if `per_label`.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If the shapes differ, values are out of range, the metric is
            unknown, or `y_true` has no positives at all.

    Example:

    ```python
    from keras_maelre.training import tune_thresholds

    y_true = [[1, 0], [1, 0], [0, 1]]
    probabilities = [[0.4, 0.1], [0.3, 0.6], [0.2, 0.7]]
    tune_thresholds(y_true, probabilities)  # 0.25
    tune_thresholds(y_true, probabilities, per_label=True)  # [0.25, 0.65]
    ```

    Reference:
        Lipton, Elkan & Naryanaswamy, "Optimal Thresholding of Classifiers to Maximize
        F1 Measure" (arXiv 1402.1892).
    """
    y_true, probabilities = check_truth(y_true, probabilities, multi_label=True)
    per_label = check_flag("per_label", per_label)
    check_choice("metric", metric, ("micro_f1", "macro_f1"))
    if not y_true.any():
        raise ValueError("Argument `y_true` has no positives: nothing to tune on.")
    curves = _Curves(y_true, probabilities)
    threshold = _single(curves, probabilities, metric)
    if not per_label:
        return threshold
    seen = y_true.any(axis=0)
    if metric == "macro_f1":
        scores = curves.f1
    else:
        # The predictions of labels without positives are settled already.
        settled = np.sum(probabilities[:, ~seen] > threshold)
        scores = _shares_of_micro_f1(curves, seen, settled)
    return np.where(seen, _best(scores, curves.thresholds), threshold)


def label_thresholds(y_true, probabilities):
    """Returns a threshold for each label, which also serves the rare ones.

    Each label is decided where its own F1 score is highest: micro-F1 alone would give
    up what is rare, for little. Labels with fewer than `FEWEST_POSITIVES` are
    decided where micro-F1 is highest.

    Args:
        y_true: As in `tune_thresholds`.
        probabilities: As in `tune_thresholds`.
    """
    own, shared = (
        tune_thresholds(y_true, probabilities, per_label=True, metric=metric)
        for metric in ("macro_f1", "micro_f1")
    )
    return np.where(np.sum(y_true, axis=0) >= FEWEST_POSITIVES, own, shared)


class _Curves:
    """What each label's `k` most probable samples give, for `k` from 0 to all.

    Arrays of shape `(samples + 1, labels)`. Where a tie makes it impossible to predict
    exactly `k` samples, `thresholds` is NaN.
    """

    def __init__(self, y_true, probabilities):
        samples, labels = y_true.shape
        order = np.argsort(-probabilities, axis=0)
        self.order = order
        descending = np.take_along_axis(probabilities, order, axis=0)
        hits = np.cumsum(np.take_along_axis(y_true, order, axis=0), axis=0)
        self.true_positives = np.concatenate([np.zeros((1, labels)), hits])
        self.predicted = np.arange(samples + 1.0)[:, None]
        self.positives = hits[-1]
        self.f1 = 2 * self.true_positives / (self.predicted + self.positives).clip(1)
        self.thresholds = _midpoints(descending)


def _single(curves, probabilities, metric):
    """The best threshold that all labels share."""
    if metric == "micro_f1":
        gains = np.diff(curves.true_positives, axis=0)
    else:
        gains = np.diff(curves.f1, axis=0)
    descending = np.take_along_axis(probabilities, curves.order, axis=0)
    order = np.argsort(-descending, axis=None)
    scores = np.concatenate([[0.0], np.cumsum(gains.ravel()[order])])
    if metric == "micro_f1":
        scores *= 2 / (np.arange(len(scores)) + curves.positives.sum())
    thresholds = _midpoints(descending.ravel()[order][:, None])
    return float(_best(scores[:, None], thresholds)[0])


def _shares_of_micro_f1(curves, seen, settled):
    """Scores that are highest, label by label, where micro-F1 is highest.

    Micro-F1 is a fraction of two sums over labels: at its highest value `f`, every
    label maximises `2 * true_positives - f * predicted` on its own (Dinkelbach's
    method; `f` rises to its maximum in a handful of steps).
    """
    possible = ~np.isnan(curves.thresholds)
    f1, positives = 0.0, curves.positives.sum()
    while True:
        scores = 2 * curves.true_positives - f1 * curves.predicted
        best = np.argmax(np.where(possible, scores, -np.inf), axis=0)
        hits = np.take_along_axis(curves.true_positives, best[None], axis=0)[0]
        higher = 2 * hits[seen].sum() / (best[seen].sum() + settled + positives)
        if higher <= f1:
            return scores
        f1 = higher


def _best(scores, thresholds):
    """The threshold of each column's highest score; of equals, the nearest to 0.5."""
    scores = np.where(np.isnan(thresholds), -np.inf, scores)
    # Sums in another order differ in the last bits.
    equal = scores >= scores.max(axis=0) - 1e-12
    distance = np.where(equal, np.abs(thresholds - 0.5), np.inf)
    return np.take_along_axis(thresholds, distance.argmin(axis=0)[None], axis=0)[0]


def _midpoints(descending):
    """Thresholds above which the first 0, 1, ... rows lie; NaN between equal rows."""
    edge = np.ones((1, descending.shape[1]))
    upper = np.concatenate([edge, descending])
    lower = np.concatenate([descending, 0 * edge])
    middle = (upper + lower) / 2
    # Rounded to float32, a threshold decides the same wherever it is compared. Where
    # that leaves the gap, the lower probability itself is the threshold.
    middle = middle.astype("float32").astype("float64")
    middle = np.where((middle >= lower) & (middle < upper), middle, lower)
    # Nothing is predicted above the first row, even if it is 1.
    possible = upper > lower
    possible[0] = True
    return np.where(possible, middle, np.nan)
