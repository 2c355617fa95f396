"""What all preprocessors share: raw samples in, the input tensor of a model out."""

import copy
import sys

import keras
import numpy as np

from keras_maelre.checks import check_flag, check_integers
from keras_maelre.models import preset_files, presets
from keras_maelre.models.batch_errors import keeps_errors


class Preprocessor:
    """Base of the preprocessors: turns raw samples into the input tensor of a model.

    A subclass sets `modality`, `axes` and `dtype` and implements `prepare(samples)`,
    which returns a NumPy array of shape `(samples, *input_shape)`. This class adds
    what all of them share: calls on plain data and in `tf.data`, presets,
    configuration.

    Nothing is cut silently: a sample that is longer than `input_shape` is an error
    unless `truncate=True`.

    Args:
        input_shape: Tuple of integers, the shape of one sample of the model's input.
        truncate: Boolean. Whether the end of a sample that is too long is cut off.

    Call arguments:
        x: A batch of raw samples.
        y: Optional labels, passed through.
        sample_weight: Optional weights, passed through.

    Returns:
        The input tensor, or a tuple with the labels and weights that were given.
    """

    modality = None
    axes = ()  # What the numbers of `input_shape` are, for messages.
    dtype = "float32"

    def __init__(self, input_shape, truncate=False):
        self.input_shape = check_integers("input_shape", input_shape, self.axes)
        self.truncate = check_flag("truncate", truncate)

    def prepare(self, samples):
        raise NotImplementedError

    def lengths(self, samples):
        """The length of each sample along the first axis of the input tensor.

        No features are computed. Batches of samples of similar length hold little
        padding.

        Args:
            samples: A batch of raw samples, as in a call.

        Returns:
            Integer array of shape `(samples,)`; or `None` if all samples fill the
            input tensor, as images do.

        Raises:
            TypeError, ValueError: As in a call, as far as lengths tell.
        """
        return None

    def __call__(self, x, y=None, sample_weight=None):
        if _is_symbolic(x):
            import tensorflow as tf

            x = tf.numpy_function(self._prepare_array, [x], self.dtype)
            x.set_shape((None, *self.input_shape))
        else:
            x = self.prepare(x)
        return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)

    @keeps_errors
    def _prepare_array(self, array):
        # Strings arrive as bytes.
        return self.prepare(array.tolist() if array.dtype == object else array)

    def check_length(self, lengths, unit):
        """Raises a ValueError if a sample is too long and may not be cut.

        Args:
            lengths: List of integers, the length of each sample.
            unit: String, what is counted.
        """
        limit = self.input_shape[0]
        too_long = [i for i, length in enumerate(lengths) if length > limit]
        if too_long and not self.truncate:
            raise ValueError(
                f"{len(too_long)} of {len(lengths)} samples are longer than the "
                f"{limit} {unit} of `input_shape`, the first of them sample "
                f"{too_long[0]} with {lengths[too_long[0]]}. Pass a longer "
                "`input_shape` to preprocessor and model, or `truncate=True` to cut "
                "the ends off."
            )

    def get_config(self):
        return {"input_shape": self.input_shape, "truncate": self.truncate}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    @classmethod
    def from_preset(cls, preset, **kwargs):
        """Makes the preprocessor that fits a model's preset.

        Args:
            preset: String. The name of a built-in preset of the same modality, such
                as `"tiny_series"`; or a directory that `save_to_preset` of a
                classifier with a preprocessor wrote; or an `"hf://user/repository"`.
            **kwargs: Arguments of the constructor, in place of the preset's.

        Raises:
            ValueError: If the preset is unknown, of another modality, or holds no
                preprocessor.
            TypeError: If a keyword is unknown.
        """
        name = str(preset)
        if preset_files.is_built_in(name) or name in presets.PRETRAINED:
            known = sorted(presets.BUILT_IN)
            fit = [other for other in known if f"_{cls.modality}" in other]
            if name not in fit:
                raise ValueError(
                    f"{cls.__name__} prepares {cls.modality}: `preset` must be one of "
                    f"{fit} or a directory. Received: preset={preset!r}"
                )
            return cls(**{**presets.preprocessing(name), **kwargs})
        directory = preset_files.find_directory(str(preset))
        saved = preset_files.read_preprocessor(directory)
        if not isinstance(saved, cls):
            raise ValueError(
                f"The preprocessor in {str(directory)!r} is a "
                f"{type(saved).__name__}, not a {cls.__name__}."
            )
        return cls.from_config({**saved.get_config(), **kwargs})


def uncut_lengths(preprocessor, samples):
    """Returns the lengths of samples, however long the input of the model is.

    Args:
        preprocessor: A preprocessor with the attribute `truncate`.
        samples: A batch of raw samples.
    """
    unlimited = copy.copy(preprocessor)
    unlimited.truncate = False
    unlimited.input_shape = (sys.maxsize, *preprocessor.input_shape[1:])
    return unlimited.lengths(samples)


def as_samples(x, what, single):
    """Returns a batch of raw samples as a non-empty list.

    Args:
        x: What a preprocessor was called on.
        what: String, what a sample may be, for the messages.
        single: Tuple of the types that are one sample, not a batch.

    Raises:
        TypeError: If `x` is a single sample or cannot be iterated over, or if it or
            a sample is a NumPy masked array.
        ValueError: If there are no samples.
    """
    refuse_masked(x, "The batch")
    if isinstance(x, single) or not hasattr(x, "__iter__"):
        raise TypeError(
            f"A preprocessor is called on a list of samples ({what}). Received: "
            f"{type(x).__name__}. Put a single sample in a list."
        )
    samples = list(x)
    if not samples:
        raise ValueError(f"There must be at least one sample ({what}). Received: none")
    for i, sample in enumerate(samples):
        refuse_masked(sample, f"Sample {i}")
    return samples


def refuse_masked(value, name):
    """Raises a TypeError if `value` is a NumPy masked array.

    Conversion drops the mask, and what lies under it would count as data.
    """
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            f"{name} must not be a NumPy masked array: its mask would be lost. "
            "Replace what is masked, for example with `numpy.ma.filled(array, "
            "numpy.nan)` in a series with gaps."
        )


def _is_symbolic(x):
    """Whether `x` is a tensor of a `tf.data` pipeline that is being traced."""
    tensorflow = sys.modules.get("tensorflow")
    return (
        tensorflow is not None
        and isinstance(x, tensorflow.Tensor)
        and tensorflow.is_symbolic_tensor(x)
    )
