import keras

from keras_maelre.augmentation.series_augmentation import SeriesAugmentation
from keras_maelre.augmentation.smooth_curve import smooth_curve
from keras_maelre.checks import check_integer, check_number


@keras.saving.register_keras_serializable(package="keras_maelre")
class MagnitudeWarp(SeriesAugmentation):
    """Multiplies each channel of a time series by a smooth random curve.

    The curve is a natural cubic spline through values from a normal distribution
    of mean 1, one at either end of the series (with its padding) and `knots`
    between them. Active only in training. Padding (steps that are NaN in every
    channel) stays.

    Args:
        stddev: Float, at least 0. Standard deviation of the spline's values.
        knots: Integer, at least 1. Number of values between the two ends.
        rate: Float in `[0, 1]`. Probability that a sample is changed.
        seed: Optional integer, for a repeatable sequence of random draws.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Call arguments:
        inputs: Float tensor of shape `(batch, length, channels)`, of static
            length.
        training: Boolean. Nothing is changed unless it is `True`.

    Returns:
        A tensor of the shape of `inputs`.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is out of its range, if the input does not have
            rank 3, or if its length is not static.

    Example:

    >>> import numpy as np
    >>> from keras_maelre.augmentation import MagnitudeWarp
    >>> series = np.ones((2, 100, 1), "float32")
    >>> layer = MagnitudeWarp(0.2, knots=4)
    >>> curves = layer(series, training=True)

    Reference:
        "Modality Agnostic Efficient Long Range Encoder", arXiv 2507.19409,
        section 4.2, after Iwana and Uchida, PLOS ONE 16(7):e0254841, 2021.
    """

    def __init__(self, stddev=0.2, knots=4, rate=0.5, seed=None, **kwargs):
        super().__init__(rate=rate, seed=seed, **kwargs)
        self.stddev = check_number("stddev", stddev)
        self.knots = check_integer("knots", knots)

    def augment(self, series, lengths):
        values = 1.0 + self.stddev * self.normal(series, self.knots + 2)
        return series * smooth_curve(values, series)

    def get_config(self):
        return {**super().get_config(), "stddev": self.stddev, "knots": self.knots}
