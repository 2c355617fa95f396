"""Data sets of the UCR/UEA archive, pairs of a training and a test file."""

from pathlib import Path

import numpy as np
from keras.utils import Progbar

from keras_maelre.datasets.classification_dataset import ClassificationDataset
from keras_maelre.datasets.series_arrays import checked_series
from keras_maelre.datasets.ucr_file import SUFFIXES, UcrFile, label_value

# Bytes above which reading takes so long that progress is shown.
PROGRESS_SIZE = 2**26


def read_ucr(path):
    """Reads a data set of the UCR/UEA time series classification archive.

    The data set is a pair of files, `NAME_TRAIN.ts` and `NAME_TEST.ts`, or the
    same with `.tsv`. Series shorter than the longest of both files end in NaN.
    Labels become 0, 1, ... in sorted order over both files: by value if all of
    them are plain decimal numbers, by spelling otherwise; the original labels are
    the `class_names`. `1` and `1.0`, which the archive's files mix, are one class;
    labels that are spelled differently in any other way (`01`, `1E1`) are not.

    Files are parsed line by line into one array per split, float32 unless that would
    erase what a series says (small changes on a large offset stay float64), so that
    reading gigabytes of text takes little more memory than the result. Progress is
    shown for large files.

    Args:
        path: Path of either file of the pair, or of a folder that holds one
            pair.

    Returns:
        A `ClassificationDataset`.

    Raises:
        FileNotFoundError: If there is no such path or a file of the pair is
            missing.
        ValueError: If the path does not lead to exactly one pair, or if a line is
            damaged; the message names the file and the line number.

    Example:

    ```python
    from keras_maelre.datasets import read_ucr

    with open("Toy_TRAIN.tsv", "w") as file:
        file.write("1\\t0.5\\t0.25\\n2\\t0.125\\tNaN\\n")
    with open("Toy_TEST.tsv", "w") as file:
        file.write("2\\t0.25\\t0.5\\n")
    data = read_ucr("Toy_TRAIN.tsv")
    ```
    """
    train_path, test_path = _find_pair(Path(path))
    train, test = UcrFile(train_path), UcrFile(test_path)
    train_shape, test_shape = train.measure(), test.measure()
    # One length for both splits, so that a model made for one takes the other.
    length = max(train_shape[1], test_shape[1])
    x_train, labels_train = _read_split(train, train_shape, length)
    x_test, labels_test = _read_split(test, test_shape, length)
    try:
        x_train, x_test = checked_series(x_train, x_test)
    except ValueError as error:
        raise ValueError(f"{train_path} and {test_path.name}: {error}") from None
    class_names = _sort_labels({*labels_train, *labels_test})
    index = {name: position for position, name in enumerate(class_names)}
    return ClassificationDataset(
        x_train=x_train,
        y_train=np.array([index[label] for label in labels_train], "int32"),
        x_test=x_test,
        y_test=np.array([index[label] for label in labels_test], "int32"),
        class_names=class_names,
        name=train_path.stem.removesuffix("_TRAIN"),
    )


def _find_pair(path):
    if path.is_dir():
        found = sorted(
            file for suffix in SUFFIXES for file in path.glob(f"*_TRAIN{suffix}")
        )
        if len(found) != 1:
            raise ValueError(
                f"The folder {path} must hold one pair of files NAME_TRAIN and "
                f"NAME_TEST, ending in {' or '.join(SUFFIXES)}; to choose among "
                "several, give the path of a file. Received training files: "
                f"{', '.join(file.name for file in found) or 'none'}"
            )
        path = found[0]
    name, _, split = path.stem.rpartition("_")
    if path.suffix not in SUFFIXES or not name or split not in ("TRAIN", "TEST"):
        raise ValueError(
            "A data set of the UCR archive is given as a folder or as a file named "
            f"NAME_TRAIN or NAME_TEST that ends in {' or '.join(SUFFIXES)}. "
            f"Received: {path}"
        )
    pair = [path.with_name(f"{name}_{s}{path.suffix}") for s in ("TRAIN", "TEST")]
    for file in pair:
        if not file.is_file():
            raise FileNotFoundError(
                f"There is no file {file}; the data set is the pair of files "
                f"{pair[0].name} and {pair[1].name} in one folder"
            )
    return pair


def _read_split(file, shape, length):
    samples, _, channels = shape
    progress = None
    if file.path.stat().st_size > PROGRESS_SIZE:
        print(f"Reading {file.path}")
        progress = Progbar(samples, unit_name="series")
    x = np.empty((samples, length, channels), "float32")
    labels = []
    for index, (series, label) in enumerate(file):
        if series.dtype != x.dtype and x.dtype == "float32":
            x = x.astype("float64")
        x[index, : len(series)] = series
        x[index, len(series) :] = np.nan
        labels.append(label)
        if progress:
            progress.update(index + 1)
    return x, labels


def _sort_labels(labels):
    values = {label: label_value(label) for label in labels}
    if None in values.values():
        return tuple(sorted(labels))
    return tuple(sorted(labels, key=values.get))
