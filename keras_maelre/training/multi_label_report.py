"""What a classifier of several labels a sample is worth."""

import dataclasses

import numpy as np

from keras_maelre.training.pictures import pyplot

# Labels that still fit a table or a picture.
MOST_ROWS = 60


@dataclasses.dataclass(frozen=True)
class MultiLabelReport:
    """F1 scores and a per-label table of predictions with several labels a sample.

    Args:
        labels: Array of zeros and ones of shape `(samples, classes)`, the truth.
        predictions: The same for what was predicted.
        class_names: Sequence of strings, one per class.

    Raises:
        ValueError: If shapes disagree, values are not 0 or 1, or a class has no name.

    Example:

    ```python
    report = MultiLabelReport([[1, 0], [1, 1]], [[1, 0], [1, 0]], ("heart", "lung"))
    report.micro_f1  # 0.8
    print(report)
    ```
    """

    labels: np.ndarray
    predictions: np.ndarray
    class_names: tuple

    def __post_init__(self):
        classes = len(self.class_names)
        for name in ("labels", "predictions"):
            values = np.asarray(getattr(self, name))
            if values.ndim != 2 or values.shape[1] != classes or not len(values):
                raise ValueError(
                    f"Argument `{name}` must have shape (samples, {classes}) and not "
                    f"be empty. Received: shape {values.shape}"
                )
            if not np.isin(values, (0, 1)).all():
                raise ValueError(
                    f"Argument `{name}` must hold zeros and ones. Received: values "
                    f"from {values.min()} to {values.max()}"
                )
            object.__setattr__(self, name, values.astype(bool))
        if len(self.labels) != len(self.predictions):
            raise ValueError(
                "Arguments `labels` and `predictions` must have the same length. "
                f"Received: {len(self.labels)} and {len(self.predictions)}"
            )

    @property
    def f1(self):
        """Float array `(classes,)`, the F1 of every label; 0 where there is none."""
        return _f1(self.labels, self.predictions, axis=0)

    @property
    def macro_f1(self):
        """Mean F1 of the labels: the paper's MiF."""
        return float(np.mean(self.f1))

    @property
    def example_f1(self):
        """Mean F1 of the samples: the paper's EBF."""
        return float(np.mean(_f1(self.labels, self.predictions, axis=1)))

    @property
    def micro_f1(self):
        """F1 of all decisions together."""
        return float(_f1(self.labels.ravel(), self.predictions.ravel(), axis=0))

    def scores(self):
        """Dictionary of the scores, for a file."""
        return {
            "micro_f1": self.micro_f1,
            "macro_f1": self.macro_f1,
            "example_f1": self.example_f1,
        }

    def __str__(self):
        true = self.labels.sum(axis=0)
        shown = np.argsort(-true, kind="stable")[:MOST_ROWS]
        width = max(len("label"), *(len(self.class_names[i]) for i in shown))
        lines = [f"{'label':<{width}}  samples  predicted     F1"]
        found = self.predictions.sum(axis=0)
        for i in shown:
            numbers = f"{true[i]:7d}  {found[i]:9d}  {self.f1[i]:5.3f}"
            lines.append(f"{self.class_names[i]:<{width}}  {numbers}")
        if len(shown) < len(true):
            lines.append(f"... and {len(true) - len(shown)} rarer labels")
        lines.append(
            f"micro-F1 {self.micro_f1:.3f}, macro-F1 (MiF) {self.macro_f1:.3f}, "
            f"mean F1 of the samples (EBF) {self.example_f1:.3f}"
        )
        return "\n".join(lines)

    def plot(self, path, title=""):
        """Draws the F1 of every label, the most frequent first.

        Args:
            path: Where to save the PNG.
            title: String above the picture.
        """
        plt = pyplot()
        shown = np.argsort(-self.labels.sum(axis=0), kind="stable")[:MOST_ROWS]
        figure, axes = plt.subplots(
            figsize=(7, 1.5 + 0.25 * len(shown)), layout="constrained"
        )
        axes.barh(range(len(shown)), self.f1[shown])
        axes.set_yticks(range(len(shown)), [self.class_names[i] for i in shown])
        axes.invert_yaxis()
        axes.set(xlim=(0, 1), xlabel="F1", title=title)
        axes.grid(axis="x", alpha=0.3)
        figure.savefig(path, dpi=120)
        plt.close(figure)


def _f1(true, predicted, axis):
    both = np.sum(true & predicted, axis=axis)
    return 2 * both / np.maximum(np.sum(true, axis=axis) + predicted.sum(axis=axis), 1)
