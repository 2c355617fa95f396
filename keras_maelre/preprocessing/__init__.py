"""From raw data to the input tensor of a model."""

from keras_maelre.preprocessing.audio_preprocessor import (
    AudioPreprocessor,
    NormalizedLogMel,
)
from keras_maelre.preprocessing.byte_preprocessor import BytePreprocessor
from keras_maelre.preprocessing.differences import Differences
from keras_maelre.preprocessing.image_preprocessor import ImagePreprocessor
from keras_maelre.preprocessing.log_mel import LogMelFilterbank
from keras_maelre.preprocessing.read_sound import read_sound
from keras_maelre.preprocessing.resize import ResizeSeries
from keras_maelre.preprocessing.semantic_embeddings import semantic_embeddings
from keras_maelre.preprocessing.series_preprocessor import SeriesPreprocessor
from keras_maelre.preprocessing.text_preprocessor import TextPreprocessor
from keras_maelre.preprocessing.tokenizer_preprocessor import TokenizerPreprocessor
from keras_maelre.preprocessing.z_normalize import ZNormalize

__all__ = [
    "AudioPreprocessor",
    "BytePreprocessor",
    "Differences",
    "ImagePreprocessor",
    "LogMelFilterbank",
    "NormalizedLogMel",
    "ResizeSeries",
    "SeriesPreprocessor",
    "TextPreprocessor",
    "TokenizerPreprocessor",
    "ZNormalize",
    "read_sound",
    "semantic_embeddings",
]
