"""Classification tasks that are kept as one folder of files per class."""

import os
from pathlib import Path

import numpy as np

from keras_maelre.checks import check_choice, check_integer, check_number
from keras_maelre.datasets.classification_dataset import (
    ClassificationDataset,
    warn_of_shared_files,
)
from keras_maelre.datasets.stratified_split import stratified_split

IMAGE_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
SOUND_SUFFIXES = (".aif", ".aiff", ".flac", ".mp3", ".ogg", ".opus", ".wav")

TRAIN = "train"
# The first that is there holds the test samples.
TESTS = ("test", "val", "validation")
NAMED = 5  # damaged files in a message


def read_folder(
    path,
    suffixes=IMAGE_SUFFIXES + SOUND_SUFFIXES,
    test_fraction=0.2,
    seed=0,
    damaged="raise",
    check=None,
):
    """Reads a task from a folder that holds one folder of files per class.

    If the folder has the subfolders `train` and `test` (or else `val`, or
    `validation`), those are the splits, and each holds one folder per class.
    Otherwise the files of each class are split at random, the same way every time.

    The classes are the names of the folders, sorted. Files may be in subfolders of the
    folder of their class, and links are followed; a link that leads to the folder of
    another class, or above it, is an error, as its files would get the wrong label.
    Hidden files and folders (their name begins with a dot) are ignored. Files with
    another suffix, and files that are not in the folder of a class, are left out and
    listed in `skipped` of the result. Test files that have the contents of training
    files are warned of.

    Args:
        path: Path of the folder.
        suffixes: Tuple of strings in lower case, the suffixes of the files to read;
            files with the same suffixes in upper case are read too. Defaults to those
            of images and sounds.
        test_fraction: Float in (0, 1), the fraction of each class that is for testing,
            where the folder holds no splits; a class of one file is for training.
        seed: Integer; the same seed chooses the same files.
        damaged: `"raise"` or `"skip"`: whether damaged files are an error, or are
            left out and listed in `skipped`. Empty files and broken links count as
            damaged; `check` finds the others.
        check: Function that takes the path of a file, a string, and raises a
            `ValueError` or an `OSError` if the file is damaged, such as `check_image`;
            or `None` to decode no file.

    Returns:
        A `ClassificationDataset` of paths (strings), sorted by class and path, named
        after the folder.

    Raises:
        NotADirectoryError: If there is no folder at the path.
        TypeError: If an argument is of the wrong type.
        ValueError: If the folder holds fewer than two classes, a class has no file,
            only the test split has a class, a link leads to another class, a file is
            damaged, or an argument is out of its range.

    Example:

    ```python
    import pathlib

    from PIL import Image

    from keras_maelre.datasets import check_image, read_folder

    for hue, species in enumerate(("cat", "dog")):
        folder = pathlib.Path("photos", species)
        folder.mkdir(parents=True)
        for i in range(5):
            Image.new("RGB", (32, 32), (128 * hue, 50 * i, 0)).save(folder / f"{i}.png")
    data = read_folder("photos", check=check_image)
    ```
    """
    path = Path(path)
    suffixes = _checked_suffixes(suffixes)
    test_fraction = check_number("test_fraction", test_fraction, above=0, below=1)
    seed = check_integer("seed", seed, low=0)
    check_choice("damaged", damaged, ("raise", "skip"))
    if not path.is_dir():
        raise NotADirectoryError(f"There is no folder {path}")

    top = {entry.name for entry in path.iterdir() if entry.is_dir()}
    test = next((name for name in TESTS if name in top), None)
    skipped, broken = [], []
    if TRAIN in top and test is not None:
        skipped += [
            f"{entry}: neither in {TRAIN} nor in {test}"
            for entry in _visible(path)
            if entry.name not in (TRAIN, test)
        ]
        folders = {TRAIN: path / TRAIN, test: path / test}
    else:
        folders = {TRAIN: path}
    splits = {}
    bases = {os.path.realpath(folder) for folder in folders.values()}
    for split, folder in folders.items():
        classes = _read_classes(folder, suffixes, skipped, bases)
        splits[split] = {
            name: _whole(files, check, broken) for name, files in classes.items()
        }
    if broken and damaged == "raise":
        more = f"\nand {len(broken) - NAMED} more" if len(broken) > NAMED else ""
        raise ValueError(
            f'{len(broken)} files in {path} are damaged (damaged="skip" leaves them '
            "out):\n" + "\n".join(broken[:NAMED]) + more
        )

    names = tuple(splits[TRAIN])
    if len(names) < 2:
        raise ValueError(
            f"{folders[TRAIN]} must hold one folder per class, two classes or more. "
            f"Received: {', '.join(names) or 'no folder'}"
        )
    for split, classes in splits.items():
        empty = [name for name, files in classes.items() if not files]
        if empty:
            raise ValueError(
                f"{folders[split]} holds no sample of the class {empty[0]!r}: no "
                f"{'whole ' if broken else ''}file ends in {', '.join(suffixes)}."
            )
    x_train, y_train = _listed(splits[TRAIN], names)
    if test in splits:
        unknown = [name for name in splits[test] if name not in names]
        if unknown:
            raise ValueError(
                f"{folders[test]} holds classes that {folders[TRAIN]} does not: "
                f"{', '.join(unknown)}. Known: {', '.join(names)}"
            )
        x_test, y_test = _listed(splits[test], names)
    else:
        is_test = stratified_split(y_train, test_fraction, seed=seed)
        x_test = [x for x, chosen in zip(x_train, is_test, strict=True) if chosen]
        x_train = [x for x, chosen in zip(x_train, is_test, strict=True) if not chosen]
        y_train, y_test = y_train[~is_test], y_train[is_test]
    data = ClassificationDataset(
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        class_names=names,
        name=path.resolve().name,
        skipped=(*skipped, *broken),
    )
    warn_of_shared_files(data)
    return data


def _checked_suffixes(suffixes):
    if isinstance(suffixes, str) or not all(
        isinstance(suffix, str) and suffix.startswith(".") and suffix == suffix.lower()
        for suffix in suffixes
    ):
        raise ValueError(
            "Argument `suffixes` must be a tuple of strings in lower case that begin "
            f"with a dot. Received: suffixes={suffixes!r}"
        )
    return tuple(suffixes)


def _visible(folder):
    """What a folder holds, sorted by name, without what is hidden."""
    entries = (entry for entry in folder.iterdir() if not entry.name.startswith("."))
    return sorted(entries, key=lambda entry: entry.name)


def _read_classes(folder, suffixes, skipped, bases):
    """Returns the paths of the files of each class; appends to `skipped`."""
    classes = {}
    for entry in _visible(folder):
        if not entry.is_dir():
            skipped.append(f"{entry}: not in the folder of a class")
            continue
        files = classes[entry.name] = []
        own = os.path.join(os.path.realpath(folder), entry.name)
        for file in _walk(entry, own, bases):
            if file.lower().endswith(suffixes):
                files.append(file)
            else:
                skipped.append(f"{file}: of another suffix")
    return classes


def _walk(folder, own, bases):
    """Paths of all visible files in a folder and the folders in it, sorted.

    Links to files of other classes are refused: those lie in `bases`, the folders of
    the splits, but not in `own`, the folder of the class, nor in a hidden folder, where
    programs that manage data keep what they link to.
    """
    paths, seen = [], set()
    _check_link(folder, own, bases)
    for root, folders, files in os.walk(folder, followlinks=True):
        # A link may lead back to a folder that it lies in.
        real = os.path.realpath(root)
        folders[:] = [name for name in folders if not name.startswith(".")]
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        found = [os.path.join(root, f) for f in files if not f.startswith(".")]
        for entry in (*found, *(os.path.join(root, name) for name in folders)):
            _check_link(entry, own, bases)
        paths += found
    return sorted(paths)


def _check_link(entry, own, bases):
    # What leads nowhere is a damaged file, see `_whole`.
    if not os.path.islink(entry) or not os.path.exists(entry):
        return
    real = os.path.realpath(entry)
    for base in bases:
        inside = _is_within(real, base) and not _is_within(real, own)
        hidden = inside and os.path.relpath(real, base).startswith(".")
        if (inside and not hidden) or _is_within(base, real):
            raise ValueError(
                f"The link {entry} leads to {real}, and so to files of other classes, "
                "which would get the wrong label. Remove the link."
            )


def _is_within(path, folder):
    return os.path.commonpath((path, folder)) == folder


def _whole(files, check, broken):
    """Returns the files that are not damaged; appends the others to `broken`."""
    whole = []
    for file in files:
        try:
            if os.path.getsize(file) == 0:
                raise ValueError("the file is empty")
            if check is not None:
                check(file)
        except (ValueError, OSError) as error:
            named = file in str(error)
            broken.append(str(error) if named else f"{file}: {error}")
        else:
            whole.append(file)
    return whole


def _listed(classes, names):
    x, y = [], []
    for name, files in classes.items():
        x += files
        y += [names.index(name)] * len(files)
    return x, np.array(y, "int32")
