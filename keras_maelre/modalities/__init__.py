"""Modalities: what a model must know about the kind of signal that it reads."""

from keras_maelre.modalities.audio import Audio
from keras_maelre.modalities.bytes import Bytes
from keras_maelre.modalities.cut_padding import cut_padding
from keras_maelre.modalities.image import Image
from keras_maelre.modalities.modality import Modality
from keras_maelre.modalities.registry import MODALITIES, get
from keras_maelre.modalities.series import Series
from keras_maelre.modalities.text import Text
from keras_maelre.modalities.tokens import Tokens

__all__ = [
    "MODALITIES",
    "Audio",
    "Bytes",
    "Image",
    "Modality",
    "Series",
    "Text",
    "Tokens",
    "cut_padding",
    "get",
]
