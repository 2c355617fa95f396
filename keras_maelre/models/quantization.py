"""The kinds of quantization that a saved model is loaded again with."""

import contextlib
import gc
import re

import keras

INT4_MODE = re.compile(r"int4/(-1|[1-9][0-9]{0,8})")


def check_keras():
    """Raises an ImportError if Keras cannot tell how a layer is quantized."""
    if not hasattr(keras.quantizers, "Int8QuantizationConfig"):
        raise ImportError(
            "Quantization needs a newer Keras, with `Int8QuantizationConfig`: "
            f"pip install -U keras. Received: keras {keras.version()}"
        )


def check_quantization(config):
    """Raises a ValueError if a quantization is of a kind that cannot be loaded again.

    Args:
        config: A `keras.quantizers.QuantizationConfig`.
    """
    if config.mode not in ("int8", "int4"):
        raise ValueError(
            'Argument `mode` must be "int8" or "int4": a saved model is not loaded '
            f"with others. Received: mode={config.mode!r}"
        )
    activations = config.activation_quantizer
    known = config.weight_quantizer is None
    if activations is not None:
        usual = keras.quantizers.Int8QuantizationConfig().activation_quantizer
        known = known and config.mode == "int8" and type(activations) is type(usual)
        known = known and activations.get_config() == usual.get_config()
    if not known:
        raise ValueError(
            "Argument `config` must have the quantizers that Keras chooses, or "
            "activation_quantizer=None for weights alone: a saved model is not loaded "
            f"with others. Received: config of {config.get_config()}"
        )


def describe_mode(layer):
    """Returns how a layer is quantized as a string that `mode_config` reads."""
    config, mode = layer.quantization_config, layer.quantization_mode
    if mode == "int4":
        size = layer._int4_block_size
        return f"int4/{-1 if size is None else size}"
    weights_alone = config is not None and config.activation_quantizer is None
    return f"{mode}/weights" if weights_alone else mode


def mode_config(mode):
    """Returns the configuration of a mode.

    Args:
        mode: `"int8"`; `"int8/weights"`, of weights alone; `"int4"`, of weights alone,
            or `"int4/128"` with the number of inputs that share a scale (-1: all).

    Raises:
        ValueError: If the mode is unknown.
    """
    if mode == "int8":
        return keras.quantizers.Int8QuantizationConfig()
    if mode == "int8/weights":
        return keras.quantizers.Int8QuantizationConfig(activation_quantizer=None)
    if mode == "int4":
        return keras.quantizers.Int4QuantizationConfig()
    found = INT4_MODE.fullmatch(mode) if isinstance(mode, str) else None
    if found is None:
        raise ValueError(f"There is no quantization {mode!r}.")
    return keras.quantizers.Int4QuantizationConfig(block_size=int(found[1]))


@contextlib.contextmanager
def garbage_kept():
    """Keeps Keras' collections of garbage short, one for every weight it replaces.

    Each looks at all objects of the process, up to a second; here, at those that are
    new. A tiny model takes 0.05 s instead of 16.
    """
    if gc.get_freeze_count():
        # Somebody else's, whom `unfreeze` would undo.
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
