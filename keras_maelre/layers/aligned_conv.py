"""Convolution whose outputs stay where they are when the input grows."""

import keras
from keras import ops

from keras_maelre.checks import check_integer, check_integers
from keras_maelre.layers.masking import MergedMask, check_mask, zero_masked


def pad_spatial(x, kernel_size, constant_values=0):
    """Pads every axis but the first and the last for a centred kernel.

    Output `j` of the "valid" convolution that follows is centred on position
    `strides * j`, and there are `ceil(length / strides)` of them. Padding "same"
    would shift a strided convolution by an amount that depends on the length, and
    padded inputs would not agree with unpadded ones.

    Args:
        x: Tensor of shape `(batch, *spatial, channels)`.
        kernel_size: Integer, the extent of the kernel on every spatial axis.
        constant_values: What to fill with.
    """
    margin = (kernel_size // 2, (kernel_size - 1) // 2)
    width = [(0, 0)] + [margin] * (len(x.shape) - 2) + [(0, 0)]
    return ops.pad(x, width, constant_values=constant_values)


def merged_length(length, strides):
    """Number of tokens left of `length` (`None` stays `None`)."""
    return None if length is None else -(-length // strides)


@keras.saving.register_keras_serializable(package="keras_maelre")
class AlignedConv(keras.layers.Layer):
    """Convolution over `(batch, *spatial, channels)` with explicit padding.

    Masked positions are zeroed before the convolution, so that they equal the
    padding outside the input; the mask is merged with the stride.

    Args:
        rank: Integer, 1 or 2: the number of spatial axes.
        kernel_size: Integer, on every spatial axis.
        strides: Integer, on every spatial axis.
        filters: Integer, channels of the output, or `None` for those of the input.
        kernel_initializer: Initializer of the kernel.
        **kwargs: Other arguments of `keras.layers.Layer`.
    """

    def __init__(
        self,
        rank,
        kernel_size,
        strides=1,
        filters=None,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.rank = check_integer("rank", rank, high=2)
        self.kernel_size = check_integer("kernel_size", kernel_size)
        self.strides = check_integer("strides", strides)
        self.filters = None if filters is None else check_integer("filters", filters)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.supports_masking = True
        self.merged_mask = MergedMask(self.strides, name=f"{self.name}_mask")

    def build(self, input_shape):
        check_spatial(self, input_shape, self.rank)
        channels = input_shape[-1]
        filters = self.filters or channels
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size,) * self.rank + (channels, filters),
            initializer=self.kernel_initializer,
        )
        self.bias = self.add_weight(name="bias", shape=(filters,), initializer="zeros")

    def call(self, x, mask=None):
        x = zero_masked(x, check_mask(self, mask, x))
        x = pad_spatial(x, self.kernel_size)
        return ops.conv(x, self.kernel, self.strides, padding="valid") + self.bias

    def compute_mask(self, x, previous_mask=None):
        if previous_mask is None or self.strides == 1:
            return previous_mask
        return self.merged_mask(previous_mask)

    def compute_output_shape(self, input_shape):
        batch, *spatial, channels = input_shape
        spatial = [merged_length(length, self.strides) for length in spatial]
        return (batch, *spatial, self.filters or channels)

    def get_config(self):
        return {
            **super().get_config(),
            "rank": self.rank,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "filters": self.filters,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


def check_grid_shape(grid_shape):
    """Returns `grid_shape` as a tuple of one or two integers, or raises an error."""
    if isinstance(grid_shape, (list, tuple)) and len(grid_shape) == 2:
        return check_integers("grid_shape", grid_shape, ("height", "width"))
    if isinstance(grid_shape, (list, tuple)) and len(grid_shape) == 1:
        return check_integers("grid_shape", grid_shape, ("tokens",))
    raise ValueError(
        "Argument `grid_shape` must be (tokens,) or (height, width) in positive "
        f"integers. Received: grid_shape={grid_shape!r}"
    )


def check_spatial(layer, input_shape, rank):
    """Raises a ValueError unless `input_shape` has `rank` axes and channels."""
    axes = ("tokens",) if rank == 1 else ("height", "width")
    if len(input_shape) != rank + 2 or input_shape[-1] is None:
        raise ValueError(
            f"{type(layer).__name__} expects an input of shape "
            f"(batch, {', '.join(axes)}, dim) with a known dim. "
            f"Received: input shape {tuple(input_shape)}"
        )
