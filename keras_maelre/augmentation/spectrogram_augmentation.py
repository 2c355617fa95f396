import keras
from keras import ops

from keras_maelre.checks import check_number


class SpectrogramAugmentation(keras.layers.Layer):
    """Base of the layers that change a random part of a batch of spectrograms.

    A subclass implements `augment(spectrograms)`. This class does what all of them
    share: it is the identity unless `training=True`, and draws which samples are
    changed. Frames of zeros at the end, which pad short clips, are taken for frames
    like any other.

    Args:
        rate: Float in `[0, 1]`. Probability that a sample is changed, drawn for
            each sample of each batch.
        seed: Optional integer, for a repeatable sequence of random draws.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Call arguments:
        inputs: Float tensor of shape `(batch, frames, mel)`, normalized.
        training: Boolean. Nothing is changed unless it is `True`.

    Returns:
        A tensor of the shape of `inputs`.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is out of its range, or if the input does not
            have rank 3.
    """

    def __init__(self, rate=1.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.rate = check_number("rate", rate, high=1.0)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.input_spec = keras.layers.InputSpec(ndim=3)
        self.supports_masking = True

    def augment(self, spectrograms):
        """Changes every sample, `(batch, frames, mel)`, and keeps the shape."""
        raise NotImplementedError

    def call(self, inputs, training=None):
        inputs = ops.cast(inputs, self.compute_dtype)
        if not training:
            return inputs
        chosen = self.uniform((ops.shape(inputs)[0], 1, 1)) < self.rate
        changed = ops.cast(self.augment(inputs), self.compute_dtype)
        return ops.where(chosen, changed, inputs)

    def uniform(self, shape):
        """Draws float32 numbers from `[0, 1)`: half precision cannot count frames."""
        return keras.random.uniform(shape, dtype="float32", seed=self.seed_generator)

    def integers(self, inputs, count):
        """Draws `(batch, 1)` integers, uniform from 0 to `count - 1`.

        Args:
            inputs: The batch.
            count: Integer or int32 tensor of shape `(batch, 1)`, at least 1.
        """
        draws = self.uniform((ops.shape(inputs)[0], 1)) * ops.cast(count, "float32")
        # The product may be rounded up to `count`.
        return ops.minimum(ops.cast(draws, "int32"), count - 1)

    def draw_band(self, inputs, axis, max_width):
        """Draws a band of each sample along an axis.

        Args:
            inputs: The batch.
            axis: Integer, 1 or 2.
            max_width: Integer, or float in `(0, 1)`, see `count_of`. The width is
                uniform from 0 to it, or to the whole axis if that is shorter; the place
                is uniform where it fits.

        Returns:
            A boolean tensor of shape `(batch, size of the axis)`.
        """
        size = ops.shape(inputs)[axis]
        width = self.integers(inputs, ops.minimum(count_of(max_width, size), size) + 1)
        start = self.integers(inputs, size - width + 1)
        place = ops.arange(size, dtype="int32")[None]
        return ops.logical_and(place >= start, place < start + width)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


def count_of(value, size):
    """Returns what `check_count` accepted as an integer.

    Args:
        value: Integer, or float: a fraction of `size`, rounded up.
        size: Integer or integer tensor.
    """
    if isinstance(value, int):
        return value
    return ops.cast(ops.ceil(value * ops.cast(size, "float32")), "int32")
