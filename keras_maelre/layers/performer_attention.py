"""Softmax attention by positive random features, linear in the number of tokens."""

import keras
import numpy as np
from keras import ops

from keras_maelre.checks import check_integer
from keras_maelre.layers.self_attention import SelfAttention

# In place of minus infinity, which would become NaN where all tokens are masked.
LOWEST = -1e30


@keras.saving.register_keras_serializable(package="keras_maelre")
class PerformerAttention(SelfAttention):
    """Multi-head attention whose random features stand for the softmax (FAVOR+).

    The exponential of a scaled dot product is the mean of `phi(q) phi(k)` over random
    directions `w`, with `phi(x) = exp(w x - |x|^2 / 2)`. Directions of a block of
    `head_dim` are orthogonal, which makes the mean more exact. As in
    `LinearAttention`, the sums over the keys are taken once for all queries: time and
    memory grow linearly with the tokens.

    The sums run in float32 (or float64). Those over the keys are scaled to the largest
    of each feature, and what a query multiplies them by to its largest product: no
    exponential overflows, no sum is zero, and the result needs no additive constant.

    The directions are drawn once, from `seed`, and saved with the weights, but not
    trained; they are the same in all heads. No token attends to a masked token; the
    outputs at masked tokens are computed, but are meaningless. The mask is passed on.

    Args:
        num_heads: Integer. Number of heads; must divide the width of the input.
        num_features: Integer, the random directions: more are closer to the softmax.
        seed: Integer of at least 0, of the directions.
        kernel_initializer: Initializer of both kernels.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(batch, tokens, dim)`.
        mask: Optional boolean tensor of shape `(batch, tokens)`, `True` = keep.

    Returns:
        A tensor of the shape of `x`.

    Raises:
        TypeError: If an argument is not an integer.
        ValueError: If `num_heads` does not divide `dim`, if an argument is out of
            range, or if the input is not of rank 3.

    Example:

    ```python
    import keras

    import keras_maelre

    x = keras.random.normal((2, 1000, 96))
    y = keras_maelre.layers.PerformerAttention(num_heads=2)(x)
    y.shape  # (2, 1000, 96)
    ```

    Reference:
        "Rethinking Attention with Performers" (arXiv 2009.14794), section 2, lemma 1
        and section 2.4 (orthogonal features); bidirectional, not redrawn.
    """

    def __init__(self, num_heads, num_features=64, seed=0, **kwargs):
        super().__init__(num_heads, **kwargs)
        self.num_features = check_integer("num_features", num_features)
        self.seed = check_integer("seed", seed, low=0)

    def build(self, input_shape):
        super().build(input_shape)
        self.directions = self.add_weight(
            name="directions",
            shape=(self.head_dim, self.num_features),
            initializer=lambda shape, dtype: ops.cast(
                orthogonal_directions(*shape, self.seed), dtype
            ),
            trainable=False,
            # Exponents must be exact.
            autocast=False,
        )

    def attend(self, query, key, value, mask):
        return self.read_out(query, self._sums(key, value, mask), ())

    def _exponents(self, x):
        """`w x - |x|^2 / 2`, of shape `(batch, tokens, heads, features)`."""
        x = ops.cast(x, keras.backend.result_type(x.dtype, "float32"))
        # Half of the scale of the dot products.
        x = x * self.head_dim**-0.25
        directions = ops.cast(self.directions, x.dtype)
        lengths = ops.sum(ops.square(x), axis=-1, keepdims=True)
        return ops.einsum("bnhd,df->bnhf", x, directions) - lengths / 2

    def _sums(self, key, value, mask):
        """The largest exponent of each feature, and the sums that are scaled by it."""
        exponents = self._exponents(key)
        if mask is not None:
            kept = ops.expand_dims(mask, (2, 3))
            exponents = ops.where(kept, exponents, ops.full_like(exponents, LOWEST))
        largest = ops.stop_gradient(ops.max(exponents, axis=1, keepdims=True))
        features = ops.exp(exponents - largest)
        if mask is not None:
            features = ops.where(kept, features, ops.zeros_like(features))
        value = ops.cast(value, features.dtype)
        state = ops.einsum("bnhf,bnhd->bhfd", features, value)
        return largest[:, 0], state, ops.sum(features, axis=1)

    def summarize(self, key_value, chunks, masks):
        def add(sums, chunk):
            x, mask = chunk
            sums = _joined(sums, self._sums(*key_value(x), mask))
            return sums, sums

        batch, dtype = ops.shape(chunks)[1], "float32"
        dtype = keras.backend.result_type(self.compute_dtype, dtype)
        shape = (batch, self.num_heads, self.num_features)
        nothing = (
            ops.full(shape, LOWEST, dtype),
            ops.zeros((*shape, self.head_dim), dtype),
            ops.zeros(shape, dtype),
        )
        return ops.scan(add, nothing, (chunks, masks))[0], ()

    def read_out(self, query, shared, own):
        largest, state, normalizer = shared
        exponents = self._exponents(query) + ops.expand_dims(largest, 1)
        features = exponents - ops.stop_gradient(
            ops.max(exponents, axis=-1, keepdims=True)
        )
        features = ops.exp(features)
        total = ops.einsum("bnhf,bhf->bnh", features, normalizer)
        # At least 1, the largest times the largest, where there is any key.
        total = ops.maximum(total, 0.5)
        context = ops.einsum("bnhf,bhfd->bnhd", features, state)
        return ops.cast(context / ops.expand_dims(total, -1), query.dtype)

    def count_macs(self, tokens):
        # Features of queries and keys, the sums, and their use by the queries.
        return 4 * tokens * self.num_heads * self.head_dim * self.num_features

    def get_config(self):
        return {
            **super().get_config(),
            "num_features": self.num_features,
            "seed": self.seed,
        }


def orthogonal_directions(dim, count, seed):
    """Returns `(dim, count)` normal vectors, orthogonal in every block of `dim`."""
    generator = np.random.default_rng(seed)
    blocks = []
    for _ in range(-(-count // dim)):
        orthogonal, triangular = np.linalg.qr(generator.normal(size=(dim, dim)))
        # Uniform over rotations; the lengths are those of normal vectors.
        orthogonal *= np.sign(np.diagonal(triangular))
        blocks.append(
            orthogonal * np.linalg.norm(generator.normal(size=(dim, dim)), axis=0)
        )
    return np.concatenate(blocks, axis=1)[:, :count].astype("float32")


def _joined(one, other):
    """The sums of two parts of a sequence as those of the whole."""
    largest = ops.maximum(one[0], other[0])
    scales = [ops.exp(sums[0] - largest) for sums in (one, other)]
    state = sum(
        sums[1] * ops.expand_dims(scale, -1)
        for sums, scale in zip((one, other), scales, strict=True)
    )
    normalizer = sum(
        sums[2] * scale for sums, scale in zip((one, other), scales, strict=True)
    )
    return largest, state, normalizer
