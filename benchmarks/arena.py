"""Three tasks of Long Range Arena, as `accuracy.py` takes them."""

import pathlib
import sys
import typing

from keras_maelre import datasets, preprocessing

sys.path.append(str(pathlib.Path(__file__).parent.parent / "examples"))

from simulated import simulated_listops, simulated_pathfinder  # noqa: E402

# 4000 samples to train on, 1000 to test on: what a core learns in minutes.
GENERATED = {"samples": 5000, "test_fraction": 0.2, "seed": 0}
SYMBOLS = 100, 400
PIXELS = "pixels:"


class Task(typing.NamedTuple):
    modality: str
    name: str
    data: datasets.ClassificationDataset
    preprocessor: object


def is_task(path):
    return path in ("listops", "pathfinder") or path.startswith(PIXELS)


def load_task(path):
    """Returns a task: `listops`, `pathfinder`, or `pixels:` and a file of series."""
    if path == "listops":
        data = simulated_listops(shortest=SYMBOLS[0], longest=SYMBOLS[1], **GENERATED)
        preprocessor = preprocessing.BytePreprocessor((SYMBOLS[1],))
        return Task("bytes", "ListOps (SIMULATED)", data, preprocessor)
    if path == "pathfinder":
        name, data = "Pathfinder (SIMULATED)", simulated_pathfinder(**GENERATED)
    else:
        path = pathlib.Path(path.removeprefix(PIXELS))
        name, data = path.stem, datasets.load_series(path)
    preprocessor = preprocessing.SeriesPreprocessor(data.x_train.shape[1:])
    return Task("series", name, data, preprocessor)
