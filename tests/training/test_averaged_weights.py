"""A model ends with the averages of its weights."""

import keras
import numpy as np

from keras_maelre.training import AveragedWeights


def test_resumed_after_its_last_epoch_a_model_ends_with_the_averages():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
    model.compile(optimizer, "mse")
    x, y = np.ones((4, 2)), np.ones((4, 1))
    averages = AveragedWeights()
    model.fit(x, y, epochs=3, callbacks=[averages], verbose=0)
    expected = model.get_weights()
    with averages.trained_weights():
        trained = model.get_weights()
        assert not np.allclose(trained[0], expected[0])
    # As from a checkpoint, which holds the weights that are trained.
    model.set_weights(trained)
    model.fit(x, y, epochs=3, initial_epoch=3, callbacks=[AveragedWeights()], verbose=0)
    for weight, average in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(weight, average)
