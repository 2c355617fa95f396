"""Kernel attention, linear in the number of tokens."""

import keras
from keras import ops

from keras_maelre.layers import feature_maps
from keras_maelre.layers.self_attention import SelfAttention

# A denominator is zero where a ReLU map has nothing to attend to; its numerator is zero
# too, and so becomes the quotient.
SMALLEST_DENOMINATOR = 1e-12


def linear_attention(query, key, value, mask=None, feature_map="elu"):
    """Attends with `phi(q) . phi(k)` as similarity, in O(tokens) time and memory.

    The sums run in float32 (or float64) whatever the dtype of the inputs. Scales of the
    features cancel in the quotient: those of every query and of the keys of every head
    are scaled to a largest entry of 1, and the keys by one over the number of tokens,
    so that neither tiny features nor the sums of thousands of tokens leave the range
    of float32.

    Args:
        query: Float tensor of shape `(batch, tokens, heads, head_dim)`.
        key: Float tensor of the same shape.
        value: Float tensor of the same shape.
        mask: Optional boolean tensor of shape `(batch, tokens)`. `True` marks the
            tokens that may be attended to.
        feature_map: See `LinearAttention`.

    Returns:
        A tensor of the shape and dtype of `value`. It is zero where no token may
        be attended to.
    """
    feature_map = feature_maps.get(feature_map)
    dtype = keras.backend.result_type(value.dtype, "float32")
    phi_query = _unit(feature_map(ops.cast(query, dtype)), axis=-1)
    phi_key = feature_map(ops.cast(key, dtype))
    if mask is not None:
        # Dropping the key drops the token from numerator and denominator alike.
        phi_key = phi_key * ops.cast(mask, dtype)[:, :, None, None]
    phi_key = _unit(phi_key, axis=(1, 3)) / ops.cast(ops.shape(key)[1], dtype)
    state = ops.einsum("bnhd,bnhe->bhde", phi_key, ops.cast(value, dtype))
    normalizer = ops.sum(phi_key, axis=1)
    numerator = ops.einsum("bnhd,bhde->bnhe", phi_query, state)
    denominator = ops.einsum("bnhd,bhd->bnh", phi_query, normalizer)
    denominator = ops.maximum(denominator, SMALLEST_DENOMINATOR)
    return ops.cast(numerator / denominator[..., None], value.dtype)


def _unit(features, axis):
    """Scales non-negative features to a largest entry of 1; zeros stay zeros."""
    largest = ops.stop_gradient(ops.max(features, axis=axis, keepdims=True))
    return features / ops.where(largest > 1e-30, largest, ops.ones_like(largest))


@keras.saving.register_keras_serializable(package="keras_maelre")
class LinearAttention(SelfAttention):
    """Multi-head self-attention with a kernel in place of the softmax.

    The similarity of two tokens is the product of their feature maps, so the sum
    over keys is taken once for all queries: `phi(Q) (phi(K)^T V)`, normalised by
    `phi(Q) sum(phi(K))`. Time and memory grow linearly with the tokens.

    Masked tokens are attended to by none; their own outputs are computed but mean
    nothing. The mask is passed on.

    Args:
        num_heads: Integer. Number of heads; must divide the width of the input.
        feature_map: `"elu"` (ELU + 1, the default), `"relu"`, `"softplus"`, or a
            callable that maps a tensor to a non-negative one of the same shape.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(batch, tokens, dim)`.
        mask: Optional boolean tensor of shape `(batch, tokens)`, `True` = keep.

    Returns:
        A tensor of the shape of `x`.

    Raises:
        ValueError: If `num_heads` does not divide `dim`, if `feature_map` is
            unknown, or if the input is not of rank 3.

    Example:

    ```python
    x = keras.random.normal((2, 1000, 96))
    y = keras_maelre.layers.LinearAttention(num_heads=2)(x)
    y.shape  # (2, 1000, 96)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 3.1.2, equation 2.
    """

    def __init__(self, num_heads, feature_map="elu", **kwargs):
        super().__init__(num_heads, **kwargs)
        self.feature_map = feature_maps.get(feature_map)

    def attend(self, query, key, value, mask):
        return linear_attention(query, key, value, mask, self.feature_map)

    def get_config(self):
        return {
            **super().get_config(),
            "feature_map": feature_maps.serialize(self.feature_map),
        }
