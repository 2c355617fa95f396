"""One pre-norm transformer layer."""

import keras

from keras_maelre.layers.dot_attention import DotAttention
from keras_maelre.layers.drop_path import checked_rate, drop_samples
from keras_maelre.layers.linear_attention import LinearAttention

ATTENTION_KINDS = ("linear", "dot")


@keras.saving.register_keras_serializable(package="keras_maelre")
class EncoderLayer(keras.layers.Layer):
    """Transformer layer: `x + Attention(LN(x))`, then `x + MLP(LN(x))`.

    The MLP is Dense to four times the width, exact GELU, Dense back.

    Args:
        num_heads: Integer. Number of heads; must divide the width of the input.
        attention: `"linear"` or `"dot"`. The variables are the same for both.
        feature_map: See `LinearAttention`; without effect on dot attention.
        dropout_rate: Float in [0, 1). Dropout on the output of both branches.
        drop_path_rate: Float in [0, 1). Share of samples that skip a branch.
        remat: Boolean. Whether training recomputes the activations in the backward
            pass instead of keeping them: less memory, about a third more time.
        seed: Optional integer, of dropout and drop path.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(batch, tokens, dim)`.
        mask: Optional boolean tensor of shape `(batch, tokens)`, `True` = keep.
        training: Boolean. Whether dropout and drop path are active.

    Returns:
        A tensor of the shape of `x`. The mask is passed on.

    Raises:
        ValueError: If `attention` is unknown, a rate lies outside [0, 1), or
            `num_heads` does not divide `dim`.

    Example:

    ```python
    x = keras.random.normal((2, 1000, 96))
    y = keras_maelre.layers.EncoderLayer(num_heads=1, attention="linear")(x)
    y.shape  # (2, 1000, 96)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 3.1.
    """

    def __init__(
        self,
        num_heads,
        attention="linear",
        feature_map="elu",
        dropout_rate=0.0,
        drop_path_rate=0.0,
        remat=False,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if attention not in ATTENTION_KINDS:
            raise ValueError(
                f"Argument `attention` must be one of {ATTENTION_KINDS}. "
                f"Received: attention={attention!r}"
            )
        self.num_heads = num_heads
        self.attention_kind = attention
        self.dropout_rate = checked_rate("dropout_rate", dropout_rate)
        self.drop_path_rate = checked_rate("drop_path_rate", drop_path_rate)
        self.remat = remat
        self.seed = seed
        self.supports_masking = True

        dtype = self.dtype_policy
        self.attention_norm = keras.layers.LayerNormalization(
            epsilon=1e-6, dtype=dtype, name="attention_norm"
        )
        # The feature map is kept for dot attention too, so that a configuration
        # may be switched from one to the other without loss.
        linear = LinearAttention(num_heads, feature_map, dtype=dtype, name="attention")
        self.feature_map = linear.get_config()["feature_map"]
        self.attention = (
            linear
            if attention == "linear"
            else DotAttention(num_heads, dtype=dtype, name="attention")
        )
        self.mlp_norm = keras.layers.LayerNormalization(
            epsilon=1e-6, dtype=dtype, name="mlp_norm"
        )
        if self.dropout_rate or self.drop_path_rate:
            self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        dim = input_shape[-1]
        dtype = self.dtype_policy
        self.attention_norm.build(input_shape)
        self.attention.build(input_shape)
        self.mlp_norm.build(input_shape)
        self.mlp_hidden = keras.layers.Dense(4 * dim, dtype=dtype, name="mlp_hidden")
        self.mlp_hidden.build(input_shape)
        self.mlp_output = keras.layers.Dense(dim, dtype=dtype, name="mlp_output")
        self.mlp_output.build((*input_shape[:-1], 4 * dim))

    def call(self, x, mask=None, training=False):
        random = training and (self.dropout_rate or self.drop_path_rate)
        seeds = (
            [_Seed(self.seed_generator.next()) for _ in range(4)] if random else None
        )

        def forward(x):
            y = self.attention(self.attention_norm(x), mask=mask)
            x = x + (self._drop(y, seeds[:2]) if random else y)
            y = self.mlp_hidden(self.mlp_norm(x))
            y = self.mlp_output(keras.ops.gelu(y, approximate=False))
            return x + (self._drop(y, seeds[2:]) if random else y)

        return keras.remat(forward)(x) if self.remat and training else forward(x)

    def _drop(self, branch, seeds):
        if self.dropout_rate:
            branch = keras.random.dropout(branch, self.dropout_rate, seed=seeds[0])
        if self.drop_path_rate:
            branch = drop_samples(branch, self.drop_path_rate, seeds[1])
        return branch

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "attention": self.attention_kind,
            "feature_map": self.feature_map,
            "dropout_rate": self.dropout_rate,
            "drop_path_rate": self.drop_path_rate,
            "remat": self.remat,
            "seed": self.seed,
        }


class _Seed(keras.random.SeedGenerator):
    """A seed drawn beforehand.

    Rematerialisation runs the layer twice, and both runs must draw the same noise:
    the generator advances once, outside, and its seed serves both.
    """

    def __init__(self, value):
        self._initial_seed = 0
        self._value = value

    def next(self, ordered=True):
        return self._value
