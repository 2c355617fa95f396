"""Attention to the tokens nearby and to learned summaries of all tokens."""

import keras
from keras import ops

from keras_maelre.checks import check_integer
from keras_maelre.layers.fast_paths import run_part
from keras_maelre.layers.initializers import clone_initializer
from keras_maelre.layers.masking import masked_softmax
from keras_maelre.layers.window_attention import WindowAttention


@keras.saving.register_keras_serializable(package="keras_maelre")
class LongShortAttention(WindowAttention):
    """Multi-head softmax attention to the tokens nearby and to summaries of all.

    Beside the window and the class token of `WindowAttention`, every token attends to
    `num_landmarks` weighted means of all keys and values of its head (the dynamic
    projection), whose weights are the softmax over the tokens of a learned map of the
    keys. As the two are of different scales, each has a LayerNorm of its own over the
    heads. Time and memory grow linearly with the tokens.

    The first token is the class token, which attends to all tokens. No token attends to
    a masked token; the outputs at masked tokens are computed, but are meaningless. The
    mask is passed on. Beyond the weights of the other kinds it has those of the
    projection and of the two norms.

    Args:
        num_heads: Integer. Number of heads; must divide the width of the input.
        window: Integer from 1 to 4096, how many tokens on either side are attended
            to.
        num_landmarks: Integer, the summaries of a head.
        kernel_initializer: Initializer of all kernels.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(batch, 1 + tokens, dim)`.
        mask: Optional boolean tensor of shape `(batch, 1 + tokens)`, `True` = keep.

    Returns:
        A tensor of the shape of `x`.

    Raises:
        TypeError: If `num_heads`, `window` or `num_landmarks` is not an integer.
        ValueError: If `num_heads` does not divide `dim`, if `window` or
            `num_landmarks` is out of range, or if the input is not of rank 3.

    Example:

    ```python
    import keras

    import keras_maelre

    x = keras.random.normal((2, 1 + 1000, 96))
    y = keras_maelre.layers.LongShortAttention(num_heads=2, window=16)(x)
    y.shape  # (2, 1001, 96)
    ```

    Reference:
        "Long-Short Transformer: Efficient Transformers for Language and Vision"
        (arXiv 2107.02192), section 3: dynamic projection and DualLN. Here the
        projection reads the keys of its head, and the window has no segments.
    """

    def __init__(self, num_heads, window=32, num_landmarks=16, **kwargs):
        super().__init__(num_heads, window, **kwargs)
        self.num_landmarks = check_integer("num_landmarks", num_landmarks)

    def build(self, input_shape):
        super().build(input_shape)
        self.landmark_kernel = self.add_weight(
            name="landmark_kernel",
            shape=(self.head_dim, self.num_heads * self.num_landmarks),
            initializer=clone_initializer(self.kernel_initializer),
        )
        for name in ("near_norm", "far_norm"):
            norm = keras.layers.LayerNormalization(
                epsilon=1e-6, dtype=self.dtype_policy, name=name
            )
            norm.build((*input_shape[:-1], input_shape[-1]))
            setattr(self, name, norm)

    def common(self, key, value, mask, plain=False):
        wide = keras.backend.result_type(key.dtype, "float32")
        kernel = ops.reshape(
            ops.cast(self.landmark_kernel, key.dtype),
            (self.head_dim, self.num_heads, self.num_landmarks),
        )
        scores = ops.cast(ops.einsum("bnhd,dhr->bnhr", key, kernel), wide)
        weights = masked_softmax(scores, ops.expand_dims(mask, (2, 3)), axis=1)
        far = tuple(
            ops.cast(
                ops.einsum("bnhr,bnhd->brhd", weights, ops.cast(x, wide)), key.dtype
            )
            for x in (key, value)
        )
        first = super().common(*self.local(key[:, :1], value[:, :1], plain), mask)
        far = (
            self._normalized(self.far_norm, far[0]),
            far[1] if plain else self._normalized(self.far_norm, far[1]),
            # A summary of no token says nothing.
            ops.broadcast_to(
                ops.any(mask, axis=1, keepdims=True), ops.shape(far[0])[:2]
            ),
        )
        return tuple(ops.concatenate(pair, 1) for pair in zip(first, far, strict=True))

    def local(self, key, value, plain=False):
        key = self._normalized(self.near_norm, key)
        return key, value if plain else self._normalized(self.near_norm, value)

    def weigh(self, query, key, value, mask):
        return self._attend(query, key, value, mask, plain=True)

    def _normalized(self, norm, x):
        # Not a reshape: of a part of a tensor, torch exports none for any batch.
        heads = [x[:, :, head] for head in range(self.num_heads)]
        y = run_part(self, norm, ops.concatenate(heads, axis=-1))
        return ops.reshape(y, ops.shape(x))

    def count_macs(self, tokens):
        width = self.num_heads * self.head_dim
        # Scores and sums of the summaries, then their use by the queries.
        return super().count_macs(tokens) + 5 * tokens * width * self.num_landmarks

    def get_config(self):
        return {**super().get_config(), "num_landmarks": self.num_landmarks}
