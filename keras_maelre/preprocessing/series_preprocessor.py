"""Time series of any length."""

import keras
import numpy as np

from keras_maelre.preprocessing.preprocessor import Preprocessor, as_samples
from keras_maelre.preprocessing.resample import resample
from keras_maelre.preprocessing.z_normalize import ZNormalize

# Series normalised at a time: a whole set would need its size in memory again.
CHUNK = 256


@keras.saving.register_keras_serializable(package="keras_maelre")
class SeriesPreprocessor(Preprocessor):
    """Turns ragged time series into one tensor, z-normalised and padded with NaN.

    Time steps that are NaN in every channel are padding: at the end of a series they
    are as good as absent, elsewhere they stay where they are.

    Args:
        input_shape: Tuple of two integers, steps and channels. Defaults to that of
            the built-in presets, `(3750, 1)`.
        truncate: Boolean. Whether series that are too long lose their end.
        normalize: Boolean. Whether every channel of every series gets mean 0 and
            standard deviation 1, see `ZNormalize`.
        source_rate: Optional number, the sampling rate of the raw series in Hz.
        sampling_rate: Optional number, the rate in Hz to resample them to.

    Call arguments:
        x: List of arrays of shape `(steps,)`, of a single channel, or `(steps,
            channels)`, each of its own length; or one array of equally long ones.
        y: Optional labels, passed through.
        sample_weight: Optional weights, passed through.

    Returns:
        A float32 array of shape `(samples, *input_shape)`, or a tuple with the labels
        and weights that were given.

    Raises:
        ValueError: If a series is empty, too long without `truncate`, has another
            number of channels, or holds an infinity or a step that is NaN in only
            some channels; if only one of the two rates is given.

    Example:

    ```python
    preprocessor = SeriesPreprocessor.from_preset("tiny_series", input_shape=(500, 2))
    ragged = [np.random.normal(size=(steps, 2)) for steps in (500, 320)]
    preprocessor(ragged).shape  # (2, 500, 2)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 4.2.
    """

    modality = "series"

    def __init__(
        self,
        input_shape=(3750, 1),
        truncate=False,
        normalize=True,
        source_rate=None,
        sampling_rate=None,
    ):
        super().__init__(input_shape, truncate)
        if (source_rate is None) != (sampling_rate is None):
            raise ValueError(
                "Arguments `source_rate` and `sampling_rate` belong together. "
                f"Received: source_rate={source_rate}, sampling_rate={sampling_rate}"
            )
        for name, rate in (
            ("source_rate", source_rate),
            ("sampling_rate", sampling_rate),
        ):
            if rate is not None and not 0 < rate < np.inf:
                raise ValueError(
                    f"Argument `{name}` must be a positive number of Hz. "
                    f"Received: {name}={rate!r}"
                )
        self.normalize = bool(normalize)
        self.source_rate = source_rate
        self.sampling_rate = sampling_rate

    @property
    def layer(self):
        """The arithmetic part as a Keras layer, to put before a classifier."""
        if self.normalize:
            return ZNormalize(dtype="float32")
        return keras.layers.Identity(dtype="float32")

    def prepare(self, samples):
        # A string is a sequence too, but of no numbers.
        samples = as_samples(samples, "arrays", single=(str, bytes, dict))
        series = [self._checked(sample, i) for i, sample in enumerate(samples)]
        self.check_length([len(one) for one in series], "steps")
        steps, channels = self.input_shape
        batch = np.full((len(series), steps, channels), np.nan, "float32")
        for row, one in zip(batch, series, strict=True):
            row[: len(one)] = one[:steps]
        if not self.normalize:
            return batch
        layer = self.layer
        for start in range(0, len(batch), CHUNK):
            chunk = layer(batch[start : start + CHUNK])
            batch[start : start + CHUNK] = keras.ops.convert_to_numpy(chunk)
        return batch

    def _checked(self, sample, index):
        """Returns one series as `(steps, channels)` without padding at its end."""
        where = f"Received: sample {index}"
        try:
            series = np.asarray(sample, "float32")
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"A series must be an array of numbers. {where}, {error}"
            ) from error
        channels = self.input_shape[1]
        if series.ndim == 1 and channels == 1:
            series = series[:, None]
        if series.ndim != 2 or series.shape[1] != channels:
            alone = "(steps,) or " if channels == 1 else ""
            raise ValueError(
                f"A series must have shape {alone}(steps, {channels}). {where} of "
                f"shape {np.shape(sample)}"
            )
        missing = np.isnan(series)
        padding = missing.all(axis=1)
        if np.isinf(series).any() or (missing.any(axis=1) & ~padding).any():
            raise ValueError(
                "A series must not hold infinities, nor steps that are NaN in only "
                f"some channels. {where}"
            )
        if padding.all():
            raise ValueError(f"A series must have at least one valid step. {where}")
        series = series[: len(series) - int(np.argmin(padding[::-1]))]
        if self.sampling_rate in (None, self.source_rate):
            return series
        if np.isnan(series).any():
            raise ValueError(f"A series with a gap cannot be resampled. {where}")
        resampled = resample(series, self.source_rate, self.sampling_rate)
        if not len(resampled):
            raise ValueError(
                f"A series is too short to be resampled to {self.sampling_rate} Hz. "
                f"{where} of {len(series)} steps"
            )
        return resampled

    def get_config(self):
        return {
            **super().get_config(),
            "normalize": self.normalize,
            "source_rate": self.source_rate,
            "sampling_rate": self.sampling_rate,
        }
