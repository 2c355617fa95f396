"""Softmax attention to projections along the tokens."""

import math

import keras
from keras import ops

from keras_maelre.checks import check_integer
from keras_maelre.layers.aligned_conv import check_grid_shape
from keras_maelre.layers.initializers import clone_initializer
from keras_maelre.layers.masking import masked_softmax, zero_masked
from keras_maelre.layers.self_attention import SelfAttention


@keras.saving.register_keras_serializable(package="keras_maelre")
class LinformerAttention(SelfAttention):
    """Multi-head softmax attention to learned sums of all keys and values.

    Two matrices over the tokens, alike in all heads, turn the keys and the values into
    `num_landmarks` sums each, to which every token attends. Time and memory grow
    linearly with the tokens.

    The matrices have a row for each place: there is a maximum of tokens, and more are
    an error. Masked keys and values are zero to the sums, so that padding at the end
    changes nothing; gaps of a mask keep their places. Weights do not fit a model of
    another maximum. No token attends to a masked token; the outputs at masked tokens
    are computed, but are meaningless. The mask is passed on.

    Args:
        num_heads: Integer. Number of heads; must divide the width of the input.
        grid_shape: The most tokens there may be after the class token, as a tuple of
            one integer, or the height and width of their grid.
        num_landmarks: Integer, the sums.
        kernel_initializer: Initializer of all kernels.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(batch, 1 + tokens, dim)`.
        mask: Optional boolean tensor of shape `(batch, 1 + tokens)`, `True` = keep.

    Returns:
        A tensor of the shape of `x`.

    Raises:
        TypeError: If `num_heads` or `num_landmarks` is not an integer.
        ValueError: If `grid_shape` is missing or not of positive integers, if
            `num_heads` does not divide `dim`, if `num_landmarks` is not positive, or
            if the input is not of rank 3 or longer than `grid_shape` allows.

    Example:

    ```python
    import keras

    import keras_maelre

    x = keras.random.normal((2, 1 + 1000, 96))
    attention = keras_maelre.layers.LinformerAttention(num_heads=2, grid_shape=(3000,))
    attention(x).shape  # (2, 1001, 96)
    ```

    Reference:
        "Linformer: Self-Attention with Linear Complexity" (arXiv 2006.04768),
        section 4, equation 7, with the projections shared by the heads.
    """

    options = ("grid_shape",)

    def __init__(self, num_heads, grid_shape, num_landmarks=32, **kwargs):
        super().__init__(num_heads, **kwargs)
        self.grid_shape = check_grid_shape(grid_shape)
        self.num_landmarks = check_integer("num_landmarks", num_landmarks)
        self.max_tokens = 1 + math.prod(self.grid_shape)

    def build(self, input_shape):
        super().build(input_shape)
        self.check_tokens(input_shape[1])
        for name in ("key_projection", "value_projection"):
            weight = self.add_weight(
                name=name,
                shape=(self.max_tokens, self.num_landmarks),
                initializer=clone_initializer(self.kernel_initializer),
            )
            setattr(self, name, weight)

    def check_tokens(self, tokens):
        if tokens is not None and tokens > self.max_tokens:
            raise ValueError(
                f"{type(self).__name__} was built for at most {self.max_tokens} "
                f"tokens, a class token and those of grid_shape={self.grid_shape}. "
                f"Received: {tokens} tokens"
            )

    def attend(self, query, key, value, mask):
        length = ops.shape(key)[1]
        rows = (x[:length] for x in (self.key_projection, self.value_projection))
        return self.read_out(query, self._sums(key, value, mask, *rows), ())

    def weigh(self, query, key, value, mask):
        # Means by the sizes of what the values are multiplied by.
        rows = ops.abs(self.value_projection[: ops.shape(key)[1]])
        key_rows = self.key_projection[: ops.shape(key)[1]]
        key, total = self._sums(key, value, mask, key_rows, rows)
        _, most = self._sums(value, ops.ones_like(value), mask, rows, rows)
        return self.read_out(query, (key, total / ops.maximum(most, 1e-30)), ())

    def _sums(self, key, value, mask, key_rows, value_rows):
        wide = keras.backend.result_type(key.dtype, "float32")
        if mask is not None:
            mask = ops.expand_dims(mask, -1)
        return tuple(
            ops.einsum(
                "bnhd,nm->bmhd",
                zero_masked(ops.cast(x, wide), mask),
                ops.cast(rows, wide),
            )
            for x, rows in ((key, key_rows), (value, value_rows))
        )

    def summarize(self, key_value, chunks, masks):
        def add(sums, chunk):
            x, mask, *rows = chunk
            parts = self._sums(*key_value(x), mask, *rows)
            sums = tuple(a + b for a, b in zip(sums, parts, strict=True))
            return sums, sums

        count, batch, size, _ = ops.shape(chunks)
        rows = (
            ops.reshape(
                ops.pad(x, [(0, size), (0, 0)])[: count * size], (count, size, -1)
            )
            for x in (self.key_projection, self.value_projection)
        )
        dtype = keras.backend.result_type(self.compute_dtype, "float32")
        shape = (batch, self.num_landmarks, self.num_heads, self.head_dim)
        zeros = (ops.zeros(shape, dtype), ops.zeros(shape, dtype))
        return ops.scan(add, zeros, (chunks, masks, *rows))[0], ()

    def read_out(self, query, shared, own):
        key, value = shared
        scores = ops.einsum("bnhd,bmhd->bhnm", ops.cast(query, key.dtype), key)
        weights = masked_softmax(scores * self.head_dim**-0.5, None, axis=-1)
        return ops.cast(ops.einsum("bhnm,bmhd->bnhd", weights, value), query.dtype)

    def count_macs(self, tokens):
        # The sums of keys and of values, and their use by the queries.
        return 4 * tokens * self.num_heads * self.head_dim * self.num_landmarks

    def get_config(self):
        return {
            **super().get_config(),
            "grid_shape": self.grid_shape,
            "num_landmarks": self.num_landmarks,
        }
