"""Token merging by a strided convolution beside average pooling."""

import keras

from keras_maelre.layers.average_merge import AverageMerge1D, AverageMerge2D
from keras_maelre.layers.conv_merge import ConvMerge1D, ConvMerge2D
from keras_maelre.layers.fast_paths import run_part


@keras.saving.register_keras_serializable(package="keras_maelre")
class ResidualMerge1D(ConvMerge1D):
    """Merges tokens of a sequence by a strided convolution and a pooled residual.

    The sum of `ConvMerge1D` and `AverageMerge1D` over the same windows: tokens pass the
    merge as they pass a layer, and the convolution adds to them. The variables are
    those of `ConvMerge1D`.

    Args:
        kernel_size: Integer, of the convolution and of the pooling, in tokens.
        strides: Integer, in tokens: the factor by which their number shrinks.
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
    y = keras_maelre.layers.ResidualMerge1D()(x)
    y.shape  # (2, 938, 96)
    ```

    Reference:
        "Multiscale Vision Transformers" (arXiv 2104.11227), section 3, whose skip
        connections are pooled where the resolution changes, and "Funnel-Transformer"
        (arXiv 2006.03236), section 2. There attention is added to them, here the
        convolution.
    """

    def __init__(self, kernel_size=9, strides=4, **kwargs):
        super().__init__(kernel_size, strides, **kwargs)
        self.average = AverageMerge1D(
            kernel_size, strides, dtype=self.dtype_policy, name="average"
        )

    def call(self, x, mask=None):
        return super().call(x, mask) + run_part(self, self.average, x, mask=mask)


@keras.saving.register_keras_serializable(package="keras_maelre")
class ResidualMerge2D(ConvMerge2D):
    """Merges tokens of a grid by a strided convolution and a pooled residual.

    The sum of `ConvMerge2D` and `AverageMerge2D` over the same windows. The variables
    are those of `ConvMerge2D`.

    Args:
        kernel_size: Integer, of the convolution and of the pooling, in tokens, on both
            axes.
        strides: Integer, in tokens, on both axes; a stride of 2 leaves a quarter of
            the tokens.
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
    y = keras_maelre.layers.ResidualMerge2D()(x)
    y.shape  # (2, 28, 28, 96)
    ```

    Reference:
        "Multiscale Vision Transformers" (arXiv 2104.11227), section 3, as of
        `ResidualMerge1D`.
    """

    def __init__(self, kernel_size=3, strides=2, **kwargs):
        super().__init__(kernel_size, strides, **kwargs)
        self.average = AverageMerge2D(
            kernel_size, strides, dtype=self.dtype_policy, name="average"
        )

    def call(self, x, mask=None):
        return super().call(x, mask) + run_part(self, self.average, x, mask=mask)
