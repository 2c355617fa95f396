"""The one form in which every reader returns its data."""

import numbers
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from keras_maelre.checks import check_flag
from keras_maelre.datasets.shared_samples import (
    count_shared_files,
    count_shared_samples,
)

NAMED = 5  # classes in a message


@dataclass(frozen=True, eq=False)
class ClassificationDataset:
    """A classification task on raw samples, split into training and test samples.

    Samples are whatever the preprocessor of the modality takes: strings, paths of
    sound or image files, waves, series, images. Labels are either one class per
    sample or, for a multi-label task, a row of zeros and ones.

    What would make scores wrong or training pointless without an error is warned of:
    test samples that are training samples too, classes that only the test split has,
    and training samples that are all of one class.

    Args:
        x_train: Sequence of raw samples: a list, a tuple or an array.
        y_train: Integer array of shape `(samples,)`, indices into `class_names`; or
            of shape `(samples, classes)`, ones for the labels of each sample.
        x_test: As `x_train`.
        y_test: As `y_train`, of the same rank.
        class_names: Tuple or list of distinct strings, one per class; kept as a
            tuple.
        groups_train: Array of integers or strings of shape `(samples,)`, the source
            of each training sample, such as the recording that it was cut from (for
            a validation split that shares none with training), or `None`.
        sample_rate: Float, samples per second in Hz of waves and series, or `None`
            where it is unknown or differs.
        name: String, what to call the task in reports.
        simulated: Boolean, whether the samples were generated rather than measured.
        skipped: Tuple of strings, the files that were left out, and why.

    Raises:
        TypeError: If an argument is of the wrong type, or a masked array, whose mask
            would be lost.
        ValueError: If lengths or ranks disagree, there is no sample, or a label has
            no name.

    Example:

    ```python
    from keras_maelre.datasets import ClassificationDataset

    data = ClassificationDataset(
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
    sample_rate: float | None = None
    name: str = "data"
    simulated: bool = False
    skipped: tuple = ()

    def __post_init__(self):
        checked = {
            "class_names": _checked_class_names(self.class_names),
            "sample_rate": _checked_sample_rate(self.sample_rate),
            "simulated": check_flag("simulated", self.simulated),
            "skipped": tuple(self.skipped),
        }
        for split in ("train", "test"):
            checked[f"y_{split}"] = _checked_labels(
                getattr(self, f"y_{split}"),
                f"y_{split}",
                samples=_count(getattr(self, f"x_{split}"), f"x_{split}"),
                classes=len(checked["class_names"]),
            )
        if self.groups_train is not None:
            checked["groups_train"] = _checked_groups(
                self.groups_train, samples=len(self.x_train)
            )
        for attribute, value in checked.items():
            object.__setattr__(self, attribute, value)
        if self.y_train.ndim != self.y_test.ndim:
            raise ValueError(
                "`y_train` and `y_test` must have the same rank. "
                f"Received: shapes {self.y_train.shape} and {self.y_test.shape}"
            )
        self._warn()

    @property
    def multi_label(self):
        """Whether a sample may have any number of labels."""
        return self.y_train.ndim == 2

    def describe(self):
        """Returns two or three lines for a person.

        They tell how many samples there are, of which shape if they are one array,
        the number of classes, and the score to beat: the test accuracy of always
        answering the most frequent class.
        """
        title = self.name + (" (SIMULATED)" if self.simulated else "")
        samples = f"{len(self.x_train)} training and {len(self.x_test)} test samples"
        if isinstance(self.x_train, np.ndarray):
            shapes = dict.fromkeys((self.x_train.shape[1:], self.x_test.shape[1:]))
            samples += " of shape " + " and ".join(map(str, shapes))
        kind = "labels" if self.multi_label else "classes"
        facts = [samples, f"{len(self.class_names)} {kind}"]
        if self.sample_rate is not None:
            facts.append(f"{self.sample_rate:g} Hz")
        if self.groups_train is not None:
            facts.append(f"{len(np.unique(self.groups_train))} training groups")
        lines = [f"{title}: {', '.join(facts)}."]
        if self.multi_label:
            lines.append(f"{self.y_train.sum(axis=1).mean():.2f} labels per sample.")
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

    def _warn(self):
        """Warns of what makes scores wrong, or training pointless."""
        if self.multi_label:
            train, test = self.y_train.sum(axis=0), self.y_test.sum(axis=0)
        else:
            train, test = (
                np.bincount(y, minlength=len(self.class_names))
                for y in (self.y_train, self.y_test)
            )
            if np.count_nonzero(train) == 1:
                _warn(
                    f"{self.name}: all training samples are of the class "
                    f"{self.class_names[train.argmax()]!r}."
                )
        untrained = [self.class_names[i] for i in np.flatnonzero((train == 0) & test)]
        if untrained:
            more = ", ..." if len(untrained) > NAMED else ""
            _warn(
                f"{self.name}: {len(untrained)} of {len(self.class_names)} classes "
                "are in the test split but not in the training split: "
                f"{', '.join(untrained[:NAMED])}{more}"
            )
        shared = count_shared_samples(self.x_train, self.x_test)
        if shared:
            warn_of_shared(self.name, shared, len(self.x_test))


def warn_of_shared(name, shared, test_samples, what="training samples too"):
    """Warns that test samples are known from training."""
    _warn(
        f"{name}: {shared} of {test_samples} test samples are {what}: scores on the "
        "test split will be too high."
    )


def warn_of_shared_files(data):
    """Warns of test files with the contents of training files."""
    shared = count_shared_files(data.x_train, data.x_test)
    if shared:
        warn_of_shared(data.name, shared, len(data.x_test))


def _warn(message):
    # The caller of the reader is some frames up, how many depends on the reader.
    warnings.warn(message, stacklevel=5)


def _count(x, name):
    """The number of samples of `x`."""
    _refuse_masked(x, name)
    if isinstance(x, (str, bytes)) or not hasattr(x, "__len__"):
        raise TypeError(
            f"`{name}` must be a list, a tuple or an array of samples. "
            f"Received: {type(x).__name__}"
        )
    if isinstance(x, (list, tuple)):
        for sample in x:
            _refuse_masked(sample, name)
    if isinstance(x, np.ndarray) and (x.ndim == 0 or 0 in x.shape):
        raise ValueError(
            f"`{name}` must hold at least one value. Received shape: {x.shape}"
        )
    return len(x)


def _refuse_masked(array, name):
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(
            f"`{name}` holds a masked array, whose mask would be lost. Pass a plain "
            "array: in series, missing time steps are NaN."
        )


def _checked_class_names(class_names):
    message = (
        "`class_names` must be a tuple or list of distinct strings, at least one. "
        f"Received: {class_names!r}"
    )
    if not isinstance(class_names, (list, tuple)) or not all(
        isinstance(name, str) for name in class_names
    ):
        raise TypeError(message)
    # NumPy's strings become Python's.
    class_names = tuple(map(str, class_names))
    if not class_names or len(set(class_names)) < len(class_names):
        raise ValueError(message)
    return class_names


def _checked_sample_rate(sample_rate):
    # A scalar of NumPy is a real number too; an array is not.
    message = (
        "`sample_rate` must be a positive number of Hz or None. "
        f"Received: {sample_rate!r}"
    )
    if sample_rate is None:
        return None
    if isinstance(sample_rate, bool) or not isinstance(sample_rate, numbers.Real):
        raise TypeError(message)
    if not 0 < sample_rate < np.inf:
        raise ValueError(message)
    return float(sample_rate)


def _checked_groups(groups, samples):
    _refuse_masked(groups, "groups_train")
    groups = np.asarray(groups)
    if groups.dtype.kind not in "iuUS" or groups.shape != (samples,):
        raise ValueError(
            "`groups_train` must be an array of integers or strings of shape "
            f"({samples},), one entry per training sample. Received: dtype "
            f"{groups.dtype}, shape {groups.shape}"
        )
    return groups


def _checked_labels(y, name, samples, classes):
    _refuse_masked(y, name)
    y = np.asarray(y)
    if not samples:
        raise ValueError(f"`{name}` must hold at least one sample. Received: none")
    if y.dtype.kind not in "iub" or y.shape not in ((samples,), (samples, classes)):
        raise ValueError(
            f"`{name}` must be an array of integers of shape ({samples},) or "
            f"({samples}, {classes}), one entry or row per sample. Received: dtype "
            f"{y.dtype}, shape {y.shape}"
        )
    if y.ndim == 2:
        if y.min() < 0 or y.max() > 1:
            raise ValueError(
                f"`{name}` must hold zeros and ones. Received: values from {y.min()} "
                f"to {y.max()}"
            )
        return y.astype("uint8", copy=False)
    unnamed = (y < 0) | (y >= classes)
    if unnamed.any():
        index = int(unnamed.argmax())
        raise ValueError(
            f"`{name}` must hold labels from 0 to {classes - 1}, one for each of the "
            f"{classes} `class_names`. Received: {y[index]} at sample {index}"
        )
    return y.astype("int32", copy=False)
