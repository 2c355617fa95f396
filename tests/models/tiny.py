"""Models small enough to build and run in a moment, one per modality."""

import contextlib

import keras
import numpy as np
import pytest
from keras.src.backend.common import global_state

import keras_maelre

SHAPES = {
    "text": (40,),
    "bytes": (48,),
    "series": (50, 2),
    "audio": (32, 16),
    "image": (24, 20, 3),
}
# Arguments of `compile` for tests that train a few steps, about something else:
# TensorFlow takes longer to trace a step than to run it; JAX is slow without.
FEW_STEPS = {"run_eagerly": keras.backend.backend() != "jax"}
PADDING = {"text": 1, "bytes": 0, "series": np.nan}
NUM_CLASSES = 3


def take_few_steps(monkeypatch, recipe):
    """Lets a class of recipes compile its trainings with `FEW_STEPS`."""
    compiled = recipe.compile
    monkeypatch.setattr(
        recipe,
        "compile",
        lambda *args, **kwargs: compiled(*args, **FEW_STEPS, **kwargs),
    )


def slow(*values):
    """A parameter of tests that runs by default only where nothing is compiled."""
    return pytest.param(*values, marks=pytest.mark.compiles_long)


def tiny_classifier(modality, cls=keras_maelre.MaelreClassifier, **kwargs):
    """A model that runs as `FEW_STEPS` do until it is compiled by other arguments."""
    small = (
        {"num_classes": NUM_CLASSES} if cls is not keras_maelre.MaelreBackbone else {}
    )
    if modality == "text":
        small |= {"vocabulary_size": 60, "embedding_dim": 12}
    small |= {"input_shape": SHAPES[modality], "width": 16, **kwargs}
    model = cls.from_preset(f"tiny_{modality}", **small)
    model.run_eagerly = FEW_STEPS["run_eagerly"]
    return model


def predict(model, x):
    """What `predict` gives, by a model that was loaded too, as `FEW_STEPS` runs it."""
    model.run_eagerly = FEW_STEPS["run_eagerly"]
    return model.predict(x, verbose=0)


def train_the_end(model):
    """Freezes three blocks of a model: steps of optimizers cost by the variable."""
    for i in (1, 2, 3):
        getattr(model, "backbone", model).get_layer(f"block_{i}").trainable = False
    return model


@contextlib.contextmanager
def without_values():
    """Weights of models made in here have shapes alone: large models cost nothing."""
    with keras.StatelessScope():
        yield
        # When the scope ends, Keras gives values to all that are listed here.
        global_state.set_global_attribute("uninitialized_variables", [])


def random_input(modality, batch=3, length=None, seed=0):
    generator = np.random.default_rng(seed)
    shape = SHAPES[modality]
    if modality in PADDING and length is not None:
        shape = (length, *shape[1:])
    if modality in ("text", "bytes"):
        return generator.integers(2, 60, (batch, *shape)).astype("int32")
    return generator.normal(size=(batch, *shape)).astype("float32")


def padded(modality, x, length):
    """Pads a batch at the end to a length."""
    fill = np.full((len(x), length - x.shape[1], *x.shape[2:]), PADDING[modality])
    return np.concatenate([x, fill.astype(x.dtype)], axis=1)


def randomize(model, seed=0):
    """Moves every weight away from its initial value, zeros and ones above all."""
    generator = np.random.default_rng(seed)
    for weight in model.weights:
        noise = generator.normal(0, 0.05, tuple(weight.shape))
        weight.assign(np.asarray(weight.numpy()) + noise)
    return model
