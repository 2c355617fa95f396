"""Time series of any length."""

import keras
import numpy as np

from keras_maelre.checks import check_flag, check_number
from keras_maelre.preprocessing.differences import Differences, differences
from keras_maelre.preprocessing.preprocessor import (
    Preprocessor,
    as_samples,
    refuse_masked,
)
from keras_maelre.preprocessing.resample import resample, resampled_length
from keras_maelre.preprocessing.resize import ResizeSeries, resize_series
from keras_maelre.preprocessing.z_normalize import ZNormalize, z_normalize

LARGEST = float(np.finfo("float32").max)


@keras.saving.register_keras_serializable(package="keras_maelre")
class SeriesPreprocessor(Preprocessor):
    """Turns ragged time series into one tensor, z-normalized and padded with NaN.

    Time steps that are NaN in every channel are padding: at the end of a series they
    are ignored, elsewhere they stay where they are. Values are normalized in float64
    before they become float32, whatever their offset and scale; constant channels
    become 0.

    Args:
        input_shape: Tuple of two integers, steps and channels. Defaults to that of
            the built-in presets, `(3750, 1)`.
        truncate: Boolean. Whether the end of a series that is too long is cut off.
        normalize: Boolean. Whether every channel of every series gets mean 0 and
            standard deviation 1, see `ZNormalize`.
        source_rate: Optional number, the sampling rate of the raw series in Hz.
        sampling_rate: Optional number, the rate in Hz to resample them to.
        resize: Boolean. Whether every series is brought to exactly the steps of
            `input_shape`, whatever its length, see `ResizeSeries`. For series whose
            shape says more than their duration.
        differences: Boolean. Whether the differences of successive steps are further
            channels, see `Differences`: `input_shape` then has twice the channels of
            the raw series.

    Call arguments:
        x: List of arrays of shape `(steps,)`, for a single channel, or `(steps,
            channels)`, each of its own length; or one array of series of equal
            length.
        y: Optional labels, passed through.
        sample_weight: Optional weights, passed through.

    Returns:
        A float32 array of shape `(samples, *input_shape)`, or a tuple with the labels
        and weights that were given.

    Raises:
        ImportError: If soxr is not installed where series are resampled.
        TypeError: If an argument is of the wrong type, or a series is a NumPy masked
            array.
        ValueError: If a series is empty, too long without `truncate`, has another
            number of channels, or holds an infinity or a step that is NaN in only
            some channels; if only one of the two rates is given; if without
            `normalize` float32 cannot hold what a series says.

    Example:

    ```python
    import numpy as np
    from keras_maelre.preprocessing import SeriesPreprocessor

    preprocessor = SeriesPreprocessor.from_preset("tiny_series", input_shape=(500, 2))
    ragged = [np.random.normal(size=(steps, 2)) for steps in (500, 320)]
    preprocessor(ragged).shape  # (2, 500, 2)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 4.2.
    """

    modality = "series"
    axes = ("steps", "channels")

    def __init__(
        self,
        input_shape=(3750, 1),
        truncate=False,
        normalize=True,
        source_rate=None,
        sampling_rate=None,
        resize=False,
        differences=False,
    ):
        super().__init__(input_shape, truncate)
        if (source_rate is None) != (sampling_rate is None):
            raise ValueError(
                "Arguments `source_rate` and `sampling_rate` belong together. "
                f"Received: source_rate={source_rate}, sampling_rate={sampling_rate}"
            )
        if sampling_rate is not None:
            source_rate = check_number("source_rate", source_rate, above=0.0)
            sampling_rate = check_number("sampling_rate", sampling_rate, above=0.0)
        self.normalize = check_flag("normalize", normalize)
        self.resize = check_flag("resize", resize)
        self.differences = check_flag("differences", differences)
        if self.resize and self.truncate:
            raise ValueError(
                "Pass `resize=True`, which brings every series to one length, or "
                "`truncate=True`, which cuts ends off, not both."
            )
        if self.differences and self.input_shape[1] % 2:
            raise ValueError(
                "With `differences=True` the model has twice the channels of the raw "
                "series: `input_shape` must have an even number of them. "
                f"Received: input_shape={self.input_shape}"
            )
        self.source_rate = source_rate
        self.sampling_rate = sampling_rate

    @property
    def layer(self):
        """The arithmetic part as a Keras layer, to put before a classifier."""
        parts = []
        if self.resize:
            parts.append(ResizeSeries(self.input_shape[0], dtype="float32"))
        if self.normalize:
            parts.append(ZNormalize(dtype="float32"))
        if self.differences:
            parts.append(Differences(normalize=self.normalize, dtype="float32"))
        if not parts:
            return keras.layers.Identity(dtype="float32")
        return parts[0] if len(parts) == 1 else keras.Sequential(parts)

    @property
    def raw_channels(self):
        """Integer, the channels that a raw series must have."""
        return self.input_shape[1] // 2 if self.differences else self.input_shape[1]

    def prepare(self, samples):
        series = self._as_series(samples)
        self._checked_lengths(series)
        steps, channels = self.input_shape
        batch = np.full((len(series), steps, channels), np.nan, "float32")
        for i, (row, one) in enumerate(zip(batch, series, strict=True)):
            one = self._resampled(one, i)
            one = resize_series(one, steps) if self.resize else one[:steps]
            one = z_normalize(one) if self.normalize else _narrowed(one, i)
            if self.differences:
                one = differences(one, self.normalize)
            row[: len(one)] = one
        return batch

    def lengths(self, samples):
        lengths = self._checked_lengths(self._as_series(samples))
        return np.minimum(lengths, self.input_shape[0])

    def _checked_lengths(self, series):
        """The steps that each series has after resampling."""
        lengths = [len(one) for one in series]
        if self._resamples:
            rates = self.source_rate, self.sampling_rate
            lengths = [resampled_length(length, *rates) for length in lengths]
            if 0 in lengths:
                i = lengths.index(0)
                raise ValueError(
                    f"A series is too short to be resampled to {self.sampling_rate:g} "
                    f"Hz. Received: sample {i} of {len(series[i])} steps"
                )
        if self.resize:
            return np.full(len(lengths), self.input_shape[0])
        self.check_length(lengths, "steps")
        return np.array(lengths)

    @property
    def _resamples(self):
        return self.sampling_rate != self.source_rate

    def _as_series(self, samples):
        # A string is a sequence too, but of no numbers.
        samples = as_samples(samples, "arrays", single=(str, bytes, dict))
        return [self._checked(sample, i) for i, sample in enumerate(samples)]

    def _checked(self, sample, index):
        """Returns one series as `(steps, channels)` without padding at its end."""
        where = f"Received: sample {index}"
        if isinstance(sample, (list, tuple)):
            for part in sample:
                refuse_masked(part, f"Sample {index}")
        try:
            series = np.asarray(sample)
            if series.dtype.kind not in "biuf":
                if series.dtype.kind != "O":
                    raise TypeError(f"of dtype {series.dtype}")
                series = series.astype("float64")
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"A series must be an array of numbers. {where}, {error}"
            ) from error
        channels = self.raw_channels
        if series.ndim == 1 and channels == 1:
            series = series[:, None]
        if series.ndim != 2 or series.shape[1] != channels:
            alone = "(steps,) or " if channels == 1 else ""
            advice = ". Put a single series in a list." if series.ndim < 2 else ""
            raise ValueError(
                f"A series must have shape {alone}(steps, {channels}). {where} of "
                f"shape {np.shape(sample)}{advice}"
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
        changes = self._resamples or self.resize
        if changes and padding[: int(np.flatnonzero(~padding)[-1])].any():
            done = "resampled" if self._resamples else "resized"
            raise ValueError(f"A series with a gap cannot be {done}. {where}")
        return series[: len(series) - int(np.argmin(padding[::-1]))]

    def _resampled(self, series, index):
        if not self._resamples:
            return series
        # Beyond its ends the filter takes a signal to be 0: without its mean that is
        # a small step, with it a large one, which rings. Halves cannot overflow.
        series = 0.5 * series.astype("float64")
        middle = 0.5 * series.max(axis=0) + 0.5 * series.min(axis=0)
        largest = np.abs(series - middle).max(axis=0)
        scale = np.where(largest > 0, largest, 1.0)
        resampled = resample(
            (series - middle) / scale, self.source_rate, self.sampling_rate
        )
        return 2 * (resampled * scale + middle)

    def get_config(self):
        return {
            **super().get_config(),
            "normalize": self.normalize,
            "source_rate": self.source_rate,
            "sampling_rate": self.sampling_rate,
            "resize": self.resize,
            "differences": self.differences,
        }


def _narrowed(series, index):
    """Returns a series in float32, or raises if that cannot hold what it says."""
    where = f"Received: sample {index}"
    valid = series[~np.isnan(series).all(axis=1)].astype("float64")
    if np.abs(valid).max() > LARGEST:
        raise ValueError(
            f"Without `normalize` a series must fit float32. {where} with values up to "
            f"{np.abs(valid).max():g}"
        )
    narrow = valid.astype("float32")
    flat = (np.ptp(narrow, axis=0) == 0) & (np.ptp(valid, axis=0) > 0)
    if flat.any():
        raise ValueError(
            "Without `normalize` a series must not become constant in float32. "
            f"{where} with values from {valid.min():.17g} to {valid.max():.17g}. "
            "Subtract the offset, or pass `normalize=True`."
        )
    return series.astype("float32")
