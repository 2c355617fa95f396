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

from keras_maelre.estimator.comparison import Comparison, simple_tool
from keras_maelre.estimator.maelre_estimator import MaelreEstimator
from keras_maelre.estimator.mel_statistics import MelStatistics
from keras_maelre.estimator.mini_rocket import MiniRocket

__all__ = [
    "Comparison",
    "MaelreEstimator",
    "MelStatistics",
    "MiniRocket",
    "simple_tool",
]
