"""The Dense layer, with the products that each backend does best."""

import keras
from keras import ops

from keras_maelre.layers.fast_paths import is_jax_on_cpu, jax_product, torch_linear


class Dense(keras.layers.Dense):
    """`keras.layers.Dense`, whose product takes no needless pass over memory."""

    def call(self, inputs, training=None):
        is_torch = keras.backend.backend() == "torch"
        if self.bias is None or not (is_torch or is_jax_on_cpu()):
            return super().call(inputs, training=training)
        kernel, bias = (
            ops.convert_to_tensor(variable) for variable in (self.kernel, self.bias)
        )
        if is_torch:
            outputs = torch_linear(inputs, kernel, bias)
        else:
            outputs = jax_product(inputs, kernel) + bias
        return outputs if self.activation is None else self.activation(outputs)

    def quantize(self, mode=None, type_check=True, **kwargs):
        # Keras refuses subclasses, whose `call` it does not know: once quantized, this
        # one's is no longer used.
        super().quantize(mode, type_check=False, **kwargs)
