"""Scores of multi-label classifiers, computed by scikit-learn."""

import numpy as np

from keras_maelre.training.classification_report import Report, sklearn_metrics
from keras_maelre.training.pictures import plain

# More rows than this do not fit a table or a picture.
MOST_ROWS = 60


class MultiLabelReport(Report):
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

    MULTI_LABEL = True
    NAMES = {
        "micro_f1": "micro-F1",
        "macro_f1": "macro-F1 (MiF)",
        "example_f1": "mean F1 of the samples (EBF)",
    }

    def __init__(self, labels, predictions, class_names, probabilities=None):
        super().__init__(labels, predictions, class_names, probabilities)
        metrics = sklearn_metrics()
        # A label that is nowhere changes no sum, and lets scikit-learn tell a single
        # label from two classes.
        pair = [np.pad(a, ((0, 0), (0, 1))) for a in (self.labels, self.predictions)]
        scores = metrics.precision_recall_fscore_support(*pair, zero_division=0)
        self.precision, self.recall, self.f1, self.support = (a[:-1] for a in scores)
        self.micro_f1, self.example_f1 = (
            metrics.f1_score(*pair, average=average, zero_division=0)
            for average in ("micro", "samples")
        )
        self.macro_f1 = np.mean(self.f1)

    def __str__(self):
        shown = self._most_frequent()
        columns = {
            "samples": self.support[shown],
            "predicted": self.predictions.sum(axis=0)[shown],
            "F1": self.f1[shown],
        }
        rarer = len(self.class_names) - len(shown)
        rest = [f"... and {rarer} rarer labels"] if rarer else []
        names = [self.class_names[i] for i in shown]
        return self._text("label", names, columns, rest)

    def plot(self, path, title=""):
        """Draws the F1 of each label, the most frequent first.

        Args:
            path: Path of the picture; its suffix is the format, such as `.png`.
            title: String, the title of the picture.
        """
        height = 1.5 + 0.25 * len(self._most_frequent())
        self._plot(path, title, self._draw, (7, height))

    def _draw(self, axes):
        shown = self._most_frequent()
        axes.barh(range(len(shown)), self.f1[shown])
        axes.set_yticks(range(len(shown)), [plain(self.class_names[i]) for i in shown])
        axes.invert_yaxis()
        axes.set(xlim=(0, 1), xlabel="F1")
        axes.grid(axis="x", alpha=0.3)

    def _most_frequent(self):
        return np.argsort(-self.support, kind="stable")[:MOST_ROWS]
