"""The head is standardized by what its weights make of whole samples."""

import keras
import numpy as np
import pytest

from keras_maelre import MaelreClassifier
from keras_maelre.preprocessing import SeriesPreprocessor
from keras_maelre.training import small_data_recipe
from tests.models.tiny import slow

GENERATOR = np.random.default_rng(0)
Y = np.arange(32) % 2
X = [
    GENERATOR.normal(label, 1 + label, 24 + i % 9).astype("float32")
    for i, label in enumerate(Y)
]


def small(pooling="blocks"):
    return MaelreClassifier.from_preset(
        "tiny_series",
        width=8,
        depths=(1, 1, 1, 1),
        num_classes=2,
        pooling=pooling,
        preprocessor=SeriesPreprocessor((32, 1)),
    )


class Look(keras.callbacks.Callback):
    """What was there in every validation, and after every epoch."""

    def __init__(self):
        super().__init__()
        self.validated, self.after = [], []

    def on_test_begin(self, logs=None):
        self.validated.append(self._differences())

    def on_epoch_end(self, epoch, logs=None):
        self.after.append(self._differences())

    def _differences(self):
        features = self.model.embed(X).astype("float64")
        layer = self.model.standardization
        return [
            np.abs(keras.ops.convert_to_numpy(found) - wanted).max()
            / (1e-6 + np.abs(wanted).max())
            for found, wanted in (
                (layer.mean, features.mean(axis=0)),
                (layer.variance, features.var(axis=0)),
            )
        ]


@pytest.mark.parametrize("ema", [True, slow(False)])
def test_in_every_validation_and_in_the_end(ema, request):
    if not ema:  # once is enough in compiled steps
        request.getfixturevalue("few_steps")
    classifier, look = small(), Look()
    recipe = small_data_recipe("series", ema=ema, probe=False, learning_rate=1e-2)
    recipe.fit(
        classifier,
        X,
        Y,
        validation_data=(X[:12], Y[:12]),
        epochs=2,
        batch_size=16,
        callbacks=[look],
        verbose=0,
    )
    assert len(look.validated) == len(look.after) == 2
    assert np.max(look.validated + look.after) < 1e-4
    look.set_model(classifier)
    assert np.max(look._differences()) < 1e-4


@pytest.mark.usefixtures("few_steps")
@pytest.mark.compiles_long
def test_without_validation_in_the_end():
    classifier, look = small(), Look()
    small_data_recipe("series", probe=False, learning_rate=1e-2).fit(
        classifier, X, Y, validation_split=0, epochs=2, batch_size=16, verbose=0
    )
    look.set_model(classifier)
    assert np.max(look._differences()) < 1e-4


@pytest.mark.usefixtures("few_steps")
def test_frozen_statistics_stay():
    classifier = small()
    classifier.standardization.trainable = False
    before = np.array(classifier.standardization.mean)
    small_data_recipe("series", probe=False).fit(
        classifier, X, Y, epochs=1, batch_size=16, verbose=0
    )
    np.testing.assert_array_equal(np.array(classifier.standardization.mean), before)


@pytest.mark.usefixtures("few_steps")
@pytest.mark.compiles_long
def test_heads_without_standardization_train_as_before():
    history = small_data_recipe("series", probe=False).fit(
        small("mean"), X, Y, epochs=1, batch_size=16, verbose=0
    )
    assert np.isfinite(history.history["val_loss"]).all()
