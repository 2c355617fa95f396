"""What the readers of NumPy's `.npz` archives share."""

import math
import os
import zipfile
from pathlib import Path

import numpy as np

# Deflate makes no more than this of a byte, so that what an archive declares can be
# held against the size of its file before any memory is asked for.
LARGEST_RATIO = 1032
END = 22  # bytes of the record that a zip file ends in, without its comment
HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_arrays(path, forms, optional):
    """Reads the arrays that a task consists of.

    Nothing is unpickled, and no array is allocated that the file does not hold.

    Args:
        path: Path of the archive.
        forms: Tuples of names; the arrays of the first form that is there as a whole
            are read.
        optional: Names of arrays that are read besides if they are there.

    Returns:
        Dictionary from the name of an array to the array.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not an `.npz` archive, or is damaged, or holds no form as
            a whole.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is not a .npz archive (a zip file of NumPy arrays).")
    try:
        archive = zipfile.ZipFile(path)
        members = _find_members(archive, path)
    except Exception as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    with archive:
        form = next((form for form in forms if set(form) <= members.keys()), None)
        if form is None:
            possible = " or the arrays ".join(", ".join(form) for form in forms)
            raise ValueError(
                f"{path} must hold the arrays {possible}. "
                f"Received: {', '.join(members)}"
            )
        names = [*form, *(name for name in optional if name in members)]
        arrays = {}
        for name in names:
            try:
                arrays[name] = _read_array(archive, members[name], path)
            # A damaged archive makes zipfile, zlib and NumPy raise all kinds.
            except Exception as error:
                raise ValueError(
                    f"{path}: array {name!r} cannot be read: {error}"
                ) from error
    return arrays


def _find_members(archive, path):
    """The members of an archive by the names of their arrays."""
    with open(path, "rb") as file:
        file.seek(-END - len(archive.comment), os.SEEK_END)
        count = int.from_bytes(file.read(END)[10:12], "little")
    found = len(archive.infolist())
    # A damaged entry of the directory may swallow those after it.
    if found != count < 0xFFFF:
        raise ValueError(f"its directory says {count} members, but there are {found}")
    members = {}
    for info in archive.infolist():
        # Compares its name here and where it begins: an array whose name is damaged
        # would be one that is not there.
        archive.open(info).close()
        name = info.filename.removesuffix(".npy")
        if name in members:
            raise ValueError(f"there are two arrays {name!r}")
        members[name] = info
    return members


def _read_array(archive, member, path):
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError("it is compressed in a way that NumPy does not write")
    stored = min(member.compress_size, path.stat().st_size)
    if member.file_size > LARGEST_RATIO * stored:
        raise ValueError(
            f"the archive declares {member.file_size} bytes, which its {stored} "
            "compressed bytes cannot hold"
        )
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        if version not in HEADERS:
            raise ValueError(f"its format version is {version}")
        shape, _, dtype = HEADERS[version](file)
        declared = math.prod(shape) * dtype.itemsize
        held = member.file_size - file.tell()
    if dtype.hasobject:
        raise ValueError("it holds pickled objects")
    if declared != held or (math.prod(shape) and not dtype.itemsize):
        raise ValueError(
            f"its header declares shape {shape} of {dtype}, {declared} bytes, but "
            f"there are {held}"
        )
    with archive.open(member) as file:
        array = np.lib.format.read_array(file, allow_pickle=False)
        file.read()  # to its end, where the checksum is compared
    return array


def decoded(array):
    """Strings that are stored as bytes become strings; other arrays stay."""
    return np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array


def read_names(array):
    """The names of classes as a list of strings."""
    array = np.atleast_1d(decoded(array))
    if array.ndim != 1:
        raise ValueError(
            f"the names of the classes must be a row. Received shape: {array.shape}"
        )
    return [str(name) for name in array]


def number_labels(**labels):
    """Numbers the distinct labels of one or more arrays in sorted order.

    Args:
        **labels: Arrays of shape `(samples,)`, by their names.

    Returns:
        A tuple: the list of class names, and the list of integer arrays.
    """
    kinds, rows = set(), []
    for name, y in labels.items():
        if y.dtype.kind not in "biufSU" or y.ndim != 1:
            raise ValueError(
                f"`{name}` must be a row of integers, floats or strings. "
                f"Received: dtype {y.dtype}, shape {y.shape}"
            )
        if y.dtype.kind == "f" and not np.isfinite(y).all():
            raise ValueError(f"a label of `{name}` is NaN or infinite")
        y = decoded(y)
        kinds.add("U" if y.dtype.kind == "U" else "number")
        # One array of both would round integers from 2^53 on to floats.
        rows.append(y.tolist())
    if len(kinds) > 1:
        raise ValueError(
            f"{' and '.join(f'`{name}`' for name in labels)} must both hold numbers "
            "or both strings"
        )
    names = sorted({label for row in rows for label in row})
    index = {name: number for number, name in enumerate(names)}
    numbered = [np.array([index[label] for label in row], "int32") for row in rows]
    return [str(name) for name in names], numbered


def check_lengths(samples, what, **arrays):
    """Raises if an array does not have one entry per sample."""
    if any(array.shape != (samples,) for array in arrays.values()):
        names = " and ".join(f"`{name}`" for name in arrays)
        shapes = ", ".join(str(array.shape) for array in arrays.values())
        raise ValueError(
            f"{names} must have one entry for each of the {samples} {what}. "
            f"Received shapes: {shapes}"
        )


def as_mask(is_test):
    """`is_test` as booleans."""
    if is_test.dtype.kind not in "biu" or not np.isin(is_test, (0, 1)).all():
        raise ValueError(
            "`is_test` must hold booleans or the integers 0 and 1. "
            f"Received: dtype {is_test.dtype}"
        )
    return is_test.astype(bool)
