"""The Dense layer, with the products that each backend does best."""

import keras
from keras import ops

from keras_maelre.layers.fast_paths import is_jax_on_cpu, jax_product, torch_linear

ADAPTER = ("lora_kernel_a", "lora_kernel_b")


class Dense(keras.layers.Dense):
    """`keras.layers.Dense`, whose product takes no needless pass over memory.

    With `enable_lora` it trains its adapter and nothing else, is saved with the adapter
    beside the kernel, and is loaded as it was saved. Keras' own merges the two where it
    saves, and trains the kernel again after `trainable = True`.
    """

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

    # === Low-rank adaptation ===

    @property
    def trainable(self):
        return super().trainable

    @trainable.setter
    def trainable(self, value):
        keras.layers.Layer.trainable.fset(self, value)
        # Keras sets it before it knows anything else of the layer.
        if getattr(self, "lora_enabled", False):
            self._train_own_weights(False)

    def enable_lora(self, rank, *args, **kwargs):
        super().enable_lora(rank, *args, **kwargs)
        self._train_own_weights(False)

    def merge_lora(self):
        """Adds the adapter to the kernel, which is then all that the layer has."""
        if self.quantization_mode is not None:
            raise ValueError(
                f"The adapter of the quantized layer {self.path!r} cannot be merged: "
                "merge before `quantize`."
            )
        kernel, a, b = (
            ops.convert_to_numpy(variable).astype("float64")
            for variable in (self._kernel, self.lora_kernel_a, self.lora_kernel_b)
        )
        self._kernel.assign(kernel + self.lora_alpha / self.lora_rank * (a @ b))
        self._tracker.unlock()
        for name in ADAPTER:
            # `del` of Keras collects garbage each time, which takes a second.
            self._untrack_variable(getattr(self, name))
            object.__delattr__(self, name)
        self._tracker.lock()
        self.lora_enabled, self.lora_rank, self.lora_alpha = False, None, None
        self._train_own_weights(self.trainable)
        if keras.backend.backend() == "torch":
            # torch's own list of parameters still holds the adapter.
            self._track_variables()

    def save_own_variables(self, store):
        if not self.lora_enabled:
            super().save_own_variables(store)
            return
        for i, variable in enumerate(self._without_adapter()):
            store[str(i)] = variable
        for name in ADAPTER:
            store[name] = getattr(self, name)

    def load_own_variables(self, store):
        if not self.lora_enabled:
            super().load_own_variables(store)
            return
        for i, variable in enumerate(self._without_adapter()):
            variable.assign(store[str(i)])
        if ADAPTER[0] in store:
            for name in ADAPTER:
                getattr(self, name).assign(store[name])
        else:
            # Weights from before the adapter, which then changes nothing. Keras sets
            # both factors to 0, and neither would ever have a gradient.
            self.lora_kernel_b.assign(ops.zeros(self.lora_kernel_b.shape))

    def _train_own_weights(self, trainable):
        self._kernel.trainable = trainable and self.quantization_mode is None
        if self.bias is not None:
            self.bias.trainable = trainable

    def _without_adapter(self):
        """The other variables in the order of Keras' files."""
        names = self.variable_serialization_spec[self.quantization_mode]
        named = [getattr(self, "_kernel" if n == "kernel" else n, None) for n in names]
        return [variable for variable in named if variable is not None]
