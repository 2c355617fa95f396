import keras
from keras import ops

from keras_maelre.augmentation.series_augmentation import SeriesAugmentation
from keras_maelre.checks import check_integer, check_number


@keras.saving.register_keras_serializable(package="keras_maelre")
class RandomDrop(SeriesAugmentation):
    """Replaces random segments of a time series by zero.

    Zero is the mean of a z-normalized series. The number of segments of a sample
    is uniform between 1 and `segments`; they are equally long, lie at random
    within the valid part without overlap, and cover `drop_fraction` of it. All
    channels are dropped together. Active only in training. Padding (steps that
    are NaN in every channel) stays.

    Args:
        drop_fraction: Float in `[0, 1]`. Fraction of the valid steps that is dropped,
            exact up to the rounding of each segment to whole steps.
        segments: Integer, at least 1. The largest number of segments.
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
    >>> from keras_maelre.augmentation import RandomDrop
    >>> series = np.ones((2, 100, 1), "float32")
    >>> layer = RandomDrop(0.1, segments=3)
    >>> dropped = layer(series, training=True)

    Reference:
        "Modality Agnostic Efficient Long Range Encoder", arXiv 2507.19409,
        section 4.2.
    """

    def __init__(self, drop_fraction=0.1, segments=3, rate=0.5, seed=None, **kwargs):
        super().__init__(rate=rate, seed=seed, **kwargs)
        self.drop_fraction = check_number("drop_fraction", drop_fraction, high=1.0)
        self.segments = check_integer("segments", segments)

    def augment(self, series, lengths):
        dtype = series.dtype
        lengths = ops.cast(lengths, dtype)
        total = self.drop_fraction * lengths
        count = 1.0 + ops.floor(self.segments * self.uniform(series, 1))
        width = total / count

        # Sorted random points on the steps that are kept, each pushed on by the
        # segments before it: every arrangement without overlap is as likely.
        number = ops.arange(self.segments, dtype="int32")[None]
        points = self.uniform(series, self.segments)
        # Points beyond `count` move past the valid part.
        points = ops.where(ops.cast(number, dtype) < count, points, 2.0)
        points = ops.sort(points, axis=1)
        starts = points * (lengths - total) + ops.cast(number, dtype) * width

        # A step is dropped if a segment covers its middle: the first and the last
        # step are then as easily reached.
        middles = ops.cast(self.steps(series), dtype)[..., None] + 0.5
        starts, width = starts[:, None], width[:, None]
        inside = ops.logical_and(middles >= starts, middles < starts + width)
        return ops.where(ops.any(inside, axis=-1, keepdims=True), 0.0, series)

    def get_config(self):
        return {
            **super().get_config(),
            "drop_fraction": self.drop_fraction,
            "segments": self.segments,
        }
