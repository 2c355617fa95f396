"""One pre-norm transformer layer."""

import keras
from keras import ops

from keras_maelre.checks import check_flag, check_integer, check_rate
from keras_maelre.layers import attention_kinds, feature_maps
from keras_maelre.layers.aligned_conv import check_grid_shape
from keras_maelre.layers.chunks import join_chunks, split_chunks
from keras_maelre.layers.dense import Dense
from keras_maelre.layers.drop_path import drop_samples
from keras_maelre.layers.fast_paths import materialized, run_part
from keras_maelre.layers.initializers import clone_initializer
from keras_maelre.layers.masking import check_mask
from keras_maelre.layers.window_attention import check_window


@keras.saving.register_keras_serializable(package="keras_maelre")
class EncoderLayer(keras.layers.Layer):
    """Transformer layer: `x + Attention(LN(x))`, then `x + MLP(LN(x))`.

    The MLP is Dense to four times the width, exact GELU, Dense back.

    Args:
        num_heads: Integer. Number of heads; must divide the width of the input.
        attention: `"linear"` (`LinearAttention`), `"dot"` (`DotAttention`),
            `"focused"` (`FocusedAttention`), `"window"` (`WindowAttention`),
            `"long_short"` (`LongShortAttention`), `"performer"`
            (`PerformerAttention`), `"nystrom"` (`NystromAttention`), `"linformer"`
            (`LinformerAttention`), `"pool"` (`PoolMixer`), `"conv"` (`ConvMixer`),
            `"axial"` (`AxialAttention`, on grids), or a subclass of `SelfAttention`
            that was registered with `keras.saving.register_keras_serializable`, or
            its registered name.
        feature_map: See `LinearAttention`; it has no effect on other kinds.
        attention_window: Integer from 1 to 4096, the `window` of `WindowAttention` and
            `LongShortAttention`; it has no effect on other kinds.
        grid_shape: The most tokens there may be after the class token, as a tuple of
            one integer, or the height and width of the grid on which they lie, row by
            row, or `None`: what some kinds of attention need or use, see there; it
            has no effect on others.
        relative_positions: Boolean. See `DotAttention`; it has no effect on other
            kinds.
        dropout_rate: Float in [0, 1). Dropout on the output of both branches.
        drop_path_rate: Float in [0, 1). Share of samples that skip a branch.
        remat: Boolean. Whether training recomputes the activations in the backward
            pass instead of keeping them: less memory for about a third more time.
            XLA for CPUs undoes it (see benchmarks/README.md for the option it needs).
        chunk_size: Integer or `None`. How many tokens are processed at a time, which
            bounds the memory of intermediate results; in training together with
            `remat`. The result is the same. `None`: all at once. In chunks the
            attention layer is not called as a whole: hooks on its parts run, but hooks
            on the attention layer itself do not.
        seed: Optional integer, of dropout and drop path.
        kernel_initializer: Initializer of all kernels.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(batch, tokens, dim)`.
        mask: Optional boolean tensor of shape `(batch, tokens)`, `True` = keep.
        training: Boolean. Whether dropout and drop path are active.

    Returns:
        A tensor of the shape of `x`. The mask is passed on.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If `attention` is unknown, a rate or the window is out of range,
            or `num_heads` does not divide `dim`.

    Example:

    ```python
    import keras

    import keras_maelre

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
        attention_window=32,
        grid_shape=None,
        relative_positions=False,
        dropout_rate=0.0,
        drop_path_rate=0.0,
        remat=False,
        chunk_size=None,
        seed=None,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = check_integer("num_heads", num_heads)
        attention = attention_kinds.get(attention)
        self.attention_kind = attention_kinds.serialize(attention)
        self.set_dropout(dropout_rate, drop_path_rate)
        self.remat = check_flag("remat", remat)
        if chunk_size is not None:
            chunk_size = check_integer("chunk_size", chunk_size)
        self.chunk_size = chunk_size
        self.seed = seed
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.supports_masking = True

        dtype = self.dtype_policy
        self.attention_norm = keras.layers.LayerNormalization(
            epsilon=1e-6, dtype=dtype, name="attention_norm"
        )
        # What the kind does not use is kept too, so that a configuration may be
        # switched from one to another without loss.
        self.feature_map = feature_maps.serialize(feature_maps.get(feature_map))
        self.attention_window = check_window("attention_window", attention_window)
        if grid_shape is not None:
            grid_shape = check_grid_shape(grid_shape)
        self.grid_shape = grid_shape
        self.relative_positions = check_flag("relative_positions", relative_positions)
        options = {
            "feature_map": feature_map,
            "window": self.attention_window,
            "grid_shape": grid_shape,
            "relative_positions": self.relative_positions,
        }
        self.attention = attention(
            num_heads,
            **{name: options[name] for name in attention.options},
            kernel_initializer=clone_initializer(self.kernel_initializer),
            dtype=dtype,
            name="attention",
        )
        self.mlp_norm = keras.layers.LayerNormalization(
            epsilon=1e-6, dtype=dtype, name="mlp_norm"
        )
        # Also without noise: the rates may be set later.
        self.seed_generator = keras.random.SeedGenerator(seed)

    def set_dropout(self, dropout_rate, drop_path_rate):
        """Sets the rates; a function compiled earlier keeps the old ones.

        Args:
            dropout_rate: Float in [0, 1).
            drop_path_rate: Float in [0, 1).
        """
        self.dropout_rate = check_rate("dropout_rate", dropout_rate)
        self.drop_path_rate = check_rate("drop_path_rate", drop_path_rate)

    def build(self, input_shape):
        dim = input_shape[-1]
        dtype = self.dtype_policy
        self.attention_norm.build(input_shape)
        self.attention.build(input_shape)
        self.mlp_norm.build(input_shape)
        self.mlp_hidden = Dense(
            4 * dim,
            kernel_initializer=clone_initializer(self.kernel_initializer),
            dtype=dtype,
            name="mlp_hidden",
        )
        self.mlp_hidden.build(input_shape)
        self.mlp_output = Dense(
            dim,
            kernel_initializer=clone_initializer(self.kernel_initializer),
            dtype=dtype,
            name="mlp_output",
        )
        self.mlp_output.build((*input_shape[:-1], 4 * dim))

    def call(self, x, mask=None, training=False):
        mask = check_mask(self, mask, x)
        if training:
            x = materialized(x)
        random = training and (self.dropout_rate or self.drop_path_rate)
        seeds = (
            [_Seed(self.seed_generator.next()) for _ in range(4)] if random else None
        )
        remat = (
            self._recomputed if self.remat and training else lambda function: function
        )
        length = x.shape[1]
        if self.chunk_size is None or length is not None and length <= self.chunk_size:

            def forward(x):
                y = run_part(self, self.attention_norm, x)
                y = run_part(self, self.attention, y, mask=mask)
                return self._finish(x, y, seeds)

            return remat(forward)(x)
        if keras.backend.backend() == "tensorflow":
            # Its gradient of a loop cannot recompute what uses variables: the layer is
            # recomputed as a whole.
            chunked = remat(lambda x: self._in_chunks(x, mask, seeds, lambda f: f))
            return chunked(x)
        return self._in_chunks(x, mask, seeds, remat)

    def _recomputed(self, function):
        """`keras.remat` of a function, which casts weights as this layer does.

        torch and TensorFlow call the function again in the backward pass, where no
        layer is being called: in mixed precision, the weights would come as they are
        stored.
        """
        if (
            keras.backend.backend() != "jax"
            and self.compute_dtype != self.variable_dtype
        ):
            function = _Call(function, dtype=self.dtype_policy, name="recomputed")
        return keras.remat(function)

    def _in_chunks(self, x, mask, seeds, remat):
        """The same, with the intermediate results of one chunk of tokens at a time."""
        attention, length = self.attention, ops.shape(x)[1]
        attention.check_tokens(x.shape[1])
        if mask is None:
            mask = ops.ones(ops.shape(x)[:2], "bool")
        chunks = split_chunks(x, self.chunk_size)
        masks = split_chunks(mask, self.chunk_size, fill=False)

        def key_value(x):
            return attention.key_value(run_part(self, self.attention_norm, x))

        def forward(x, index, shared, own):
            query = attention.query(run_part(self, self.attention_norm, x))
            y = attention.answer(query, shared, own)
            return self._finish(x, y, seeds, index)

        shared, own = attention.summarize(remat(key_value), chunks, masks)
        forward = remat(forward)
        chunks = ops.map(
            lambda inputs: forward(*inputs[:2], shared, inputs[2]),
            (chunks, ops.arange(ops.shape(chunks)[0]), own),
        )
        return join_chunks(chunks, length)

    def _finish(self, x, y, seeds, chunk=0):
        """The residual sum with the attention's output `y`, then the MLP."""
        x = x + (y if seeds is None else self._drop(y, seeds[:2], chunk))
        y = run_part(self, self.mlp_hidden, run_part(self, self.mlp_norm, x))
        y = run_part(self, self.mlp_output, gelu(y))
        return x + (y if seeds is None else self._drop(y, seeds[2:], chunk))

    def _drop(self, branch, seeds, chunk):
        if self.dropout_rate:
            # Every chunk has noise of its own; the samples dropped are the same.
            seed = seeds[0].next()
            seed = _Seed(seed + ops.cast(chunk, seed.dtype))
            branch = keras.random.dropout(branch, self.dropout_rate, seed=seed)
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
            "attention_window": self.attention_window,
            "grid_shape": self.grid_shape,
            "relative_positions": self.relative_positions,
            "dropout_rate": self.dropout_rate,
            "drop_path_rate": self.drop_path_rate,
            "remat": self.remat,
            "chunk_size": self.chunk_size,
            "seed": self.seed,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


def gelu(x):
    """Exact GELU; on TensorFlow written with operations that ONNX has.

    TensorFlow's own uses `erfc`, which ONNX lacks.
    """
    if keras.backend.backend() != "tensorflow":
        return ops.gelu(x, approximate=False)
    # Half precision would round `1 + erf` to nothing where it is small.
    wide = ops.cast(x, keras.backend.result_type(x.dtype, "float32"))
    return ops.cast(0.5 * wide * (1 + ops.erf(wide * 0.5**0.5)), x.dtype)


class _Seed(keras.random.SeedGenerator):
    """A seed drawn beforehand.

    Rematerialisation runs the layer twice, and both runs must draw the same noise, so
    the generator advances once, outside, and both runs share that seed.
    """

    def __init__(self, value):
        self._initial_seed = 0
        self._value = value

    def next(self, ordered=True):
        return self._value


class _Call(keras.layers.Layer):
    """A function that is called as a layer is: with the casts of a dtype policy."""

    def __init__(self, function, **kwargs):
        super().__init__(**kwargs)
        self.function = function

    def call(self, *inputs):
        return self.function(*inputs)
