"""Scores of single-label classifiers, computed by scikit-learn."""

import numpy as np

from keras_maelre.training.calibration import (
    check_labels,
    draw_reliability,
    expected_calibration_error,
)
from keras_maelre.training.pictures import new_figure, plain


class ClassificationReport:
    """Accuracy, macro-F1, confusion matrix and a table of the classes.

    Attributes are `accuracy` and `macro_f1`, the mean F1 of the classes that are true
    or predicted somewhere; the arrays `precision`, `recall`, `f1` and `support`, the
    number of samples, of shape `(classes,)`; and `confusion` of shape
    `(classes, classes)`, whose rows are true and whose columns are predicted classes.
    Quotients by zero are 0.

    Args:
        labels: Integer array, `(samples,)`, the true classes.
        predictions: Integer array, `(samples,)`, the predicted classes.
        class_names: Sequence of strings, one per class.
        probabilities: Optional float array in [0, 1], `(samples, classes)`. Adds the
            expected calibration error to the scores and a reliability diagram to the
            picture.

    Raises:
        ImportError: If scikit-learn is not installed.
        TypeError: If labels or predictions are not integers.
        ValueError: If shapes disagree or values are out of range.

    Example:

    ```python
    from keras_maelre.training import ClassificationReport

    report = ClassificationReport([0, 1, 1], [0, 1, 0], ("rest", "flight"))
    report.accuracy  # 0.666...
    print(report)
    ```
    """

    def __init__(self, labels, predictions, class_names, probabilities=None):
        metrics = sklearn_metrics()
        self.class_names = tuple(class_names)
        classes = len(self.class_names)
        self.labels = check_labels("labels", labels, classes)
        self.predictions = check_labels("predictions", predictions, classes)
        check_lengths(self.labels, self.predictions)
        self.probabilities, self.ece = probabilities, None
        if probabilities is not None:
            self.ece = expected_calibration_error(self.labels, probabilities)
        pair = self.labels, self.predictions
        self.precision, self.recall, self.f1, self.support = (
            metrics.precision_recall_fscore_support(
                *pair, labels=range(classes), zero_division=0
            )
        )
        self.confusion = metrics.confusion_matrix(*pair, labels=range(classes))
        self.accuracy = float(metrics.accuracy_score(*pair))
        self.macro_f1 = float(metrics.f1_score(*pair, average="macro", zero_division=0))

    def scores(self):
        """Returns a dictionary of the scores, as floats."""
        scores = {"accuracy": self.accuracy, "macro_f1": self.macro_f1}
        return scores if self.ece is None else {**scores, "ece": self.ece}

    def __str__(self):
        columns = {
            "samples": self.support,
            "precision": self.precision,
            "recall": self.recall,
            "F1": self.f1,
        }
        lines = table("class", self.class_names, columns)
        lines.append(f"accuracy {self.accuracy:.3f}, macro-F1 {self.macro_f1:.3f}")
        if self.ece is not None:
            lines[-1] += f", calibration error {self.ece:.3f}"
        return "\n".join(lines)

    def plot(self, path, title=""):
        """Draws the confusion matrix, each row as shares of its class.

        Args:
            path: Path of the picture; its suffix is the format, such as `.png`.
            title: String, the title of the picture.
        """
        shares = self.confusion / np.maximum(self.support, 1)[:, None]
        classes = len(self.class_names)
        side = min(3.0 + 0.7 * classes, 14.0)
        figure, axes, calibration = panels(
            self.probabilities, title, figsize=(1.25 * side, side)
        )
        image = axes.imshow(shares, vmin=0, vmax=1, cmap="Blues")
        axes.set(xlabel="predicted", ylabel="true")
        if classes <= 30:  # beyond, neither names nor numbers can be read
            names = [plain(name) for name in self.class_names]
            axes.set_xticks(range(classes), names, rotation=45, ha="right")
            axes.set_yticks(range(classes), names)
            for i, j in np.argwhere(self.confusion):
                color = "white" if shares[i, j] > 0.5 else "black"
                text = str(self.confusion[i, j])
                axes.text(j, i, text, ha="center", va="center", color=color)
        figure.colorbar(image, ax=axes, shrink=0.7, label="share of the true class")
        if calibration is not None:
            draw_reliability(calibration, self.labels, self.probabilities)
        figure.savefig(path, dpi=120)


def sklearn_metrics():
    """Returns `sklearn.metrics`, or raises an ImportError that says how to get it."""
    try:
        from sklearn import metrics
    except ImportError as error:
        raise ImportError(
            "Reports are computed by scikit-learn, which is not installed. Run: "
            'pip install "keras_maelre[sklearn]"'
        ) from error
    return metrics


def check_lengths(labels, predictions):
    """Raises a ValueError unless there are as many labels as predictions."""
    if len(labels) != len(predictions):
        raise ValueError(
            "Arguments `labels` and `predictions` must have the same length. "
            f"Received: {len(labels)} and {len(predictions)}"
        )


def table(head, names, columns):
    """Returns the lines of a table of counts and scores, one per name."""
    width = max(len(text) for text in (head, *names))
    lines = [f"{head:<{width}}  " + "  ".join(f"{name:>9}" for name in columns)]
    for name, *values in zip(names, *columns.values(), strict=True):
        cells = (f"{v:9.3f}" if isinstance(v, float) else f"{v:9d}" for v in values)
        lines.append(f"{name:<{width}}  " + "  ".join(cells))
    return lines


def panels(probabilities, title, figsize):
    """Returns a figure, its axes, and axes for the calibration, or None."""
    width, height = figsize
    if probabilities is None:
        figure = new_figure(figsize=figsize)
        left, right = figure.subplots(), None
    else:
        figure = new_figure(figsize=(width + 5, max(height, 5)))
        left, right = figure.subplots(1, 2, width_ratios=(width, 5))
    figure.suptitle(plain(title))
    return figure, left, right
