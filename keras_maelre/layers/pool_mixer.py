"""Average pooling in place of attention."""

import keras

from keras_maelre.layers.local_mixer import LocalMixer


@keras.saving.register_keras_serializable(package="keras_maelre")
class PoolMixer(LocalMixer):
    """Mixes each token with the mean of its neighbors, in place of attention.

    The output is the mean of the valid tokens in a window around a token, minus the
    token itself, which the residual connection of an `EncoderLayer` adds. On a grid
    the window is a square. The class token, which comes first, receives the mean of
    all other valid tokens, minus itself; it enters no window.

    There is nothing to train: no queries, keys or values, and no projection of the
    output. Weights of another kind load beside it, those of its attention unused, as
    `keras_maelre.transfer_weights` reports.

    No masked token enters a mean; the outputs at masked tokens are computed, but are
    meaningless. The mask is passed on. In chunks (`chunk_size` of `EncoderLayer`) it
    sees all tokens at once.

    Args:
        num_heads: Integer that divides the width of the input, as all kinds take it;
            it has no effect.
        pool_size: Integer, odd, of a window, in tokens, on both axes of a grid.
        grid_shape: The height and width of the grid on which the tokens after the
            class token lie, row by row; `None` or a tuple of one integer for a
            sequence.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(batch, 1 + tokens, dim)`.
        mask: Optional boolean tensor of shape `(batch, 1 + tokens)`, `True` = keep.

    Returns:
        A tensor of the shape of `x`.

    Raises:
        TypeError: If `num_heads` or `pool_size` is not an integer.
        ValueError: If `num_heads` does not divide `dim`, if `pool_size` is even, if
            `grid_shape` is not one of the above, or if the input is not of rank 3 or
            has other tokens than the grid.

    Example:

    ```python
    import keras

    import keras_maelre

    x = keras.random.normal((2, 1 + 14 * 14, 96))
    y = keras_maelre.layers.PoolMixer(num_heads=1, grid_shape=(14, 14))(x)
    y.shape  # (2, 197, 96)
    ```

    Reference:
        "MetaFormer Is Actually What You Need for Vision" (arXiv 2111.11418),
        section 3.2, equation 4.
    """

    projections = 0

    def __init__(self, num_heads, pool_size=3, grid_shape=None, **kwargs):
        super().__init__(num_heads, "pool_size", pool_size, grid_shape, **kwargs)

    def build(self, input_shape):
        self.check_width(input_shape)
        self.check_tokens(input_shape[1])

    def attend(self, query, key, value, mask):
        return self.weigh(query, key, value, mask) - value

    def _project(self, x, first, last):
        return self._heads(x, 1) * (last - first)

    def _combine(self, context):
        return self._flat(context)

    def count_macs(self, tokens):
        return 0

    def get_config(self):
        return {**super().get_config(), "pool_size": self.reach}
