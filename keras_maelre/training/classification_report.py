"""Scores of single-label classifiers, computed by scikit-learn."""

import numpy as np

from keras_maelre.training.calibration import (
    check_label_matrix,
    check_labels,
    draw_reliability,
    expected_calibration_error,
)
from keras_maelre.training.pictures import new_figure, plain


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


class Report:
    """What both reports share: checked arguments, scores, and the calibration.

    Subclasses set the attributes that `NAMES` lists, and draw on axes of the size
    `figsize`.
    """

    MULTI_LABEL = False
    NAMES = {}  # of the scores, as in `scores()` and as in the last line of the text

    def __init__(self, labels, predictions, class_names, probabilities):
        self.class_names = tuple(class_names)
        check = check_label_matrix if self.MULTI_LABEL else check_labels
        self.labels = check("labels", labels, len(self.class_names))
        self.predictions = check("predictions", predictions, len(self.class_names))
        if len(self.labels) != len(self.predictions):
            raise ValueError(
                "Arguments `labels` and `predictions` must have the same length. "
                f"Received: {len(self.labels)} and {len(self.predictions)}"
            )
        self.probabilities = probabilities
        if probabilities is not None:
            self.NAMES = {**self.NAMES, "ece": "calibration error"}
            self.ece = expected_calibration_error(
                self.labels, probabilities, multi_label=self.MULTI_LABEL
            )

    def scores(self):
        """Returns a dictionary of the scores, as floats."""
        return {name: float(getattr(self, name)) for name in self.NAMES}

    def _text(self, head, names, columns, rest=()):
        width = max(len(text) for text in (head, *names))
        lines = [f"{head:<{width}}  " + "  ".join(f"{title:>9}" for title in columns)]
        for name, *values in zip(names, *columns.values(), strict=True):
            cells = (f"{v:9.3f}" if isinstance(v, float) else f"{v:9d}" for v in values)
            lines.append(f"{name:<{width}}  " + "  ".join(cells))
        scores = self.scores().items()
        last = ", ".join(f"{self.NAMES[name]} {score:.3f}" for name, score in scores)
        return "\n".join([*lines, *rest, last])

    def _plot(self, path, title, draw, figsize):
        calibrated = self.probabilities is not None
        widths, height = [figsize[0]] + calibrated * [5], max(figsize[1], 5)
        figure = new_figure(figsize=(sum(widths), height))
        axes = figure.subplots(1, len(widths), width_ratios=widths, squeeze=False)[0]
        draw(axes[0])
        if calibrated:
            draw_reliability(
                axes[1], self.labels, self.probabilities, multi_label=self.MULTI_LABEL
            )
        figure.suptitle(plain(title))
        figure.savefig(path, dpi=120)


class ClassificationReport(Report):
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

    NAMES = {"accuracy": "accuracy", "macro_f1": "macro-F1"}

    def __init__(self, labels, predictions, class_names, probabilities=None):
        super().__init__(labels, predictions, class_names, probabilities)
        metrics, pair = sklearn_metrics(), (self.labels, self.predictions)
        classes = range(len(self.class_names))
        self.precision, self.recall, self.f1, self.support = (
            metrics.precision_recall_fscore_support(
                *pair, labels=classes, zero_division=0
            )
        )
        self.confusion = metrics.confusion_matrix(*pair, labels=classes)
        self.accuracy = metrics.accuracy_score(*pair)
        self.macro_f1 = metrics.f1_score(*pair, average="macro", zero_division=0)

    def __str__(self):
        columns = {
            "samples": self.support,
            "precision": self.precision,
            "recall": self.recall,
            "F1": self.f1,
        }
        return self._text("class", self.class_names, columns)

    def plot(self, path, title=""):
        """Draws the confusion matrix, each row as shares of its class.

        Args:
            path: Path of the picture; its suffix is the format, such as `.png`.
            title: String, the title of the picture.
        """
        side = min(3.0 + 0.7 * len(self.class_names), 14.0)
        self._plot(path, title, self._draw, (1.25 * side, side))

    def _draw(self, axes):
        shares = self.confusion / np.maximum(self.support, 1)[:, None]
        readable = len(self.class_names) <= 30
        sklearn_metrics().ConfusionMatrixDisplay(
            shares, display_labels=[plain(name) for name in self.class_names]
        ).plot(
            include_values=readable,
            values_format=".2f",
            xticks_rotation=45,
            cmap="Blues",
            ax=axes,
            im_kw={"vmin": 0, "vmax": 1},
        )
        if not readable:
            axes.set(xticks=[], yticks=[])
