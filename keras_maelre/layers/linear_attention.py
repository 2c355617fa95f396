"""Kernel attention, linear in the number of tokens."""

import keras
from keras import ops

from keras_maelre.layers import feature_maps
from keras_maelre.layers.self_attention import SelfAttention


def linear_attention(query, key, value, mask=None, feature_map="elu"):
    """Attends with `phi(q) . phi(k)` as similarity, in O(tokens) time and memory.

    The sums run in float32 (or float64) whatever the dtype of the inputs. A common
    scale cancels in the quotient, so the sums over the keys and every denominator are
    scaled to about 1: neither tiny features nor sums over a million tokens leave the
    range of float32, in the result or in its gradient.

    Args:
        query: Float tensor of shape `(batch, tokens, heads, head_dim)`.
        key: Float tensor of the same shape.
        value: Float tensor of the same shape.
        mask: Optional boolean tensor of shape `(batch, tokens)`. `True` marks the
            tokens that may be attended to.
        feature_map: See `LinearAttention`.

    Returns:
        A tensor of the shape and dtype of `value`. It is zero where there is no token
        to attend to.
    """
    return read_out(query, summarize(key, value, mask, feature_map), feature_map)


def summarize(key, value, mask=None, feature_map="elu"):
    """The sums over the keys, which are all that the queries need.

    Args:
        key, value, mask, feature_map: See `linear_attention`.

    Returns:
        Tuple of `phi(k)^T v`, `(batch, heads, head_dim, head_dim)`, and the sum of
        `phi(k)`, `(batch, heads, head_dim)`. Those of several parts of a sequence add
        up to those of the whole.
    """
    dtype = keras.backend.result_type(value.dtype, "float32")
    phi_key = feature_maps.get(feature_map)(ops.cast(key, dtype))
    if mask is not None:
        # Dropping the key drops the token from numerator and denominator alike.
        phi_key = phi_key * ops.expand_dims(ops.cast(mask, dtype), (2, 3))
    state = ops.einsum("bnhd,bnhe->bhde", phi_key, ops.cast(value, dtype))
    return state, ops.sum(phi_key, axis=1)


def read_out(query, summary, feature_map="elu"):
    """Evaluates every query against the sums over the keys.

    Args:
        query, feature_map: See `linear_attention`.
        summary: What `summarize` returned.

    Returns:
        A tensor of the shape and dtype of `query`.
    """
    state, normalizer = summary
    phi_query = feature_maps.get(feature_map)(ops.cast(query, state.dtype))
    scale = 1 / _positive(ops.max(normalizer, axis=-1, keepdims=True))
    numerator = ops.einsum(
        "bnhd,bhde->bnhe", phi_query, state * ops.expand_dims(scale, -1)
    )
    denominator = ops.einsum("bnhd,bhd->bnh", phi_query, normalizer * scale)
    # The quotient is `numerator * (2 - denominator / constant) / constant` with the
    # constant equal to the denominator: the same value and gradient, without the
    # square of the denominator, which may be too small for float32.
    constant = _positive(denominator)
    factor = (2 - denominator / constant) / constant
    return ops.cast(numerator * ops.expand_dims(factor, -1), query.dtype)


def _positive(x):
    """`x` as a constant of the gradient, and 1 in place of 0.

    A sum is zero where a ReLU map leaves nothing to attend to; the numerator is then
    zero too, and so is the quotient. A value without a finite reciprocal counts as
    zero.
    """
    x = ops.stop_gradient(x)
    return ops.where(x > 1e-37, x, ops.ones_like(x))


@keras.saving.register_keras_serializable(package="keras_maelre")
class LinearAttention(SelfAttention):
    """Multi-head self-attention with a kernel in place of the softmax.

    The similarity of two tokens is the product of their feature maps, so the sum
    over keys is taken once for all queries: `phi(Q) (phi(K)^T V)`, normalized by
    `phi(Q) sum(phi(K))`. Time and memory grow linearly with the tokens.

    No token attends to a masked token; the outputs at masked tokens are computed, but
    are meaningless. The mask is passed on.

    Args:
        num_heads: Integer. Number of heads; must divide the width of the input.
        feature_map: `"elu"` (ELU + 1, the default), `"relu"`, `"softplus"`,
            `"focused"` (the focusing function of FLatten Transformer), or a function
            that maps a tensor to a non-negative one of the same shape and was
            registered with `keras.saving.register_keras_serializable`.
        kernel_initializer: Initializer of both kernels.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(batch, tokens, dim)`.
        mask: Optional boolean tensor of shape `(batch, tokens)`, `True` = keep.

    Returns:
        A tensor of the shape of `x`.

    Raises:
        TypeError: If `num_heads` is not an integer.
        ValueError: If `num_heads` does not divide `dim`, if `feature_map` is
            unknown, or if the input is not of rank 3.

    Example:

    ```python
    import keras

    import keras_maelre

    x = keras.random.normal((2, 1000, 96))
    y = keras_maelre.layers.LinearAttention(num_heads=2)(x)
    y.shape  # (2, 1000, 96)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 3.1.2, equation 2.
    """

    options = ("feature_map",)

    def __init__(self, num_heads, feature_map="elu", **kwargs):
        super().__init__(num_heads, **kwargs)
        self.feature_map = feature_maps.get(feature_map)

    def attend(self, query, key, value, mask):
        return linear_attention(query, key, value, mask, self.feature_map)

    def summarize(self, key_value, chunks, masks):
        def add(sums, chunk):
            x, mask = chunk
            parts = summarize(*key_value(x), mask, self.feature_map)
            sums = tuple(a + b for a, b in zip(sums, parts, strict=True))
            return sums, sums

        batch, heads, dim = ops.shape(chunks)[1], self.num_heads, self.head_dim
        dtype = keras.backend.result_type(self.compute_dtype, "float32")
        zeros = (
            ops.zeros((batch, heads, dim, dim), dtype),
            ops.zeros((batch, heads, dim), dtype),
        )
        return ops.scan(add, zeros, (chunks, masks))[0], ()

    def read_out(self, query, shared, own):
        return read_out(query, shared, self.feature_map)

    def count_macs(self, tokens):
        return 2 * tokens * self.num_heads * self.head_dim**2

    def get_config(self):
        return {
            **super().get_config(),
            "feature_map": feature_maps.serialize(self.feature_map),
        }
