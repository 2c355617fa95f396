import keras
from keras import ops

from keras_maelre.augmentation.checks import check_count, check_number


@keras.saving.register_keras_serializable(package="keras_maelre")
class TokenDrop(keras.layers.Layer):
    """Makes padding of random tokens, or of random runs of bytes.

    A model of few documents learns them by heart; one that never sees the same words
    of a document twice has to learn what the words say. The tokens dropped become
    padding, which models mask, so nothing takes their place and the others keep their
    positions. Active only in training.

    Args:
        padding_id: Integer, the id that stands for no token: 0 of bytes, 1 of
            RoBERTa's tokens.
        drop_fraction: Float in `[0, 1)`, the share of the tokens that is dropped, in
            the mean.
        span: Integer, at least 1, the length of the runs that are dropped: 1 for
            tokens, about a word's length for bytes. Runs may meet.
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

    >>> ids = np.array([[5, 9, 7, 3, 0, 0]])
    >>> layer = keras_maelre.augmentation.TokenDrop(padding_id=0, drop_fraction=0.3)
    >>> dropped = layer(ids, training=True)

    Reference:
        Iyyer et al., "Deep Unordered Composition Rivals Syntactic Methods for Text
        Classification" (ACL 2015), section 3.2, word dropout.
    """

    def __init__(self, padding_id, drop_fraction=0.3, span=1, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.padding_id = check_count("padding_id", padding_id, low=0)
        self.drop_fraction = check_number("drop_fraction", drop_fraction, high=1.0)
        if self.drop_fraction == 1:
            raise ValueError(
                "Argument `drop_fraction` must be below 1. Received: drop_fraction="
                f"{drop_fraction!r}"
            )
        self.span = check_count("span", span)
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
