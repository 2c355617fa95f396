"""Focused linear attention: sharper features, and a convolution of the values."""

import keras
from keras import ops

from keras_maelre.checks import check_integer
from keras_maelre.layers.chunks import join_chunks, overlapping_chunks, split_chunks
from keras_maelre.layers.linear_attention import LinearAttention
from keras_maelre.layers.window_attention import is_first


@keras.saving.register_keras_serializable(package="keras_maelre")
class FocusedAttention(LinearAttention):
    """Linear attention with focused features and a depthwise convolution of values.

    The feature map is `"focused"`; to what a token attends to, a convolution adds a
    weighted sum of the values nearby, one weight for each place and channel of a head,
    alike in all heads. Time and memory grow linearly with the tokens.

    The first token is the class token: it takes part in the attention, not in the
    convolution. A grid's tokens arrive row by row, and the convolution runs along them.

    No token attends to a masked token, and their values are zero to the convolution;
    the outputs at masked tokens are computed, but are meaningless. The mask is passed
    on.

    The kernel of the convolution starts at zero, so that the layer begins as linear
    attention, whose weights it takes.

    Args:
        num_heads: Integer. Number of heads; must divide the width of the input.
        kernel_size: Integer, odd, of the convolution, in tokens.
        kernel_initializer: Initializer of the kernels of both projections.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(batch, 1 + tokens, dim)`.
        mask: Optional boolean tensor of shape `(batch, 1 + tokens)`, `True` = keep.

    Returns:
        A tensor of the shape of `x`.

    Raises:
        TypeError: If `num_heads` or `kernel_size` is not an integer.
        ValueError: If `num_heads` does not divide `dim`, if `kernel_size` is even, or
            if the input is not of rank 3.

    Example:

    ```python
    import keras

    import keras_maelre

    x = keras.random.normal((2, 1 + 1000, 96))
    y = keras_maelre.layers.FocusedAttention(num_heads=2)(x)
    y.shape  # (2, 1001, 96)
    ```

    Reference:
        "FLatten Transformer: Vision Transformer using Focused Linear Attention"
        (arXiv 2308.00442), section 4; its convolution is over grids.
    """

    options = ()

    def __init__(self, num_heads, kernel_size=5, **kwargs):
        super().__init__(num_heads, feature_map="focused", **kwargs)
        self.kernel_size = check_integer("kernel_size", kernel_size)
        if kernel_size % 2 == 0:
            raise ValueError(
                "Argument `kernel_size` must be odd, so that the convolution has a "
                f"middle. Received: kernel_size={kernel_size}"
            )

    def build(self, input_shape):
        super().build(input_shape)
        self.value_kernel = self.add_weight(
            name="value_kernel",
            shape=(self.kernel_size, self.head_dim),
            initializer="zeros",
        )

    def attend(self, query, key, value, mask):
        context = self.weigh(query, key, value, mask)
        reach = self.kernel_size // 2
        near = _neighbors(value, mask)
        near = ops.pad(near, [(0, 0), (reach, reach), (0, 0), (0, 0)])
        nearby = self._convolve(near, ops.shape(value)[1])
        # The class token has no place among the others.
        return context + ops.where(is_first(value), ops.zeros_like(nearby), nearby)

    def weigh(self, query, key, value, mask):
        return super().attend(query, key, value, mask)

    def _convolve(self, near, length):
        kernel = ops.cast(self.value_kernel, near.dtype)
        return sum(kernel[i] * near[:, i : i + length] for i in range(self.kernel_size))

    def summarize(self, key_value, chunks, masks):
        sums, _ = super().summarize(key_value, chunks, masks)
        count, _, size, *_ = ops.shape(chunks)
        value = ops.map(lambda x: key_value(x)[1], chunks)
        value, mask = (join_chunks(x, count * size) for x in (value, masks))
        near = _neighbors(value, mask)
        near = overlapping_chunks(split_chunks(near, size), self.kernel_size // 2)
        return sums, (near, ops.arange(count))

    def read_out(self, query, shared, own):
        near, number = own
        context = super().read_out(query, shared, ())
        nearby = self._convolve(near, ops.shape(query)[1])
        first = ops.logical_and(is_first(query), ops.equal(number, 0))
        return context + ops.where(first, ops.zeros_like(nearby), nearby)

    def count_macs(self, tokens):
        convolution = tokens * self.kernel_size * self.num_heads * self.head_dim
        return super().count_macs(tokens) + convolution

    def get_config(self):
        config = {**super().get_config(), "kernel_size": self.kernel_size}
        config.pop("feature_map")
        return config


def _neighbors(value, mask):
    """The values as the convolution sees them: zero at the class token, and masked."""
    kept = ops.logical_not(is_first(value))
    if mask is not None:
        kept = ops.logical_and(kept, ops.expand_dims(mask, (2, 3)))
    return ops.where(kept, value, ops.zeros_like(value))
