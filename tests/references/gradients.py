"""Values and gradients of a Keras layer, and differences of a NumPy function."""

import keras
import numpy as np


def values(layer, inputs, mask=None):
    """The output of a layer, or the dictionary of outputs, as float64 arrays."""
    call_arguments = {} if mask is None else {"mask": mask}
    if keras.backend.backend() == "jax":
        outputs, _ = _jax_jit(layer.stateless_call)(
            *_jax_state(layer), inputs, **call_arguments
        )
    else:
        outputs = layer(inputs, **call_arguments)
    if isinstance(outputs, dict):
        return {name: to_numpy(tensor) for name, tensor in outputs.items()}
    return to_numpy(outputs)


def backend_gradients(layer, inputs, cotangent, mask=None, training=False):
    """Differentiates `sum(layer(inputs) * cotangent)` with the current backend.

    Args:
        layer: a built layer or model with one tensor as its output.
        inputs: NumPy array. The gradient with respect to integers is None.
        cotangent: NumPy array with the shape of the output.
        mask: passed on to the call, if there is one.
        training: whether to call the layer with `training=True`.

    Returns:
        The output, the gradient with respect to the inputs, and the list of the
        gradients of `layer.trainable_variables`, in their order; NumPy arrays.
    """
    backend = keras.backend.backend()
    differentiate = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[backend]
    inputs = np.asarray(inputs)
    differentiable = inputs.dtype.kind == "f"
    outputs, gradients = differentiate(
        layer,
        inputs.astype("float32" if differentiable else "int32"),
        np.asarray(cotangent, dtype="float32"),
        {} if mask is None else {"mask": mask},
        differentiable,
        {"training": True} if training else {},
    )
    wanted = list(layer.trainable_variables)
    if differentiable:
        wanted.insert(0, inputs)
    # A backend gives None for a variable that the output does not depend on.
    gradients = [
        np.zeros(like.shape) if gradient is None else to_numpy(gradient)
        for like, gradient in zip(wanted, gradients, strict=True)
    ]
    input_gradient = gradients.pop(0) if differentiable else None
    return to_numpy(outputs), input_gradient, gradients


def to_numpy(tensor):
    """A float64 array, also from bfloat16."""
    tensor = keras.ops.cast(keras.ops.stop_gradient(tensor), "float32")
    return keras.ops.convert_to_numpy(tensor).astype(np.float64)


def _loss(outputs, cotangent):
    return keras.ops.sum(keras.ops.cast(outputs, "float32") * cotangent)


def _tensorflow(layer, inputs, cotangent, call_arguments, differentiable, training):
    import tensorflow as tf

    inputs = tf.convert_to_tensor(inputs)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs, **training, **call_arguments)
        loss = _loss(outputs, cotangent)
    sources = [variable.value for variable in layer.trainable_variables]
    if differentiable:
        sources.insert(0, inputs)
    # The gradient of an embedding table is sparse.
    gradients = [
        tf.convert_to_tensor(gradient) if gradient is not None else None
        for gradient in tape.gradient(loss, sources)
    ]
    return outputs, gradients


def _jax(layer, inputs, cotangent, call_arguments, differentiable, training):
    import jax

    def loss_and_outputs(inputs, trainable, fixed, cotangent, call_arguments):
        outputs, _ = layer.stateless_call(
            trainable, fixed, inputs, **training, **call_arguments
        )
        return _loss(outputs, cotangent), outputs

    differentiate = jax.grad(
        loss_and_outputs, argnums=(0, 1) if differentiable else (1,), has_aux=True
    )
    # All arrays are arguments: XLA would spend its time folding large constants.
    gradients, outputs = _jax_jit(differentiate)(
        inputs, *_jax_state(layer), cotangent, call_arguments
    )
    *input_gradient, weight_gradients = gradients
    return outputs, [*input_gradient, *weight_gradients]


def _jax_state(layer):
    return (
        [variable.value for variable in layer.trainable_variables],
        [variable.value for variable in layer.non_trainable_variables],
    )


def _jax_jit(function):
    import jax

    # Small arrays: compiling takes far longer than running.
    options = {"xla_backend_optimization_level": 0}
    return jax.jit(function, compiler_options=options)


def _torch(layer, inputs, cotangent, call_arguments, differentiable, training):
    import torch

    inputs = keras.ops.convert_to_tensor(inputs)
    cotangent = keras.ops.convert_to_tensor(cotangent)
    sources = [variable.value for variable in layer.trainable_variables]
    if differentiable:
        inputs.requires_grad_()
        sources.insert(0, inputs)
    outputs = layer(inputs, **training, **call_arguments)
    gradients = torch.autograd.grad(
        _loss(outputs, cotangent), sources, allow_unused=True
    )
    return outputs.detach(), gradients


def numeric_gradient(function, array, entries, step=1e-5):
    """Central differences of `function()` in some entries of `array`.

    Args:
        function: callable without arguments that reads `array` and returns a float.
        array: contiguous float64 array, changed in place and restored.
        entries: indices into the flattened array.
        step: half the distance of the two evaluations.

    Returns:
        The derivatives, one per entry.
    """
    derivatives = np.empty(len(entries))
    for number, entry in enumerate(entries):
        kept = array.flat[entry]
        array.flat[entry] = kept + step
        above = function()
        array.flat[entry] = kept - step
        below = function()
        array.flat[entry] = kept
        derivatives[number] = (above - below) / (2 * step)
    return derivatives


def numeric_slope(function, array, direction, step=1e-5):
    """Central difference of `function()` along `direction`: every entry at once."""
    kept = array.copy()
    array[...] = kept + step * direction
    above = function()
    array[...] = kept - step * direction
    below = function()
    array[...] = kept
    return (above - below) / (2 * step)
