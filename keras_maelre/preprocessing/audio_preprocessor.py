"""Sounds as normalised log-mel spectrograms."""

import functools
import numbers
import os
import pathlib

import keras
import numpy as np
from keras import ops

from keras_maelre.checks import check_flag, check_integer, check_number
from keras_maelre.preprocessing.log_mel import LogMelFilterbank
from keras_maelre.preprocessing.preprocessor import (
    Preprocessor,
    as_samples,
    refuse_masked,
)
from keras_maelre.preprocessing.read_sound import read_sound
from keras_maelre.preprocessing.resample import resample

# Statistics of the log-mel energies of AudioSet, from AST.
AUDIOSET_MEAN = -4.2677393
AUDIOSET_STDDEV = 4.5689974
PATHS = (str, bytes, pathlib.Path)
# A clip is computed at a multiple of this many frames, so that clips of all lengths
# come in few shapes, for each of which JAX compiles anew.
FRAMES_AT_ONCE = 128


@keras.saving.register_keras_serializable(package="keras_maelre")
class NormalizedLogMel(keras.layers.Layer):
    """Turns waves into normalised log-mel spectrograms of a fixed length.

    Made by `AudioPreprocessor.layer`. The energies of `LogMelFilterbank` become
    `(energy - mean) / (2 * stddev)`; zeros follow up to `frames`. All waves of a
    batch are taken to be as long as the tensor is: zeros at the end of a wave are
    silence, not padding.

    Args:
        frames: Integer, frames of the output.
        num_mel_bins: Integer, mel filters.
        sampling_rate: Number, samples per second of the waves, in Hz.
        mean: Float, mean of the log-mel energies.
        stddev: Float, standard deviation of the log-mel energies.
        frame_step_ms: Number, milliseconds from one frame to the next.
        truncate: Boolean. Whether waves that are too long lose their end. If not
            they are an error; a length that is unknown when a graph is traced
            cannot be checked, and such waves are cut.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Call arguments:
        waves: Float tensor of shape `(batch, samples)`, values in `[-1, 1]`.

    Returns:
        A tensor of shape `(batch, frames, num_mel_bins)`.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is out of its range, or the waves are not of rank
            2, shorter than a frame, or too long without `truncate`.

    Example:

    ```python
    layer = keras_maelre.preprocessing.NormalizedLogMel(frames=200)
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
        energies = (self.log_mel(waves) - self.mean) / (2.0 * self.stddev)
        padded = ops.pad(energies, [[0, 0], [0, self.frames], [0, 0]])
        return ops.cast(padded[:, : self.frames], self.compute_dtype)

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
    """Turns sounds into normalised log-mel spectrograms.

    Sounds are mixed down to one channel, brought to `sampling_rate`, and turned into
    the log-mel energies of `LogMelFilterbank`. These become
    `(energy - mean) / (2 * stddev)`, and zeros follow up to the full length. A sample
    gives the same result alone and in any batch. Silence has the energy `log(1.19e-7)
    = -15.94`, with the default statistics -1.278, in every bin.

    Args:
        input_shape: Tuple of two integers, frames and mel filters. Defaults to that
            of the built-in presets, 1024 frames (10.2 s) and 128 filters.
        sampling_rate: Number, samples per second that the spectrogram is made from.
        mean: Float, mean of the log-mel energies. The default and that of `stddev`
            were measured on AudioSet; `measure` takes them from other sounds.
        stddev: Float, standard deviation of the log-mel energies.
        frame_step_ms: Number, milliseconds from one frame to the next; 5 gives a
            clip of 5 seconds the 1000 frames that one of 10 seconds has at 10.
        truncate: Boolean. Whether sounds that are too long lose their end.

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
        TypeError: If a sound is none of the above.
        ValueError: If a sound is damaged, holds NaN or infinity, is shorter than a
            frame of 25 ms, or too long without `truncate`.

    Example:

    ```python
    preprocessor = AudioPreprocessor.from_preset("tiny_audio", input_shape=(208, 128))
    waves = np.random.uniform(-0.1, 0.1, size=(3, 32000))
    spectrograms = preprocessor(waves)  # (3, 208, 128)

    # With the statistics of these sounds in place of AudioSet's.
    preprocessor = preprocessor.measure(waves, verbose=0)

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
        # Made at once, for its checks of the arguments.
        self.layer  # noqa: B018

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

    def measure(self, samples, verbose=1):
        """Makes the preprocessor whose statistics are those of the given sounds.

        Args:
            samples: List of training sounds, as in a call.
            verbose: 0 shows nothing, 1 a progress bar.

        Returns:
            A new `AudioPreprocessor` that differs in `mean` and `stddev`, measured
            over all frames and filters, without padding.

        Raises:
            ValueError: As in a call, or if all energies are the same.
        """
        sounds = _as_sounds(samples)
        progress = keras.utils.Progbar(len(sounds), verbose=verbose, unit_name="sound")
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
        statistics = {"mean": float(mean), "stddev": float(stddev)}
        return self.from_config({**self.get_config(), **statistics})

    def _waves(self, sounds):
        """Yields each sound as a `(1, samples)` wave to compute, and its frames.

        The wave ends in zeros; the frames are those that they have no part in.
        """
        filterbank, limit = self.layer.log_mel, self.input_shape[0]
        lengths = [0] * len(sounds)
        for i, sound in enumerate(sounds):
            wave = _load(sound, i, self.sampling_rate)
            if len(wave) < filterbank.window_size:
                raise ValueError(
                    f"{_name(sound, i)} must have at least {filterbank.window_size} "
                    f"samples, one frame at {self.sampling_rate} Hz. Received: "
                    f"{len(wave)} samples"
                )
            lengths[i] = filterbank.count_frames(len(wave))
            if lengths[i] > limit:
                self.check_length(lengths, "frames")
            frames = min(lengths[i], limit)
            padded = min(-(-frames // FRAMES_AT_ONCE) * FRAMES_AT_ONCE, limit)
            samples = filterbank.window_size + (padded - 1) * filterbank.step_size
            wave = wave[:samples]
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
    return as_samples(samples, "paths, waves, or pairs (wave, rate)", single=PATHS)


def _name(sound, i):
    path = f" ({os.fsdecode(sound)!r})" if isinstance(sound, PATHS) else ""
    return f"Sample {i}{path}"


def _load(sound, i, sampling_rate):
    """Returns a sound as a float32 wave `(samples,)` at `sampling_rate`."""
    rate = sampling_rate
    if isinstance(sound, PATHS):
        wave, rate = read_sound(os.fsdecode(sound))
    elif _is_pair(sound):
        wave, rate = sound
        if not 0 < rate < float("inf"):
            raise ValueError(
                f"The rate of sample {i} must be positive. Received: {rate}"
            )
    else:
        wave = sound
    refuse_masked(wave, f"The wave of sample {i}")
    wave = np.asarray(wave)
    if wave.dtype == "int16":
        wave = wave / np.float32(32768)
    if wave.dtype.kind != "f" or wave.ndim not in (1, 2) or not wave.size:
        raise TypeError(
            f"{_name(sound, i)} must be a path, a wave or a pair (wave, rate), where "
            "a wave is an array of shape (samples,) or (samples, channels) of floats "
            f"in [-1, 1] or 16-bit integers. Received: {type(sound).__name__}, as an "
            f"array of shape {wave.shape} and dtype {wave.dtype}"
        )
    if not np.isfinite(wave).all():
        raise ValueError(f"{_name(sound, i)} holds NaN or infinity.")
    if wave.ndim == 2:
        wave = wave.mean(axis=1)
    return resample(wave, rate, sampling_rate)


def _is_pair(sound):
    return (
        isinstance(sound, (tuple, list))
        and len(sound) == 2
        and isinstance(sound[1], numbers.Real)
        and np.ndim(sound[0]) > 0
    )
