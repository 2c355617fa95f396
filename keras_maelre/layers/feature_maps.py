"""The non-negative feature maps of linear attention."""

import types

import keras
from keras import ops


def elu_plus_one(x):
    """`elu(x) + 1`, computed as `exp(x)` below zero.

    The sum `elu(x) + 1` would cancel: it keeps three digits at `x = -10` and none
    at `x = -20`, where a query would then attend to nothing at all.
    """
    return ops.exp(ops.minimum(x, 0.0)) + ops.relu(x)


def focused(x):
    """The third power of `relu(x)`, at the length of `relu(x)`: sharper directions.

    `|y| y^3 / |y^3|` with `y = relu(x)` over the last axis. Neither value nor gradient
    depends on the scale that `y` is divided by, which keeps its powers in range.

    Reference:
        "FLatten Transformer: Vision Transformer using Focused Linear Attention"
        (arXiv 2308.00442), section 4, with a focusing factor of 3.
    """
    y = ops.relu(x)
    largest = ops.stop_gradient(ops.max(y, axis=-1, keepdims=True))
    # A vector of zeros stays one; its sums of powers are 1 in place of 0.
    is_zero = ops.cast(largest < 1e-30, y.dtype)
    y = y / (largest + is_zero)
    squares, cubes = (
        ops.sum(power, axis=-1, keepdims=True) + is_zero
        for power in (y * y, ops.square(y * y * y))
    )
    return largest * y * y * y * ops.sqrt(squares / cubes)


FEATURE_MAPS = {
    "elu": elu_plus_one,
    "focused": focused,
    "relu": ops.relu,
    "softplus": ops.softplus,
}


def get(identifier):
    """Returns the feature map that a `feature_map` argument names.

    A configuration may come from someone else, so nothing is imported or called to
    find a map: it is on the list, or a function that this program has registered.

    Args:
        identifier: `"elu"` (that is ELU + 1), `"focused"`, `"relu"`, `"softplus"`, or
            a function that was registered with
            `keras.saving.register_keras_serializable`, or its registered name. It maps
            a tensor to a non-negative one of the same shape.

    Raises:
        ValueError: If `identifier` is none of these.
    """
    if isinstance(identifier, types.FunctionType):
        function, name = identifier, serialize(identifier)
    else:
        function, name = None, identifier
    if isinstance(name, str):
        found = FEATURE_MAPS.get(name) or keras.saving.get_registered_object(name)
        # Classes are registered too.
        if isinstance(found, types.FunctionType) and function in (None, found):
            return found
    raise ValueError(
        f"Argument `feature_map` must be one of {sorted(FEATURE_MAPS)} or a function "
        "registered with `keras.saving.register_keras_serializable`. "
        f"Received: feature_map={identifier!r}"
    )


def serialize(feature_map):
    """Returns the name of a feature map, the inverse of `get`."""
    for name, function in FEATURE_MAPS.items():
        if feature_map is function:
            return name
    return keras.saving.get_registered_name(feature_map)
