"""Checks of what a model is called on."""

import keras
import numpy as np


class CheckedInputs:
    """Raises a ValueError on inputs that a model would misread or reject obscurely.

    Mixed into the functional models: they know their modality and their shape. Rank,
    shape and the kind of number are checked whatever the input is; values only of
    NumPy arrays, where looking costs nothing.
    """

    def __call__(self, inputs, *args, **kwargs):
        self.check_inputs(inputs)
        return super().__call__(inputs, *args, **kwargs)

    def fit(self, x=None, *args, **kwargs):
        self.check_inputs(x)
        return super().fit(x, *args, **kwargs)

    def evaluate(self, x=None, *args, **kwargs):
        self.check_inputs(x)
        return super().evaluate(x, *args, **kwargs)

    def predict(self, x, *args, **kwargs):
        self.check_inputs(x)
        return super().predict(x, *args, **kwargs)

    def check_inputs(self, x):
        """Checks one batch, or the whole array given to `fit`, `predict` or such.

        Args:
            x: A tensor or array; data sets and generators pass unchecked, their
                batches are checked when the model is called.

        Raises:
            ValueError: If rank, shape or values do not fit the modality.
        """
        shape = getattr(x, "shape", None)
        # Checks start once the model is complete: Keras calls it while building it.
        if shape is None or not hasattr(self, "signal_shape"):
            return
        check_input_shape(self.modality, self.signal_shape, tuple(shape))
        if self.modality in ("text", "bytes"):
            check_token_ids(x, self.vocabulary_size)
        elif isinstance(x, np.ndarray):
            check_finite(x, padded=self.modality == "series")


def check_input_shape(modality, signal_shape, shape):
    """Raises a ValueError unless a batch of `shape` fits the model."""
    flexible = modality in ("text", "bytes", "series")
    expected = (
        (f"1 to {signal_shape[0]}", *signal_shape[1:]) if flexible else signal_shape
    )
    fits = len(shape) == len(signal_shape) + 1
    for i, (got, wanted) in enumerate(zip(shape[1:], signal_shape, strict=False)):
        shorter = flexible and i == 0 and got is not None and 0 < got < wanted
        fits = fits and (got is None or got == wanted or shorter)
    if not fits:
        hint = (
            " Pass `input_shape` to `from_preset` for another length or size."
            if len(shape) == len(signal_shape) + 1
            else ""
        )
        raise ValueError(
            f"The {modality} model expects inputs of shape "
            f"(batch, {', '.join(str(n) for n in expected)}). "
            f"Received: {shape}.{hint}"
        )


def check_token_ids(token_ids, vocabulary_size):
    """Raises a ValueError unless all ids are integers within the vocabulary.

    Args:
        token_ids: A tensor, of which the dtype is checked, or an array.
        vocabulary_size: Integer.
    """
    dtype = keras.backend.standardize_dtype(token_ids.dtype)
    if not keras.backend.is_int_dtype(dtype):
        raise ValueError(f"Token ids must be integers. Received: dtype {dtype}")
    if not isinstance(token_ids, np.ndarray) or not token_ids.size:
        return
    if not 0 <= token_ids.min() <= token_ids.max() < vocabulary_size:
        raise ValueError(
            f"Token ids must lie in [0, {vocabulary_size}). Received: ids from "
            f"{token_ids.min()} to {token_ids.max()}"
        )


def check_finite(x, padded):
    """Raises a ValueError at the first value that is neither finite nor padding.

    Args:
        x: Array of shape `(batch, ...)`.
        padded: Boolean. Whether a step that is NaN in every channel is padding.
    """
    if not np.issubdtype(x.dtype, np.floating):
        return
    bad = ~np.isfinite(x)
    if not bad.any():
        return
    if padded:
        bad &= ~np.isnan(x).all(axis=-1, keepdims=True)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        padding = (
            " A time step counts as padding only if it is NaN in every channel."
            if padded
            else ""
        )
        raise ValueError(
            f"Input values must be finite. Received: {x[where]} at {where} "
            f"(sample, ...).{padding}"
        )
