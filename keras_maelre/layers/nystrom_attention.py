"""Softmax attention by way of landmarks, linear in the number of tokens."""

import keras
from keras import ops

from keras_maelre.checks import check_integer
from keras_maelre.layers.at_once import AtOnce
from keras_maelre.layers.masking import masked_softmax

# Landmarks are inverted as a matrix.
MAX_LANDMARKS = 512
ITERATIONS = 6


@keras.saving.register_keras_serializable(package="keras_maelre")
class NystromAttention(AtOnce):
    """Multi-head softmax attention by way of the means of segments (Nyströmformer).

    The tokens that the mask keeps are divided, in their order, into `num_landmarks`
    segments of equal size, up to one token; the means of the queries and keys of a
    segment are its landmarks. The softmax over all tokens is approximated by those
    between tokens and landmarks and the pseudo-inverse of the one between landmarks,
    which six iterations approach. Of as many tokens as landmarks or fewer, each is a
    landmark of its own. Time and memory grow linearly with the tokens.

    All is in float32 (or float64), and the scale that the iterations start from is that
    of each sample and head: what a sample gives does not depend on its padding or its
    batch. No token attends to a masked token; the outputs at masked tokens are
    computed, but are meaningless. The mask is passed on. In chunks (`chunk_size` of
    `EncoderLayer`) it attends to all tokens at once.

    Args:
        num_heads: Integer. Number of heads; must divide the width of the input.
        num_landmarks: Integer from 1 to 512.
        kernel_initializer: Initializer of both kernels.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(batch, tokens, dim)`.
        mask: Optional boolean tensor of shape `(batch, tokens)`, `True` = keep.

    Returns:
        A tensor of the shape of `x`.

    Raises:
        TypeError: If `num_heads` or `num_landmarks` is not an integer.
        ValueError: If `num_heads` does not divide `dim`, if `num_landmarks` is out of
            range, or if the input is not of rank 3.

    Example:

    ```python
    import keras

    import keras_maelre

    x = keras.random.normal((2, 1000, 96))
    y = keras_maelre.layers.NystromAttention(num_heads=2, num_landmarks=16)(x)
    y.shape  # (2, 1000, 96)
    ```

    Reference:
        "Nyströmformer: A Nyström-Based Algorithm for Approximating Self-Attention"
        (arXiv 2102.03902), section 3, equations 11 and 13 to 15, without the
        convolution of values that it adds.
    """

    def __init__(self, num_heads, num_landmarks=32, **kwargs):
        super().__init__(num_heads, **kwargs)
        self.num_landmarks = check_integer(
            "num_landmarks", num_landmarks, high=MAX_LANDMARKS
        )

    def attend(self, query, key, value, mask):
        to_landmarks, between, context = self._parts(query, key, value, mask)
        context = ops.matmul(pseudo_inverse(between), context)
        return _to_tokens(to_landmarks, context, query.dtype)

    def weigh(self, query, key, value, mask):
        # The inverse between the two sharpens, and has weights below zero.
        to_landmarks, _, context = self._parts(query, key, value, mask)
        return _to_tokens(to_landmarks, context, query.dtype)

    def _parts(self, query, key, value, mask):
        """Attention of tokens to landmarks, among these, and the values they get."""
        if mask is None:
            mask = ops.ones(ops.shape(key)[:2], "bool")
        wide = keras.backend.result_type(query.dtype, "float32")
        query, key, value = (ops.cast(x, wide) for x in (query, key, value))
        query = query * self.head_dim**-0.5
        segments = self._segments(mask, wide)
        sizes = ops.sum(segments, axis=1)
        scale = ops.expand_dims(1 / ops.maximum(sizes, 1.0), (2, 3))
        near_query, near_key = (
            ops.einsum("bnm,bnhd->bmhd", segments, x) * scale for x in (query, key)
        )
        filled = ops.expand_dims(sizes > 0, (1, 2))
        to_landmarks = masked_softmax(_products(query, near_key), filled, axis=-1)
        between = masked_softmax(_products(near_query, near_key), filled, axis=-1)
        # A segment without tokens is one of its own to the inverse.
        identity = ops.eye(self.num_landmarks, dtype=wide)
        rows = ops.expand_dims(sizes > 0, (1, 3))
        between = ops.where(rows, between, identity)
        kept = ops.expand_dims(mask, (1, 2))
        from_tokens = masked_softmax(_products(near_query, key), kept, axis=-1)
        context = ops.einsum("bhmn,bnhd->bhmd", from_tokens, value)
        return to_landmarks, between, ops.where(rows, context, ops.zeros_like(context))

    def _segments(self, mask, dtype):
        """Which segment a token is of, `(batch, tokens, landmarks)` of 0 and 1."""
        kept = ops.cast(mask, "int32")
        number = ops.cast(ops.cumsum(kept, axis=1), "int32") - 1
        count = ops.maximum(ops.cast(ops.sum(kept, axis=1, keepdims=True), "int32"), 1)
        segment = ops.maximum(number, 0) * self.num_landmarks // count
        places = ops.arange(self.num_landmarks, dtype="int32")
        is_of = ops.equal(ops.expand_dims(segment, -1), places)
        return ops.cast(ops.logical_and(is_of, ops.expand_dims(mask, -1)), dtype)

    def count_macs(self, tokens):
        count = self.num_landmarks
        # Three products of tokens and landmarks, and the use of the values.
        of_head = 4 * tokens * count * self.head_dim
        of_head += 2 * count**2 * self.head_dim + 4 * ITERATIONS * count**3
        return self.num_heads * of_head

    def get_config(self):
        return {**super().get_config(), "num_landmarks": self.num_landmarks}


def pseudo_inverse(matrix):
    """The Moore-Penrose inverse of `(..., n, n)`, as six iterations of order 3 have it.

    Reference:
        arXiv 2102.03902, equation 14.
    """
    size = ops.abs(matrix)
    rows, columns = (
        ops.max(ops.sum(size, axis=axis, keepdims=True), axis=(-2, -1), keepdims=True)
        for axis in (-1, -2)
    )
    identity = ops.eye(matrix.shape[-1], dtype=matrix.dtype)
    inverse = ops.swapaxes(matrix, -2, -1) / (rows * columns)
    for _ in range(ITERATIONS):
        product = ops.matmul(matrix, inverse)
        inner = 15 * identity - ops.matmul(product, 7 * identity - product)
        inverse = ops.matmul(inverse, 13 * identity - ops.matmul(product, inner)) / 4
    return inverse


def _products(query, key):
    return ops.einsum("bnhd,bmhd->bhnm", query, key)


def _to_tokens(to_landmarks, context, dtype):
    return ops.cast(ops.einsum("bhnm,bhmd->bnhd", to_landmarks, context), dtype)
