"""What mixers of neighboring tokens share."""

import keras
from keras import ops

from keras_maelre.checks import check_integer
from keras_maelre.layers.aligned_conv import check_grid_shape
from keras_maelre.layers.at_once import AtOnce
from keras_maelre.layers.average_merge import valid_average
from keras_maelre.layers.masking import zero_masked


class LocalMixer(AtOnce):
    """Base of kinds that mix each token with its neighbors, without comparing any.

    The first token, the class token, has no neighbors: it is mixed with the mean of
    all others, and no other with it.
    """

    options = ("grid_shape",)

    def __init__(self, num_heads, reach_name, reach, grid_shape, **kwargs):
        super().__init__(num_heads, **kwargs)
        self.reach = check_integer(reach_name, reach)
        if self.reach % 2 == 0:
            raise ValueError(
                f"Argument `{reach_name}` must be odd, so that a token is amid its "
                f"neighbors. Received: {reach_name}={reach}"
            )
        if grid_shape is not None:
            grid_shape = check_grid_shape(grid_shape)
        self.grid_shape = grid_shape
        if grid_shape is not None and len(grid_shape) == 2:
            self.grid = grid_shape
        self.rank = 1 if self.grid is None else 2

    def weigh(self, query, key, value, mask):
        mixed = self._mixed(self._flat(value), mask, self._average)
        return ops.reshape(mixed, ops.shape(value))

    def _average(self, x, mask):
        if self.rank == 2:
            return valid_average(x, mask, self.reach, strides=1)
        # Not by pooling, with which torch exports no sequence of a single token.
        valid = zero_masked(ops.ones_like(x[..., :1]), mask)
        total, count = (
            self._shifted_sum(part) for part in (zero_masked(x, mask), valid)
        )
        return total / ops.maximum(count, 1.0)

    def _shifted_sum(self, x, weights=None):
        """The sum over a window of a sequence, each place with its weights, if any."""
        length = ops.shape(x)[1]
        padded = ops.pad(x, [(0, 0), (self.reach // 2, self.reach // 2), (0, 0)])
        parts = (padded[:, i : i + length] for i in range(self.reach))
        if weights is not None:
            parts = (weights[i] * part for i, part in enumerate(parts))
        return sum(parts)

    def _mixed(self, x, mask, near):
        """Mixes the class token with the mean, and the others by `near(x, mask)`."""
        others = x[:, 1:]
        kept = None if mask is None else mask[:, 1:]
        wide = ops.cast(others, keras.backend.result_type(x.dtype, "float32"))
        if kept is None:
            mean = ops.mean(wide, axis=1, keepdims=True)
        else:
            count = ops.sum(ops.cast(kept, wide.dtype), axis=1, keepdims=True)
            total = ops.sum(zero_masked(wide, kept), axis=1, keepdims=True)
            mean = total / ops.expand_dims(ops.maximum(count, 1.0), -1)
        if self.grid is not None:
            others = ops.reshape(others, (-1, *self.grid, x.shape[-1]))
            kept = None if kept is None else ops.reshape(kept, (-1, *self.grid))
        others = near(others, kept)
        if self.grid is not None:
            others = ops.reshape(others, (-1, self.grid[0] * self.grid[1], x.shape[-1]))
        return ops.concatenate([ops.cast(mean, x.dtype), others], axis=1)

    def _flat(self, x):
        """Joins the heads of `(batch, tokens, heads, head_dim)`."""
        return ops.reshape(x, (-1, ops.shape(x)[1], x.shape[2] * x.shape[3]))

    def get_config(self):
        return {**super().get_config(), "grid_shape": self.grid_shape}
