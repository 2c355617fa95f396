from keras_maelre.augmentation.jitter import Jitter
from keras_maelre.augmentation.magnitude_warp import MagnitudeWarp
from keras_maelre.augmentation.mixup import SeriesMixUp
from keras_maelre.augmentation.random_drop import RandomDrop
from keras_maelre.augmentation.random_roll import RandomRoll
from keras_maelre.augmentation.scaling import Scaling
from keras_maelre.augmentation.time_warp import TimeWarp

__all__ = [
    "Jitter",
    "MagnitudeWarp",
    "RandomDrop",
    "RandomRoll",
    "Scaling",
    "SeriesMixUp",
    "TimeWarp",
]
