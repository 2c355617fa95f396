"""What became of the layers of a model after it was built, as a configuration has it.

Quantized, adapted at low rank, frozen: read from the layers themselves, so that the
configuration tells what is so, whoever did it.
"""

import re

import keras

from keras_maelre.checks import check_integer, check_number
from keras_maelre.layers.dense import Dense
from keras_maelre.models.quantization import (
    describe_mode,
    garbage_kept,
    mode_config,
)

KEYS = ("quantization", "lora", "frozen")


def read(layers, whole):
    """Returns the states of layers.

    Args:
        layers: Dictionary from paths to layers.
        whole: The model that they are layers of.

    Returns:
        Dictionary: `"quantization"`, from paths to modes; `"lora"`, from paths to rank
        and scale `[rank, alpha]`; `"frozen"`, a list of the paths of frozen layers
        whose parents are not.
    """
    return {
        "quantization": {
            path: describe_mode(layer)
            for path, layer in layers.items()
            if getattr(layer, "quantization_mode", None)
        },
        "lora": {
            path: [layer.lora_rank, layer.lora_alpha]
            for path, layer in layers.items()
            if isinstance(layer, Dense) and layer.lora_enabled
        },
        "frozen": [path for path in _frozen(whole) if path in layers],
    }


def restore(layers, states):
    """Brings layers into the states that `read` returned, before weights are loaded.

    Args:
        layers: Dictionary from paths to layers.
        states: Dictionary, as `read` returns it; what it lacks is left as it is.

    Raises:
        ValueError: If a layer is unknown, or cannot be brought into its state.
    """
    modes, adapters = states.get("quantization", {}), states.get("lora", {})
    frozen = states.get("frozen", [])
    for path in [*modes, *adapters, *frozen]:
        if path not in layers:
            raise ValueError(f"There is no layer {path!r}.")
    with garbage_kept():
        for path, mode in modes.items():
            layers[path].quantize(config=mode_config(mode))
    for path, (rank, alpha) in adapters.items():
        adapt(layers[path], rank, alpha)
    for path in frozen:
        layers[path].trainable = False


def take_states(config):
    """Takes the states out of a configuration, and returns them."""
    return {key: config.pop(key) for key in KEYS if key in config}


def check_adapter(layer, rank, alpha):
    """Returns rank and scale of an adapter, or raises an error unless a layer fits."""
    if not isinstance(layer, Dense):
        raise ValueError(f"The layer {layer.path!r} cannot be adapted at low rank.")
    # More than that would be no fewer weights than the kernel.
    limit = min(layer.input_spec.axes[-1], layer.units)
    rank = check_integer("rank", rank, high=limit)
    return rank, rank if alpha is None else check_number("alpha", alpha, above=0.0)


def adapt(layer, rank, alpha):
    """Enables low-rank adaptation of a Dense layer of this package."""
    rank, alpha = check_adapter(layer, rank, alpha)
    layer.enable_lora(rank, lora_alpha=alpha)


def select(layers, patterns, name):
    """Returns the layers whose paths hold a match of one of some patterns.

    Args:
        layers: Dictionary from paths to layers.
        patterns: Regular expression, or a list of them.
        name: String, the argument that they came by.

    Raises:
        TypeError: If they are no regular expressions.
        ValueError: If one is not valid, or matches no path.
    """
    listed = [patterns] if isinstance(patterns, str) else patterns
    if not isinstance(listed, (list, tuple)) or not listed:
        raise TypeError(
            f"Argument `{name}` must be a regular expression or a list of them. "
            f"Received: {name}={patterns!r}"
        )
    chosen = {}
    for pattern in listed:
        try:
            found = {p: part for p, part in layers.items() if re.search(pattern, p)}
        except (TypeError, re.error) as error:
            raise ValueError(
                f"Argument `{name}` must hold regular expressions. "
                f"Received: {pattern!r}, {error}"
            ) from error
        if not found:
            raise ValueError(
                f"Argument `{name}` must match the path of a layer. "
                f"Received: {pattern!r}. Paths are {sorted(layers)}"
            )
        chosen |= found
    return chosen


def _frozen(whole):
    if not whole.trainable:
        return
    for layer in whole._flatten_layers(include_self=False, recursive=False):
        # A model within has a configuration of its own, and so has a token table that
        # its stem was built to freeze.
        if isinstance(layer, keras.Model):
            continue
        if getattr(whole, "trainable_embeddings", True) is False:
            if layer is whole.embedding:
                continue
        if layer.trainable:
            yield from _frozen(layer)
        elif layer.weights:
            yield layer.path
