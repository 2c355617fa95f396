"""The Dense layer, with product and offset in one step on torch."""

import keras


class Dense(keras.layers.Dense):
    """`keras.layers.Dense`, that the sum with the bias costs no pass over memory.

    XLA fuses the two by itself. Keras on torch multiplies, then adds, which took a
    tenth of the time of a base model; `torch.nn.functional.linear` does both at once.
    """

    def call(self, inputs, training=None):
        if keras.backend.backend() != "torch" or self.bias is None:
            return super().call(inputs, training=training)
        from torch.nn.functional import linear

        kernel, bias = (
            keras.ops.convert_to_tensor(variable)
            for variable in (self.kernel, self.bias)
        )
        outputs = linear(inputs, kernel.T, bias)
        return outputs if self.activation is None else self.activation(outputs)
