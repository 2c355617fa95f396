"""Labelled data, in whatever form they are kept."""

import csv
import os
import pathlib
import zipfile

from keras_maelre_cli.common_arguments import add_text_column

UCR_SUFFIXES = (".ts", ".tsv")
TABLE_SUFFIXES = (".csv", ".parquet")
HELP = """\
labelled data:
  a folder with a folder of sound or image files per class, or two such folders in it,
      train and test
  a .csv or .parquet table with a text and a label in each row
  a .csv table of sound files with the columns filename, category and fold (ESC-50)
  an .npz archive of series or images with the arrays X, y and is_test
  a pair of UCR files, NAME_TRAIN.ts and NAME_TEST.ts (or .tsv): one of them, or their
      folder
Without a split of their own, a fifth of the samples of each class is kept for testing,
always the same.
"""


def add_arguments(parser):
    """Adds what says where labelled data are and how to read them."""
    parser.add_argument("data", metavar="DATA", help="labelled data, see above")
    add_text_column(parser)
    parser.add_argument(
        "--label",
        metavar="COLUMN",
        default="label",
        help="column of the labels of a table, default: %(default)s",
    )
    parser.add_argument(
        "--separator",
        default=" ",
        help="what stands between the labels of a row with several, default: a space",
    )
    parser.add_argument(
        "--skip-damaged",
        action="store_true",
        help="leave damaged files of folders and of tables of sound files out; "
        "without it they are an error",
    )


def read_data(args, modality=None, multi_label=False):
    """Reads labelled data.

    Args:
        args: What the arguments of `add_arguments` were given.
        modality: String, the modality that the samples must be of, or `None` for the
            one that the data suggest.
        multi_label: Boolean. Whether each row of a table has any number of labels.

    Returns:
        A tuple `(data, modality)`: a `ClassificationDataset` and a string.

    Raises:
        FileNotFoundError: If there is nothing at the path.
        ValueError: If the data are damaged, or of another kind or modality.
    """
    from keras_maelre import datasets

    path = pathlib.Path(args.data)
    if not path.exists():
        raise FileNotFoundError(f"there is nothing at {path}")
    kind = _find_kind(path, modality)
    fitting = _FITTING[kind]
    if modality not in (None, *fitting):
        raise ValueError(
            f"{path} holds {_NAMES[kind]}, which are {' or '.join(fitting)}, not "
            f"{modality}"
        )
    if multi_label and kind != "texts":
        raise ValueError(f"only rows of a table of texts have several labels: {path}")
    missing = "skip" if args.skip_damaged else "raise"
    if kind == "texts":
        data = datasets.read_table(
            path,
            text=args.text,
            label=args.label,
            multi_label=multi_label,
            separator=args.separator,
        )
    elif kind == "sound table":
        data = datasets.read_sound_table(path, missing=missing)
    elif kind == "series":
        data = datasets.load_series(path)
    elif kind == "image archive":
        data = datasets.read_image_archive(path)
    else:
        data = _read_folder(path, fitting[0], missing)
    return data, modality or fitting[0]


# Of each kind of data, the modalities that its samples may be taken for.
_FITTING = {
    "texts": ("text", "bytes"),
    "sound table": ("audio",),
    "sound files": ("audio",),
    "image files": ("image",),
    "image archive": ("image",),
    "series": ("series",),
}
_NAMES = {name: name for name in _FITTING} | {
    "sound table": "sound files",
    "image archive": "images",
}


def file_suffixes(modality):
    """Returns the suffixes of the files that hold a sample of a modality."""
    from keras_maelre.datasets import folder

    known = {"audio": folder.SOUND_SUFFIXES, "image": folder.IMAGE_SUFFIXES}
    return known.get(modality, (".txt",) if modality in ("text", "bytes") else ())


def find_files(folder, suffixes):
    """Returns the paths of all files below a folder, sorted; hidden ones are not seen.

    Args:
        folder: String or path.
        suffixes: Tuple of strings in lower case.
    """
    found = []
    for root, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            os.path.join(root, name)
            for name in files
            if name.lower().endswith(suffixes) and not name.startswith(".")
        ]
    return sorted(found)


def _read_folder(path, modality, damaged):
    from keras_maelre import datasets

    checks = {"audio": datasets.check_sound, "image": datasets.check_image}
    try:
        return datasets.read_folder(
            path,
            suffixes=file_suffixes(modality),
            damaged=damaged,
            check=checks[modality],
        )
    except ValueError as error:
        tables = sorted(str(p) for p in path.iterdir() if p.suffix in TABLE_SUFFIXES)
        if not tables:
            raise
        raise ValueError(f"{error}. Is {tables[0]} the data?") from error


def _find_kind(path, modality):
    if path.is_dir():
        if any(any(path.glob(f"*_TRAIN{suffix}")) for suffix in UCR_SUFFIXES):
            return "series"
        kinds = {"audio": "sound files", "image": "image files"}
        if modality in kinds:
            return kinds[modality]
        found = [name for name in kinds if find_files(path, file_suffixes(name))]
        if len(found) == 1:
            return kinds[found[0]]
        if found:
            raise ValueError(
                f"{path} holds both sounds and images: pass --modality audio or image"
            )
        raise ValueError(
            f"{path} holds neither sound nor image files, nor a pair of UCR files; "
            "texts are rows of a .csv or .parquet table, with text and label in each"
        )
    if path.suffix in UCR_SUFFIXES:
        return "series"
    if path.suffix == ".npz":
        return "image archive" if modality == "image" or _holds_jpeg(path) else "series"
    if path.suffix in TABLE_SUFFIXES:
        return "sound table" if _is_sound_table(path) else "texts"
    raise ValueError(
        f"{path} is not a folder and does not end in "
        f"{', '.join((*TABLE_SUFFIXES, '.npz', *UCR_SUFFIXES))}: it cannot be read"
    )


def _holds_jpeg(path):
    try:
        with zipfile.ZipFile(path) as archive:
            return "jpeg.npy" in archive.namelist()
    except zipfile.BadZipFile:
        return False  # which its reader will say


def _is_sound_table(path):
    if path.suffix != ".csv":
        return False
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        header = next(csv.reader(file), [])
    return "fold" in header and bool({"file", "filename"} & set(header))
