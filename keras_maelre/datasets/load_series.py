"""Loading time series of every kind that a command line may name."""

import os
from pathlib import Path

from keras_maelre.datasets.load_mosquito_sound import load_mosquito_sound
from keras_maelre.datasets.series_archive import read_npz
from keras_maelre.datasets.ucr import read_ucr
from keras_maelre.datasets.ucr_file import SUFFIXES

POSSIBLE = (
    "a .npz file (see `read_npz`), a NAME_TRAIN or NAME_TEST file ending in .ts or "
    ".tsv, a folder that holds one such pair (see `read_ucr`), or the word "
    "'mosquito_sound' (see `load_mosquito_sound`)"
)


def load_series(path):
    """Loads a time-series classification task, whatever the format of its files.

    Args:
        path: String or path: a `.npz` file (see `read_npz`), a `.ts` or `.tsv`
            file or a folder of the UCR archive (see `read_ucr`), or the word
            `"mosquito_sound"` (see `load_mosquito_sound`), which never means a
            folder: write `"./mosquito_sound"` for that.

    Returns:
        A `ClassificationDataset`.

    Raises:
        FileNotFoundError: If there is nothing at the path.
        TypeError: If the path is neither a string nor a path.
        ValueError: If what is there is of an unknown kind.

    Example:

    ```python
    import numpy as np

    from keras_maelre.datasets import load_series

    np.savez(
        "flights.npz",
        X=np.random.normal(size=(6, 100)),
        y=[0, 1, 0, 1, 0, 1],
        is_test=[False, False, False, False, True, True],
    )
    data = load_series("flights.npz")
    ```
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"`path` must be {POSSIBLE}. Received: {path!r}")
    if path == "mosquito_sound":
        return load_mosquito_sound()
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(
            f"There is nothing at {path}. What can be loaded: {POSSIBLE}."
        )
    if path.is_dir() or path.suffix in SUFFIXES:
        return read_ucr(path)
    if path.suffix == ".npz":
        return read_npz(path)
    raise ValueError(f"`path` must be {POSSIBLE}. Received: {path}")
