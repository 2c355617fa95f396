"""Features of sounds that need no training."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from keras_maelre.checks import check_integer
from keras_maelre.preprocessing import AudioPreprocessor

# Sounds whose spectrograms are in memory at a time.
CHUNK = 64


class MelStatistics(TransformerMixin, BaseEstimator):
    """Mean and standard deviation of mel bands, and of their changes, over a sound.

    A support vector machine on these features is what one would try first on a few
    hundred sounds; as `extra_features` of a `MaelreEstimator` they join what the
    encoder hears.

    Needs `pip install "keras_maelre[sklearn]"`.

    Args:
        bands: Integer, the mel bands.
        frames: Integer, the frames of 10 ms that are looked at; later ones are not.

    Raises (when it transforms):
        TypeError: If an argument or `X` is of the wrong type.
        ValueError: If an argument is out of range, or a sound is damaged.

    Example:

    ```python
    import numpy as np
    from keras_maelre.estimator import MelStatistics

    waves = [np.random.uniform(-1, 1, size=n) for n in (8000, 16000)]
    MelStatistics().fit_transform(waves).shape  # (2, 256)
    ```

    Reference:
        Piczak, "ESC: Dataset for Environmental Sound Classification" (ACM Multimedia
        2015), section 3, whose baselines take such statistics.
    """

    def __init__(self, bands=64, frames=1024):
        self.bands = bands
        self.frames = frames

    def fit(self, X, y=None):
        """Checks the arguments: nothing is learned.

        Args:
            X: Sounds, as `AudioPreprocessor` takes them.
            y: Ignored.
        """
        self._preprocessor()
        return self

    def transform(self, X):
        """Returns the statistics.

        Args:
            X: Sounds, as `AudioPreprocessor` takes them.

        Returns:
            Float array of shape `(samples, 4 * bands)`.
        """
        preprocessor, sounds = self._preprocessor(), list(X)
        rows = []
        for begin in range(0, len(sounds), CHUNK):
            for spectrogram in preprocessor(sounds[begin : begin + CHUNK]):
                # Padding is zero in every band.
                heard = spectrogram[np.any(spectrogram != 0, axis=1)]
                heard = heard if len(heard) > 1 else spectrogram[:2]
                changes = np.diff(heard, axis=0)
                rows.append(
                    np.concatenate(
                        [heard.mean(0), heard.std(0), changes.mean(0), changes.std(0)]
                    )
                )
        return np.array(rows)

    def _preprocessor(self):
        frames = check_integer("frames", self.frames, low=2)
        bands = check_integer("bands", self.bands)
        return AudioPreprocessor((frames, bands), truncate=True)
