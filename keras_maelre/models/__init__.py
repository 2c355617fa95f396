"""The models, their presets, and what goes with them."""

from keras_maelre.models.cost import count_macs
from keras_maelre.models.hub import push_to_hub
from keras_maelre.models.maelre_backbone import MaelreBackbone
from keras_maelre.models.maelre_classifier import MaelreClassifier
from keras_maelre.models.model_card import ModelCard
from keras_maelre.models.transfer import TransferReport, transfer_weights

__all__ = [
    "MaelreBackbone",
    "MaelreClassifier",
    "ModelCard",
    "TransferReport",
    "count_macs",
    "push_to_hub",
    "transfer_weights",
]
