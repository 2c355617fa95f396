"""Classifiers and data of the safety tests: as small as they can be."""

import numpy as np

from keras_maelre.preprocessing import BytePreprocessor, SeriesPreprocessor
from tests.models.tiny import tiny_classifier

NAMES = ("calm", "breeze", "storm")
STEPS = 24
DEPTHS = (1, 1, 1, 1)


def series_classifier(raw=True, length=STEPS, **kwargs):
    """Classifies series of two channels, raw ones or inputs of the model."""
    preprocessor = SeriesPreprocessor((length, 2)) if raw else None
    changes = {"preprocessor": preprocessor, "class_names": NAMES, **kwargs}
    return tiny_classifier(
        "series", input_shape=(length, 2), depths=DEPTHS, **{"width": 8, **changes}
    )


def bytes_classifier(raw=True, length=STEPS, **kwargs):
    """Classifies texts as bytes, raw ones or ids."""
    changes = {"preprocessor": BytePreprocessor((length,)) if raw else None, **kwargs}
    return tiny_classifier(
        "bytes",
        input_shape=(length,),
        depths=DEPTHS,
        **{"width": 8, "embedding_dim": 8, **changes},
    )


def series(count=6, seed=0, shortest=5, longest=STEPS):
    """Series of unequal length."""
    generator = np.random.default_rng(seed)
    lengths = generator.integers(shortest, longest + 1, count)
    return [generator.normal(size=(length, 2)) for length in lengths]


def inputs(count=6, seed=0):
    """A batch that a model without a preprocessor takes."""
    return np.random.default_rng(seed).normal(size=(count, STEPS, 2)).astype("float32")
