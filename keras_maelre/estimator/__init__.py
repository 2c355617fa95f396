"""Training and prediction behind scikit-learn's interface."""

try:
    import sklearn as _sklearn  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "sklearn":
        raise
    raise ImportError(
        "`MaelreEstimator` is an estimator of scikit-learn: "
        'pip install "keras_maelre[sklearn]"'
    ) from error

from keras_maelre.estimator.comparison import Comparison
from keras_maelre.estimator.image_statistics import ImageStatistics
from keras_maelre.estimator.maelre_estimator import MaelreEstimator
from keras_maelre.estimator.mel_statistics import MelStatistics
from keras_maelre.estimator.mini_rocket import MiniRocket
from keras_maelre.estimator.simple_tools import simple_tool

__all__ = [
    "Comparison",
    "ImageStatistics",
    "MaelreEstimator",
    "MelStatistics",
    "MiniRocket",
    "simple_tool",
]
