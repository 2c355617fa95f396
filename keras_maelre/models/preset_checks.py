"""What may be in a preset, looked at before it is built or read.

A preset may come from somebody else: it must not run code, open other files, or ask for
more memory than it brings.
"""

import collections
import math

import h5py
import keras
import numpy as np

from keras_maelre import modalities

# No weight takes less of a file than half a byte (int4).
WEIGHTS_PER_BYTE = 2
# The least that the names and headers of the weights of a layer take.
BYTES_PER_LAYER = 8192
# How Keras writes values that JSON does not have.
PLAIN = ("__numpy__", "__tensor__", "__bytes__", "__slice__", "__ellipsis__")
# What a configuration that is not one may raise on its way through Keras.
MALFORMED = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    OverflowError,
    RecursionError,
)


def check_known(node):
    """Raises a ValueError if a configuration names a class that is not registered.

    Keras would build any of its own layers and functions. A preset needs the classes
    of this package, those that the program registered, and policies of dtypes.
    """
    if isinstance(node, list):
        for part in node:
            check_known(part)
    if not isinstance(node, dict):
        return
    name = node.get("class_name")
    if isinstance(name, str) and "config" in node:
        known = node.get("registered_name") or name
        if name == "function":
            known = node["config"]
        found = isinstance(known, str) and keras.saving.get_registered_object(known)
        policy = node.get("module") in ("keras", "keras.dtype_policies")
        policy = policy and name.endswith("DTypePolicy") and known == name
        if not (found or policy or name in PLAIN):
            raise ValueError(
                f"{known!r} (class_name={name!r}, module={node.get('module')!r}) is "
                "neither a class of keras_maelre nor one that this program registered"
            )
    for part in node.values():
        check_known(part)


def describe_excess(config, size):
    """Says what a configuration asks for if a file of weights cannot hold as much.

    Looked at before anything is built, so that a configuration cannot ask for more
    memory or time than its file of weights justifies.

    Args:
        config: Dictionary, the configuration of a model.
        size: Integer, the bytes of the file.

    Returns:
        A string, or `None` if the file is large enough.
    """
    least, layers = _count_weights(config)
    if least <= WEIGHTS_PER_BYTE * size and layers * BYTES_PER_LAYER <= size:
        return None
    return (
        f"describes a model of at least {least:,} weights in {layers:,} layers, and "
        f"the file holds {size:,} bytes"
    )


def _count_weights(config):
    """The least numbers of weights and of layers that a configuration asks for."""
    backbone = config.get("backbone", {}).get("config", config)
    modality = modalities.get(
        keras.saving.deserialize_keras_object(backbone["modality"])
    )
    width, depths = backbone["width"], backbone["depths"]
    count = sum(depth * 12 * (width * 2**i) ** 2 for i, depth in enumerate(depths[:4]))
    input_shape = modality.check_input_shape(backbone["input_shape"])
    count += math.prod(modality.grid(input_shape)) * width
    if modality.axes[-1] == "channels":
        count += input_shape[-1] * width
    table = ("vocabulary_size", "embedding_dim")
    count += math.prod(getattr(modality, name, 0) for name in table)
    return count + config.get("num_classes", 0) * 8 * width, sum(depths)


def check_stored(model, path):
    """Raises a ValueError unless a file holds the weights of a model and no more.

    Keras reads what the model asks for, converts it, and ignores the rest. Shapes and
    kinds are looked at before anything is read, so that a file can neither name other
    files nor declare more than it holds.
    """
    stored = collections.Counter()
    with h5py.File(path) as file:
        for name, item in stored_arrays(file):
            if "/seed_generator/vars/" in name:
                if item.size > 2:
                    raise ValueError(f"{name} is not the state of a seed")
                continue
            # Keras marks what HDF5 has no type for.
            dtype = str(item.attrs.get("dtype", item.dtype))
            stored[tuple(item.shape or ()), dtype] += 1
    wanted = collections.Counter(
        (tuple(weight.shape), keras.backend.standardize_dtype(weight.dtype))
        for weight in model.weights
    )
    for shape, dtype in (wanted - stored) + (stored - wanted):
        raise ValueError(
            f"the model has {wanted[shape, dtype]} weights of shape {shape} and dtype "
            f"{dtype}, and the file {stored[shape, dtype]}"
        )


def stored_arrays(file):
    """Yields name and array of all that an HDF5 file holds, without reading it.

    Raises:
        ValueError: At anything that is not an array of this file, there under one name.
    """
    groups, seen = [file], set()
    while groups:
        group = groups.pop()
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"{group.name}/{name} is a link to another place")
            item = group[name]
            place = h5py.h5o.get_info(item.id).addr
            if place in seen:
                raise ValueError(f"{item.name} is there under two names")
            seen.add(place)
            if isinstance(item, h5py.Group):
                groups.append(item)
                continue
            if not isinstance(item, h5py.Dataset):
                raise ValueError(f"{item.name} is not an array")
            if item.external or item.is_virtual:
                raise ValueError(f"{item.name} is kept in another file")
            yield item.name, item


def check_finite(model):
    for weight in model.weights:
        value = keras.ops.convert_to_numpy(weight)
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise ValueError(f"{weight.path} holds values that are not finite")
