"""What all preprocessors share: raw samples in, the input tensor of a model out."""

import sys

import keras
import numpy as np

from keras_maelre import modalities
from keras_maelre.models import preset_files, presets


class Preprocessor:
    """Base of the preprocessors: turns raw samples into the input tensor of a model.

    A subclass sets `modality` and `dtype` and implements `prepare(samples)`, which
    returns a NumPy array of shape `(samples, *input_shape)`. This class brings what
    all of them share: calls on plain data and in `tf.data`, presets, configuration.

    Nothing is cut silently: a sample that is longer than `input_shape` is an error
    unless `truncate=True`.

    Args:
        input_shape: Tuple of integers, the shape of one sample of the model's input.
        truncate: Boolean. Whether samples that are too long lose their end.

    Call arguments:
        x: A batch of raw samples.
        y: Optional labels, passed through.
        sample_weight: Optional weights, passed through.

    Returns:
        The input tensor, or a tuple with the labels and weights that were given.
    """

    modality = None
    dtype = "float32"

    def __init__(self, input_shape, truncate=False):
        if isinstance(input_shape, int):
            input_shape = (input_shape,)
        wanted = len(modalities.get(self.modality).axes)
        shape = tuple(input_shape)
        if len(shape) != wanted or not all(
            isinstance(size, (int, np.integer)) and size > 0 for size in shape
        ):
            raise ValueError(
                f"Argument `input_shape` of {type(self).__name__} must be {wanted} "
                f"positive integer(s). Received: input_shape={input_shape!r}"
            )
        self.input_shape = tuple(int(size) for size in shape)
        self.truncate = bool(truncate)

    def prepare(self, samples):
        raise NotImplementedError

    def __call__(self, x, y=None, sample_weight=None):
        if _is_symbolic(x):
            import tensorflow as tf

            x = tf.numpy_function(self._prepare_array, [x], self.dtype)
            x.set_shape((None, *self.input_shape))
        else:
            x = self.prepare(x)
        return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)

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
        if preset_files.is_built_in(str(preset)):
            modality = str(preset).rpartition("_")[2]
            if modality != cls.modality:
                raise ValueError(
                    f"{cls.__name__} prepares {cls.modality}: `preset` must be one of "
                    f"{sorted(n for n in presets.PRESETS if n.endswith(cls.modality))} "
                    f"or a directory. Received: preset={preset!r}"
                )
            config = {"input_shape": presets.PRESETS[str(preset)]["input_shape"]}
            return cls(**{**config, **kwargs})
        directory = preset_files.find_directory(str(preset))
        saved = preset_files.read_preprocessor(directory)
        if not isinstance(saved, cls):
            raise ValueError(
                f"The preprocessor in {str(directory)!r} is a "
                f"{type(saved).__name__}, not a {cls.__name__}."
            )
        return cls.from_config({**saved.get_config(), **kwargs})


def as_samples(x, what, single):
    """Returns a batch of raw samples as a non-empty list.

    Args:
        x: What a preprocessor was called on.
        what: String, what a sample may be, for the messages.
        single: Tuple of the types that are one sample, not a batch.

    Raises:
        TypeError: If `x` is a single sample or cannot be iterated over.
        ValueError: If there is none.
    """
    if isinstance(x, single) or not hasattr(x, "__iter__"):
        raise TypeError(
            f"A preprocessor is called on a list of samples ({what}). Received: "
            f"{type(x).__name__}. Put a single sample in a list."
        )
    samples = list(x)
    if not samples:
        raise ValueError(f"There must be at least one sample ({what}). Received: none")
    return samples


def _is_symbolic(x):
    """Whether `x` is a tensor of a `tf.data` pipeline that is being traced."""
    tensorflow = sys.modules.get("tensorflow")
    return (
        tensorflow is not None
        and isinstance(x, tensorflow.Tensor)
        and tensorflow.is_symbolic_tensor(x)
    )
