"""How masks follow the tokens.

Each step is one `keras.Operation`: in a functional model the masks are part of the
graph, and its summary shows one line per step.
"""

import functools
import operator

import keras
from keras import ops

from keras_maelre.layers.fast_paths import is_eager_torch


def boolean_mask(mask):
    """Returns a mask of zeros and ones, of whatever dtype, as booleans.

    Backends disagree about other masks: torch's attention adds a float mask to its
    scores and refuses an integer mask.

    Args:
        mask: Tensor, or `None`, which is returned as it is.
    """
    if mask is None or keras.backend.standardize_dtype(mask.dtype) == "bool":
        return mask
    return ops.not_equal(mask, 0)


def check_mask(layer, mask, x):
    """Returns the mask given to a layer as booleans, or raises a ValueError.

    Args:
        layer: The layer, for the message.
        mask: Tensor of the shape of `x` without its last axis, or `None`.
        x: The input of the layer.
    """
    if mask is not None and len(mask.shape) != len(x.shape) - 1:
        raise ValueError(
            f"Argument `mask` of {type(layer).__name__} must have the shape of the "
            f"input without its last axis, {tuple(x.shape[:-1])}. "
            f"Received: mask of shape {tuple(mask.shape)}"
        )
    return boolean_mask(mask)


def zero_masked(x, mask):
    """Sets the masked positions of `x` to zero; `mask` has no channel axis."""
    if mask is None:
        return x
    return ops.where(ops.expand_dims(mask, -1), x, ops.zeros_like(x))


def masked_mean(x, mask, axes):
    """The mean over the axes of tokens, which stay with size 1; of nothing it is 0."""
    if mask is None:
        return ops.mean(x, axis=axes, keepdims=True)
    count = ops.sum(ops.cast(mask, x.dtype), axis=axes, keepdims=True)
    count = ops.expand_dims(ops.maximum(count, 1.0), -1)
    return ops.sum(zero_masked(x, mask), axis=axes, keepdims=True) / count


def masked_softmax(scores, kept, axis):
    """The softmax over an axis of what is kept; of nothing, it is the same for all.

    Args:
        scores: Float tensor, in float32 at least.
        kept: Boolean tensor that broadcasts to it, or `None`.
        axis: Integer.
    """
    if kept is not None:
        # A finite number: infinities would become NaN where all tokens are masked.
        scores = ops.where(kept, scores, ops.full_like(scores, -1e30))
    # Keras' softmax looks at the length, which an exporter must not know.
    scores = ops.exp(scores - ops.stop_gradient(ops.max(scores, axis, keepdims=True)))
    return scores / ops.sum(scores, axis=axis, keepdims=True)


@keras.saving.register_keras_serializable(package="keras_maelre")
class NotAllNaN(keras.Operation):
    """Keeps the time steps that have a value in some channel."""

    def call(self, series):
        return ops.logical_not(ops.all(ops.isnan(series), axis=-1))


@keras.saving.register_keras_serializable(package="keras_maelre")
class ClassTokenMask(keras.Operation):
    """The mask of tokens after a class token, which is kept, was prepended."""

    def call(self, mask):
        mask = boolean_mask(mask)
        return ops.concatenate([ops.ones_like(mask[:, :1]), mask], axis=1)


@keras.saving.register_keras_serializable(package="keras_maelre")
class MergedMask(keras.Operation):
    """The mask after a merge: a cell of `strides` tokens is kept if any of it is.

    For padding at the end this keeps `ceil(tokens / strides)` tokens, as many as the
    input without padding would have.

    Args:
        strides: Integer, on every axis of the mask but the batch.
    """

    def __init__(self, strides, name=None):
        super().__init__(name=name)
        self.strides = strides

    def call(self, mask):
        rank = len(mask.shape) - 1
        if keras.backend.backend() == "torch":
            # Its pooling wants floats and is slower.
            merge = self._merge_axis if is_eager_torch() else self._merge_symbolic_axis
            for axis in range(1, rank + 1):
                mask = merge(boolean_mask(mask), axis)
            return mask
        kept = ops.expand_dims(ops.cast(mask, "float32"), -1)
        fill = [(0, 0)] + [(0, self.strides - 1)] * rank + [(0, 0)]
        kept = ops.pad(kept, fill)
        kept = ops.max_pool(kept, self.strides, self.strides, padding="valid")
        return ops.squeeze(kept, -1) > 0

    def _merge_axis(self, mask, axis):
        count = -(-mask.shape[axis] // self.strides)
        missing = count * self.strides - mask.shape[axis]
        if missing:
            fill = [(0, 0)] * len(mask.shape)
            fill[axis] = (0, missing)
            mask = ops.pad(mask, fill, constant_values=False)
        before = (slice(None),) * axis
        places = (
            mask[(*before, slice(i, None, self.strides))] for i in range(self.strides)
        )
        return functools.reduce(operator.or_, places)

    def _merge_symbolic_axis(self, mask, axis):
        # The number of cells is written as that of a convolution's outputs, so that an
        # exporter sees without a look at the length that the two are the same.
        fill = [(0, 0)] * len(mask.shape)
        fill[axis] = (0, self.strides - 1)
        mask = ops.pad(mask, fill, constant_values=False)
        return ops.any(mask.unfold(axis, self.strides, self.strides), axis=-1)


@keras.saving.register_keras_serializable(package="keras_maelre")
class BlockMask(keras.Operation):
    """The mask after a `MaelreBlock`: that of the class token, then the merged one.

    Args:
        strides: Integer, on every axis of the grid.
        grid_shape: `None` for a sequence, or the height and width of the grid.
    """

    def __init__(self, strides, grid_shape=None, name=None):
        super().__init__(name=name)
        self.strides = strides
        self.grid_shape = grid_shape
        self.merged_mask = MergedMask(strides)

    def call(self, mask):
        mask = boolean_mask(mask)
        cls, tokens = mask[:, :1], mask[:, 1:]
        if self.grid_shape is not None:
            tokens = ops.reshape(tokens, (-1, *self.grid_shape))
        merged = self.merged_mask.call(tokens)
        if self.grid_shape is not None:
            merged = ops.reshape(merged, (-1, merged.shape[1] * merged.shape[2]))
        return ops.concatenate([cls, merged], axis=1)
