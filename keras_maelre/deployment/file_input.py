"""What an exported file takes: raw samples, or inputs of the model."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from keras_maelre.checks import check_integer
from keras_maelre.modalities import Series, Tokens
from keras_maelre.preprocessing import (
    AudioPreprocessor,
    BytePreprocessor,
    ImagePreprocessor,
    SeriesPreprocessor,
)
from keras_maelre.preprocessing.audio_preprocessor import NormalizedLogMel
from keras_maelre.preprocessing.log_mel import LogMelFilterbank

# How many times the steps of the model a series may have that a file resizes: programs
# of torch have a largest length.
LONGEST_RESIZED = 16


@dataclasses.dataclass(frozen=True)
class FileInput:
    """The one input of an exported file.

    Args:
        name: String.
        dtype: String.
        shape: Tuple of integers, the largest sample.
        meaning: String, what the values are.
        shortest: Integer, the least length of the first axis, or `None` if all
            samples have the same.
        padding: Number, what follows a shorter sample in a batch, or `None`.
        draw: Function from a generator of random numbers and a shape to a sample.
        prepare: Function from samples to a batch of inputs of the model in NumPy.
        part: Function from the symbolic input of the file to that of the model.
    """

    name: str
    dtype: str
    shape: tuple
    meaning: str
    draw: Callable
    prepare: Callable
    shortest: int | None = None
    padding: float | None = None
    part: Callable = lambda x: x

    def batch(self, samples, length):
        """Pads samples to one array."""
        shape = (len(samples), length, *self.shape[1:])
        x = np.full(shape, self.padding or 0, self.dtype)
        for row, sample in zip(x, samples, strict=True):
            row[: len(sample)] = sample
        return x

    def check_length(self, length):
        """Raises a ValueError unless samples may all have this length."""
        if length is None:
            return
        if self.shortest is None:
            raise ValueError(
                f"Argument `length` must be None: the {self.name} of this classifier "
                f"has the shape {self.shape}. Received: length={length!r}"
            )
        check_integer("length", length, self.shortest, self.shape[0])


def file_input(classifier, raw_input):
    """Returns what the file of a classifier takes.

    Args:
        classifier: A `MaelreClassifier`.
        raw_input: Boolean. Whether samples are raw, as far as preprocessing is
            arithmetic.

    Raises:
        ValueError: If the classifier's preprocessing cannot be part of a file.
    """
    if not raw_input:
        return _model_input(classifier)
    preprocessor = classifier.preprocessor
    if preprocessor is None:
        raise ValueError(
            "raw_input=True needs a classifier with a preprocessor: pass "
            "raw_input=False for a file that takes inputs of the model."
        )
    # A subclass may do something else.
    make = RAW_INPUTS.get(type(preprocessor))
    if make is None:
        raise ValueError(
            f"A file cannot hold what {type(preprocessor).__name__} does: pass "
            "raw_input=False for a file that takes inputs of the model "
            f"({classifier.modality.description})."
        )
    return make(preprocessor, classifier)


def _model_input(classifier):
    modality, shape = classifier.modality, classifier.signal_shape
    padding, note = None, ""
    if isinstance(modality, Tokens):
        padding, note = modality.padding_id, f"; {modality.padding_id} pads"
    elif isinstance(modality, Series):
        padding, note = np.nan, "; NaN in every channel pads"

    def draw(generator, shape):
        if not isinstance(modality, Tokens):
            return generator.normal(size=shape)
        ids = generator.integers(0, modality.vocabulary_size, shape)
        other = (modality.padding_id + 1) % modality.vocabulary_size
        return np.where(ids == modality.padding_id, other, ids)

    model_input = FileInput(
        modality.input_name,
        modality.dtype,
        shape,
        f"{modality.description} ({', '.join(modality.axes)}){note}",
        draw,
        shortest=1 if modality.variable_length else None,
        padding=padding,
        prepare=lambda samples: model_input.batch(samples, shape[0]),
    )
    return model_input


def _raw_series(preprocessor, classifier):
    config = {"source_rate": None, "sampling_rate": None}
    plain = SeriesPreprocessor.from_config({**preprocessor.get_config(), **config})
    rate = preprocessor.sampling_rate
    steps = preprocessor.input_shape[0]
    if preprocessor.resize:
        steps *= LONGEST_RESIZED
    return dataclasses.replace(
        _model_input(classifier),
        shape=(steps, preprocessor.raw_channels),
        meaning="time series (length, channels)"
        + (f" at {rate:g} Hz" if rate is not None else "")
        + "; NaN in every channel pads",
        prepare=plain.prepare,
        part=preprocessor.layer,
    )


def _raw_bytes(preprocessor, classifier):
    def prepare(samples):
        return preprocessor.prepare([bytes((ids - 1).tolist()) for ids in samples])

    return dataclasses.replace(
        _model_input(classifier),
        shape=preprocessor.input_shape,
        meaning="text as UTF-8 bytes (the value of each byte and 1); 0 pads",
        # Letters and signs: a document of blanks alone is none.
        draw=lambda generator, shape: generator.integers(34, 127, shape),
        prepare=prepare,
    )


def _raw_audio(preprocessor, classifier):
    frames, _ = preprocessor.input_shape
    filterbank = preprocessor.layer.log_mel
    longest = filterbank.window_size + frames * filterbank.step_size - 1
    layer = NormalizedLogMel.from_config(preprocessor.layer.get_config())
    layer.log_mel = SpectrumByProducts.from_config(filterbank.get_config())
    return FileInput(
        "wave",
        "float32",
        (longest,),
        f"waves of one channel in [-1, 1] at {preprocessor.sampling_rate:g} Hz "
        "(samples); NaN pads; what is longer is cut",
        lambda generator, shape: generator.uniform(-0.3, 0.3, shape).astype("float32"),
        preprocessor.prepare,
        shortest=filterbank.window_size,
        padding=np.nan,
        part=layer,
    )


def _raw_image(preprocessor, classifier):
    height, width, _ = preprocessor.input_shape
    scale = 1 / (255 * np.array(preprocessor.stddev))
    offset = -np.array(preprocessor.mean) / preprocessor.stddev

    def part(pixels):
        pixels = ops.cast(pixels, "float32")
        return pixels * scale.astype("float32") + offset.astype("float32")

    def prepare(samples):
        # They have the size of the model, so that nothing is scaled or cut.
        whole = {**preprocessor.get_config(), "crop_fraction": 1.0}
        return ImagePreprocessor.from_config(whole).prepare(samples)

    return FileInput(
        "image",
        "uint8",
        preprocessor.input_shape,
        f"RGB images scaled and cut to {height} by {width} pixels, values from 0 to "
        "255 (height, width, channels)",
        lambda generator, shape: generator.integers(0, 256, shape, "uint8"),
        prepare,
        part=part,
    )


RAW_INPUTS = {
    SeriesPreprocessor: _raw_series,
    BytePreprocessor: _raw_bytes,
    AudioPreprocessor: _raw_audio,
    ImagePreprocessor: _raw_image,
}


class SpectrumByProducts(LogMelFilterbank):
    """`LogMelFilterbank` by products: ONNX and LiteRT lack a Fourier transform.

    That of a frame of 25 ms is a small part of what a model computes.
    """

    def spectrum(self, frames):
        bins = np.arange(self.fft_size // 2 + 1)
        angles = np.outer(np.arange(self.window_size), bins) % self.fft_size
        angles = angles * (2 * np.pi / self.fft_size)
        real, imaginary = np.cos(angles), -np.sin(angles)
        return (
            ops.matmul(frames, real.astype("float32")),
            ops.matmul(frames, imaginary.astype("float32")),
        )


def probability_model(classifier, taken, batch=None, length=None):
    """Returns the functional model that a file holds: to probabilities.

    Args:
        classifier: A `MaelreClassifier` in float32.
        taken: The `FileInput`.
        batch: Integer, or `None` for any number of samples.
        length: Integer, or `None` for any length that is possible.
    """
    shape = taken.shape
    if taken.shortest is not None:
        shape = (length, *shape[1:])
    inputs = keras.Input(
        batch_shape=(batch, *shape), dtype=taken.dtype, name=taken.name
    )
    logits = classifier(taken.part(inputs)) / classifier.temperature
    to_probabilities = ops.sigmoid if classifier.multi_label else ops.softmax
    return keras.Model(inputs, {"probabilities": to_probabilities(logits)})
