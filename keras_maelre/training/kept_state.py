"""Steps of a training that leave no trace."""

import contextlib

import keras
import numpy as np

from keras_maelre.training.resumable_training import random_states


@contextlib.contextmanager
def kept_state(classifier):
    """Gives a classifier its weights, random states and metrics again at the end.

    Args:
        classifier: A compiled `MaelreClassifier`.
    """
    variables = [*classifier.weights, *random_states(classifier).values()]
    kept = [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]
    try:
        yield
    finally:
        for variable, value in zip(variables, kept, strict=True):
            variable.assign(value)
        classifier.reset_metrics()
