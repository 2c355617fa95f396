"""Scaled dot-product attention."""

import math

import keras
from keras import ops

from keras_maelre.checks import check_flag
from keras_maelre.layers.aligned_conv import check_grid_shape
from keras_maelre.layers.chunks import join_chunks
from keras_maelre.layers.fast_paths import is_jax_on_cpu, torch_attention
from keras_maelre.layers.grids import check_grid, check_grid_tokens
from keras_maelre.layers.self_attention import SelfAttention


def dot_attention(query, key, value, mask=None, bias=None):
    """Attends by the softmax of scaled dot products, on the backend's own kernel.

    Args:
        query: Float tensor of shape `(batch, queries, heads, head_dim)`.
        key, value: Float tensors of shape `(batch, keys, heads, head_dim)`.
        mask: Optional boolean tensor that broadcasts to `(batch, heads, queries,
            keys)`, `True` = keep. It must keep some key for each query.
        bias: Optional float tensor of shape `(batch, heads, queries, keys)`, added to
            the scaled products.

    Returns:
        A tensor of the shape of `query`.
    """
    if keras.backend.backend() == "torch":
        return torch_attention(query, key, value, mask, bias)
    dtype = keras.backend.standardize_dtype(value.dtype)
    if dtype == "float16" and is_jax_on_cpu():
        # JAX asks for half-precision products with float32 sums, which XLA does not
        # compile for CPUs.
        query, key, value = (ops.cast(x, "float32") for x in (query, key, value))
    context = ops.dot_product_attention(query, key, value, bias=bias, mask=mask)
    return ops.cast(context, dtype)


@keras.saving.register_keras_serializable(package="keras_maelre")
class DotAttention(SelfAttention):
    """Multi-head self-attention with the softmax of scaled dot products.

    Time grows with the square of the number of tokens, which suits the later blocks,
    where few tokens are left. It runs on the backend's own attention kernel.

    With `relative_positions`, the products of a query with two vectors that training
    chooses, one for how many rows and one for how many columns a key is away, are added
    to the scores. They are alike in all heads and start at zero, so that the layer
    begins as one without, whose weights it takes; to and from the class token there
    are none.

    No token attends to a masked token; the outputs at masked tokens are computed, but
    are meaningless. The mask is passed on.

    Args:
        num_heads: Integer. Number of heads; must divide the width of the input.
        grid_shape: The height and width of the grid on which the tokens after the
            class token lie, row by row; relative positions need it, and without them
            it has no effect.
        relative_positions: Boolean. Whether scores depend on where on the grid a key
            lies, as seen from the query.
        kernel_initializer: Initializer of both kernels.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(batch, tokens, dim)`.
        mask: Optional boolean tensor of shape `(batch, tokens)`, `True` = keep.

    Returns:
        A tensor of the shape of `x`.

    Raises:
        TypeError: If `num_heads` is not an integer, or `relative_positions` not a
            boolean.
        ValueError: If `num_heads` does not divide `dim`, if the input is not of rank 3,
            or if with relative positions `grid_shape` is not that of a grid or the
            input has other tokens.

    Example:

    ```python
    import keras

    import keras_maelre

    x = keras.random.normal((2, 100, 384))
    y = keras_maelre.layers.DotAttention(num_heads=4)(x)
    y.shape  # (2, 100, 384)

    attention = keras_maelre.layers.DotAttention(
        num_heads=4, grid_shape=(9, 11), relative_positions=True
    )
    attention(x).shape  # (2, 100, 384)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 3.1.1, equation 1. Relative positions: "MViTv2: Improved Multiscale
        Vision Transformers for Classification and Detection" (arXiv 2112.01526),
        section 4.1, equations 3 and 4.
    """

    options = ("grid_shape", "relative_positions")
    # The grid of relative positions.
    grid = None

    def __init__(self, num_heads, grid_shape=None, relative_positions=False, **kwargs):
        super().__init__(num_heads, **kwargs)
        if grid_shape is not None:
            grid_shape = check_grid_shape(grid_shape)
        self.grid_shape = grid_shape
        self.relative_positions = check_flag("relative_positions", relative_positions)
        if self.relative_positions:
            self.grid = check_grid("relative_positions=True", grid_shape)

    def build(self, input_shape):
        super().build(input_shape)
        if self.relative_positions:
            self.check_tokens(input_shape[1])
            names = ("row_positions", "column_positions")
            for name, length in zip(names, self.grid, strict=True):
                weight = self.add_weight(
                    name=name,
                    shape=(2 * length - 1, self.head_dim),
                    initializer="zeros",
                )
                setattr(self, name, weight)

    def check_tokens(self, tokens):
        check_grid_tokens(self, tokens)

    def attend(self, query, key, value, mask):
        return self._attend(query, key, value, mask, first=0)

    def _attend(self, query, key, value, mask, first):
        """`attend` for the queries from number `first` on."""
        if mask is not None:
            mask = ops.expand_dims(mask, (1, 2))
        bias = self._bias(query, first) if self.relative_positions else None
        return dot_attention(query, key, value, mask, bias)

    def _bias(self, query, first):
        """The scaled scores of where keys lie: `(batch, heads, queries, keys)`."""
        height, width = self.grid
        count = ops.shape(query)[1]
        number = first + ops.arange(count, dtype="int32")
        # The class token, and what a last chunk is filled up with, have no place.
        place = ops.clip(number - 1, 0, height * width - 1)
        wide = keras.backend.result_type(query.dtype, "float32")
        query = ops.cast(query, wide) * self.head_dim**-0.5
        rows, columns = (
            self._away(query, table, here, length)
            for table, here, length in (
                (self.row_positions, place // width, height),
                (self.column_positions, place % width, width),
            )
        )
        bias = ops.expand_dims(rows, -1) + ops.expand_dims(columns, -2)
        bias = ops.reshape(bias, (-1, self.num_heads, count, height * width))
        has_place = ops.reshape(number > 0, (1, 1, -1, 1))
        bias = ops.where(has_place, bias, ops.zeros_like(bias))
        return ops.pad(bias, [(0, 0), (0, 0), (0, 0), (1, 0)])

    def _away(self, query, table, here, length):
        """Products of the queries with the vectors to each place of an axis."""
        offsets = ops.expand_dims(here, 1) - ops.arange(length, dtype="int32")
        vectors = ops.take(table, offsets + length - 1, axis=0)
        return ops.einsum("bnhd,nkd->bhnk", query, ops.cast(vectors, query.dtype))

    def summarize(self, key_value, chunks, masks):
        count, _, size, *_ = ops.shape(chunks)
        # With a grid, without what the last chunk is filled up with.
        length = 1 + math.prod(self.grid) if self.grid else count * size
        key, value = ops.map(key_value, chunks)
        joined = tuple(join_chunks(x, length) for x in (key, value, masks))
        return joined, ops.arange(count, dtype="int32") * size

    def read_out(self, query, shared, own):
        if not self.relative_positions:
            return self.attend(query, *shared)
        return self._attend(query, *shared, first=own)

    def count_macs(self, tokens):
        keys = 2 * tokens + (sum(self.grid) if self.grid else 0)
        return tokens * keys * self.num_heads * self.head_dim

    def get_config(self):
        return {
            **super().get_config(),
            "grid_shape": self.grid_shape,
            "relative_positions": self.relative_positions,
        }
