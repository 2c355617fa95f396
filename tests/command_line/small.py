"""Small data and presets for the command line."""

import pathlib

import keras
import numpy as np

from keras_maelre import MaelreClassifier
from keras_maelre.preprocessing import BytePreprocessor, SeriesPreprocessor
from keras_maelre_cli.main import main

LENGTH = 40
SIZE = {"width": 16, "depths": (1, 1, 1, 1)}


def series_archive(path, classes=("calm", "storm"), samples=24):
    """Writes series that are calm or stormy, a third of them for testing."""
    generator = np.random.default_rng(0)
    y = np.arange(samples) % len(classes)
    x = generator.normal(size=(samples, LENGTH)) + 3 * np.sin(np.arange(LENGTH))
    np.savez(
        path,
        X=np.where(y[:, None] > 0, generator.normal(size=x.shape), x),
        y=y,
        is_test=np.arange(samples) >= 2 * samples // 3,
        classes=list(classes),
    )
    return pathlib.Path(path)


def series_preset(folder, **kwargs):
    """Saves a classifier of series with random weights."""
    classifier = MaelreClassifier.from_preset(
        "tiny_series",
        **SIZE,
        class_names=["calm", "storm"],
        preprocessor=SeriesPreprocessor((LENGTH, 1), truncate=True),
        **kwargs,
    )
    classifier.save_to_preset(folder)
    return classifier


def bytes_preset(folder, **kwargs):
    """Saves a classifier of texts with random weights."""
    kwargs = {"class_names": ["bad", "good"], **kwargs}
    classifier = MaelreClassifier.from_preset(
        "tiny_bytes", **SIZE, preprocessor=BytePreprocessor((48,)), **kwargs
    )
    for weight in classifier.head.weights:
        weight.assign(keras.random.normal(weight.shape, seed=1))
    classifier.save_to_preset(folder)
    return classifier


def run(*arguments):
    """Runs a command as a shell does, and returns its exit code."""
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as done:
        return done.code
