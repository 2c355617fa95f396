"""Learned absolute positions, and their resampling to another grid."""

import keras
import numpy as np
from keras import ops

from keras_maelre.layers.aligned_conv import check_grid_shape


@keras.saving.register_keras_serializable(package="keras_maelre")
class PositionEmbedding(keras.layers.Layer):
    """Adds a learned vector to every position of a sequence or a grid.

    Args:
        grid_shape: Tuple of one or two integers: the maximum number of tokens of a
            sequence, or the exact height and width of a grid whose tokens arrive row by
            row.
        embeddings_initializer: Initializer of the table; by default a truncated normal
            distribution of standard deviation 0.02.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(batch, tokens, dim)`.

    Returns:
        A tensor of the shape of `x`. The mask is passed on.

    Raises:
        ValueError: If the input is not of rank 3 or has more tokens than there are
            positions (for a grid: another number of tokens).

    Example:

    ```python
    import keras

    import keras_maelre

    x = keras.random.normal((2, 900, 96))
    y = keras_maelre.layers.PositionEmbedding(grid_shape=(3750,))(x)
    y.shape  # (2, 900, 96)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 3; the resampling of positions is that of its audio models, which
        start from an image model (section 4.3).
    """

    def __init__(self, grid_shape, embeddings_initializer=None, **kwargs):
        super().__init__(**kwargs)
        self.grid_shape = check_grid_shape(grid_shape)
        if embeddings_initializer is None:
            embeddings_initializer = keras.initializers.TruncatedNormal(stddev=0.02)
        self.embeddings_initializer = keras.initializers.get(embeddings_initializer)
        self.supports_masking = True

    def build(self, input_shape):
        if len(input_shape) != 3 or input_shape[-1] is None:
            raise ValueError(
                "PositionEmbedding expects an input of shape (batch, tokens, dim) "
                f"with a known dim. Received: input shape {tuple(input_shape)}"
            )
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(*self.grid_shape, input_shape[-1]),
            initializer=self.embeddings_initializer,
        )

    def call(self, x):
        positions = self.embeddings
        if len(self.grid_shape) == 2:
            positions = ops.reshape(positions, (-1, positions.shape[-1]))
        tokens, most = x.shape[1], positions.shape[0]
        is_sequence = len(self.grid_shape) == 1
        if tokens is not None and (tokens > most or not is_sequence and tokens < most):
            raise ValueError(
                f"The model has positions for {'at most ' * is_sequence}{most} tokens "
                f"(grid {self.grid_shape}) but the input has {tokens}. Pass "
                "`input_shape` to `from_preset` to resample the positions, or shorten "
                "the input."
            )
        return x + positions[: ops.shape(x)[1]]

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "grid_shape": self.grid_shape,
            "embeddings_initializer": keras.initializers.serialize(
                self.embeddings_initializer
            ),
        }


def resample_positions(embeddings, grid_shape):
    """Resamples a table of positions to another grid by cubic convolution.

    Every axis is resampled on its own, cell centres aligned; shrinking widens the
    kernel, so that no position is skipped. In NumPy, so that the result is the same
    on every backend.

    Args:
        embeddings: Array of shape `(*old_grid, dim)`.
        grid_shape: Tuple of integers, as long as `old_grid`.

    Returns:
        A float32 array of shape `(*grid_shape, dim)`.

    Raises:
        ValueError: If the two grids have different numbers of axes.

    Example:

    ```python
    import numpy as np

    from keras_maelre.layers.position_embedding import resample_positions

    table = np.random.normal(size=(56, 56, 96))
    resample_positions(table, (256, 32)).shape  # (256, 32, 96)
    ```
    """
    embeddings = np.asarray(embeddings, "float64")
    if embeddings.ndim - 1 != len(grid_shape):
        raise ValueError(
            f"Argument `grid_shape` must have {embeddings.ndim - 1} axes, as the "
            f"table of shape {embeddings.shape} has. Received: grid_shape={grid_shape}"
        )
    for axis, length in enumerate(grid_shape):
        matrix = _cubic_matrix(embeddings.shape[axis], length)
        embeddings = np.moveaxis(
            np.tensordot(matrix, embeddings, axes=(1, axis)), 0, axis
        )
    return embeddings.astype("float32")


def _cubic_matrix(old, new):
    """The `(new, old)` matrix of Keys' cubic convolution (a = -0.5)."""
    scale = max(old / new, 1.0)
    centres = (np.arange(new) + 0.5) * old / new - 0.5
    t = np.abs(centres[:, None] - np.arange(old)) / scale
    weights = np.where(
        t < 1,
        1.5 * t**3 - 2.5 * t**2 + 1,
        np.where(t < 2, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2, 0),
    )
    return weights / weights.sum(axis=1, keepdims=True)
