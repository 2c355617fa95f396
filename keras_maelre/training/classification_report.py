"""What a classifier of one label a sample is worth."""

import dataclasses

import numpy as np

from keras_maelre.training.pictures import pyplot


@dataclasses.dataclass(frozen=True)
class ClassificationReport:
    """Accuracy, macro-F1 and a per-class table of single-label predictions.

    Args:
        labels: Integer array of shape `(samples,)`, the true classes.
        predictions: Integer array of shape `(samples,)`, the predicted classes.
        class_names: Sequence of strings, one per class.

    Raises:
        ValueError: If lengths disagree or a class has no name.

    Example:

    ```python
    report = ClassificationReport([0, 1, 1], [0, 1, 0], ("rest", "flight"))
    report.accuracy  # 0.666...
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
            if values.ndim != 1 or not len(values):
                raise ValueError(
                    f"Argument `{name}` must be one-dimensional and not empty. "
                    f"Received: shape {values.shape}"
                )
            if values.min() < 0 or values.max() >= classes:
                raise ValueError(
                    f"Argument `{name}` must hold classes in [0, {classes}). "
                    f"Received: values from {values.min()} to {values.max()}"
                )
            object.__setattr__(self, name, values)
        if len(self.labels) != len(self.predictions):
            raise ValueError(
                "Arguments `labels` and `predictions` must have the same length. "
                f"Received: {len(self.labels)} and {len(self.predictions)}"
            )

    @property
    def confusion(self):
        """Integer array `(classes, classes)`: rows are true, columns predicted."""
        classes = len(self.class_names)
        pairs = self.labels.astype("int64") * classes + self.predictions
        counts = np.bincount(pairs, minlength=classes**2)
        return counts.reshape(classes, classes)

    @property
    def accuracy(self):
        """Share of the samples whose class is right."""
        return float(np.mean(self.labels == self.predictions))

    @property
    def precision(self):
        """Float array `(classes,)`; 0 for a class that was never predicted."""
        return np.diag(self.confusion) / np.maximum(self.confusion.sum(axis=0), 1)

    @property
    def recall(self):
        """Float array `(classes,)`; 0 for a class without samples."""
        return np.diag(self.confusion) / np.maximum(self.confusion.sum(axis=1), 1)

    @property
    def f1(self):
        """Float array `(classes,)`, the harmonic mean of precision and recall."""
        counts = self.confusion.sum(axis=0) + self.confusion.sum(axis=1)
        return 2 * np.diag(self.confusion) / np.maximum(counts, 1)

    @property
    def macro_f1(self):
        """Mean F1 of the classes that were there or were predicted."""
        counts = self.confusion.sum(axis=0) + self.confusion.sum(axis=1)
        return float(np.mean(self.f1[counts > 0]))

    def scores(self):
        """Dictionary of the scores, for a file."""
        return {"accuracy": self.accuracy, "macro_f1": self.macro_f1}

    def __str__(self):
        width = max(len("class"), *(len(name) for name in self.class_names))
        samples = self.confusion.sum(axis=1)
        lines = [f"{'class':<{width}}  samples  precision  recall     F1"]
        scores = (self.precision, self.recall, self.f1)
        rows = zip(self.class_names, samples, *scores, strict=True)
        for name, count, precision, recall, f1 in rows:
            numbers = f"{precision:9.3f}  {recall:6.3f}  {f1:5.3f}"
            lines.append(f"{name:<{width}}  {count:7d}  {numbers}")
        lines.append(f"accuracy {self.accuracy:.3f}, macro-F1 {self.macro_f1:.3f}")
        return "\n".join(lines)

    def plot(self, path, title=""):
        """Draws the confusion matrix, every row in shares of its class.

        Args:
            path: Where to save the PNG.
            title: String above the picture.
        """
        plt = pyplot()
        shares = self.confusion / np.maximum(
            self.confusion.sum(axis=1, keepdims=True), 1
        )
        classes = len(self.class_names)
        # Beyond a few dozen classes neither names nor numbers can be read.
        readable = classes <= 30
        side = min(3.0 + 0.7 * classes, 14.0)
        figure, axes = plt.subplots(figsize=(1.25 * side, side), layout="constrained")
        image = axes.imshow(shares, vmin=0, vmax=1, cmap="Blues")
        axes.set(xlabel="predicted", ylabel="true", title=title)
        if readable:
            ticks = range(classes)
            axes.set_xticks(ticks, self.class_names, rotation=45, ha="right")
            axes.set_yticks(ticks, self.class_names)
            for i in ticks:
                for j in ticks:
                    if self.confusion[i, j]:
                        axes.text(
                            j,
                            i,
                            str(self.confusion[i, j]),
                            ha="center",
                            va="center",
                            color="white" if shares[i, j] > 0.5 else "black",
                        )
        figure.colorbar(image, ax=axes, shrink=0.7, label="share of the true class")
        figure.savefig(path, dpi=120)
        plt.close(figure)
