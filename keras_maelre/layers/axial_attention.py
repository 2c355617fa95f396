"""Softmax attention along the rows and columns of a grid."""

import keras
from keras import ops

from keras_maelre.layers.at_once import AtOnce
from keras_maelre.layers.dot_attention import dot_attention
from keras_maelre.layers.grids import check_grid
from keras_maelre.layers.masking import masked_softmax


@keras.saving.register_keras_serializable(package="keras_maelre")
class AxialAttention(AtOnce):
    """Multi-head softmax attention to the tokens of the same row and the same column.

    For images and spectrograms: a token of a grid attends to those of its row and of
    its column and to the class token, by one softmax over them all. The class token,
    which comes first, attends to all tokens. Time and memory grow with the tokens times
    the sum of height and width. A sequence has neither rows nor columns.

    No token attends to a masked token; the outputs at masked tokens are computed, but
    are meaningless. The mask is passed on. In chunks (`chunk_size` of `EncoderLayer`)
    it attends to all tokens at once.

    Args:
        num_heads: Integer. Number of heads; must divide the width of the input.
        grid_shape: Tuple of two integers, the height and width of the grid on which
            the tokens after the class token lie, row by row.
        kernel_initializer: Initializer of both kernels.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(batch, 1 + height * width, dim)`.
        mask: Optional boolean tensor of shape `(batch, 1 + height * width)`, `True` =
            keep.

    Returns:
        A tensor of the shape of `x`.

    Raises:
        TypeError: If `num_heads` is not an integer.
        ValueError: If `grid_shape` is not the shape of a grid, if `num_heads` does not
            divide `dim`, or if the input is not of rank 3 or has other tokens than the
            grid.

    Example:

    ```python
    import keras

    import keras_maelre

    x = keras.random.normal((2, 1 + 14 * 28, 96))
    y = keras_maelre.layers.AxialAttention(num_heads=2, grid_shape=(14, 28))(x)
    y.shape  # (2, 393, 96)
    ```

    Reference:
        "CCNet: Criss-Cross Attention for Semantic Segmentation" (arXiv 1811.11721),
        section 3.2; the two axes as in "Axial Attention in Multidimensional
        Transformers" (arXiv 1912.12180).
    """

    options = ("grid_shape",)

    def __init__(self, num_heads, grid_shape, **kwargs):
        super().__init__(num_heads, **kwargs)
        self.grid = check_grid("AxialAttention", grid_shape)

    def build(self, input_shape):
        super().build(input_shape)
        self.check_tokens(input_shape[1])

    def attend(self, query, key, value, mask):
        if mask is None:
            mask = ops.ones(ops.shape(key)[:2], "bool")
        # A masked class token sees itself: its softmax must have a sum.
        kept = ops.concatenate([ops.ones_like(mask[:, :1]), mask[:, 1:]], axis=1)
        kept = ops.expand_dims(kept, (1, 2))
        first = dot_attention(query[:, :1], key, value, kept)
        return ops.concatenate([first, self._criss_cross(query, key, value, mask)], 1)

    def _criss_cross(self, query, key, value, mask):
        """What the tokens of the grid receive."""
        height, width = self.grid
        wide = keras.backend.result_type(query.dtype, "float32")
        dtype = query.dtype
        query, key, value = (ops.cast(x, wide) for x in (query, key, value))
        query = query[:, 1:] * self.head_dim**-0.5
        query, key, value, first_key, first_value = (
            *(self._laid(x) for x in (query, key[:, 1:], value[:, 1:])),
            key[:, 0],
            value[:, 0],
        )
        kept = ops.reshape(mask[:, 1:], (-1, height, width))
        scores = [
            ops.einsum("bijhd,bikhd->bhijk", query, key),
            ops.einsum("bijhd,bkjhd->bhijk", query, key),
            ops.expand_dims(ops.einsum("bijhd,bhd->bhij", query, first_key), -1),
        ]
        # A token sees itself in its row, masked or not, and not again in its column.
        row = ops.logical_or(ops.expand_dims(kept, 2), ops.cast(ops.eye(width), "bool"))
        column = ops.logical_and(
            ops.expand_dims(ops.swapaxes(kept, 1, 2), 1),
            ops.expand_dims(ops.logical_not(ops.cast(ops.eye(height), "bool")), 1),
        )
        first = ops.reshape(mask[:, :1], (-1, 1, 1, 1))
        kept = ops.concatenate(
            [
                ops.broadcast_to(x, (ops.shape(mask)[0], height, width, x.shape[-1]))
                for x in (row, column, first)
            ],
            axis=-1,
        )
        scores = ops.concatenate(scores, axis=-1)
        weights = masked_softmax(scores, ops.expand_dims(kept, 1), axis=-1)
        context = (
            ops.einsum("bhijk,bikhd->bijhd", weights[..., :width], value)
            + ops.einsum("bhijk,bkjhd->bijhd", weights[..., width:-1], value)
            + ops.einsum("bhij,bhd->bijhd", weights[..., -1], first_value)
        )
        shape = (-1, height * width, self.num_heads, self.head_dim)
        return ops.cast(ops.reshape(context, shape), dtype)

    def _laid(self, x):
        return ops.reshape(x, (-1, *self.grid, self.num_heads, self.head_dim))

    def count_macs(self, tokens):
        seen = (tokens - 1) * (sum(self.grid) + 1) + tokens
        return 2 * seen * self.num_heads * self.head_dim

    def get_config(self):
        return {**super().get_config(), "grid_shape": self.grid}
