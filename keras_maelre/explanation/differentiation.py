"""Gradients with respect to inputs, on every backend."""

import keras
import numpy as np
from keras import ops


class Differentiated:
    """A function of a model and the gradient of what it returns.

    On JAX it is compiled once for each shape; torch and TensorFlow run it eagerly.

    Args:
        model: The `keras.Model` whose variables the function reads.
        function: Callable `(x, *constants)` of tensors that returns a tensor whose
            entry `i` depends on `x[i]` alone.

    Call arguments:
        x: Float array.
        *constants: Arrays that are not differentiated.

    Returns:
        The values and the gradient of each value with respect to its `x[i]`, as NumPy
        arrays.
    """

    def __init__(self, model, function):
        self.model, self.function = model, function
        self.compiled = None

    def __call__(self, x, *constants):
        differentiate = {
            "torch": self._torch,
            "jax": self._jax,
            "tensorflow": self._tensorflow,
        }[keras.backend.backend()]
        values, gradient = differentiate(x, constants)
        return tuple(
            np.asarray(ops.convert_to_numpy(ops.cast(tensor, "float32")), "float64")
            for tensor in (values, gradient)
        )

    def _torch(self, x, constants):
        import torch

        x = ops.convert_to_tensor(x)
        x.requires_grad_()
        with torch.enable_grad():
            values = self.function(x, *map(ops.convert_to_tensor, constants))
        (gradient,) = torch.autograd.grad(values.sum(), x)
        return values.detach(), gradient

    def _tensorflow(self, x, constants):
        import tensorflow as tf

        x = tf.convert_to_tensor(x)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            values = self.function(x, *map(tf.convert_to_tensor, constants))
        return values, tape.gradient(values, x)

    def _jax(self, x, constants):
        if self.compiled is None:
            import jax

            self.compiled = jax.jit(jax.grad(self._jax_sum, has_aux=True))
        # Values are arguments: as constants XLA would spend its time folding them.
        weights = [variable.value for variable in self.model.variables]
        gradient, values = self.compiled(x, weights, constants)
        return values, gradient

    def _jax_sum(self, x, weights, constants):
        variables = zip(self.model.variables, weights, strict=True)
        with keras.StatelessScope(state_mapping=list(variables)):
            values = self.function(x, *constants)
        return ops.sum(values), values
