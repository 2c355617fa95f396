import keras
from keras import ops

from keras_maelre.augmentation.spectrogram_augmentation import (
    SpectrogramAugmentation,
)
from keras_maelre.checks import check_number


@keras.saving.register_keras_serializable(package="keras_maelre")
class SpectrogramNoise(SpectrogramAugmentation):
    """Adds uniform noise of a random strength to spectrograms.

    The noise is uniform from 0 to a scale that is itself uniform from 0 to
    `max_scale` and drawn for each sample. Active only in training. Frames of zeros
    that pad a clip get noise too.

    Args:
        max_scale: Float, at least 0. The most that is added, in units of the
            normalized energies.
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
    >>> from keras_maelre.augmentation import SpectrogramNoise
    >>> spectrograms = np.random.normal(size=(2, 1024, 128))
    >>> layer = SpectrogramNoise()
    >>> noisy = layer(spectrograms, training=True)

    Reference:
        "Modality Agnostic Efficient Long Range Encoder", arXiv 2507.19409,
        section 4.3, after "AST", arXiv 2104.01778.
    """

    def __init__(self, max_scale=0.1, rate=1.0, seed=None, **kwargs):
        super().__init__(rate=rate, seed=seed, **kwargs)
        self.max_scale = check_number("max_scale", max_scale)

    def augment(self, spectrograms):
        noise = self.uniform(ops.shape(spectrograms))
        scale = self.uniform((ops.shape(spectrograms)[0], 1, 1)) * self.max_scale
        return ops.cast(spectrograms, "float32") + scale * noise

    def get_config(self):
        return {**super().get_config(), "max_scale": self.max_scale}
