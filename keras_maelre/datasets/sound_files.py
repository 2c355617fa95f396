"""Finding missing and damaged sound files."""

import pathlib

import numpy as np

from keras_maelre.checks import check_choice
from keras_maelre.preprocessing.read_sound import import_soundfile
from keras_maelre.preprocessing.sound_header import header_fault


def keep_sound_files(files, missing, table):
    """Finds the files of a table that are missing, damaged or empty.

    Args:
        files: List of paths.
        missing: `"raise"`, which refuses the table, or `"skip"`, which leaves the
            bad files out.
        table: Path of the table, for the messages.

    Returns:
        A tuple: the integer array of the indices of the good files, and a tuple of
        strings, one for each of the others, that say what is wrong with it.

    Raises:
        FileNotFoundError: If a file is missing and `missing="raise"`, or if none of
            the files is good and one is missing.
        ValueError: If `missing` is neither, if a file is damaged and
            `missing="raise"`, or if all files are damaged.
    """
    check_choice("missing", missing, ("raise", "skip"))
    faults = {}
    for i, file in enumerate(files):
        fault = sound_fault(pathlib.Path(file))
        if fault is not None:
            faults[i] = f"{file}: {fault}"
    kept = np.array([i for i in range(len(files)) if i not in faults], int)
    if faults and (missing == "raise" or not len(kept)):
        absent = any(fault.endswith(": missing") for fault in faults.values())
        raise (FileNotFoundError if absent else ValueError)(
            f"{table}: {len(faults)} of the {len(files)} sound files are missing or "
            f"damaged, the first of them {next(iter(faults.values()))}"
            + (". `missing='skip'` leaves them out." if len(kept) else "")
        )
    return kept, tuple(faults.values())


def sound_fault(file):
    """Returns what is wrong with a sound file, or `None`; reads its header alone."""
    soundfile = import_soundfile()
    if not file.is_file():
        return "missing"
    try:
        frames = soundfile.info(file).frames
    except soundfile.SoundFileError as error:
        return f"damaged ({error})"
    fault = header_fault(file)
    if fault is None and not frames:
        fault = "holds no samples"
    return fault
