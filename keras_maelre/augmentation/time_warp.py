import keras
from keras import ops

from keras_maelre.augmentation.series_augmentation import SeriesAugmentation
from keras_maelre.augmentation.smooth_curve import smooth_curve
from keras_maelre.checks import check_integer, check_number


@keras.saving.register_keras_serializable(package="keras_maelre")
class TimeWarp(SeriesAugmentation):
    """Resamples a time series along a smoothly stretched and squeezed time axis.

    The speed at which the series is read is the exponential of a natural cubic
    spline through normally distributed values of mean 0, so that it is positive
    and time never runs backwards. The first and the last valid step stay; values
    between steps are interpolated linearly; all channels are warped together.
    Active only in training. Padding (steps that are NaN in every channel) stays.

    Args:
        stddev: Float, at least 0. Standard deviation of the logarithm of the
            speed at the spline's values.
        knots: Integer, at least 1. Number of the spline's values between the two
            ends of the series (with its padding).
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
    >>> from keras_maelre.augmentation import TimeWarp
    >>> ramp = np.arange(100, dtype="float32")[None, :, None]
    >>> time = TimeWarp(0.2, rate=1.0)(ramp, training=True)

    Reference:
        "Modality Agnostic Efficient Long Range Encoder", arXiv 2507.19409,
        section 4.2, after Iwana and Uchida, PLOS ONE 16(7):e0254841, 2021.
    """

    def __init__(self, stddev=0.2, knots=4, rate=0.5, seed=None, **kwargs):
        super().__init__(rate=rate, seed=seed, **kwargs)
        self.stddev = check_number("stddev", stddev)
        self.knots = check_integer("knots", knots)

    def augment(self, series, lengths):
        values = self.stddev * self.normal(series[..., :1], self.knots + 2)
        speed = ops.exp(smooth_curve(values, series)[..., 0])
        travelled = ops.cumsum(speed, axis=1) - speed[:, :1]

        last = lengths - 1
        total = ops.take_along_axis(travelled, last, axis=1)
        total = ops.where(last > 0, total, 1.0)
        inside = self.steps(series) < last
        last = ops.cast(last, series.dtype)
        # A division may be off by a rounding; the last valid step may not.
        time = ops.minimum(travelled / total * last, last)
        time = ops.where(inside, time, last)

        return self.between_steps(series, time, last)

    def get_config(self):
        return {**super().get_config(), "stddev": self.stddev, "knots": self.knots}
