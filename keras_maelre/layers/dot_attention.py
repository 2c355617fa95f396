"""Scaled dot-product attention."""

import keras
from keras import ops

from keras_maelre.layers.chunks import join_chunks
from keras_maelre.layers.fast_paths import is_jax_on_cpu, torch_attention
from keras_maelre.layers.self_attention import SelfAttention


def dot_attention(query, key, value, mask=None):
    """Attends by the softmax of scaled dot products, on the backend's own kernel.

    Args:
        query: Float tensor of shape `(batch, queries, heads, head_dim)`.
        key, value: Float tensors of shape `(batch, keys, heads, head_dim)`.
        mask: Optional boolean tensor that broadcasts to `(batch, heads, queries,
            keys)`, `True` = keep. It must keep some key for each query.

    Returns:
        A tensor of the shape of `query`.
    """
    if keras.backend.backend() == "torch":
        return torch_attention(query, key, value, mask)
    dtype = keras.backend.standardize_dtype(value.dtype)
    if dtype == "float16" and is_jax_on_cpu():
        # JAX asks for half-precision products with float32 sums, which XLA does not
        # compile for CPUs.
        query, key, value = (ops.cast(x, "float32") for x in (query, key, value))
    context = ops.dot_product_attention(query, key, value, mask=mask)
    return ops.cast(context, dtype)


@keras.saving.register_keras_serializable(package="keras_maelre")
class DotAttention(SelfAttention):
    """Multi-head self-attention with the softmax of scaled dot products.

    Time grows with the square of the number of tokens, which suits the later blocks,
    where few tokens are left. It runs on the backend's own attention kernel.

    No token attends to a masked token; the outputs at masked tokens are computed, but
    are meaningless. The mask is passed on.

    Args:
        num_heads: Integer. Number of heads; must divide the width of the input.
        kernel_initializer: Initializer of both kernels.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(batch, tokens, dim)`.
        mask: Optional boolean tensor of shape `(batch, tokens)`, `True` = keep.

    Returns:
        A tensor of the shape of `x`.

    Raises:
        TypeError: If `num_heads` is not an integer.
        ValueError: If `num_heads` does not divide `dim`, or if the input is not of
            rank 3.

    Example:

    ```python
    import keras

    import keras_maelre

    x = keras.random.normal((2, 100, 384))
    y = keras_maelre.layers.DotAttention(num_heads=4)(x)
    y.shape  # (2, 100, 384)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 3.1.1, equation 1.
    """

    def attend(self, query, key, value, mask):
        if mask is not None:
            mask = ops.expand_dims(mask, (1, 2))
        return dot_attention(query, key, value, mask)

    def summarize(self, key_value, chunks, masks):
        length = ops.shape(chunks)[0] * ops.shape(chunks)[2]
        key, value = ops.map(key_value, chunks)
        joined = tuple(join_chunks(x, length) for x in (key, value, masks))
        return joined, ()

    def read_out(self, query, shared, own):
        return self.attend(query, *shared)

    def count_macs(self, tokens):
        return 2 * tokens**2 * self.num_heads * self.head_dim
