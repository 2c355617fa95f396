"""What the tests of commands share."""

import keras
import pytest


@pytest.fixture(autouse=True, scope="module")
def nothing_is_traced():
    """Every command loads its model anew, which TensorFlow takes long to trace."""
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
