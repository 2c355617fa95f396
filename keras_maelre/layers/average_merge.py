"""Token merging by average pooling, an ablation of the paper."""

import keras
from keras import ops

from keras_maelre.checks import check_integer
from keras_maelre.layers.aligned_conv import (
    check_spatial,
    merged_length,
    pad_spatial,
)
from keras_maelre.layers.masking import MergedMask, check_mask, zero_masked


def valid_average(x, mask, pool_size, strides):
    """The means of the tokens in windows that are inside and kept by the mask.

    Args:
        x: Float tensor of shape `(batch, *spatial, dim)`.
        mask: Boolean tensor of shape `(batch, *spatial)`, or `None`.
        pool_size: Integer, of a window on every spatial axis.
        strides: Integer, from one window to the next.
    """
    valid = ops.ones_like(x[..., :1])
    x, valid = zero_masked(x, mask), zero_masked(valid, mask)
    mean, share = (
        ops.average_pool(
            pad_spatial(tensor, pool_size), pool_size, strides, padding="valid"
        )
        for tensor in (x, valid)
    )
    # A share is a multiple of 1 / window; where it is zero, so is the mean.
    return mean / ops.maximum(share, 0.5 / pool_size ** (len(x.shape) - 2))


class AverageMerge(keras.layers.Layer):
    """Mean of the valid tokens in a window; others do not count."""

    def __init__(self, rank, pool_size, strides, **kwargs):
        super().__init__(**kwargs)
        self.rank = rank
        self.pool_size = check_integer("pool_size", pool_size)
        self.strides = check_integer("strides", strides)
        self.supports_masking = True
        self.merged_mask = MergedMask(self.strides, name=f"{self.name}_mask")

    def build(self, input_shape):
        check_spatial(self, input_shape, self.rank)

    def call(self, x, mask=None):
        return valid_average(x, check_mask(self, mask, x), self.pool_size, self.strides)

    def compute_mask(self, x, previous_mask=None):
        return None if previous_mask is None else self.merged_mask(previous_mask)

    def compute_output_shape(self, input_shape):
        batch, *spatial, channels = input_shape
        spatial = [merged_length(length, self.strides) for length in spatial]
        return (batch, *spatial, channels)

    def get_config(self):
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "strides": self.strides,
        }


@keras.saving.register_keras_serializable(package="keras_maelre")
class AverageMerge1D(AverageMerge):
    """Merges tokens of a sequence by average pooling.

    Only tokens that lie inside the sequence and are kept by the mask enter a mean, so
    that padding does not affect the result.

    Args:
        pool_size: Integer, in tokens.
        strides: Integer, in tokens.
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
    y = keras_maelre.layers.AverageMerge1D()(x)
    y.shape  # (2, 938, 96)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 4.5.2.
    """

    def __init__(self, pool_size=9, strides=4, **kwargs):
        super().__init__(1, pool_size, strides, **kwargs)


@keras.saving.register_keras_serializable(package="keras_maelre")
class AverageMerge2D(AverageMerge):
    """Merges tokens of a grid by average pooling.

    Only tokens that lie inside the grid and are kept by the mask enter a mean.

    Args:
        pool_size: Integer, in tokens, on both axes.
        strides: Integer, in tokens, on both axes.
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
    y = keras_maelre.layers.AverageMerge2D()(x)
    y.shape  # (2, 28, 28, 96)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 4.5.2.
    """

    def __init__(self, pool_size=3, strides=2, **kwargs):
        super().__init__(2, pool_size, strides, **kwargs)
