"""A sample as the methods of explanation see it."""

import dataclasses
import warnings

import numpy as np

from keras_maelre.modalities import Tokens, cut_padding


@dataclasses.dataclass
class Subject:
    """One input of a model, and what of it is to be explained.

    Attributes:
        x: NumPy array, the input of the model as a batch of one, most of its padding
            cut off.
        active: Boolean array over the units: steps of a sequence, `(length,)`, or
            cells of a grid, `(height, width)`. `False` for padding.
    """

    x: np.ndarray
    active: np.ndarray

    @property
    def neutral(self):
        """The input of numbers without its evidence, as a batch of one.

        What is active has what is usual in the sample: the mean of its channel, in a
        grid without channels the median of its column over the rows, which in a
        spectrogram is the background of a filter. (The median of series, and one mean
        of spectrograms, found less of the evidence in benchmarks/explanation.py.)
        """
        active = self.spread(self.active)
        known = np.where(active, self.x, np.nan)
        if self.active.ndim == 2 and self.x.ndim == 3:
            with warnings.catch_warnings():
                # A column without active cells stays as it is.
                warnings.simplefilter("ignore", RuntimeWarning)
                usual = np.nanmedian(known, axis=1, keepdims=True)
        else:
            axes = tuple(range(1, self.active.ndim + 1))
            usual = np.nanmean(known, axis=axes, keepdims=True)
        return np.where(active, usual, self.x)

    def spread(self, units):
        """An array over units with the axes of a batch and of channels added."""
        channels = (1,) * (self.x.ndim - 1 - units.ndim)
        return units.reshape(1, *units.shape, *channels)


def make_subject(x, length, modality):
    """Returns the `Subject` of one input.

    Args:
        x: NumPy array, an input of a model without a batch axis.
        length: Integer, how much of the first axis is no padding, or `None` where
            only the values tell.
        modality: `Modality` of the model.
    """
    x = cut_padding(x[None], modality)
    is_sequence = len(modality.grid(x.shape[1:])) == 1
    active = np.ones(x.shape[1:2] if is_sequence else x.shape[1:3], bool)
    kept = modality.kept(x)
    if kept is not None:
        active &= kept[0].reshape(kept.shape[1:] + (1,) * (active.ndim - 1))
    if length is not None:
        active[length:] = False
    return Subject(x, active)


def reads_tokens(modality):
    """Whether inputs are ids, which have no values between them."""
    return isinstance(modality, Tokens)
