"""MAELRE for Keras 3: classification of long inputs of any modality."""

from keras_maelre import augmentation
from keras_maelre import datasets
from keras_maelre import layers
from keras_maelre import preprocessing
from keras_maelre import training
from keras_maelre.models import MaelreBackbone
from keras_maelre.models import MaelreClassifier
from keras_maelre.models import count_macs
from keras_maelre.models import transfer_weights
from keras_maelre.version import __version__

__all__ = [
    "MaelreBackbone",
    "MaelreClassifier",
    "__version__",
    "augmentation",
    "count_macs",
    "datasets",
    "layers",
    "preprocessing",
    "training",
    "transfer_weights",
]
