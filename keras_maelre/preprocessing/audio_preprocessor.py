"""Sounds as normalized log-mel spectrograms."""

import functools
import numbers
import os
import pathlib
import sys

import keras
import numpy as np
from keras import ops

from keras_maelre.checks import check_flag, check_integer, check_number
from keras_maelre.preprocessing.log_mel import LOWEST_RATE, LogMelFilterbank
from keras_maelre.preprocessing.preprocessor import (
    Preprocessor,
    as_samples,
    refuse_masked,
)
from keras_maelre.preprocessing.read_sound import read_sound, sound_info
from keras_maelre.preprocessing.resample import resample, resampled_length

# Statistics of the log-mel energies of AudioSet, from AST.
AUDIOSET_MEAN = -4.2677393
AUDIOSET_STDDEV = 4.5689974
PATHS = (str, bytes, pathlib.Path)
# 20 dB above full scale: overshoot of decoders stays below, other ranges lie above.
LARGEST_AMPLITUDE = 10.0
# A clip is computed at a multiple of this many frames, so that clips of all lengths
# come in few shapes, for each of which JAX compiles anew.
FRAMES_AT_ONCE = 128


@keras.saving.register_keras_serializable(package="keras_maelre")
class NormalizedLogMel(keras.layers.Layer):
    """Turns waves into normalized log-mel spectrograms of a fixed length.

    Made by `AudioPreprocessor.layer`. The energies of `LogMelFilterbank` become
    `(energy - mean) / (2 * stddev)`; zeros follow up to `frames`. Waves of different
    lengths in one batch are padded with NaN: frames that padding has a part in become
    zeros. Zeros at the end of a wave are silence, not padding.

    Args:
        frames: Integer, frames of the output.
        num_mel_bins: Integer, mel filters.
        sampling_rate: Number, samples per second of the waves, in Hz.
        mean: Float, mean of the log-mel energies.
        stddev: Float, standard deviation of the log-mel energies.
        frame_step_ms: Number, milliseconds from one frame to the next.
        truncate: Boolean. Whether the end of waves that are too long is cut off. If
            not, they are an error; a length that is unknown when a graph is traced
            cannot be checked, and such waves are cut.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Call arguments:
        waves: Float tensor of shape `(batch, samples)`, values in `[-1, 1]`, NaN for
            padding at the end.

    Returns:
        A tensor of shape `(batch, frames, num_mel_bins)`.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is out of its range, or the waves are not of rank
            2, shorter than a frame, or too long without `truncate`.

    Example:

    ```python
    import numpy as np
    from keras_maelre.preprocessing import NormalizedLogMel

    layer = NormalizedLogMel(frames=200)
    layer(np.random.uniform(-0.1, 0.1, size=(2, 16000)))  # (2, 200, 128)
    ```

    Reference:
        "AST: Audio Spectrogram Transformer", arXiv 2104.01778.
    """

    def __init__(
        self,
        frames=1024,
        num_mel_bins=128,
        sampling_rate=16000,
        mean=AUDIOSET_MEAN,
        stddev=AUDIOSET_STDDEV,
        frame_step_ms=10.0,
        truncate=False,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        self.frames = check_integer("frames", frames)
        self.mean = check_number("mean", mean, low=float(np.finfo("float32").min))
        self.stddev = check_number("stddev", stddev, low=1e-6)
        self.truncate = check_flag("truncate", truncate)
        self.log_mel = LogMelFilterbank(
            sampling_rate, num_mel_bins, frame_step_ms, dtype="float32"
        )
        self.input_spec = keras.layers.InputSpec(ndim=2)

    def build(self, input_shape):
        pass

    def call(self, waves):
        self._check_length(waves.shape[1])
        waves = ops.cast(waves, "float32")
        # A frame is whole if its last sample is none of the padding.
        window, step = self.log_mel.window_size, self.log_mel.step_size
        whole = ops.logical_not(ops.isnan(waves[:, window - 1 :: step]))
        whole = ops.pad(whole, [[0, 0], [0, self.frames]], constant_values=False)
        energies = ops.pad(self.log_mel(waves), [[0, 0], [0, self.frames], [0, 0]])
        normalized = (energies[:, : self.frames] - self.mean) / (2.0 * self.stddev)
        spectrograms = ops.where(
            ops.expand_dims(whole[:, : self.frames], -1), normalized, 0.0
        )
        return ops.cast(spectrograms, self.compute_dtype)

    def _check_length(self, samples):
        if samples is None or self.truncate:
            return
        if self.log_mel.count_frames(samples) > self.frames:
            raise ValueError(
                f"The waves must have at most {self.frames} frames. Received: "
                f"{self.log_mel.count_frames(samples)} frames ({samples} samples). "
                "Pass more `frames` here and to the model, or `truncate=True` to cut "
                "the ends off."
            )

    def compute_output_shape(self, input_shape):
        self._check_length(input_shape[1])
        batch, _, bins = self.log_mel.compute_output_shape(input_shape)
        return (batch, self.frames, bins)

    def get_config(self):
        return {
            **super().get_config(),
            "frames": self.frames,
            "num_mel_bins": self.log_mel.num_mel_bins,
            "sampling_rate": self.log_mel.sampling_rate,
            "mean": self.mean,
            "stddev": self.stddev,
            "frame_step_ms": self.log_mel.frame_step_ms,
            "truncate": self.truncate,
        }


@keras.saving.register_keras_serializable(package="keras_maelre")
class AudioPreprocessor(Preprocessor):
    """Turns sounds into normalized log-mel spectrograms.

    Sounds are mixed down to one channel, brought to `sampling_rate`, and turned into
    the log-mel energies of `LogMelFilterbank`. These become
    `(energy - mean) / (2 * stddev)`, and zeros follow up to the full length. A sample
    gives the same result alone and in any batch. Silence has the energy `log(1.19e-7)
    = -15.94`, with the default statistics -1.278, in every bin.

    Floats are waves in `[-1, 1]`. Overshoot, as decoders and filters leave it, is fine
    up to 10 (20 dB above full scale); a wave beyond that is of another range, such as
    that of 16-bit integers, and an error.

    Args:
        input_shape: Tuple of two integers, frames and mel filters. Defaults to that
            of the built-in presets, 1024 frames (10.2 s) and 128 filters.
        sampling_rate: Number, samples per second that the spectrogram is made from.
        mean: Float, mean of the log-mel energies. The defaults of `mean` and `stddev`
            were measured on AudioSet; `adapt` measures them on other sounds.
        stddev: Float, standard deviation of the log-mel energies.
        frame_step_ms: Number, milliseconds from one frame to the next; 5 gives a
            clip of 5 seconds the 1000 frames that one of 10 seconds has at 10.
        truncate: Boolean. Whether the end of a sound that is too long is cut off.

    Call arguments:
        x: List of sounds: paths of WAV, FLAC or OGG files; pairs `(wave, rate)`; or
            waves at `sampling_rate`. A wave is an array of shape `(samples,)` or
            `(samples, channels)`, of floats in `[-1, 1]` or of 16-bit integers. An
            array of shape `(batch, samples)` is a batch of waves.
        y: Optional labels, passed through.
        sample_weight: Optional weights, passed through.

    Returns:
        A float32 array of shape `(batch, frames, mel)`, or a tuple with the labels
        and weights that were given.

    Raises:
        FileNotFoundError: If a file is missing.
        ImportError: If soundfile (for paths) or soxr (for other rates) is missing.
        TypeError: If a sound is none of the above, such as a pair `(rate, wave)`; or
            if a single wave is passed in place of a list.
        ValueError: If a sound is damaged or cut off, holds NaN or infinity or values
            far beyond `[-1, 1]`, is shorter than a frame of 25 ms, or too long
            without `truncate`.

    Example:

    ```python
    import keras
    import numpy as np
    from keras_maelre import MaelreClassifier
    from keras_maelre.preprocessing import AudioPreprocessor

    preprocessor = AudioPreprocessor.from_preset("tiny_audio", input_shape=(208, 128))
    waves = np.random.uniform(-0.1, 0.1, size=(3, 32000))
    spectrograms = preprocessor(waves)  # (3, 208, 128)

    # With the statistics of these sounds in place of AudioSet's.
    preprocessor.adapt(waves, verbose=0)

    # The same as a part of the model, which then takes waves.
    classifier = MaelreClassifier.from_preset("tiny_audio", input_shape=(208, 128))
    model = keras.Sequential([preprocessor.layer, classifier])
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder", arXiv 2507.19409,
        section 4.3; "AST: Audio Spectrogram Transformer", arXiv 2104.01778.
    """

    modality = "audio"
    axes = ("frames", "mel filters")

    def __init__(
        self,
        input_shape=(1024, 128),
        sampling_rate=16000,
        mean=AUDIOSET_MEAN,
        stddev=AUDIOSET_STDDEV,
        frame_step_ms=10.0,
        truncate=False,
    ):
        super().__init__(input_shape, truncate)
        self.sampling_rate = sampling_rate
        self.mean = mean
        self.stddev = stddev
        self.frame_step_ms = frame_step_ms
        # Made at once: it checks the arguments.
        checked = self.layer
        self.sampling_rate = checked.log_mel.sampling_rate
        self.mean, self.stddev = checked.mean, checked.stddev
        self.frame_step_ms = checked.log_mel.frame_step_ms

    @functools.cached_property
    def layer(self):
        """The arithmetic as a Keras layer: waves `(batch, samples)` in."""
        frames, num_mel_bins = self.input_shape
        return NormalizedLogMel(
            frames,
            num_mel_bins,
            self.sampling_rate,
            self.mean,
            self.stddev,
            self.frame_step_ms,
            self.truncate,
            dtype="float32",
        )

    def prepare(self, samples):
        sounds = _as_sounds(samples)
        spectrograms = np.zeros((len(sounds), *self.input_shape), self.dtype)
        for row, (wave, frames) in zip(spectrograms, self._waves(sounds), strict=True):
            row[:frames] = ops.convert_to_numpy(self.layer(wave))[0, :frames]
        return spectrograms

    def lengths(self, samples):
        sounds = _as_sounds(samples)
        frames = [self._count_frames(sound, i) for i, sound in enumerate(sounds)]
        self.check_length(frames, "frames")
        return np.minimum(frames, self.input_shape[0])

    def _count_frames(self, sound, i):
        if isinstance(sound, PATHS):
            samples, rate = sound_info(os.fsdecode(sound))
        else:
            wave, rate = _as_wave(sound, i, self.sampling_rate)
            samples = len(wave)
        samples = resampled_length(samples, rate, self.sampling_rate)
        return self._checked_frames(samples, sound, i)

    def _checked_frames(self, samples, sound, i):
        filterbank = self.layer.log_mel
        if samples < filterbank.window_size:
            raise ValueError(
                f"{_name(sound, i)} must have at least {filterbank.window_size} "
                f"samples, one frame at {self.sampling_rate:g} Hz. Received: "
                f"{samples} samples"
            )
        return filterbank.count_frames(samples)

    def adapt(self, samples, verbose=1):
        """Sets `mean` and `stddev` to those of the given sounds.

        They are measured over all frames and filters, without padding. A `layer` that
        was taken before keeps the former statistics.

        Args:
            samples: List of training sounds, as in a call.
            verbose: 0 shows nothing; 1 shows a progress bar in a terminal or notebook,
                and a single line at the end elsewhere; 2 shows that line everywhere.

        Raises:
            TypeError, ValueError: As in a call, or if all energies are the same.
        """
        verbose = check_integer("verbose", verbose, low=0, high=2)
        sounds = _as_sounds(samples)
        # Keras' bar writes a line for every update where it cannot overwrite one.
        once = 2 if verbose and not _is_interactive() else verbose
        progress = keras.utils.Progbar(len(sounds), verbose=once, unit_name="sound")
        count, total, squares = 0, 0.0, 0.0
        for wave, frames in self._waves(sounds):
            energies = ops.convert_to_numpy(self.layer.log_mel(wave))[0, :frames]
            energies = energies.astype("float64")
            count += energies.size
            total += energies.sum()
            squares += np.square(energies).sum()
            progress.add(1)
        mean = total / count
        stddev = np.sqrt(max(squares / count - mean**2, 0.0))
        if stddev < 1e-6:
            raise ValueError(
                "The sounds must not all be silent: their log-mel energies are all "
                f"{mean:.6g}."
            )
        self.mean, self.stddev = float(mean), float(stddev)
        del self.layer  # made anew, with these

    def _waves(self, sounds):
        """Yields each sound as a `(1, samples)` wave to compute, and its frames.

        The wave ends in zeros; the frames are those that they have no part in.
        """
        filterbank, limit = self.layer.log_mel, self.input_shape[0]
        lengths = [0] * len(sounds)
        for i, sound in enumerate(sounds):
            wave, rate = _load(sound, i, self.sampling_rate)
            samples = resampled_length(len(wave), rate, self.sampling_rate)
            lengths[i] = self._checked_frames(samples, sound, i)
            if lengths[i] > limit:
                self.check_length(lengths, "frames")
            frames = min(lengths[i], limit)
            padded = min(-(-frames // FRAMES_AT_ONCE) * FRAMES_AT_ONCE, limit)
            samples = filterbank.window_size + (padded - 1) * filterbank.step_size
            wave = resample(wave, rate, self.sampling_rate)[:samples]
            yield np.pad(wave, (0, samples - len(wave)))[None], frames

    def get_config(self):
        return {
            **super().get_config(),
            "sampling_rate": self.sampling_rate,
            "mean": self.mean,
            "stddev": self.stddev,
            "frame_step_ms": self.frame_step_ms,
        }


def _as_sounds(samples):
    kinds = "paths, waves, or pairs (wave, rate)"
    message = f"A preprocessor is called on a list of samples ({kinds}). Received: "
    shape = getattr(samples, "shape", ())
    if len(shape) == 1 and np.asarray(samples[:1]).dtype.kind in "biufc":
        # Before a list of as many numbers is made.
        raise TypeError(
            f"{message}one array of shape {tuple(shape)}. Put a single wave in a list."
        )
    sounds = as_samples(samples, kinds, single=PATHS)
    for i, sound in enumerate(sounds):
        if _is_scalar(sound):
            raise TypeError(
                f"{message}the number {sound} as sample {i}. Put a single wave or pair "
                "in a list."
            )
    return sounds


def _is_scalar(value):
    if isinstance(value, PATHS):  # NumPy's strings have a shape
        return False
    return isinstance(value, numbers.Number) or getattr(value, "shape", None) == ()


def _is_interactive():
    """Whether what was written can be overwritten: in a terminal or a notebook."""
    terminal = getattr(sys.stdout, "isatty", lambda: False)
    return terminal() or "ipykernel" in sys.modules


def _name(sound, i):
    path = f" ({os.fsdecode(sound)!r})" if isinstance(sound, PATHS) else ""
    return f"Sample {i}{path}"


def _load(sound, i, sampling_rate):
    """Returns a sound as a float wave of shape `(samples,)`, and its rate in Hz."""
    if isinstance(sound, PATHS):
        wave, rate = read_sound(os.fsdecode(sound))
        _checked_rate(rate, f"{i} ({os.fsdecode(sound)!r})")
    else:
        wave, rate = _as_wave(sound, i, sampling_rate)
    if wave.dtype == "int16":
        wave = wave / np.float32(32768)
    if not np.isfinite(wave).all():
        raise ValueError(f"{_name(sound, i)} holds NaN or infinity.")
    loudest = np.abs(wave).max()
    if loudest > LARGEST_AMPLITUDE:
        raise ValueError(
            f"{_name(sound, i)} must hold floats in [-1, 1] (up to "
            f"{LARGEST_AMPLITUDE:g} passes as overshoot) or 16-bit integers. Received: "
            f"floats of amplitude {loudest:g}. Divide them by the largest value of "
            "their range, or pass the integers that they were made from."
        )
    if wave.ndim == 2:
        wave = wave.mean(axis=1)
    return wave.astype("float32", copy=False), rate


def _checked_rate(rate, sample):
    # Less would resample a short sound to one that fills the memory.
    return check_number(f"rate of sample {sample}", rate, LOWEST_RATE, 1e9)


def _as_wave(sound, i, sampling_rate):
    """Returns what is not a path as an array of a wave's shape and dtype, and its rate.

    What the array holds is not looked at.
    """
    wave, rate = sound, sampling_rate
    if isinstance(sound, (tuple, list)) and len(sound) == 2:
        if _is_scalar(sound[0]) and not _is_scalar(sound[1]):
            raise TypeError(
                f"Sample {i} must be a pair (wave, rate). Received: "
                f"({type(sound[0]).__name__}, {type(sound[1]).__name__}), as of "
                "(rate, wave). Swap the two."
            )
        if _is_scalar(sound[1]) and not _is_scalar(sound[0]):
            wave, rate = sound
            rate = _checked_rate(rate.item() if hasattr(rate, "item") else rate, i)
    refuse_masked(wave, f"The wave of sample {i}")
    try:
        wave = np.asarray(wave)
        what = f"an array of shape {wave.shape} and dtype {wave.dtype}"
    except ValueError as error:  # parts of unequal length
        wave, what = np.empty(0), f"not an array: {error}"
    right = wave.dtype.kind == "f" or wave.dtype == "int16"
    if not right or wave.ndim not in (1, 2) or not wave.size:
        raise TypeError(
            f"{_name(sound, i)} must be a path, a wave or a pair (wave, rate), where "
            "a wave is an array of shape (samples,) or (samples, channels) of floats "
            f"in [-1, 1] or 16-bit integers. Received: {type(sound).__name__}, {what}"
        )
    return wave, rate
