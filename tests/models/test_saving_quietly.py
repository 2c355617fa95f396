"""Saving and loading change nothing and warn of nothing."""

import warnings

import keras
import numpy as np
import pytest

from keras_maelre import MaelreBackbone, MaelreClassifier
from tests.models.tiny import FEW_STEPS, random_input, tiny_classifier


@pytest.mark.parametrize("rate", [0.0, 0.1])
@pytest.mark.parametrize("model_class", [MaelreBackbone, MaelreClassifier])
def test_loading_warns_of_nothing(model_class, rate, tmp_path):
    """With and without the random states that dropout keeps."""
    rates = {"dropout_rate": rate, "drop_path_rate": rate}
    model = tiny_classifier("series", model_class, **rates)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model.save_to_preset(tmp_path)
        loaded = model_class.from_preset(tmp_path)
    for one, other in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_saving_leaves_the_training_as_it_is(tmp_path):
    model = tiny_classifier("series")
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), "mse", **FEW_STEPS)
    optimizer = model.optimizer
    x, y = random_input("series", batch=4), np.ones((4, 3))
    model.fit(x, y, verbose=0)
    model.save_to_preset(tmp_path)
    assert model.optimizer is optimizer
    steps = int(optimizer.iterations)
    model.fit(x, y, verbose=0)
    assert int(optimizer.iterations) == steps + 1
    loaded = MaelreClassifier.from_preset(tmp_path)
    assert not loaded.compiled


def test_a_preset_is_overwritten_as_a_whole(tmp_path):
    tiny_classifier("series").save_to_preset(tmp_path)
    backbone = tiny_classifier("audio", MaelreBackbone)
    backbone.save_to_preset(tmp_path)
    loaded = MaelreBackbone.from_preset(tmp_path)
    assert loaded.get_config() == backbone.get_config()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "README.md",
        "config.json",
        "model.weights.h5",
    ]
