"""Models of a `tf.distribute.Strategy` train wherever they are told to."""

import keras
import numpy as np
import pytest

from keras_maelre.training import pretrain, recipe
from tests.models.tiny import random_input, tiny_classifier

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="strategies are of TensorFlow"
)


def train(model, x, **options):
    made = recipe("series", augmentation=[], mixing=[])
    made.fit(model, x, np.arange(len(x)) % 3, **options)


@pytest.mark.parametrize(
    "train", [train, pytest.param(pretrain, marks=pytest.mark.slow)]
)
def test_no_scope_is_needed(train):
    import tensorflow as tf

    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        model = tiny_classifier("series", num_classes=3)
    before = model.get_weights()
    x = random_input("series", batch=8)
    train(model, x, epochs=2, batch_size=4, verbose=0)
    after = model.get_weights()
    assert any((a != b).any() for a, b in zip(after, before, strict=True))
