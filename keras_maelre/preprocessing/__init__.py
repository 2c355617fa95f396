"""From raw data to the input tensor of a model."""

from keras_maelre.preprocessing.byte_preprocessor import BytePreprocessor
from keras_maelre.preprocessing.z_normalize import ZNormalize

__all__ = [
    "BytePreprocessor",
    "ZNormalize",
]
