"""Scores of multi-label classifiers, computed by scikit-learn."""

import numpy as np

from keras_maelre.training.calibration import (
    check_label_matrix,
    draw_reliability,
    expected_calibration_error,
)
from keras_maelre.training.classification_report import (
    check_lengths,
    panels,
    sklearn_metrics,
    table,
)
from keras_maelre.training.pictures import plain

# More rows than this do not fit a table or a picture.
MOST_ROWS = 60


class MultiLabelReport:
    """F1 scores and a table of the labels.

    Attributes are `micro_f1`, the F1 of all decisions together; `macro_f1`, the mean
    F1 of the labels (the paper's MiF); `example_f1`, the mean F1 of the samples (EBF);
    and the arrays `precision`, `recall`, `f1` and `support`, the number of samples, of
    shape `(classes,)`. Quotients by zero are 0.

    Args:
        labels: Array of zeros and ones, `(samples, classes)`, the true labels.
        predictions: Array of zeros and ones, `(samples, classes)`, the predicted ones.
        class_names: Sequence of strings, one per class.
        probabilities: Optional float array in [0, 1], `(samples, classes)`. Adds the
            expected calibration error of all decisions to the scores and a reliability
            diagram to the picture.

    Raises:
        ImportError: If scikit-learn is not installed.
        TypeError: If labels or predictions are not numbers.
        ValueError: If shapes disagree or values are out of range.

    Example:

    ```python
    from keras_maelre.training import MultiLabelReport

    report = MultiLabelReport([[1, 0], [1, 1]], [[1, 0], [1, 0]], ("heart", "lung"))
    report.micro_f1  # 0.8
    print(report)
    ```
    """

    def __init__(self, labels, predictions, class_names, probabilities=None):
        metrics = sklearn_metrics()
        self.class_names = tuple(class_names)
        classes = len(self.class_names)
        self.labels = check_label_matrix("labels", labels, classes)
        self.predictions = check_label_matrix("predictions", predictions, classes)
        check_lengths(self.labels, self.predictions)
        self.probabilities, self.ece = probabilities, None
        if probabilities is not None:
            self.ece = expected_calibration_error(
                self.labels, probabilities, multi_label=True
            )
        # A label that is nowhere changes no sum, and lets scikit-learn tell a single
        # label from two classes.
        pair = [np.pad(a, ((0, 0), (0, 1))) for a in (self.labels, self.predictions)]
        self.precision, self.recall, self.f1, self.support = (
            scores[:-1]
            for scores in metrics.precision_recall_fscore_support(
                *pair, zero_division=0
            )
        )
        self.micro_f1, self.example_f1 = (
            float(metrics.f1_score(*pair, average=average, zero_division=0))
            for average in ("micro", "samples")
        )
        self.macro_f1 = float(np.mean(self.f1))

    def scores(self):
        """Returns a dictionary of the scores, as floats."""
        names = ("micro_f1", "macro_f1", "example_f1")
        scores = {name: getattr(self, name) for name in names}
        return scores if self.ece is None else {**scores, "ece": self.ece}

    def __str__(self):
        shown = self._most_frequent()
        columns = {
            "samples": self.support[shown],
            "predicted": self.predictions.sum(axis=0)[shown],
            "F1": self.f1[shown],
        }
        lines = table("label", [self.class_names[i] for i in shown], columns)
        if len(shown) < len(self.class_names):
            lines.append(f"... and {len(self.class_names) - len(shown)} rarer labels")
        lines.append(
            f"micro-F1 {self.micro_f1:.3f}, macro-F1 (MiF) {self.macro_f1:.3f}, "
            f"mean F1 of the samples (EBF) {self.example_f1:.3f}"
        )
        if self.ece is not None:
            lines[-1] += f", calibration error {self.ece:.3f}"
        return "\n".join(lines)

    def plot(self, path, title=""):
        """Draws the F1 of each label, the most frequent first.

        Args:
            path: Path of the picture; its suffix is the format, such as `.png`.
            title: String, the title of the picture.
        """
        shown = self._most_frequent()
        figure, axes, calibration = panels(
            self.probabilities, title, figsize=(7, 1.5 + 0.25 * len(shown))
        )
        axes.barh(range(len(shown)), self.f1[shown])
        axes.set_yticks(range(len(shown)), [plain(self.class_names[i]) for i in shown])
        axes.invert_yaxis()
        axes.set(xlim=(0, 1), xlabel="F1")
        axes.grid(axis="x", alpha=0.3)
        if calibration is not None:
            draw_reliability(
                calibration, self.labels, self.probabilities, multi_label=True
            )
        figure.savefig(path, dpi=120)

    def _most_frequent(self):
        return np.argsort(-self.support, kind="stable")[:MOST_ROWS]
