"""Token merging by convolution, normalization and max pooling."""

import keras
from keras import ops

from keras_maelre.checks import check_integer
from keras_maelre.layers.aligned_conv import (
    AlignedConv,
    check_spatial,
    merged_length,
    pad_spatial,
)
from keras_maelre.layers.fast_paths import run_part
from keras_maelre.layers.initializers import clone_initializer
from keras_maelre.layers.masking import MergedMask, check_mask, zero_masked


class MaxMerge(keras.layers.Layer):
    """The largest of the valid tokens in a window, normalized after a convolution."""

    def __init__(
        self,
        rank,
        kernel_size,
        pool_size,
        strides,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.rank = rank
        self.kernel_size = check_integer("kernel_size", kernel_size)
        self.pool_size = check_integer("pool_size", pool_size)
        self.strides = check_integer("strides", strides)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.supports_masking = True
        self.merged_mask = MergedMask(self.strides, name=f"{self.name}_mask")

    def build(self, input_shape):
        check_spatial(self, input_shape, self.rank)
        self.conv = AlignedConv(
            self.rank,
            self.kernel_size,
            kernel_initializer=clone_initializer(self.kernel_initializer),
            dtype=self.dtype_policy,
            name="conv",
        )
        self.norm = keras.layers.LayerNormalization(
            epsilon=1e-6, dtype=self.dtype_policy, name="norm"
        )
        for part in (self.conv, self.norm):
            part.build(input_shape)

    def call(self, x, mask=None):
        mask = check_mask(self, mask, x)
        x = run_part(self, self.norm, run_part(self, self.conv, x, mask=mask))
        # A finite number, which float16 has: infinities would become NaN in gradients.
        lowest = -6e4
        if mask is not None:
            x = ops.where(ops.expand_dims(mask, -1), x, ops.full_like(x, lowest))
        x = pad_spatial(x, self.pool_size, lowest)
        x = ops.max_pool(x, self.pool_size, self.strides, padding="valid")
        # Where there is no valid token.
        return zero_masked(x, x[..., 0] > lowest)

    def compute_mask(self, x, previous_mask=None):
        return None if previous_mask is None else self.merged_mask(previous_mask)

    def compute_output_shape(self, input_shape):
        batch, *spatial, channels = input_shape
        spatial = [merged_length(length, self.strides) for length in spatial]
        return (batch, *spatial, channels)

    def get_config(self):
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "pool_size": self.pool_size,
            "strides": self.strides,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


@keras.saving.register_keras_serializable(package="keras_maelre")
class MaxMerge1D(MaxMerge):
    """Merges tokens of a sequence by a convolution, LayerNorm and max pooling.

    The convolution is of stride 1 and the same width. Only tokens that lie inside the
    sequence and are kept by the mask enter a maximum, so that padding does not affect
    the result.

    Args:
        kernel_size: Integer, of the convolution, in tokens.
        pool_size: Integer, in tokens.
        strides: Integer, in tokens.
        kernel_initializer: Initializer of the kernel.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(batch, tokens, dim)`.
        mask: Optional boolean tensor of shape `(batch, tokens)`, `True` = keep.

    Returns:
        A tensor of shape `(batch, ceil(tokens / strides), dim)`.

    Raises:
        TypeError: If an argument is not an integer.
        ValueError: If an argument is not positive, or if the input is not of
            rank 3.

    Example:

    ```python
    import keras

    import keras_maelre

    x = keras.random.normal((2, 3750, 96))
    y = keras_maelre.layers.MaxMerge1D()(x)
    y.shape  # (2, 938, 96)
    ```

    Reference:
        "Nested Hierarchical Transformer: Towards Accurate, Data-Efficient and
        Interpretable Visual Understanding" (arXiv 2105.12723), section 3, block
        aggregation.
    """

    def __init__(self, kernel_size=3, pool_size=9, strides=4, **kwargs):
        super().__init__(1, kernel_size, pool_size, strides, **kwargs)


@keras.saving.register_keras_serializable(package="keras_maelre")
class MaxMerge2D(MaxMerge):
    """Merges tokens of a grid by a convolution, LayerNorm and max pooling.

    The convolution is of stride 1 and the same width. Only tokens that lie inside the
    grid and are kept by the mask enter a maximum.

    Args:
        kernel_size: Integer, of the convolution, in tokens, on both axes.
        pool_size: Integer, in tokens, on both axes.
        strides: Integer, in tokens, on both axes.
        kernel_initializer: Initializer of the kernel.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(batch, height, width, dim)`.
        mask: Optional boolean tensor of shape `(batch, height, width)`,
            `True` = keep.

    Returns:
        A tensor of shape `(batch, ceil(height / strides), ceil(width / strides),
        dim)`.

    Raises:
        TypeError: If an argument is not an integer.
        ValueError: If an argument is not positive, or if the input is not of
            rank 4.

    Example:

    ```python
    import keras

    import keras_maelre

    x = keras.random.normal((2, 56, 56, 96))
    y = keras_maelre.layers.MaxMerge2D()(x)
    y.shape  # (2, 28, 28, 96)
    ```

    Reference:
        "Nested Hierarchical Transformer: Towards Accurate, Data-Efficient and
        Interpretable Visual Understanding" (arXiv 2105.12723), section 3, block
        aggregation.
    """

    def __init__(self, kernel_size=3, pool_size=3, strides=2, **kwargs):
        super().__init__(2, kernel_size, pool_size, strides, **kwargs)
