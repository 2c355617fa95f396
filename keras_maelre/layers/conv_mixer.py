"""A separable convolution in place of attention."""

import keras
from keras import ops

from keras_maelre.layers.fast_paths import is_jax_on_cpu, run_part
from keras_maelre.layers.initializers import clone_initializer
from keras_maelre.layers.local_mixer import LocalMixer
from keras_maelre.layers.masking import zero_masked


@keras.saving.register_keras_serializable(package="keras_maelre")
class ConvMixer(LocalMixer):
    """Mixes each token with its neighbors by a convolution, in place of attention.

    A Dense layer to twice the width, StarReLU, a convolution of each channel alone, and
    a Dense layer back: as many products of the width as the projections of attention.
    On a grid the kernel is a square. The class token, which comes first, receives the
    mean of all other valid tokens in place of a convolution, and enters none.

    It has no queries and keys: of its variables only those of the output have the names
    of other kinds, and another shape. Masked tokens are zero to the convolution; the
    outputs at masked tokens are computed, but are meaningless. The mask is passed on.
    In chunks (`chunk_size` of `EncoderLayer`) it sees all tokens at once.

    Args:
        num_heads: Integer that divides the width of the input, as all kinds take it;
            it has no effect.
        kernel_size: Integer, odd, of the convolution, in tokens, on both axes of a
            grid.
        grid_shape: The height and width of the grid on which the tokens after the
            class token lie, row by row; `None` or a tuple of one integer for a
            sequence.
        kernel_initializer: Initializer of all kernels.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(batch, 1 + tokens, dim)`.
        mask: Optional boolean tensor of shape `(batch, 1 + tokens)`, `True` = keep.

    Returns:
        A tensor of the shape of `x`.

    Raises:
        TypeError: If `num_heads` or `kernel_size` is not an integer.
        ValueError: If `num_heads` does not divide `dim`, if `kernel_size` is even, if
            `grid_shape` is not one of the above, or if the input is not of rank 3 or
            has other tokens than the grid.

    Example:

    ```python
    import keras

    import keras_maelre

    x = keras.random.normal((2, 1 + 1000, 96))
    y = keras_maelre.layers.ConvMixer(num_heads=1)(x)
    y.shape  # (2, 1001, 96)
    ```

    Reference:
        "MetaFormer Baselines for Vision" (arXiv 2210.13452), sections 2.2 and 2.3: the
        separable convolution of ConvFormer and CAFormer, with StarReLU as constants.
    """

    def __init__(self, num_heads, kernel_size=7, grid_shape=None, **kwargs):
        super().__init__(num_heads, "kernel_size", kernel_size, grid_shape, **kwargs)

    def build(self, input_shape):
        self.check_width(input_shape)
        self.check_tokens(input_shape[1])
        dim = input_shape[-1]
        self.input_dense = self._dense(2 * dim, "input_dense")
        self.input_dense.build(input_shape)
        self.depthwise_kernel = self.add_weight(
            name="depthwise_kernel",
            shape=(self.reach**self.rank, 2 * dim),
            initializer=clone_initializer(self.kernel_initializer),
        )
        self.output_dense = self._dense(dim, "output_dense")
        self.output_dense.build((*input_shape[:-1], 2 * dim))

    def attend(self, query, key, value, mask):
        mixed = self._mixed(self._flat(value), mask, self._convolve)
        return ops.reshape(mixed, ops.shape(value))

    def _convolve(self, x, mask):
        x = zero_masked(x, mask)
        kernel = ops.cast(self.depthwise_kernel, x.dtype)
        if self.rank == 1:
            return self._shifted_sum(x, kernel)
        margin = (self.reach // 2, self.reach // 2)
        padded = ops.pad(x, [(0, 0), margin, margin, (0, 0)])
        if is_jax_on_cpu():
            # XLA's convolution of single channels is slow there (benchmarks/mixers.py).
            height, width = self.grid
            return sum(
                kernel[i * self.reach + j] * padded[:, i : i + height, j : j + width]
                for i in range(self.reach)
                for j in range(self.reach)
            )
        kernel = ops.reshape(kernel, (self.reach, self.reach, x.shape[-1], 1))
        return ops.depthwise_conv(padded, kernel, padding="valid")

    def _project(self, x, first, last):
        x = star_relu(run_part(self, self.input_dense, x))
        shape = (-1, ops.shape(x)[1], self.num_heads, 2 * self.head_dim)
        return (ops.reshape(x, shape),) * (last - first)

    def _combine(self, context):
        return run_part(self, self.output_dense, self._flat(context))

    def count_macs(self, tokens):
        width = 2 * self.num_heads * self.head_dim
        return (tokens - 1) * self.reach**self.rank * width

    def get_config(self):
        return {**super().get_config(), "kernel_size": self.reach}


def star_relu(x):
    """The square of ReLU, of mean 0 and variance 1 for normal inputs.

    Reference:
        arXiv 2210.13452, section 2.2, equation 5.
    """
    return 0.8944 * ops.square(ops.relu(x)) - 0.4472
