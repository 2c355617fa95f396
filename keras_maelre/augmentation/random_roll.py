import keras
from keras import ops

from keras_maelre.augmentation.series_augmentation import SeriesAugmentation


@keras.saving.register_keras_serializable(package="keras_maelre")
class RandomRoll(SeriesAugmentation):
    """Shifts a time series circularly by a random number of steps.

    The shift is uniform over the valid part of each sample, and what leaves the
    valid part at its end comes back at its beginning. All channels are shifted
    together. Active only in training. Padding (steps that are NaN in every
    channel) stays.

    Args:
        rate: Float in `[0, 1]`. Probability that a sample is changed.
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

    Example:

    >>> import numpy as np
    >>> from keras_maelre.augmentation import RandomRoll
    >>> ramp = np.arange(100, dtype="float32")[None, :, None]
    >>> rolled = RandomRoll(rate=1.0)(ramp, training=True)
    """

    def augment(self, series, lengths):
        shift = self.uniform(series, 1) * ops.cast(lengths, series.dtype)
        source = (self.steps(series) + ops.cast(shift, "int32")) % lengths
        return ops.take_along_axis(series, source[..., None], axis=1)
