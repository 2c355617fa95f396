import keras

from keras_maelre.augmentation.series_augmentation import SeriesAugmentation
from keras_maelre.checks import check_number


@keras.saving.register_keras_serializable(package="keras_maelre")
class Scaling(SeriesAugmentation):
    """Multiplies each channel of a time series by one random factor.

    The factors come from a normal distribution of mean 1. Active only in
    training. Padding (steps that are NaN in every channel) stays.

    Args:
        stddev: Float, at least 0. Standard deviation of the factors.
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
    >>> from keras_maelre.augmentation import Scaling
    >>> series = np.ones((2, 100, 1), "float32")
    >>> scaled = Scaling(0.1)(series, training=True)

    Reference:
        "Modality Agnostic Efficient Long Range Encoder", arXiv 2507.19409,
        section 4.2, after Iwana and Uchida, PLOS ONE 16(7):e0254841, 2021.
    """

    def __init__(self, stddev=0.1, rate=0.5, seed=None, **kwargs):
        super().__init__(rate=rate, seed=seed, **kwargs)
        self.stddev = check_number("stddev", stddev)

    def augment(self, series, lengths):
        return series * (1.0 + self.stddev * self.normal(series, 1))

    def get_config(self):
        return {**super().get_config(), "stddev": self.stddev}
