import keras
from keras import ops

from keras_maelre.augmentation.spectrogram_augmentation import (
    SpectrogramAugmentation,
    count_of,
)
from keras_maelre.checks import check_count


@keras.saving.register_keras_serializable(package="keras_maelre")
class SpectrogramRoll(SpectrogramAugmentation):
    """Shifts spectrograms circularly in time by a few random frames.

    The shift is uniform over the integers from `-max_shift` to `max_shift`; what
    leaves at one end comes back at the other. Active only in training. Frames of
    zeros that pad a clip are shifted too: up to `max_shift` of them come first.

    Args:
        max_shift: The most frames of a shift, either way: an integer of at least 1,
            or a float in `(0, 1)`, a fraction of the frames of the batch, rounded up.
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
    >>> from keras_maelre.augmentation import SpectrogramRoll
    >>> spectrograms = np.random.normal(size=(2, 1024, 128))
    >>> layer = SpectrogramRoll()
    >>> rolled = layer(spectrograms, training=True)

    Reference:
        "Modality Agnostic Efficient Long Range Encoder", arXiv 2507.19409,
        section 4.3, after "AST", arXiv 2104.01778.
    """

    def __init__(self, max_shift=10, rate=1.0, seed=None, **kwargs):
        super().__init__(rate=rate, seed=seed, **kwargs)
        self.max_shift = check_count("max_shift", max_shift)

    def augment(self, spectrograms):
        frames = ops.shape(spectrograms)[1]
        most = count_of(self.max_shift, frames)
        shift = self.integers(spectrograms, 2 * most + 1) - most
        source = (ops.arange(frames, dtype="int32")[None] - shift) % frames
        return ops.take_along_axis(spectrograms, source[..., None], axis=1)

    def get_config(self):
        return {**super().get_config(), "max_shift": self.max_shift}
