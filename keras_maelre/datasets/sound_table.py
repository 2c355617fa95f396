"""Sound files that a table lists in folds, as in ESC-50."""

import csv as csv_module
import pathlib
import re

import numpy as np

from keras_maelre.datasets.classification_dataset import (
    ClassificationDataset,
    warn_of_shared_files,
)
from keras_maelre.datasets.sound_files import keep_sound_files

FILE_COLUMNS = ("filename", "file")
LABEL_COLUMNS = ("category", "class_name", "label")


def read_sound_table(csv, audio=None, test_fold=None, missing="raise"):
    """Reads a table of labelled sound files in folds, like that of ESC-50.

    The table has a header with the columns `filename` or `file`; `category`,
    `class_name` or `label` (the first of these that exists names the class); and
    `fold`, an integer. Other columns are not read. Test files that have the contents
    of training files are warned of.

    Needs `pip install "keras_maelre[audio]"`.

    Args:
        csv: Path of the table.
        audio: Path of the folder that the names of the files are relative to. Defaults
            to the folder `audio` beside the table, else beside the table's folder,
            else the table's own folder.
        test_fold: Integer, the fold that becomes the test split. Defaults to the
            highest.
        missing: `"raise"` or `"skip"`: whether missing and damaged files are an error,
            or are left out and listed in `skipped` of the result.

    Returns:
        A `ClassificationDataset` whose samples are paths. Its `class_names` are
        sorted; its `groups_train` are the folds.

    Raises:
        FileNotFoundError: If the table, the folder or a file is missing.
        ImportError: If soundfile is not installed.
        ValueError: If the table lacks a column, a row or a file is damaged, there is
            no such fold, or no file is left in a split.

    Example:

    ```python
    import numpy as np
    import soundfile

    from keras_maelre.datasets import read_sound_table

    with open("sounds.csv", "w") as table:
        table.write("filename,fold,category\\n")
        table.write("a.wav,1,dog\\nb.wav,1,rain\\nc.wav,2,rain\\n")
    for name in ("a.wav", "b.wav", "c.wav"):
        soundfile.write(name, np.random.uniform(-0.1, 0.1, 16000), 16000)
    data = read_sound_table("sounds.csv", test_fold=2)
    print(data.describe())
    ```

    Reference:
        Piczak, "ESC: Dataset for Environmental Sound Classification", 2015.
    """
    csv = pathlib.Path(csv)
    names, labels, folds = _read_columns(csv)
    folder = _find_folder(csv, audio)
    class_names, y = np.unique(labels, return_inverse=True)
    known = sorted(set(folds))
    test_fold = known[-1] if test_fold is None else test_fold
    if test_fold not in known or len(known) < 2:
        raise ValueError(
            f"`test_fold` must be one of at least two folds of {csv}, which are "
            f"{known}. Received: test_fold={test_fold!r}"
        )
    files = [folder / name for name in names]
    kept, skipped = keep_sound_files(files, missing, csv)
    train = [i for i in kept if folds[i] != test_fold]
    test = [i for i in kept if folds[i] == test_fold]
    for split, indices in (("training", train), ("test", test)):
        if not indices:
            raise ValueError(f"{csv}: no file of the {split} split is in {folder}")
    data = ClassificationDataset(
        x_train=[str(files[i]) for i in train],
        y_train=y[train],
        x_test=[str(files[i]) for i in test],
        y_test=y[test],
        class_names=class_names.tolist(),
        groups_train=np.array([folds[i] for i in train]),
        name=csv.stem,
        skipped=skipped,
    )
    warn_of_shared_files(data)
    return data


def _read_columns(csv):
    if not csv.is_file():
        raise FileNotFoundError(f"There is no table {str(csv)!r}")
    try:
        return _parse_columns(csv)
    except (UnicodeDecodeError, csv_module.Error) as error:
        raise ValueError(f"{csv} is damaged: {error}") from error


def _parse_columns(csv):
    names, labels, folds = [], [], []
    with open(csv, newline="", encoding="utf-8-sig") as file:
        reader = csv_module.DictReader(file)
        header = reader.fieldnames or []
        columns = [
            next((name for name in choice if name in header), None)
            for choice in (FILE_COLUMNS, LABEL_COLUMNS, ("fold",))
        ]
        if None in columns:
            raise ValueError(
                f"{csv} must have the columns {' or '.join(FILE_COLUMNS)}; "
                f"{' or '.join(LABEL_COLUMNS)}; and fold. Received: {header}"
            )
        for row in reader:
            name, label, fold = ((row[column] or "").strip() for column in columns)
            if not name or not label or not re.fullmatch("[0-9]{1,9}", fold):
                raise ValueError(
                    f"{csv}: line {reader.line_num} must hold a file, a label and an "
                    f"integer as fold. Received: {list(row.values())}"
                )
            names.append(name)
            labels.append(label)
            folds.append(int(fold))
    if not names:
        raise ValueError(f"{csv} lists no files.")
    return names, labels, folds


def _find_folder(csv, audio):
    if audio is None:
        beside = (csv.parent / "audio", csv.parent.resolve().parent / "audio")
        return next((folder for folder in beside if folder.is_dir()), csv.parent)
    folder = pathlib.Path(audio)
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {str(folder)!r}")
    return folder
