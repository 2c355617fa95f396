"""What the backbone and the classifier share: presets and checks."""

import contextlib

import keras
import numpy as np

from keras_maelre.models import preset_files, presets
from keras_maelre.models.batch_errors import original_errors
from keras_maelre.models.sample_batches import with_free_lengths
from keras_maelre.models.training_guard import TrainingGuard


class _ClassProperty:
    def __init__(self, function):
        self.function = function

    def __get__(self, instance, owner):
        return self.function(owner)


class MaelreModel(keras.Model):
    """Base of the functional models: built-in and saved presets, checked inputs.

    Rank, shape and dtype of what a model is called on are always checked; values of
    NumPy arrays, where looking costs nothing, and of all that `fit`, `evaluate` and
    `predict` are given.
    """

    @_ClassProperty
    def presets(cls):
        """Dictionary of the built-in presets: description, parameters, input shape."""
        keys = ("description", "parameters", "input_shape")
        return {
            name: {key: preset[key] for key in keys}
            for name, preset in presets.PRESETS.items()
        }

    def save_to_preset(self, preset_dir):
        """Saves configuration and weights to a directory, to be loaded anywhere.

        Whatever happens meanwhile, the directory holds a whole preset: the old one or
        the new.

        Args:
            preset_dir: String or path of a local directory. It is made if it is
                missing; a preset in it is replaced.

        Raises:
            ValueError: If the directory has the name of a built-in preset, or the
                class of the model is not registered.

        Example:

        ```python
        classifier.save_to_preset("my_model")
        ```
        """
        preset_files.save(self, preset_dir)

    def check_inputs(self, x):
        """Checks a batch, or all samples, of inputs.

        Args:
            x: A tensor or array; anything without a shape passes.

        Raises:
            ValueError: If shape or values do not fit the modality.
            TypeError: If `x` is a masked array or does not hold numbers.
        """
        shape = getattr(x, "shape", None)
        # Checks start once the model is complete: Keras calls it while building it.
        if shape is None or not hasattr(self, "signal_shape"):
            return
        if isinstance(x, np.ma.MaskedArray):
            raise TypeError(
                "Inputs must not be a NumPy masked array: its mask would be lost."
            )
        self.modality.check_shape(tuple(shape), self.signal_shape)
        self.modality.check_dtype(_dtype_name(x.dtype))
        if isinstance(x, np.ndarray):
            self.modality.check_values(x)

    def check_given(self, x):
        """Checks what `fit`, `evaluate` or `predict` is given, tensors too."""
        self.check_inputs(as_array(x))

    def __call__(self, inputs, *args, **kwargs):
        self.check_inputs(inputs)
        return super().__call__(inputs, *args, **kwargs)

    def fit(self, x=None, *args, callbacks=None, shuffle=True, **kwargs):
        self.check_given(x)
        guard = TrainingGuard(kwargs.get("initial_epoch", 0))
        callbacks = [*as_list(callbacks), guard]
        if hasattr(x, "begin_epoch"):
            # Batches that are a function of the epoch are told it, and shuffle by it.
            shuffle, begin_epoch = False, x.begin_epoch
            callbacks.insert(
                0,
                keras.callbacks.LambdaCallback(
                    on_epoch_begin=lambda epoch, logs: begin_epoch(epoch)
                ),
            )
        if "validation_data" in kwargs:
            kwargs["validation_data"] = self._with_free_lengths(
                kwargs["validation_data"]
            )
        x = self._with_free_lengths(x)
        with original_errors(), self._kept():
            return super().fit(x, *args, callbacks=callbacks, shuffle=shuffle, **kwargs)

    def evaluate(self, x=None, *args, **kwargs):
        if not kwargs.get("_use_cached_eval_dataset"):
            self.check_given(x)
        x = self._with_free_lengths(x)
        with original_errors(), self._kept():
            return super().evaluate(x, *args, **kwargs)

    def predict(self, x, *args, **kwargs):
        self.check_given(x)
        x = self._with_free_lengths(x)
        with original_errors(), self._kept():
            return super().predict(x, *args, **kwargs)

    def _with_free_lengths(self, x):
        return with_free_lengths(x) if self.modality.variable_length else x

    @contextlib.contextmanager
    def _kept(self):
        """Keeps the weights through an error or an interruption.

        On JAX, Keras takes the values away from the variables while it works: what
        stops before the first step, such as a bad sample, would leave none.
        """
        if keras.backend.backend() != "jax":
            yield
            return
        variables = list(self.variables)
        if self.compiled and self.optimizer is not None:
            if not self.optimizer.built:
                self.optimizer.build(self.trainable_variables)
            variables += self.optimizer.variables
        values = [variable._value for variable in variables]
        try:
            yield
        except BaseException:
            self.jax_state_sync()
            for variable, value in zip(variables, values, strict=True):
                if variable._value is None:
                    variable._value = value
            raise

    def quantization(self):
        """Returns the modes of the quantized layers by their paths."""
        return {
            layer.path: layer.quantization_mode
            for layer in self._flatten_layers(include_self=False)
            if getattr(layer, "quantization_mode", None)
        }

    def restore_quantization(self, modes):
        """Quantizes the layers that a configuration lists, before weights are loaded.

        Args:
            modes: Dictionary from paths to modes, as `quantization` returns it.
        """
        layers = {layer.path: layer for layer in self._flatten_layers()}
        unknown = sorted(set(modes) - set(layers))
        if unknown:
            raise ValueError(f"There is no layer {unknown[0]!r} to quantize.")
        for path, mode in modes.items():
            layers[path].quantize(mode)


def as_array(x):
    """Returns the values of a tensor of any framework; what is none, as it is."""
    if keras.ops.is_tensor(x):
        return keras.ops.convert_to_numpy(x)
    if isinstance(x, np.ndarray) or not hasattr(x, "__array__"):
        return x
    return np.asarray(x)


def _dtype_name(dtype):
    """The name of a dtype; Keras has none for those of strings, dates and objects."""
    if isinstance(dtype, np.dtype) and dtype.kind not in "biufcV":
        return "string" if dtype.kind in "US" else str(dtype)
    return keras.backend.standardize_dtype(dtype)


def as_list(callbacks):
    """Returns the argument `callbacks` of `fit` as a list, or raises a TypeError."""
    if callbacks is None:
        return []
    if isinstance(callbacks, keras.callbacks.CallbackList):
        return list(callbacks.callbacks)
    callbacks = callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise TypeError(
                "Argument `callbacks` must hold Keras callbacks. "
                f"Received: {callback!r}"
            )
    return list(callbacks)
