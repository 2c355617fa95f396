import keras
from keras import ops

from keras_maelre.augmentation.series_augmentation import SeriesAugmentation
from keras_maelre.checks import check_number


@keras.saving.register_keras_serializable(package="keras_maelre")
class WindowSlice(SeriesAugmentation):
    """Cuts a random window out of a time series and stretches it to the whole.

    The window begins anywhere, and its length is uniform between `smallest` and 1 of
    that of the series. Values between steps are interpolated linearly; all channels
    are cut together. Active only in training. Padding (steps that are NaN in every
    channel) stays.

    Args:
        smallest: Float in `(0, 1]`, the smallest fraction of the series that a window
            has.
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
        ValueError: If an argument is out of its range or if the input does not have
            rank 3.

    Example:

    >>> import numpy as np
    >>> from keras_maelre.augmentation import WindowSlice
    >>> ramp = np.arange(100, dtype="float32")[None, :, None]
    >>> part = WindowSlice(0.5, rate=1.0)(ramp, training=True)

    Reference:
        Le Guennec, Malinowski and Tavenard, "Data augmentation for time series
        classification using convolutional neural networks", AALTD 2016, section 3.1.
    """

    def __init__(self, smallest=0.8, rate=0.5, seed=None, **kwargs):
        super().__init__(rate=rate, seed=seed, **kwargs)
        self.smallest = check_number("smallest", smallest, above=0.0, high=1.0)

    def augment(self, series, lengths):
        last = ops.cast(lengths - 1, series.dtype)
        size = self.smallest + (1.0 - self.smallest) * self.uniform(series, 1)
        begin = (1.0 - size) * self.uniform(series, 1)
        time = begin * last + size * ops.cast(self.steps(series), series.dtype)
        return self.between_steps(series, ops.minimum(time, last), last)

    def get_config(self):
        return {**super().get_config(), "smallest": self.smallest}
