"""MAELRE for Keras 3: classification of long inputs of any modality."""

import importlib.util as _importing
import os as _os

try:
    import keras as _keras  # noqa: F401
except ModuleNotFoundError as error:
    if error.name not in ("tensorflow", "jax", "torch"):
        raise
    chosen = _os.environ.get("KERAS_BACKEND")
    raise ImportError(
        f"Keras wants the backend {error.name}, which is not installed"
        f"{'' if chosen else ' (its default)'}: set the environment variable "
        'KERAS_BACKEND to "tensorflow", "jax" or "torch", whichever is, before Keras '
        "is imported."
    ) from error

from keras_maelre import (
    augmentation,
    datasets,
    deployment,
    explanation,
    layers,
    modalities,
    preprocessing,
    training,
)
from keras_maelre.deployment import export
from keras_maelre.explanation import explain
from keras_maelre.models import (
    MaelreBackbone,
    MaelreClassifier,
    ModelCard,
    count_macs,
    push_to_hub,
    transfer_weights,
)
from keras_maelre.version import __version__

__all__ = [
    "MaelreBackbone",
    "MaelreClassifier",
    "ModelCard",
    "__version__",
    "augmentation",
    "count_macs",
    "datasets",
    "deployment",
    "export",
    "explain",
    "explanation",
    "layers",
    "modalities",
    "preprocessing",
    "push_to_hub",
    "training",
    "transfer_weights",
]

# Without scikit-learn `from keras_maelre import *` must work.
if _importing.find_spec("sklearn"):
    __all__.append("MaelreEstimator")


def __getattr__(name):
    # Imported when it is asked for: scikit-learn is an extra, and takes a second.
    if name == "MaelreEstimator":
        from keras_maelre.estimator import MaelreEstimator

        return MaelreEstimator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__, "MaelreEstimator"})
