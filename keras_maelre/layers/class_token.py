"""The learned token that gathers a summary of the others."""

import keras
from keras import ops

from keras_maelre.checks import check_integers
from keras_maelre.layers.masking import ClassTokenMask


@keras.saving.register_keras_serializable(package="keras_maelre")
class ClassToken(keras.layers.Layer):
    """Prepends a learned token, which the mask always keeps.

    Args:
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(batch, tokens, dim)`.

    Returns:
        A tensor of shape `(batch, 1 + tokens, dim)`.

    Raises:
        ValueError: If the input is not of rank 3.

    Example:

    ```python
    import keras

    import keras_maelre

    x = keras.random.normal((2, 900, 96))
    y = keras_maelre.layers.ClassToken()(x)
    y.shape  # (2, 901, 96)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 3.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.class_token_mask = ClassTokenMask(name=f"{self.name}_mask")

    def build(self, input_shape):
        if len(input_shape) != 3 or input_shape[-1] is None:
            raise ValueError(
                "ClassToken expects an input of shape (batch, tokens, dim) with a "
                f"known dim. Received: input shape {tuple(input_shape)}"
            )
        self.token = self.add_weight(
            name="token",
            shape=(input_shape[-1],),
            initializer=keras.initializers.TruncatedNormal(stddev=0.02),
        )

    def call(self, x):
        shape = (ops.shape(x)[0], 1, x.shape[-1])
        token = ops.cast(ops.broadcast_to(self.token, shape), x.dtype)
        return ops.concatenate([token, x], axis=1)

    def compute_mask(self, x, previous_mask=None):
        return None if previous_mask is None else self.class_token_mask(previous_mask)

    def compute_output_shape(self, input_shape):
        batch, tokens, dim = input_shape
        return (batch, None if tokens is None else tokens + 1, dim)


@keras.saving.register_keras_serializable(package="keras_maelre")
class SplitClassToken(keras.layers.Layer):
    """Splits off the class token and arranges the other tokens on their grid.

    Args:
        grid_shape: `None` for a sequence, or the height and width of the grid.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(batch, 1 + tokens, dim)`.

    Returns:
        Tuple of the class token, `(batch, dim)`, and the others, `(batch, tokens,
        dim)` or `(batch, height, width, dim)`, which keep their mask.

    Example:

    ```python
    import keras

    import keras_maelre

    x = keras.random.normal((2, 1 + 56 * 56, 96))
    cls, tokens = keras_maelre.layers.SplitClassToken(grid_shape=(56, 56))(x)
    tokens.shape  # (2, 56, 56, 96)
    ```
    """

    def __init__(self, grid_shape=None, **kwargs):
        super().__init__(**kwargs)
        if grid_shape is not None:
            axes = ("height", "width")
            grid_shape = check_integers("grid_shape", grid_shape, axes)
        self.grid_shape = grid_shape
        self.supports_masking = True

    def build(self, input_shape):
        pass

    def call(self, x):
        cls, tokens = x[:, 0], x[:, 1:]
        if self.grid_shape is not None:
            tokens = ops.reshape(tokens, (-1, *self.grid_shape, x.shape[-1]))
        return cls, tokens

    def compute_mask(self, x, previous_mask=None):
        if previous_mask is None:
            return None, None
        mask = previous_mask[:, 1:]
        if self.grid_shape is not None:
            mask = ops.reshape(mask, (-1, *self.grid_shape))
        return None, mask

    def compute_output_shape(self, input_shape):
        batch, tokens, dim = input_shape
        grid = self.grid_shape or (None if tokens is None else tokens - 1,)
        return (batch, dim), (batch, *grid, dim)

    def get_config(self):
        return {**super().get_config(), "grid_shape": self.grid_shape}
