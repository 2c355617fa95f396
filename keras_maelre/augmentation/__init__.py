from keras_maelre.augmentation.frequency_mask import FrequencyMask
from keras_maelre.augmentation.jitter import Jitter
from keras_maelre.augmentation.magnitude_warp import MagnitudeWarp
from keras_maelre.augmentation.mixup import SeriesMixUp
from keras_maelre.augmentation.random_drop import RandomDrop
from keras_maelre.augmentation.random_resized_crop import RandomResizedCrop
from keras_maelre.augmentation.random_roll import RandomRoll
from keras_maelre.augmentation.scaling import Scaling
from keras_maelre.augmentation.spectrogram_noise import SpectrogramNoise
from keras_maelre.augmentation.spectrogram_roll import SpectrogramRoll
from keras_maelre.augmentation.time_mask import TimeMask
from keras_maelre.augmentation.time_warp import TimeWarp
from keras_maelre.augmentation.token_drop import TokenDrop
from keras_maelre.augmentation.window_slice import WindowSlice

__all__ = [
    "FrequencyMask",
    "Jitter",
    "MagnitudeWarp",
    "RandomDrop",
    "RandomResizedCrop",
    "RandomRoll",
    "Scaling",
    "SeriesMixUp",
    "SpectrogramNoise",
    "SpectrogramRoll",
    "TimeMask",
    "TimeWarp",
    "TokenDrop",
    "WindowSlice",
]
