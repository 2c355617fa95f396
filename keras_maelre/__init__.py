"""MAELRE for Keras 3: classification of long inputs of any modality."""

from keras_maelre import augmentation, datasets, layers, preprocessing, training
from keras_maelre.models import (
    MaelreBackbone,
    MaelreClassifier,
    count_macs,
    transfer_weights,
)
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
