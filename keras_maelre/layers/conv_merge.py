"""Token merging by a strided convolution."""

import keras

from keras_maelre.layers.aligned_conv import AlignedConv


@keras.saving.register_keras_serializable(package="keras_maelre")
class ConvMerge1D(AlignedConv):
    """Merges tokens of a sequence by a strided convolution of the same width.

    Output `j` is centred on token `strides * j`; the input counts as zero outside
    its ends and where it is masked, so that padding does not affect the result. The
    outgoing mask keeps a merged token if any of its `strides` tokens was kept.

    Args:
        kernel_size: Integer, in tokens.
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
    """Drops the arguments that the class itself fixes."""
    return {k: v for k, v in config.items() if k not in ("rank", "filters")}
