"""Data and estimators that train in a moment."""

import keras
import numpy as np

from keras_maelre import MaelreEstimator

WORDS = (("sun", "sea", "sand"), ("snow", "ice", "ski"))


def estimator(modality="series", **parameters):
    return MaelreEstimator(
        modality,
        **{
            # A probe less; test_pretrained_start.py has the default.
            "preset": "tiny",
            "epochs": 1,
            "batch_size": 8,
            "random_state": 0,
            "compare": False,
            # test_extra_features.py has the default.
            "extra_features": None,
            # As of a hundred samples; test_few_samples.py has the default.
            "validation_fraction": 0.1,
            **parameters,
        },
    )


def waves(count=16, length=24, channels=None, seed=0):
    """Slow and fast waves in turn: `(count, length)`, and `"fast"` or `"slow"`."""
    generator = np.random.default_rng(seed)
    shape = (count, length) if channels is None else (count, length, channels)
    noise = generator.normal(0, 0.1, shape)
    rates = np.where(np.arange(count) % 2, 1.0, 0.3)
    steps = np.arange(length) * rates[:, None]
    signal = np.sin(steps + generator.uniform(0, 6, (count, 1)))
    X = noise + signal.reshape(count, length, *(1,) * (len(shape) - 2))
    return X, np.where(np.arange(count) % 2, "fast", "slow")


def ragged(count=16, seed=0):
    """The same in a list, of lengths from 15 to 24."""
    X, y = waves(count, seed=seed)
    lengths = np.random.default_rng(seed).integers(15, 25, count)
    return [row[:length] for row, length in zip(X, lengths, strict=True)], y


def documents(count=16, seed=0):
    generator = np.random.default_rng(seed)
    X = [" ".join(generator.choice(WORDS[i % 2], 6)) for i in range(count)]
    return X, np.where(np.arange(count) % 2, "winter", "summer")


def tones(count):
    """A quarter of a second and more of 400 and 2000 Hz, with noise."""
    generator = np.random.default_rng(0)
    waves = []
    for i in range(count):
        steps = np.arange(4000 + 100 * i)
        pitch = (400, 2000)[i % 2] * (1 + 0.1 * generator.uniform())
        wave = 0.2 * np.sin(2 * np.pi * pitch * steps / 16_000)
        waves.append(wave + 0.01 * generator.normal(size=len(steps)))
    return waves


def difference(one, other, X):
    """How far the probabilities of two estimators lie apart."""
    return np.abs(one.predict_proba(X) - other.predict_proba(X)).max()


TOLERANCE = {"torch": 0.0, "jax": 0.0, "tensorflow": 1e-6}[keras.backend.backend()]
