"""What all kinds of attention share: projections, heads, variables."""

import keras
from keras import ops

from keras_maelre.checks import check_integer
from keras_maelre.layers.dense import Dense
from keras_maelre.layers.fast_paths import is_plain, run_part
from keras_maelre.layers.initializers import clone_initializer
from keras_maelre.layers.masking import check_mask


class SelfAttention(keras.layers.Layer):
    """Multi-head self-attention around an `attend` function of a subclass.

    Every subclass holds the same variables (one fused query-key-value projection and
    one output projection), so that a checkpoint of one kind of attention loads into
    another; what a kind needs beyond them are variables of its own. `PoolMixer` and
    `ConvMixer` are the exceptions: they compare no queries with keys, and would train
    weights that nothing reads.

    A kind of your own overrides `attend`, for inputs in chunks `summarize` and
    `read_out`, and for `keras_maelre.count_macs` the method `count_macs`. Registered
    with `keras.saving.register_keras_serializable`, its class, or its registered name,
    is what an argument `attention` takes. No token may attend to a masked token.

    Args:
        num_heads: Integer. Number of heads; must divide the width of the input.
        kernel_initializer: Initializer of both kernels.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Raises:
        TypeError: If `num_heads` is not an integer.
        ValueError: If `num_heads` does not divide `dim`, or if the input is not of
            rank 3.

    Example:

    ```python
    import keras
    from keras import ops

    import keras_maelre

    # Every token receives the mean of all values.
    @keras.saving.register_keras_serializable(package="mine")
    class MeanAttention(keras_maelre.layers.SelfAttention):
        def attend(self, query, key, value, mask):
            kept = ops.ones(ops.shape(value)[:2], "bool") if mask is None else mask
            kept = ops.cast(ops.expand_dims(kept, (2, 3)), value.dtype)
            total = ops.sum(value * kept, axis=1, keepdims=True)
            mean = total / ops.sum(kept, axis=1, keepdims=True)
            return ops.broadcast_to(mean, ops.shape(value))

    backbone = keras_maelre.MaelreBackbone.from_preset(
        "tiny_series", attention=(MeanAttention, "linear", "dot", "dot")
    )
    backbone.attention_plan  # ("mine>MeanAttention", "linear", "dot", "dot")
    ```
    """

    # The arguments of `EncoderLayer` that the constructor takes as well, of
    # `"feature_map"`, `"window"`, `"grid_shape"` and `"relative_positions"`.
    options = ()
    # How many products of the width with itself a token takes beside `count_macs`.
    projections = 4

    def __init__(self, num_heads, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.num_heads = check_integer("num_heads", num_heads)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.supports_masking = True

    def build(self, input_shape):
        self.check_width(input_shape)
        dim = input_shape[-1]
        self.qkv = self._dense(3 * dim, "qkv")
        self.qkv.build(input_shape)
        self.output_dense = self._dense(dim, "output_dense")
        self.output_dense.build(input_shape)

    def check_width(self, input_shape):
        """Sets the width of a head, or raises a ValueError."""
        if len(input_shape) != 3 or input_shape[-1] is None:
            raise ValueError(
                f"{type(self).__name__} expects an input of shape (batch, tokens, "
                f"dim) with a known dim. Received: input shape {tuple(input_shape)}"
            )
        dim = input_shape[-1]
        if dim % self.num_heads:
            raise ValueError(
                "Argument `num_heads` must divide the width of the input. "
                f"Received: num_heads={self.num_heads}, width {dim}"
            )
        self.head_dim = dim // self.num_heads

    def _dense(self, units, name):
        return Dense(
            units,
            kernel_initializer=clone_initializer(self.kernel_initializer),
            dtype=self.dtype_policy,
            name=name,
        )

    def call(self, x, mask=None):
        mask = check_mask(self, mask, x)
        self.check_tokens(x.shape[1])
        query, key, value = self._project(x, 0, 3)
        return self._combine(self.attend(query, key, value, mask))

    def check_tokens(self, tokens):
        """Raises a ValueError if the kind does not work on as many tokens.

        Args:
            tokens: Integer, or `None` where the length of a sequence is not known.
        """

    def attend(self, query, key, value, mask):
        """Mixes the values; `(batch, tokens, heads, head_dim)` in and out."""
        raise NotImplementedError

    def weigh(self, query, key, value, mask):
        """`attend` with nothing but its averaging, whose weights add up to 1.

        For following where values come from. A kind that does more to the values
        overrides it.
        """
        return self.attend(query, key, value, mask)

    def count_macs(self, tokens):
        """The multiply-accumulates of `attend` on a number of tokens, as an integer."""
        raise NotImplementedError(
            f"{type(self).__name__} does not say what it costs: it has no method "
            "`count_macs`."
        )

    # For inputs that are processed in chunks of tokens: first the keys and values of
    # all chunks are brought into a summary, then the queries of each read it.

    def query(self, x):
        return self._project(x, 0, 1)[0]

    def key_value(self, x):
        return self._project(x, 1, 3)

    def summarize(self, key_value, chunks, masks):
        """What the queries must know of all keys and values.

        Args:
            key_value: Function from a chunk to what `key_value` makes of it, its keys
                and values.
            chunks: Tensor of shape `(chunks, batch, size, dim)`.
            masks: Boolean tensor of shape `(chunks, batch, size)`.

        Returns:
            Tuple of two structures of tensors: what the queries of all chunks read,
            and what those of one chunk alone do, with an axis of chunks in front.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not work in chunks of tokens: leave "
            "`chunk_size` at None."
        )

    def answer(self, query, shared, own):
        """The output for the queries of a chunk."""
        return self._combine(self.read_out(query, shared, own))

    def read_out(self, query, shared, own):
        """Mixes the values for the queries of a chunk, as `attend` does.

        Args:
            query: Tensor of shape `(batch, size, heads, head_dim)`.
            shared: The first of what `summarize` returned.
            own: The second, of this chunk.
        """
        raise NotImplementedError

    def _project(self, x, first, last):
        if last - first == 3 or not is_plain(self.qkv, self):
            return self._heads(run_part(self, self.qkv, x), 3)[first:last]
        dim = self.num_heads * self.head_dim
        columns = slice(first * dim, last * dim)
        x = ops.matmul(x, self.qkv.kernel[:, columns]) + self.qkv.bias[columns]
        return self._heads(x, last - first)

    def _heads(self, x, count):
        """Splits the last axis into `count` tensors with an axis of heads."""
        shape = (-1, ops.shape(x)[1], count, self.num_heads, self.head_dim)
        x = ops.reshape(x, shape)
        return tuple(x[:, :, i] for i in range(count))

    def _combine(self, context):
        length = ops.shape(context)[1]
        context = ops.reshape(context, (-1, length, self.num_heads * self.head_dim))
        return run_part(self, self.output_dense, context)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
