"""Features of sounds that need no training."""

import numpy as np
import scipy.fft
from sklearn.base import BaseEstimator, TransformerMixin

from keras_maelre.checks import check_integer
from keras_maelre.preprocessing import AudioPreprocessor

# Sounds whose spectrograms are in memory at a time.
CHUNK = 64
# Later coefficients of a cepstrum are of single harmonics rather than of the envelope.
CEPSTRUM = 20
# Groups of neighboring bands whose rhythm is looked at.
GROUPS = 16
# Added to power before its logarithm: of silence there is none.
SILENCE = 1e-5


class MelStatistics(TransformerMixin, BaseEstimator):
    """What bands of mel frequency, their cepstrum and their rhythm are over a sound.

    Mean and standard deviation of the mel bands, of the first 20 coefficients of their
    cepstrum, and of the changes of both from frame to frame; and how much of the course
    of 16 groups of bands is in each octave of modulation frequencies, up to 50 Hz.

    A support vector machine on these features is what one would try first on a few
    hundred sounds; as `extra_features` of a `MaelreEstimator` they join what the
    encoder hears.

    Needs `pip install "keras_maelre[sklearn]"`.

    Args:
        bands: Integer, the mel bands.
        frames: Integer, the frames of 10 ms that are looked at; later ones are not.
            The slowest octave of modulation begins at one period in all of them.

    Raises (when it transforms):
        TypeError: If an argument or `X` is of the wrong type.
        ValueError: If an argument is out of range, or a sound is damaged.

    Example:

    ```python
    import numpy as np
    from keras_maelre.estimator import MelStatistics

    waves = [np.random.uniform(-1, 1, size=n) for n in (8000, 16000)]
    MelStatistics().fit_transform(waves).shape  # (2, 480)
    ```

    References:
        Piczak, "ESC: Dataset for Environmental Sound Classification" (ACM Multimedia
        2015), section 3, whose baselines take such statistics. McDermott and
        Simoncelli, "Sound Texture Perception via Statistics of the Auditory Periphery"
        (Neuron 71(5), 2011), for the power of modulations.
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
            Float array of shape `(samples, features)`: means and standard deviations
            of the bands, of their changes, of the cepstrum and of its changes, then the
            octaves, the slowest first.
        """
        preprocessor, sounds = self._preprocessor(), list(X)
        rows = []
        for begin in range(0, len(sounds), CHUNK):
            for spectrogram in preprocessor(sounds[begin : begin + CHUNK]):
                # Padding is zero in every band.
                heard = spectrogram[np.any(spectrogram != 0, axis=1)]
                heard = heard if len(heard) > 1 else spectrogram[:2]
                cepstrum = scipy.fft.dct(heard, norm="ortho")[:, :CEPSTRUM]
                rhythm = _modulation(heard, self.frames)
                rows.append(
                    np.concatenate([*_moments(heard), *_moments(cepstrum), *rhythm])
                )
        return np.array(rows)

    def _preprocessor(self):
        frames = check_integer("frames", self.frames, low=2)
        bands = check_integer("bands", self.bands)
        return AudioPreprocessor((frames, bands), truncate=True)


def _moments(rows):
    """Returns mean and standard deviation of columns and of their changes."""
    changes = np.diff(rows, axis=0)
    return rows.mean(0), rows.std(0), changes.mean(0), changes.std(0)


def _modulation(heard, frames):
    """Returns the logarithm of power in octaves of each group of bands.

    Power is divided by the frames that are heard, and is the mean over an octave.
    """
    bands = heard.shape[1]
    begins = np.linspace(0, bands, min(GROUPS, bands), endpoint=False).astype(int)
    course = np.add.reduceat(heard - heard.mean(0), begins, axis=1)
    course /= np.diff([*begins, bands])
    power = np.abs(np.fft.rfft(course, frames, axis=0)) ** 2 / len(heard)
    # The last one ends at half the rate of frames, which it includes.
    octaves = 2 ** np.arange(max(1, int(frames).bit_length() - 2))
    sums = np.add.reduceat(power, octaves, axis=0)
    return np.log(sums / np.diff([*octaves, len(power)])[:, None] + SILENCE)
