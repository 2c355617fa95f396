"""Token merging by a strided convolution."""

import keras

from keras_maelre.layers.aligned_conv import AlignedConv


@keras.saving.register_keras_serializable(package="keras_maelre")
class ConvMerge1D(AlignedConv):
    """Merges tokens of a sequence by a strided convolution of the same width.

    Output `j` is centred on token `strides * j`; the input counts as zero outside
    its ends and where it is masked, so that padding changes nothing. A merged token
    is kept by the outgoing mask if any token of its cell of `strides` tokens was.

    Args:
        kernel_size: Integer, in tokens.
        strides: Integer, in tokens: the factor by which their number falls.
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
    x = keras.random.normal((2, 3750, 96))
    y = keras_maelre.layers.ConvMerge1D()(x)
    y.shape  # (2, 938, 96)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 3.2.
    """

    def __init__(self, kernel_size=9, strides=4, **kwargs):
        super().__init__(1, kernel_size, strides, **kwargs)

    def get_config(self):
        return _own_arguments(super().get_config())


@keras.saving.register_keras_serializable(package="keras_maelre")
class ConvMerge2D(AlignedConv):
    """Merges tokens of a grid by a strided convolution of the same width.

    Output `(i, j)` is centred on token `(strides * i, strides * j)`; the input
    counts as zero outside its edges and where it is masked.

    Args:
        kernel_size: Integer, in tokens, on both axes.
        strides: Integer, in tokens, on both axes: a stride of 2 quarters them.
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
    x = keras.random.normal((2, 56, 56, 96))
    y = keras_maelre.layers.ConvMerge2D()(x)
    y.shape  # (2, 28, 28, 96)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 3.2.
    """

    def __init__(self, kernel_size=3, strides=2, **kwargs):
        super().__init__(2, kernel_size, strides, **kwargs)

    def get_config(self):
        return _own_arguments(super().get_config())


def _own_arguments(config):
    """Without what the class itself says."""
    return {k: v for k, v in config.items() if k not in ("rank", "filters")}
