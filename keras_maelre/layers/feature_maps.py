"""The non-negative feature maps of linear attention."""

import keras
from keras import ops


def elu_plus_one(x):
    """`elu(x) + 1`, computed as `exp(x)` below zero.

    The sum `elu(x) + 1` would cancel: it keeps three digits at `x = -10` and none
    at `x = -20`, where a query would then attend to nothing at all.
    """
    return ops.exp(ops.minimum(x, 0.0)) + ops.relu(x)


FEATURE_MAPS = {
    "elu": elu_plus_one,
    "relu": ops.relu,
    "softplus": ops.softplus,
}


def get(identifier):
    """Returns the feature map that a `feature_map` argument names.

    Args:
        identifier: `"elu"` (that is ELU + 1), `"relu"`, `"softplus"`, or a
            callable that maps a tensor to a non-negative one of the same shape.
            A callable must be registered with
            `keras.saving.register_keras_serializable` if its layer is saved.

    Raises:
        ValueError: If `identifier` is neither.
    """
    if isinstance(identifier, str) and identifier in FEATURE_MAPS:
        return FEATURE_MAPS[identifier]
    if isinstance(identifier, dict):
        return keras.saving.deserialize_keras_object(identifier)
    if callable(identifier):
        return identifier
    raise ValueError(
        "Argument `feature_map` must be a callable or one of "
        f"{sorted(FEATURE_MAPS)}. Received: feature_map={identifier!r}"
    )


def serialize(feature_map):
    """Returns the configuration entry of a feature map, the inverse of `get`."""
    for name, function in FEATURE_MAPS.items():
        if feature_map is function:
            return name
    return keras.saving.serialize_keras_object(feature_map)
