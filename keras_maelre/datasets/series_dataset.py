"""The one form in which every reader returns a time-series task."""

import numbers
from dataclasses import dataclass, field

import numpy as np

# Series are checked a few at a time: the largest sets fill most of the memory,
# and a boolean copy of the whole would not fit beside them.
CHECKED_VALUES = 2**24


@dataclass(frozen=True, eq=False)
class SeriesDataset:
    """A time-series classification task, split into training and test series.

    Every array is checked when the dataset is made, so that whatever holds a
    `SeriesDataset` can rely on it.

    A time step that is NaN in every channel is padding (the convention of the
    UCR archive for series shorter than the longest). Training and test series
    may be padded to different lengths.

    Args:
        x_train: Array of shape `(samples, length, channels)`, integers or
            floats; kept as float32.
        y_train: Integer array of shape `(samples,)`, indices into
            `class_names`; kept as int32.
        x_test: As `x_train`, with the same number of channels.
        y_test: As `y_train`, for `x_test`.
        class_names: Tuple or list of distinct strings, one per class; kept as a
            tuple.
        groups_train: Integer array of shape `(samples,)` that tells which
            recording each training series was cut from, for a validation
            split that shares no recording with the training one, or `None`.
        sample_rate: Samples per second in Hz, or `None` where unknown.
        name: String, what to call the task in reports.
        simulated: Boolean, whether the series were generated rather than
            measured.

    Raises:
        ValueError: If an array has the wrong rank, type or number of entries,
            holds an infinity, a time step that is NaN in only some channels or
            a series without any valid time step, or if a label has no name.

    Example:

    ```python
    data = SeriesDataset(
        x_train=np.random.normal(size=(8, 100, 1)),
        y_train=np.arange(8) % 2,
        x_test=np.random.normal(size=(4, 100, 1)),
        y_test=np.arange(4) % 2,
        class_names=("rest", "flight"),
    )
    print(data.describe())
    ```
    """

    x_train: np.ndarray = field(repr=False)
    y_train: np.ndarray = field(repr=False)
    x_test: np.ndarray = field(repr=False)
    y_test: np.ndarray = field(repr=False)
    class_names: tuple
    groups_train: np.ndarray | None = field(default=None, repr=False)
    sample_rate: float | None = None
    name: str = "series"
    simulated: bool = False

    def __post_init__(self):
        checked = {
            "class_names": _checked_class_names(self.class_names),
            "x_train": _checked_series(self.x_train, "x_train"),
            "x_test": _checked_series(self.x_test, "x_test"),
            "sample_rate": _checked_sample_rate(self.sample_rate),
        }
        channels = checked["x_train"].shape[2], checked["x_test"].shape[2]
        if channels[0] != channels[1]:
            raise ValueError(
                "`x_train` and `x_test` must have the same number of channels. "
                f"Received: {channels[0]} and {channels[1]}"
            )
        for split in ("train", "test"):
            checked[f"y_{split}"] = _checked_labels(
                getattr(self, f"y_{split}"),
                f"y_{split}",
                samples=len(checked[f"x_{split}"]),
                classes=len(checked["class_names"]),
            )
        if self.groups_train is not None:
            checked["groups_train"] = _checked_integers(
                self.groups_train, "groups_train", samples=len(checked["x_train"])
            )
        for attribute, value in checked.items():
            object.__setattr__(self, attribute, value)

    def describe(self):
        """Two lines for a person: what the task holds and the score to beat.

        Returns:
            A string with the numbers of series, their length and channels, the
            classes, and the test accuracy of always answering the most
            frequent test class.
        """
        lengths = sorted({self.x_train.shape[1], self.x_test.shape[1]})
        channels = self.x_train.shape[2]
        facts = [
            f"{len(self.x_train)} training and {len(self.x_test)} test series",
            "length " + " and ".join(map(str, lengths)),
            f"{channels} channel" + ("s" if channels > 1 else ""),
            f"{len(self.class_names)} classes",
        ]
        if self.sample_rate is not None:
            facts.append(f"{self.sample_rate:g} Hz")
        if self.groups_train is not None:
            facts.append(f"{len(np.unique(self.groups_train))} training recordings")
        counts = np.bincount(self.y_test, minlength=len(self.class_names))
        title = self.name + (" (simulated)" if self.simulated else "")
        return (
            f"{title}: {', '.join(facts)}.\n"
            f"Always answering {self.class_names[counts.argmax()]!r} scores an "
            f"accuracy of {counts.max() / counts.sum():.3f} on the test series."
        )


def _checked_class_names(class_names):
    if not isinstance(class_names, (list, tuple)) or not all(
        isinstance(name, str) for name in class_names
    ):
        raise ValueError(
            "`class_names` must be a tuple or list of strings. "
            f"Received: {class_names!r}"
        )
    class_names = tuple(map(str, class_names))
    if not class_names or len(set(class_names)) < len(class_names):
        raise ValueError(
            "`class_names` must hold at least one name and none twice. "
            f"Received: {class_names}"
        )
    return class_names


def _checked_sample_rate(sample_rate):
    if sample_rate is None:
        return None
    if not (isinstance(sample_rate, numbers.Real) and 0 < sample_rate < np.inf):
        raise ValueError(
            "`sample_rate` must be a positive number of Hz or None. "
            f"Received: {sample_rate!r}"
        )
    return float(sample_rate)


def _checked_series(x, name):
    x = np.asarray(x)
    if x.ndim != 3 or 0 in x.shape:
        raise ValueError(
            f"`{name}` must have shape (samples, length, channels) and hold at "
            f"least one value. Received shape: {x.shape}"
        )
    if x.dtype.kind not in "iuf":
        raise ValueError(
            f"`{name}` must hold integers or floats. Received dtype: {x.dtype}"
        )
    with np.errstate(over="ignore"):  # an overflow is reported as an infinity
        x = x.astype("float32", copy=False)
    step = max(1, CHECKED_VALUES // (x.shape[1] * x.shape[2]))
    for start in range(0, len(x), step):
        _check_values(x[start : start + step], name, start)
    return x


def _check_values(x, name, first_index):
    if np.isfinite(x).all():
        return
    missing = np.isnan(x)
    padding = missing.all(axis=2)
    faults = {
        "holds an infinity": np.isinf(x).any(axis=(1, 2)),
        "has a time step that is NaN in only some of its channels (a time step "
        "that is NaN in every channel is padding)": (
            missing.any(axis=2) & ~padding
        ).any(axis=1),
        "has no valid time step, only NaN": padding.all(axis=1),
    }
    bad = np.flatnonzero(np.any(list(faults.values()), axis=0))
    if bad.size:
        fault = next(text for text, where in faults.items() if where[bad[0]])
        raise ValueError(f"Sample {first_index + bad[0]} of `{name}` {fault}.")


def _checked_integers(values, name, samples):
    values = np.asarray(values)
    if values.dtype.kind not in "iu" or values.shape != (samples,):
        raise ValueError(
            f"`{name}` must be an array of integers of shape ({samples},), one "
            f"per series. Received: dtype {values.dtype}, shape {values.shape}"
        )
    return values


def _checked_labels(y, name, samples, classes):
    y = _checked_integers(y, name, samples)
    unnamed = (y < 0) | (y >= classes)
    if unnamed.any():
        index = int(unnamed.argmax())
        raise ValueError(
            f"`{name}` must hold labels from 0 to {classes - 1}, one for each of "
            f"the {classes} `class_names`. Received: {y[index]} at sample {index}"
        )
    return y.astype("int32", copy=False)
