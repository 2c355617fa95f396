"""Adapters on disk: what low-rank adaptation trained, and what it belongs to.

An HDF5 file of the adapters and the head by the paths of their variables, beside
`about`: a JSON object with the hash of the other weights of the backbone, the adapted
layers, and what the head answers with.
"""

import hashlib
import json
import os
import pathlib
import tempfile

import h5py
import keras
import numpy as np

from keras_maelre.checks import check_number, check_path
from keras_maelre.layers.dense import ADAPTER
from keras_maelre.models.layer_states import check_adapter
from keras_maelre.models.preset_checks import MALFORMED, stored_arrays

ABOUT = "about"
# What a head must share with the one that was saved.
HEAD = ("num_classes", "class_names", "multi_label", "pooling")


def save(classifier, path):
    """Writes the adapters and the head of a classifier; see `save_adapter`."""
    path = pathlib.Path(check_path("path", path))
    about = {
        "base_sha256": _hash_base(classifier),
        "lora": classifier.lora(),
        **{name: getattr(classifier, name) for name in HEAD},
        "temperature": classifier.temperature,
        "thresholds": classifier.thresholds,
    }
    with tempfile.TemporaryDirectory(prefix=".saving-", dir=path.parent) as beside:
        written = pathlib.Path(beside) / path.name
        with h5py.File(written, "w") as file:
            # An attribute could not hold the names of thousands of classes.
            file[ABOUT] = np.frombuffer(json.dumps(about).encode(), "uint8")
            for name, variable in _variables(classifier).items():
                file[name] = keras.ops.convert_to_numpy(variable)
        os.replace(written, path)


def load(classifier, path):
    """Gives a classifier what `save` wrote; see `load_adapter`."""
    path = pathlib.Path(check_path("path", path))
    if not path.is_file():
        raise ValueError(f"There is no file {str(path)!r} to load an adapter from.")
    try:
        with h5py.File(path) as file:
            arrays = {name[1:]: item for name, item in stored_arrays(file)}
            about = _read_about(arrays.pop(ABOUT))
            adapters = _check_fits(classifier, about)
            values = _read(arrays, _expected(classifier, adapters))
        temperature = check_number("temperature", about["temperature"], above=0.0)
        classifier.thresholds = about["thresholds"]
    except _Misfit:
        raise
    except (OSError, RuntimeError, *MALFORMED) as error:
        raise ValueError(f"The adapter in {str(path)!r} is damaged: {error}") from error
    # All of it fits: nothing below may fail halfway.
    if not classifier.lora():
        classifier.adapt_layers(adapters)
    for name, variable in _variables(classifier).items():
        variable.assign(values[name])
    classifier.temperature = temperature


class _Misfit(ValueError):
    pass


def _check_fits(classifier, about):
    """Returns the adapters of a file as `{path: (rank, alpha)}` if they fit."""
    for name in HEAD:
        saved, own = about[name], getattr(classifier, name)
        own = list(own) if isinstance(own, tuple) else own
        if saved != own:
            raise _Misfit(
                f"The adapter was saved by a classifier with {name}={_short(saved)}. "
                f"This one has {name}={_short(own)}: `from_preset` takes `{name}`."
            )
    if about["base_sha256"] != _hash_base(classifier):
        raise _Misfit(
            "The adapter belongs to other weights: those of this backbone have another "
            "hash. Load the preset that was adapted."
        )
    layers, own = classifier.adaptable_layers(), classifier.lora()
    adapters = {
        path: check_adapter(layers[path], *entry)
        for path, entry in about["lora"].items()
    }
    if own and {path: tuple(entry) for path, entry in own.items()} != adapters:
        raise _Misfit(
            "The adapter was saved for other layers or with another rank than this "
            "classifier is adapted with: load it into one that is not adapted. "
            f"Received: {_short(about['lora'])}"
        )
    return adapters


def _read_about(item):
    about = json.loads(_values(item).tobytes().decode())
    if not isinstance(about, dict):
        raise ValueError("it does not say what it belongs to")
    return about


def _read(arrays, expected):
    if set(arrays) != set(expected):
        name = sorted(set(arrays) ^ set(expected))[0]
        raise ValueError(f"{name} is missing or one too many")
    values = {}
    for name, (shape, dtype) in expected.items():
        if (tuple(arrays[name].shape), str(arrays[name].dtype)) != (shape, dtype):
            raise ValueError(f"{name} is not of shape {shape} and dtype {dtype}")
        values[name] = _values(arrays[name])
        if not np.isfinite(values[name]).all():
            raise ValueError(f"{name} holds values that are not finite")
    return values


def _values(item):
    # A file that declares more than it holds would fill memory.
    if item.id.get_storage_size() != item.nbytes:
        raise ValueError(f"{item.name} is not stored as it is")
    return item[()]


def _expected(classifier, adapters):
    """Shape and dtype of the variables that a file must hold, by their paths."""
    layers, expected = classifier.adaptable_layers(), {}
    for path, (rank, _) in adapters.items():
        inputs, outputs = layers[path].input_spec.axes[-1], layers[path].units
        for name, shape in zip(ADAPTER, [(inputs, rank), (rank, outputs)], strict=True):
            expected[f"{path}/{name}"] = shape, "float32"
    for variable in _head(classifier):
        dtype = keras.backend.standardize_dtype(variable.dtype)
        expected[variable.path] = tuple(variable.shape), dtype
    return expected


def _variables(classifier):
    """The variables of adapters and head by their paths."""
    layers = classifier.adaptable_layers()
    variables = {
        f"{path}/{name}": getattr(layers[path], name)
        for path in classifier.lora()
        for name in ADAPTER
    }
    return variables | {variable.path: variable for variable in _head(classifier)}


def _head(classifier):
    return [variable for layer in classifier.head_layers for variable in layer.weights]


def _hash_base(classifier):
    """The hash of the weights of the backbone, whatever its adapters."""
    digest = hashlib.sha256()
    weights = {variable.path: variable for variable in classifier.backbone.weights}
    for path in sorted(weights):
        if path.endswith(ADAPTER):
            continue
        value = keras.ops.convert_to_numpy(weights[path])
        digest.update(f"{path} {value.dtype} {value.shape} ".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def _short(value):
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
