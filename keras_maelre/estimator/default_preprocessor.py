"""The preprocessor that samples ask for."""

import warnings

import numpy as np

from keras_maelre.preprocessing import (
    AudioPreprocessor,
    BytePreprocessor,
    ImagePreprocessor,
    SeriesPreprocessor,
    TextPreprocessor,
)
from keras_maelre.preprocessing.preprocessor import uncut_lengths

# 256 tokens in place of the 3136 of the preset's 224 by 224 pixels: what a CPU trains
# in minutes. All images are scaled to one size anyhow, so the data do not suggest one.
IMAGE_SHAPE = (64, 64, 3)
# Half the bands of the preset, and for sounds beyond 2.56 seconds half the frames: the
# same accuracy on the development sounds in a quarter of the time.
MEL_BANDS = 64
MOST_FINE_FRAMES = 256
COARSE_STEP_MS = 20.0


def default_preprocessor(modality, samples, input_shape, limit):
    """Makes a preprocessor for samples to train on.

    Its input is as long as the longest sample, but at most as long as that of the
    preset, since a single long one would set the cost of all. Whatever is longer, then
    or later, is cut, which `warn_of_cuts` says.

    Args:
        modality: String.
        samples: List or array of raw samples.
        input_shape: Tuple of integers, or `None` to choose it, which `series_input`
            does for series.
        limit: Tuple of integers, the input shape of the preset.

    Raises:
        TypeError, ValueError: If a sample is bad, or `input_shape` does not fit.
    """
    given = {} if input_shape is None else {"input_shape": input_shape}
    if modality == "image":
        return ImagePreprocessor(**{"input_shape": IMAGE_SHAPE, **given})
    if modality == "series":
        return SeriesPreprocessor(input_shape, truncate=True)
    if modality == "text":
        made = TextPreprocessor.from_documents(
            samples, **{"input_shape": limit, **given}, truncate=True
        )
    elif modality == "bytes":
        made = BytePreprocessor(**{"input_shape": limit, **given}, truncate=True)
    elif given:
        made = AudioPreprocessor(input_shape, truncate=True)
    else:
        shape = (limit[0], MEL_BANDS)
        made = AudioPreprocessor(shape, truncate=True)
        if uncut_lengths(made, samples).max() > MOST_FINE_FRAMES:
            made = AudioPreprocessor(shape, frame_step_ms=COARSE_STEP_MS, truncate=True)
    if not given:
        longest = int(min(max(uncut_lengths(made, samples)), made.input_shape[0]))
        shape = (longest, *made.input_shape[1:])
        made = type(made).from_config({**made.get_config(), "input_shape": shape})
    if modality == "audio":
        made.adapt(samples, verbose=0)
    return made


def warn_of_cuts(preprocessor, samples):
    """Warns of samples whose ends a preprocessor cuts off."""
    if not getattr(preprocessor, "truncate", False):
        return
    lengths, limit = uncut_lengths(preprocessor, samples), preprocessor.input_shape[0]
    cut = int(np.sum(np.asarray(lengths) > limit))
    if cut:
        warnings.warn(
            f"The ends of {cut} of {len(lengths)} samples are cut off: the longest has "
            f"{max(lengths)} {preprocessor.axes[0]}, and the input of the model "
            f"{limit}. Pass a longer `input_shape` to read more.",
            stacklevel=3,
        )
