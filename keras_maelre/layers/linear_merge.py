"""Token merging by a learned map over the token axis, an ablation of the paper."""

import math

import keras
from keras import ops

from keras_maelre.checks import check_integer
from keras_maelre.layers.aligned_conv import (
    check_grid_shape,
    check_spatial,
    merged_length,
)
from keras_maelre.layers.masking import MergedMask, check_mask, zero_masked


@keras.saving.register_keras_serializable(package="keras_maelre")
class LinearMerge(keras.layers.Layer):
    """Merges tokens by a learned linear map over the token axis.

    Every merged token is a weighted sum of all tokens plus a bias. A sequence shorter
    than the map uses its leading rows and columns, which is equivalent to zero padding,
    so that padding does not affect the result.

    Args:
        grid_shape: Tuple of one or two integers: the maximum number of tokens of a
            sequence, or the exact height and width of a grid.
        strides: Integer, the factor by which every axis shrinks.
        kernel_initializer: Initializer of the kernel.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(batch, tokens, dim)` for a sequence or
            `(batch, height, width, dim)` for a grid.
        mask: Optional boolean tensor of the shape of `x` without its last axis,
            `True` = keep.

    Returns:
        A tensor of shape `(batch, ceil(tokens / strides), dim)`, or the same with
        both axes of a grid.

    Raises:
        TypeError: If `strides` is not an integer.
        ValueError: If the input has another rank than `grid_shape` says, more
            tokens than the map, or another height and width.

    Example:

    ```python
    import keras

    import keras_maelre

    x = keras.random.normal((2, 900, 96))
    y = keras_maelre.layers.LinearMerge(grid_shape=(3750,), strides=4)(x)
    y.shape  # (2, 225, 96)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 4.5.2.
    """

    def __init__(
        self, grid_shape, strides, kernel_initializer="glorot_uniform", **kwargs
    ):
        super().__init__(**kwargs)
        self.grid_shape = check_grid_shape(grid_shape)
        self.strides = check_integer("strides", strides)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.supports_masking = True
        self.merged_mask = MergedMask(self.strides, name=f"{self.name}_mask")

    def build(self, input_shape):
        check_spatial(self, input_shape, len(self.grid_shape))
        tokens = math.prod(self.grid_shape)
        merged = math.prod(merged_length(n, self.strides) for n in self.grid_shape)
        self.kernel = self.add_weight(
            name="kernel", shape=(tokens, merged), initializer=self.kernel_initializer
        )
        self.bias = self.add_weight(name="bias", shape=(merged,), initializer="zeros")

    def call(self, x, mask=None):
        self._check_length(x.shape)
        x = zero_masked(x, check_mask(self, mask, x))
        kernel, bias = self.kernel, self.bias
        if len(self.grid_shape) == 1:
            length = ops.shape(x)[1]
            merged = merged_length(length, self.strides)
            kernel, bias = kernel[:length, :merged], bias[:merged]
            return ops.einsum("bnc,nm->bmc", x, kernel) + ops.expand_dims(bias, -1)
        x = ops.reshape(x, (-1, math.prod(self.grid_shape), x.shape[-1]))
        x = ops.einsum("bnc,nm->bmc", x, kernel) + ops.expand_dims(bias, -1)
        grid = [merged_length(n, self.strides) for n in self.grid_shape]
        return ops.reshape(x, (-1, *grid, x.shape[-1]))

    def _check_length(self, shape):
        spatial = tuple(shape[1:-1])
        if len(spatial) == 1:
            fits = spatial[0] is None or spatial[0] <= self.grid_shape[0]
        else:
            fits = spatial == self.grid_shape
        if not fits:
            raise ValueError(
                f"LinearMerge was built for at most {self.grid_shape} tokens "
                f"(argument `grid_shape`). Received: {spatial}"
            )

    def compute_mask(self, x, previous_mask=None):
        return None if previous_mask is None else self.merged_mask(previous_mask)

    def compute_output_shape(self, input_shape):
        batch, *spatial, channels = input_shape
        spatial = [merged_length(length, self.strides) for length in spatial]
        return (batch, *spatial, channels)

    def get_config(self):
        return {
            **super().get_config(),
            "grid_shape": self.grid_shape,
            "strides": self.strides,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
