"""Samples as scikit-learn's users have them: arrays, lists, columns of a table."""

import os

import keras
import numpy as np
import scipy.sparse
from sklearn.utils.validation import validate_data

from keras_maelre.preprocessing.preprocessor import refuse_masked

MOVABLE = ("series", "image")


def raw_samples(estimator, X, reset):
    """Returns samples as an array of numbers or as a list, for a preprocessor.

    Arrays of series are checked as scikit-learn checks arrays: all have the length of
    those that the estimator was fitted with. Arrays in a list may be of any length.

    Args:
        estimator: A `MaelreEstimator`.
        X: What it was given.
        reset: Boolean. Whether it is being fitted.

    Raises:
        TypeError: If `X` is a single sample, or cannot be indexed.
        ValueError: If `X` is empty or of another shape.
    """
    refuse_masked(X, "Argument `X`")
    if scipy.sparse.issparse(X):
        raise TypeError(
            "Argument `X` must not be sparse: samples are sequences and grids, not "
            f"features. Received: X of type {type(X).__name__}"
        )
    single = (str, bytes, dict, os.PathLike)
    countable = hasattr(X, "__len__") or hasattr(X, "__array__") or hasattr(X, "shape")
    if isinstance(X, (*single, set, frozenset)) or not countable:
        raise TypeError(
            f"Argument `X` must be a list or an array of {estimator.modality} samples. "
            f"Received: X of type {type(X).__name__}"
        )
    if keras.ops.is_tensor(X):
        X = keras.ops.convert_to_numpy(X)
    if estimator.modality == "series" and _is_table(X):
        X = np.asarray(X)
    if isinstance(X, (list, tuple)):
        samples = list(X)
    elif estimator.modality == "series" and not _is_column_of_objects(X):
        return _series_array(estimator, X, reset)
    else:
        samples = _from_array(estimator.modality, X)
    if not len(samples):
        raise ValueError(
            "Argument `X` must hold at least one sample. Found array with 0 sample(s)."
        )
    if estimator.channels_first:
        if isinstance(samples, np.ndarray):
            return np.moveaxis(samples, 1, -1) if samples.ndim > 2 else samples
        samples = [_channels_last(sample) for sample in samples]
    return samples


def _series_array(estimator, X, reset):
    if estimator.channels_first and np.ndim(X) == 3:
        X = np.moveaxis(np.asarray(X), 1, -1)
    if str(getattr(X, "dtype", "")).startswith(("<U", "|S")):
        raise ValueError(
            f"Argument `X` of series must hold numbers. Received: X of dtype {X.dtype}"
        )
    X = validate_data(
        estimator,
        X,
        reset=reset,
        allow_nd=True,
        # Padding is NaN; the preprocessor tells it from what is missing.
        ensure_all_finite="allow-nan",
    )
    if X.ndim > 3:
        raise ValueError(
            "Argument `X` must be of shape (samples, length) or (samples, length, "
            f"channels). Received: X of shape {X.shape}"
        )
    return X


def _is_table(X):
    """Whether `X` is an array in nested lists, as scikit-learn's users write them."""
    nested = isinstance(X, (list, tuple)) and len(X)
    if not nested or not all(isinstance(row, (list, tuple)) for row in X):
        return False
    return len({len(row) for row in X}) == 1 and all(map(np.isscalar, X[0]))


def _is_column_of_objects(X):
    return str(getattr(X, "dtype", None)) == "object" and np.ndim(X) == 1


def _from_array(modality, X):
    """Returns what is not a list: an array, or a column of a table."""
    array = X.to_numpy() if hasattr(X, "iloc") else np.asarray(X)
    of_objects = array.dtype.kind in "OUS"
    if of_objects and array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 0 or array.ndim > 1 and (of_objects or modality in LISTS):
        raise ValueError(
            f"Argument `X` of {modality} must be a list, or an array or column of "
            f"shape (samples,). Received: X of shape {array.shape}"
        )
    return array.tolist() if of_objects else array


# Modalities whose samples are never rows of numbers.
LISTS = ("text", "bytes")


def _channels_last(sample):
    """Moves the channels of one array to its end; paths and such have none to move."""
    if isinstance(sample, (str, bytes, os.PathLike)) or np.ndim(sample) < 2:
        return sample
    return np.moveaxis(np.asarray(sample), 0, -1)
