"""MAELRE for Keras 3: classification of long inputs of any modality."""

from keras_maelre import augmentation
from keras_maelre import datasets
from keras_maelre import layers
from keras_maelre import preprocessing
from keras_maelre import training
from keras_maelre.models import MaelreBackbone
from keras_maelre.models import MaelreClassifier
from keras_maelre.models import TransferReport
from keras_maelre.models import count_macs
from keras_maelre.models import transfer_weights

__version__ = "0.1.0"

__all__ = [
    "MaelreBackbone",
    "MaelreClassifier",
    "TransferReport",
    "augmentation",
    "count_macs",
    "datasets",
    "layers",
    "preprocessing",
    "training",
    "transfer_weights",
]
