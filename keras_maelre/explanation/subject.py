"""A sample as the methods of explanation see it."""

import dataclasses

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

        What is active has the mean of the sample, channel by channel: 0 where series
        are normalised.
        """
        active = self.spread(self.active)
        axes = tuple(range(1, self.active.ndim + 1))
        shape = np.broadcast_to(active, self.x.shape)
        mean = self.x.mean(axis=axes, where=shape, keepdims=True)
        return np.where(active, mean, self.x)

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
