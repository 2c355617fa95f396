"""Samples without labels: files, folders, tables, arrays."""

import pathlib
import sys

from keras_maelre_cli.common_arguments import add_text_column
from keras_maelre_cli.data import (
    TABLE_SUFFIXES,
    UCR_SUFFIXES,
    file_suffixes,
    find_files,
)
from keras_maelre_cli.progress import say

TEXTS = ("text", "bytes")
HELP = """\
samples:
  files: sounds, images or, for a classifier of texts, one text in each
  folders, of which all such files are taken
  .csv and .parquet tables of texts, a row each
  .npz archives of series or images, in one array, see --array
  a UCR file, NAME_TRAIN.ts or NAME_TEST.ts (or .tsv)
  - for the paths of any of these on standard input, one a line
"""


def add_arguments(parser):
    """Adds what says where samples are and how to read them."""
    parser.add_argument("samples", metavar="SAMPLES", nargs="+", help="see above")
    add_text_column(parser)
    parser.add_argument(
        "--array",
        metavar="NAME",
        default="X",
        help="array of an .npz archive, of shape (samples, ...), default: %(default)s",
    )


def read_samples(args, modality):
    """Yields samples as they are read.

    Args:
        args: What the arguments of `add_arguments` were given.
        modality: String.

    Yields:
        Tuples of the name of a sample, a string, and of what a classifier takes, or of
        the error that says why there is none.

    Raises:
        OSError, ValueError: If a folder holds no sample, or a table or an archive
            cannot be read.
    """
    for path in args.samples:
        if path != "-":
            yield from _samples_of(path, args, modality)
            continue
        for line in sys.stdin:
            if path := line.rstrip("\r\n"):
                yield from _samples_of(path, args, modality)


def reason(error, name):
    """What is wrong with a sample, without its place among those it came with.

    Args:
        error: The error that a classifier raised for this sample alone.
        name: String, the name of the sample.
    """
    text = str(error).removeprefix("sample 0: ")
    for beginning in (f"{name!r}: ", f"{name}: "):
        text = text.removeprefix(beginning)
    text = text.replace(f"sample 0 ({name})", repr(name))
    return text.replace("sample 0", "this sample")


def say_failure(error, name):
    """Says on standard error what is wrong with a sample, and returns it."""
    text = reason(error, name)
    say(text if name in text else f"{name}: {text}")
    return text


def _samples_of(path, args, modality):
    path = pathlib.Path(path)
    if path.is_dir():
        yield from _in_folder(path, modality)
    elif modality in TEXTS and path.suffix in TABLE_SUFFIXES:
        yield from _rows(path, args.text)
    elif path.suffix == ".npz" and modality not in TEXTS:
        yield from _array(path, args.array)
    elif modality == "series":
        if path.suffix not in UCR_SUFFIXES:
            raise ValueError(
                f"{path} does not hold series: they are in files that end in .npz, "
                f"{' or '.join(UCR_SUFFIXES)}"
            )
        yield from _ucr(path)
    else:
        yield _file(path, modality)


def _in_folder(folder, modality):
    suffixes = file_suffixes(modality)
    files = find_files(folder, suffixes) if suffixes else []
    if not files:
        what = f"file that ends in {', '.join(suffixes)}" if suffixes else "sample"
        raise ValueError(
            f"the folder {folder} holds no {what} for a classifier of {modality}"
        )
    for file in files:
        yield _file(file, modality)


def _file(path, modality):
    if modality not in TEXTS:
        return str(path), str(path)
    try:
        return str(path), pathlib.Path(path).read_text("utf-8")
    except (OSError, ValueError) as error:
        return str(path), error


def _rows(path, column):
    from keras_maelre.datasets.table_columns import read_columns

    columns = read_columns(path)
    if column not in columns:
        raise ValueError(
            f"{path} has no column {column!r}, see --text. Its columns: "
            f"{', '.join(map(repr, columns))}"
        )
    for row, cell in enumerate(columns[column], start=1):
        if not isinstance(cell, str):
            cell = ValueError(f"must hold a text. Received: {cell!r}")
        yield f"{path}:{row}", cell


def _array(path, name):
    import numpy as np

    with np.load(path, allow_pickle=False) as archive:
        if name not in archive.files:
            raise ValueError(
                f"{path} has no array {name!r}, see --array. Its arrays: "
                f"{', '.join(map(repr, archive.files))}"
            )
        samples = archive[name]
    if samples.ndim < 2:
        raise ValueError(
            f"the array {name!r} of {path} must be of shape (samples, ...). "
            f"Received: shape {samples.shape}"
        )
    for i, sample in enumerate(samples):
        yield f"{path}:{i}", sample


def _ucr(path):
    from keras_maelre import datasets

    data = datasets.read_ucr(path)
    is_test = path.stem.endswith("_TEST")
    for i, series in enumerate(data.x_test if is_test else data.x_train):
        yield f"{path}:{i}", series
