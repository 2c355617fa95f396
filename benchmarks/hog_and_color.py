"""What one would try first on pictures: gradients and colors, without training."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from keras_maelre.preprocessing import ImagePreprocessor

CHUNK = 64  # pictures in memory at a time
CELL, ANGLES, COLORS = 8, 9, 8


class HogAndColor(TransformerMixin, BaseEstimator):
    """Histograms of the directions of edges, and of the colors of quarters.

    Args:
        size: Integer, the pixels of a side that pictures are scaled to, a multiple
            of 16.

    Reference:
        Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection"
        (CVPR 2005), section 6: nine unsigned directions, cells of 8 x 8 pixels,
        overlapping blocks of 2 x 2 cells scaled to the same length.
    """

    def __init__(self, size=64):
        self.size = size

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        preprocessor = ImagePreprocessor(
            (self.size, self.size, 3), crop_fraction=1.0, mean=(0,) * 3, stddev=(1,) * 3
        )
        rows = []
        for begin in range(0, len(X), CHUNK):
            images = np.asarray(preprocessor(X[begin : begin + CHUNK]))
            rows.append(np.concatenate([edges(images), colors(images)], axis=1))
        return np.concatenate(rows)


def edges(images):
    """Histograms of oriented gradients, `(samples, features)`, of values in [0, 1]."""
    down, right = np.gradient(images, axis=(1, 2))
    length = np.hypot(down, right)
    # Of the three colors the one that changes most.
    strongest = length.argmax(axis=-1)[..., None]
    length, down, right = (
        np.take_along_axis(values, strongest, axis=-1)[..., 0]
        for values in (length, down, right)
    )
    angle = np.arctan2(down, right) / np.pi % 1 * ANGLES
    low = np.floor(angle)
    share = angle - low
    cells = 0
    for angles, weights in ((low, 1 - share), (low + 1, share)):
        chosen = (angles % ANGLES)[..., None] == np.arange(ANGLES)
        cells = cells + _cells(chosen * (weights * length)[..., None], CELL)
    blocks = np.concatenate(
        [cells[:, :-1, :-1], cells[:, :-1, 1:], cells[:, 1:, :-1], cells[:, 1:, 1:]],
        axis=-1,
    )
    blocks /= np.linalg.norm(blocks, axis=-1, keepdims=True) + 1e-3
    return blocks.reshape(len(images), -1)


def colors(images):
    """The shares of intensities of each color in each quarter."""
    levels = np.clip(images * COLORS, 0, COLORS - 1).astype("int8")
    chosen = levels[..., None] == np.arange(COLORS)
    counts = _cells(chosen.reshape(*images.shape[:3], -1), images.shape[1] // 2)
    return counts.reshape(len(images), -1) / (images.shape[1] // 2) ** 2


def _cells(values, side):
    """Sums over squares, of `(samples, height, width, channels)`."""
    count, height, width, channels = values.shape
    shape = (count, height // side, side, width // side, side, channels)
    return values.reshape(shape).sum(axis=(2, 4), dtype="float64")


def hog_and_color_machine(multi_label=False):
    """Returns the features and a support vector machine, as a pipeline."""
    machine = SVC(C=10.0)
    machine = OneVsRestClassifier(machine) if multi_label else machine
    return make_pipeline(HogAndColor(), StandardScaler(), machine)
