import keras
from keras import ops

from keras_maelre.augmentation.series_augmentation import SeriesAugmentation
from keras_maelre.checks import check_number


@keras.saving.register_keras_serializable(package="keras_maelre")
class Jitter(SeriesAugmentation):
    """Adds Gaussian noise to time series.

    Active only in training. Padding (steps that are NaN in every channel) stays.

    Args:
        stddev: Float, or a pair `(low, high)` of floats from which the standard
            deviation of each sample is drawn uniformly. In units of the series'
            values, at least 0.
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
    >>> from keras_maelre.augmentation import Jitter
    >>> series = np.zeros((2, 100, 1), "float32")
    >>> noisy = Jitter((0.01, 0.05))(series, training=True)

    Reference:
        "Modality Agnostic Efficient Long Range Encoder", arXiv 2507.19409,
        section 4.2, after Iwana and Uchida, PLOS ONE 16(7):e0254841, 2021.
    """

    def __init__(self, stddev=0.03, rate=0.5, seed=None, **kwargs):
        super().__init__(rate=rate, seed=seed, **kwargs)
        if isinstance(stddev, (tuple, list)):
            if len(stddev) != 2:
                raise ValueError(
                    "Argument `stddev` must be a number or a pair (low, high). "
                    f"Received: stddev={stddev!r}"
                )
            low = check_number("stddev[0]", stddev[0])
            high = check_number("stddev[1]", stddev[1], low=low)
            self.stddev = (low, high)
        else:
            self.stddev = check_number("stddev", stddev)

    def augment(self, series, lengths):
        noise = self.normal(series, ops.shape(series)[1])
        if isinstance(self.stddev, float):
            return series + self.stddev * noise
        low, high = self.stddev
        stddev = low + (high - low) * self.uniform(series, 1)
        return series + stddev[..., None] * noise

    def get_config(self):
        return {**super().get_config(), "stddev": self.stddev}
