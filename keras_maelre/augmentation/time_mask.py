import keras
from keras import ops

from keras_maelre.augmentation.spectrogram_augmentation import (
    SpectrogramAugmentation,
)
from keras_maelre.checks import check_count


@keras.saving.register_keras_serializable(package="keras_maelre")
class TimeMask(SpectrogramAugmentation):
    """Replaces a random band of frames by zero, the mean of the data.

    One band for each sample, at a random position and of a width that is uniform
    from 0 to `max_width`, or to all frames if there are fewer. Active only in
    training. Frames of zeros that pad a clip stay zero; a band may lie in them and
    mask nothing.

    Args:
        max_width: The most frames that are masked: an integer of at least 1, or a
            float in `(0, 1)`, a fraction of the frames of the batch, rounded up.
        rate: Float in `[0, 1]`. Probability that a sample is changed.
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

    Example:

    >>> import numpy as np
    >>> from keras_maelre.augmentation import TimeMask
    >>> spectrograms = np.random.normal(size=(2, 1024, 128))
    >>> layer = TimeMask()
    >>> masked = layer(spectrograms, training=True)

    Reference:
        "Modality Agnostic Efficient Long Range Encoder", arXiv 2507.19409,
        section 4.3, after "SpecAugment", arXiv 1904.08779.
    """

    def __init__(self, max_width=192, rate=1.0, seed=None, **kwargs):
        super().__init__(rate=rate, seed=seed, **kwargs)
        self.max_width = check_count("max_width", max_width)

    def augment(self, spectrograms):
        band = self.draw_band(spectrograms, 1, self.max_width)
        return ops.where(band[:, :, None], 0.0, spectrograms)

    def get_config(self):
        return {**super().get_config(), "max_width": self.max_width}
