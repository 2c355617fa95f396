"""The one form in which readers return texts, recordings and images."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class LabelledDataset:
    """A classification task on raw samples, split into training and test samples.

    Samples are whatever the preprocessor of the modality takes: strings, paths of
    sound or image files, arrays. Labels are either one class per sample or, where a
    sample may have several, a row of zeros and ones.

    Args:
        x_train: Sequence of raw samples: a list or an array.
        y_train: Integer array of shape `(samples,)`, indices into `class_names`; or
            of shape `(samples, classes)`, ones for the labels of each sample.
        x_test: As `x_train`.
        y_test: As `y_train`, of the same rank.
        class_names: Tuple or list of distinct strings, one per class.
        groups_train: Integer array of shape `(samples,)`, which source each training
            sample comes from (for a validation split that shares none), or `None`.
        name: String, what to call the task in reports.
        simulated: Boolean, whether the samples were generated rather than measured.
        skipped: Tuple of strings, the files that were left out, and why.

    Raises:
        ValueError: If lengths or ranks disagree, there is no sample, or a label has
            no name.

    Example:

    ```python
    data = LabelledDataset(
        x_train=["good film", "bad film"],
        y_train=[1, 0],
        x_test=["a good one"],
        y_test=[1],
        class_names=("negative", "positive"),
    )
    print(data.describe())
    ```
    """

    x_train: Sequence = field(repr=False)
    y_train: np.ndarray = field(repr=False)
    x_test: Sequence = field(repr=False)
    y_test: np.ndarray = field(repr=False)
    class_names: tuple
    groups_train: np.ndarray | None = field(default=None, repr=False)
    name: str = "data"
    simulated: bool = False
    skipped: tuple = ()

    def __post_init__(self):
        names = tuple(str(name) for name in self.class_names)
        if not names or len(set(names)) < len(names):
            raise ValueError(
                "`class_names` must hold at least one name and none twice. "
                f"Received: {names}"
            )
        object.__setattr__(self, "class_names", names)
        object.__setattr__(self, "skipped", tuple(self.skipped))
        for split in ("train", "test"):
            labels = _checked_labels(
                getattr(self, f"y_{split}"),
                f"y_{split}",
                samples=len(getattr(self, f"x_{split}")),
                classes=len(names),
            )
            object.__setattr__(self, f"y_{split}", labels)
        if self.y_train.ndim != self.y_test.ndim:
            raise ValueError(
                "`y_train` and `y_test` must have the same rank. "
                f"Received: shapes {self.y_train.shape} and {self.y_test.shape}"
            )
        if self.groups_train is not None:
            groups = np.asarray(self.groups_train)
            if groups.shape != (len(self.x_train),):
                raise ValueError(
                    "`groups_train` must have one entry per training sample. "
                    f"Received: shape {groups.shape} for {len(self.x_train)} samples"
                )
            object.__setattr__(self, "groups_train", groups)

    @property
    def multi_label(self):
        """Whether a sample may have several labels."""
        return self.y_train.ndim == 2

    def describe(self):
        """Two or three lines for a person: what there is and the score to beat."""
        title = self.name + (" (SIMULATED)" if self.simulated else "")
        labels = "labels" if self.multi_label else "classes"
        lines = [
            f"{title}: {len(self.x_train)} training and {len(self.x_test)} test "
            f"samples, {len(self.class_names)} {labels}."
        ]
        if self.multi_label:
            lines.append(f"{self.y_train.sum(axis=1).mean():.2f} labels a sample.")
        else:
            counts = np.bincount(self.y_test, minlength=len(self.class_names))
            lines.append(
                f"Always answering {self.class_names[counts.argmax()]!r} scores an "
                f"accuracy of {counts.max() / counts.sum():.3f} on the test samples."
            )
        if self.skipped:
            lines.append(
                f"{len(self.skipped)} files were skipped, the first: {self.skipped[0]}"
            )
        return "\n".join(lines)


def _checked_labels(y, name, samples, classes):
    y = np.asarray(y)
    if y.dtype.kind not in "iub" or y.shape not in ((samples,), (samples, classes)):
        raise ValueError(
            f"`{name}` must be an array of integers of shape ({samples},) or "
            f"({samples}, {classes}), one entry or row per sample. Received: dtype "
            f"{y.dtype}, shape {y.shape}"
        )
    if not samples:
        raise ValueError(f"`{name}` must hold at least one sample. Received: none")
    if y.ndim == 2:
        if y.min() < 0 or y.max() > 1:
            raise ValueError(
                f"`{name}` must hold zeros and ones. Received: values from {y.min()} "
                f"to {y.max()}"
            )
        return y.astype("uint8", copy=False)
    if y.min() < 0 or y.max() >= classes:
        raise ValueError(
            f"`{name}` must hold labels from 0 to {classes - 1}, one for each of the "
            f"{classes} `class_names`. Received: labels from {y.min()} to {y.max()}"
        )
    return y.astype("int32", copy=False)
