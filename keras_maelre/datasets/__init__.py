"""Readers of the tasks' data, each returning plain arrays."""

from keras_maelre.datasets.load_mosquito_sound import load_mosquito_sound
from keras_maelre.datasets.load_series import load_series
from keras_maelre.datasets.npz import read_npz
from keras_maelre.datasets.series_dataset import SeriesDataset
from keras_maelre.datasets.ucr import read_ucr
from keras_maelre.datasets.wingbeats import simulated_wingbeats

__all__ = [
    "SeriesDataset",
    "load_mosquito_sound",
    "load_series",
    "read_npz",
    "read_ucr",
    "simulated_wingbeats",
]
