import keras
from keras import ops

from keras_maelre.checks import check_integer, check_rate


@keras.saving.register_keras_serializable(package="keras_maelre")
class TokenDrop(keras.layers.Layer):
    """Replaces random tokens, or random runs of bytes, by padding.

    A model trained on few documents memorizes them; one that never sees a document
    with the same words twice has to learn what the words say. The dropped tokens become
    padding, which models mask: nothing takes their place, and the others keep their
    positions. Active only in training.

    Args:
        padding_id: Integer, the model's padding id: `preprocessor.padding_id`, which
            is 0 for bytes and 1 for RoBERTa's tokens. It has no default: another id
            would be a word.
        drop_fraction: Float in `[0, 1)`, the fraction of tokens dropped on average.
        span: Integer, at least 1, the length of the runs that are dropped: 1 for
            tokens, about the length of a word for bytes. Runs may adjoin.
        seed: Optional integer, for a repeatable sequence of random draws.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name`.

    Call arguments:
        inputs: Integer tensor of shape `(batch, length)`.
        training: Boolean. Nothing is changed unless it is `True`.

    Returns:
        A tensor of the shape and dtype of `inputs`.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is out of its range, or if the input does not
            have rank 2.

    Example:

    >>> import numpy as np
    >>> from keras_maelre.augmentation import TokenDrop
    >>> ids = np.array([[5, 9, 7, 3, 0, 0]])
    >>> dropped = TokenDrop(padding_id=0, drop_fraction=0.3)(ids, training=True)

    Reference:
        Iyyer et al., "Deep Unordered Composition Rivals Syntactic Methods for Text
        Classification" (ACL 2015), section 3.2, word dropout.
    """

    def __init__(self, padding_id, drop_fraction=0.3, span=1, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.padding_id = check_integer("padding_id", padding_id, low=0)
        self.drop_fraction = check_rate("drop_fraction", drop_fraction)
        self.span = check_integer("span", span)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.input_spec = keras.layers.InputSpec(ndim=2)
        self.supports_masking = True

    def call(self, inputs, training=None):
        if not training:
            return inputs
        # A token stays if no run begins on it or on the `span - 1` before it.
        begins = 1.0 - (1.0 - self.drop_fraction) ** (1.0 / self.span)
        length = ops.shape(inputs)[1]
        draws = keras.random.uniform(
            (ops.shape(inputs)[0], length + self.span - 1),
            dtype="float32",
            seed=self.seed_generator,
        )
        begun = ops.cumsum(ops.cast(draws < begins, "int32"), axis=1)
        before = ops.pad(begun[:, : length - 1], [[0, 0], [1, 0]])
        dropped = begun[:, self.span - 1 :] > before
        return ops.where(dropped, ops.cast(self.padding_id, inputs.dtype), inputs)

    def compute_output_shape(self, input_shape):
        return input_shape

    def compute_output_spec(self, inputs, training=None):
        return keras.KerasTensor(inputs.shape, dtype=inputs.dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "padding_id": self.padding_id,
            "drop_fraction": self.drop_fraction,
            "span": self.span,
            "seed": self.seed,
        }
