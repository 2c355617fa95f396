"""The table of token embeddings, with a gradient that optimizers read correctly."""

import keras
from keras import ops


class Embedding(keras.layers.Embedding):
    """`keras.layers.Embedding` whose gradient is dense on TensorFlow.

    TensorFlow's gradient of a lookup lists one row per looked-up id, and an id that
    occurs several times has several rows. Clipping by norm and Adam's second moment
    square the rows of such a list without adding up those of the same id first. Rows
    are added up where the gradient passes a reshape; other backends do so anyway.
    """

    def call(self, inputs):
        if keras.backend.backend() != "tensorflow":
            return super().call(inputs)
        table = ops.convert_to_tensor(self.embeddings)
        rows = ops.take(ops.reshape(table, table.shape), inputs, axis=0)
        return ops.cast(rows, self.compute_dtype)

    def quantize(self, mode=None, type_check=True, **kwargs):
        # Keras refuses subclasses, whose `call` it does not know: once quantized, this
        # one's is no longer used.
        super().quantize(mode, type_check=False, **kwargs)
