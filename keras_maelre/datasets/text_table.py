"""Texts and their labels that are kept as one table."""

import math
from pathlib import Path

import numpy as np

from keras_maelre.checks import check_flag, check_integer, check_number
from keras_maelre.datasets.classification_dataset import ClassificationDataset
from keras_maelre.datasets.stratified_split import stratified_split
from keras_maelre.datasets.table_columns import read_columns


def read_table(
    path,
    text="text",
    label="label",
    split="split",
    train="train",
    test="test",
    multi_label=False,
    separator=" ",
    test_fraction=0.2,
    seed=0,
):
    """Reads documents and their classes from a `.csv` or `.parquet` file.

    Each row is one document. CSV files are UTF-8 with commas between cells, and their
    first row names the columns. Classes are numbered in sorted order: by value if all
    of them are integers.

    Args:
        path: Path of the file. Parquet needs `pip install pyarrow`.
        text: String, the column of the documents.
        label: String, the column of the class: a name or an integer.
        split: String, the column that says which split a document is in. With `None`,
            or if the table has no column `"split"`, test documents are drawn at
            random, see `test_fraction`; a column of any other name must exist.
        train: String, the value of `split` for training documents.
        test: String, the value of `split` for test documents.
        multi_label: Boolean, whether a document may have any number of classes: `label`
            then holds their names with `separator` between them, or in Parquet a list;
            an empty cell means none.
        separator: String between the classes of a document.
        test_fraction: Float in (0, 1), the fraction of the documents that is drawn for
            testing: of each class, or of all documents with `multi_label`.
        seed: Integer; the same seed draws the same documents.

    Returns:
        A `ClassificationDataset`, named after the file.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If pyarrow is missing for a `.parquet` file.
        TypeError: If an argument is of the wrong type.
        ValueError: If the file is of another kind or damaged, a column is missing, a
            cell is empty or holds an unknown split, or an argument is out of its
            range. The message names the column and the row, counted from 1 below the
            column names.

    Example:

    ```python
    from keras_maelre.datasets import read_table

    with open("films.csv", "w") as file:
        file.write("text,label\\n")
        for i in range(5):
            file.write(f'"A good, good film {i}",good\\nA bad film {i},bad\\n')
    data = read_table("films.csv")
    print(data.describe())
    ```
    """
    multi_label = check_flag("multi_label", multi_label)
    test_fraction = check_number("test_fraction", test_fraction, above=0, below=1)
    seed = check_integer("seed", seed, low=0)
    path = Path(path)
    if multi_label and not separator:
        raise ValueError("`separator` must not be empty. Received: ''")
    columns = read_columns(path)
    if split == "split" and split not in columns:
        split = None
    for argument, name in (("text", text), ("label", label), ("split", split)):
        if name is not None and name not in columns:
            raise ValueError(
                f"{path} has no column {name!r}, the argument `{argument}`. Its "
                f"columns: {', '.join(map(repr, columns))}"
            )

    def fail(row, column, problem):
        raise ValueError(f"{path}, row {row + 1}, column {column!r}: {problem}")

    texts = columns[text]
    if not texts:
        raise ValueError(f"{path} has no rows.")
    for row, cell in enumerate(texts):
        if not isinstance(cell, str) or not cell.strip():
            fail(row, text, f"must hold a text. Received: {cell!r}")
    if multi_label:
        found = [_several(cell, separator) for cell in columns[label]]
    else:
        for row, cell in enumerate(columns[label]):
            if isinstance(cell, (list, dict)):
                fail(row, label, f"must be one class (see `multi_label`), not {cell!r}")
        found = [[_name(cell)] for cell in columns[label]]
    for row, names in enumerate(found):
        if "" in names:
            fail(row, label, f"must hold a class. Received: {columns[label][row]}")
    class_names = _sorted_names({name for names in found for name in names})
    if not class_names:
        raise ValueError(f"{path}, column {label!r}: no row has a class.")
    index = {name: number for number, name in enumerate(class_names)}
    if multi_label:
        y = np.zeros((len(texts), len(class_names)), "uint8")
        for row, names in enumerate(found):
            y[row, [index[name] for name in names]] = 1
    else:
        y = np.array([index[names[0]] for names in found], "int32")
    if split is None:
        is_test = stratified_split(y, test_fraction, seed=seed)
    else:
        is_test = np.zeros(len(texts), bool)
        for row, cell in enumerate(columns[split]):
            if _name(cell) not in (train, test):
                fail(row, split, f"must be {train!r} or {test!r}. Received: {cell!r}")
            is_test[row] = _name(cell) == test
    for name, chosen in (("training", ~is_test), ("test", is_test)):
        if not chosen.any():
            raise ValueError(f"{path} holds no {name} documents.")
    return ClassificationDataset(
        x_train=[texts[row] for row in np.flatnonzero(~is_test)],
        y_train=y[~is_test],
        x_test=[texts[row] for row in np.flatnonzero(is_test)],
        y_test=y[is_test],
        class_names=class_names,
        name=path.stem,
    )


def _name(cell):
    """What a cell says, as a string; empty where it says nothing."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    return str(cell).strip()


def _several(cell, separator):
    if isinstance(cell, list):
        return [_name(part) for part in cell]
    return [part for part in _name(cell).split(separator) if part]


def _sorted_names(names):
    """Numbers by value if all are, else strings."""
    try:
        return sorted(names, key=lambda name: (int(name), name))
    except ValueError:
        return sorted(names)
