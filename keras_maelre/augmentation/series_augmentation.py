import keras
from keras import ops

from keras_maelre.checks import check_number


class SeriesAugmentation(keras.layers.Layer):
    """Base of the layers that change a random part of a batch of time series.

    A subclass implements `augment(series, lengths)`. This class does what all
    of them share: it is the identity unless `training=True`, draws which samples
    are changed, and keeps padding out of the subclass's sight.

    A time step that is NaN in every channel is padding. It stays NaN, in its
    place. The steps up to the last one that is not padding are the valid part.

    Args:
        rate: Float in `[0, 1]`. Probability that a sample is changed, drawn for
            each sample of each batch.
        seed: Optional integer, for a repeatable sequence of random draws.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Call arguments:
        inputs: Float tensor of shape `(batch, length, channels)`.
        training: Boolean. Nothing is changed unless it is `True`.

    Returns:
        A tensor of the shape of `inputs`.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is out of its range, or if the input does not
            have rank 3.
    """

    def __init__(self, rate=0.5, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.rate = check_number("rate", rate, high=1.0)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.input_spec = keras.layers.InputSpec(ndim=3)
        self.supports_masking = True

    def augment(self, series, lengths):
        """Changes every sample.

        Args:
            series: Tensor of shape `(batch, length, channels)`, at least float32,
                with zeros for padding.
            lengths: Integer tensor of shape `(batch, 1)`, the number of steps of
                the valid part, at least 1.

        Returns:
            A tensor of the shape of `series`. What it holds beyond the valid part
            is ignored.
        """
        raise NotImplementedError

    def call(self, inputs, training=None):
        inputs = ops.cast(inputs, self.compute_dtype)
        if not training:
            return inputs
        # Half precision cannot number the steps of a series of thousands.
        series = ops.cast(
            inputs, keras.backend.result_type(self.compute_dtype, "float32")
        )
        padding = ops.all(ops.isnan(series), axis=-1, keepdims=True)
        ends = ops.where(padding[..., 0], 0, self.steps(series) + 1)
        lengths = ops.maximum(ops.max(ends, axis=1, keepdims=True), 1)
        series = ops.where(padding, 0.0, series)

        chosen = self.uniform(series, 1)[..., None] < self.rate
        changed = ops.cast(self.augment(series, lengths), self.compute_dtype)
        return ops.where(
            ops.logical_and(chosen, ops.logical_not(padding)), changed, inputs
        )

    def steps(self, series):
        """The step numbers 0, 1, ... of `series`, shape `(1, length)`, int32."""
        return ops.arange(ops.shape(series)[1], dtype="int32")[None]

    def between_steps(self, series, time, last):
        """Reads `series` at other times, by linear interpolation.

        Args:
            series: Tensor of shape `(batch, length, channels)`.
            time: Tensor of shape `(batch, length)`, in steps, from 0 to `last`.
            last: Tensor of shape `(batch, 1)`, the last step of the valid part.
        """
        before = ops.floor(time)
        after = ops.minimum(before + 1.0, last)
        weight = ops.expand_dims(time - before, -1)

        def take(steps):
            steps = ops.expand_dims(ops.cast(steps, "int32"), -1)
            return ops.take_along_axis(series, steps, axis=1)

        return (1.0 - weight) * take(before) + weight * take(after)

    def uniform(self, series, size):
        """Draws `(batch, size)` numbers from `[0, 1)` for the batch `series`."""
        return keras.random.uniform(
            (ops.shape(series)[0], size),
            dtype=keras.backend.standardize_dtype(series.dtype),
            seed=self.seed_generator,
        )

    def normal(self, series, size):
        """Draws `(batch, size, channels)` standard normal numbers."""
        return keras.random.normal(
            (ops.shape(series)[0], size, ops.shape(series)[2]),
            dtype=keras.backend.standardize_dtype(series.dtype),
            seed=self.seed_generator,
        )

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
