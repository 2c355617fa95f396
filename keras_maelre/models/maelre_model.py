"""What the backbone and the classifier share: presets and checks."""

import contextlib

import keras
import numpy as np

from keras_maelre.models import layer_states, preset_files, presets
from keras_maelre.models.batch_errors import original_errors
from keras_maelre.models.quantization import (
    check_keras,
    check_quantization,
    garbage_kept,
)
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
            for name, preset in presets.BUILT_IN.items()
        }

    def save_to_preset(self, preset_dir, card=None):
        """Saves configuration and weights to a directory, to be loaded anywhere.

        Whatever happens meanwhile, the directory holds a whole preset: the old one or
        the new. A model card, `README.md`, tells what the model is; one that was not
        written here is left alone.

        Args:
            preset_dir: String or path of a local directory. It is made if it is
                missing; a preset in it is replaced.
            card: Optional `ModelCard`, what the model cannot tell of itself: data,
                scores, recipe, limits, license.

        Raises:
            TypeError: If `card` is something else.
            ValueError: If the directory has the name of a built-in preset, the class
                of the model is not registered, or there is a `card` and a `README.md`
                that was not written here.

        Example:

        ```python
        classifier.save_to_preset("my_model")
        ```
        """
        preset_files.save(self, preset_dir, card)

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
        self._build_optimizer()
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

    def _build_optimizer(self):
        """Makes the variables of the optimizer.

        TensorFlow traces a step that makes variables twice, and JAX cannot keep those
        that are not there yet.
        """
        if not self.compiled or self.optimizer is None or self.optimizer.built:
            return
        with self.strategy_scope():
            self.optimizer.build(self.trainable_variables)

    def strategy_scope(self):
        """Returns the scope that variables beside those of the model belong to.

        On TensorFlow it is that of the `tf.distribute.Strategy` that the model was made
        under, and elsewhere has no effect.
        """
        if keras.backend.backend() != "tensorflow":
            return contextlib.nullcontext()
        return self.distribute_strategy.scope()

    @contextlib.contextmanager
    def _kept(self):
        """Keeps the weights through an error or an interruption.

        On JAX, Keras takes the values away from the variables while it works: what
        stops before the first step, such as a bad sample, would leave none.
        """
        if keras.backend.backend() != "jax":
            yield
            return
        self._build_optimizer()
        variables = list(self.variables)
        if self.compiled and self.optimizer is not None:
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

    # === What became of the layers ===

    def quantize(self, mode=None, config=None, filters=None, **kwargs):
        """Makes the Dense layers and the table of tokens smaller, as Keras does.

        `"int8"` rounds weights and activations, `"int4"` weights alone;
        `config=keras.quantizers.Int8QuantizationConfig(activation_quantizer=None)`
        rounds weights to int8 and leaves the activations. Convolutions and
        normalizations stay as they are. A quantized model is saved and loaded like any
        other; it is not trained further, but its adapters are (`enable_lora`).

        Args:
            mode: `"int8"` or `"int4"`; `None` if `config` says it.
            config: Optional `keras.quantizers.Int8QuantizationConfig` or
                `Int4QuantizationConfig`, with Keras' own quantizers.
            filters: Optional regular expression, or a list of them: layers whose paths
                hold a match are quantized.
            **kwargs: For Keras' own use.

        Raises:
            ImportError: If Keras is too old.
            TypeError: If `filters` is of the wrong type.
            ValueError: If the mode or a quantizer is one that saved models cannot be
                loaded with, `filters` matches no layer, or a layer is quantized
                already.

        Example:

        ```python
        import keras
        from keras_maelre import MaelreClassifier

        classifier = MaelreClassifier.from_preset("tiny_series", num_classes=2)
        weights_alone = keras.quantizers.Int8QuantizationConfig(
            activation_quantizer=None
        )
        classifier.quantize(config=weights_alone)
        classifier.save_to_preset("small")
        ```
        """
        check_keras()
        # Keras calls this with both, whichever was given.
        check_quantization(config)
        kinds = (keras.layers.Dense, keras.layers.Embedding)
        layers = {
            p: x for p, x in self._layers_by_path().items() if isinstance(x, kinds)
        }
        if filters is not None:
            layers = layer_states.select(layers, filters, "filters")
        chosen = {id(layer) for layer in layers.values()}
        # Keras warns of every layer that it passes by, unless a filter does.
        with garbage_kept():
            super().quantize(
                mode, config=config, filters=lambda x: id(x) in chosen, **kwargs
            )

    def quantization(self):
        """Returns the modes of the quantized layers by their paths."""
        layers = self._layers_by_path()
        return layer_states.read(layers, self)["quantization"]

    def layer_states(self):
        """Returns what became of the layers, for the configuration of this model.

        The layers of a model within, such as the backbone of a classifier, are left to
        its own configuration.
        """
        return layer_states.read(self._own_layers(), self)

    def restore_layer_states(self, states):
        """Brings layers into the states that `layer_states` returned.

        Args:
            states: Dictionary; what it lacks is left as it is.
        """
        layer_states.restore(self._own_layers(), states)

    def _layers_by_path(self):
        return {layer.path: layer for layer in self._flatten_layers(include_self=False)}

    def _own_layers(self):
        within = {
            id(layer)
            for model in self.layers
            if isinstance(model, MaelreModel)
            for layer in model._flatten_layers()
        }
        layers = self._layers_by_path().items()
        return {path: layer for path, layer in layers if id(layer) not in within}


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
