"""Holds a Keras layer against a NumPy reference: values and gradients."""

import numpy as np

from tests.references.gradients import (
    backend_gradients,
    numeric_gradient,
    numeric_slope,
    to_numpy,
)


def randomise(layer):
    """Gives every weight of a layer a value that no initialiser would."""
    rng = np.random.default_rng(0)
    for variable in layer.weights:
        if not variable.dtype.startswith("float"):
            continue  # the state of a random generator
        value = rng.normal(size=variable.shape)
        if variable.name == "gamma":
            value = 1.0 + 0.3 * value
        elif len(variable.shape) < 2:
            value = 0.5 * value
        else:
            value = value / np.sqrt(np.prod(variable.shape[:-1]))
        variable.assign(value.astype("float32"))


def to_arrays(tree):
    """The nested containers of Keras variables, with float64 arrays instead."""
    if isinstance(tree, dict):
        return {name: to_arrays(part) for name, part in tree.items()}
    if isinstance(tree, list):
        return [to_arrays(part) for part in tree]
    return to_numpy(tree.value)


def leaves(tree, name=""):
    """Yields (name, leaf) of nested dictionaries and lists."""
    if isinstance(tree, dict):
        for key, part in tree.items():
            yield from leaves(part, f"{name}.{key}")
    elif isinstance(tree, list):
        for index, part in enumerate(tree):
            yield from leaves(part, f"{name}[{index}]")
    else:
        yield name.lstrip("."), tree


def assert_gradients_match(
    layer,
    inputs,
    variables,
    reference,
    mask=None,
    valid=None,
    entries=10,
    tolerance=1e-4,
):
    """The backend's output and gradients of a layer equal those of the reference.

    The loss is the sum of the output times fixed random numbers, which are 0 for the
    positions that are not `valid`. Differences are taken in `entries` entries of
    the inputs and of every weight (in all of them if there are no more), and along
    one random direction per array, which sees every entry.

    Args:
        layer: a built Keras layer or model.
        inputs: NumPy array. Integers and NaN get no gradient.
        variables: nested dictionaries and lists of all trainable variables of the
            layer, as `reference` wants its weights; others may be among them.
        reference: callable `(inputs, weights)` that returns the output in float64.
        mask: passed to the layer's call, if there is one.
        valid: boolean array over the leading axes of the output, or None.
        entries: number of entries per array.
        tolerance: error allowed, relative to the largest gradient of an array.
    """
    rng = np.random.default_rng(0)
    real = inputs.dtype.kind == "f"
    point = inputs.astype(np.float64) if real else inputs
    weights = to_arrays(variables)
    expected = reference(point, weights)
    cotangent = rng.normal(size=expected.shape)
    if valid is not None:
        cotangent[~valid] = 0.0

    outputs, input_gradient, weight_gradients = backend_gradients(
        layer, inputs, cotangent, mask
    )
    assert_values_match(outputs, expected, valid)

    gradient_of = {
        id(variable): gradient
        for variable, gradient in zip(
            layer.trainable_variables, weight_gradients, strict=True
        )
    }
    named = [
        (name, array, gradient_of.pop(id(variable)))
        for (name, array), (_, variable) in zip(
            leaves(weights), leaves(variables), strict=True
        )
        if variable.trainable
    ]
    assert not gradient_of, "the reference does not know every variable of the layer"
    if real:
        named.append(("inputs", point, input_gradient))

    def loss():
        return np.sum(reference(point, weights) * cotangent)

    # Gradients that are 0 by nature (of the key's bias in a softmax) carry the
    # rounding of the sums they come from, hence the share of the largest of all.
    floor = 1e-2 * max(np.abs(gradient).max() for _, _, gradient in named)
    for name, array, gradient in named:
        assert np.isfinite(gradient).all(), f"gradient of {name}"
        countable = np.flatnonzero(np.isfinite(array))
        chosen = rng.permutation(countable)[:entries]
        allowed = tolerance * max(np.abs(gradient).max(), floor)
        np.testing.assert_allclose(
            gradient.flat[chosen],
            numeric_gradient(loss, array, chosen),
            rtol=0,
            atol=allowed,
            err_msg=f"gradient of {name}",
        )
        direction = rng.normal(size=array.shape) / np.sqrt(array.size)
        np.testing.assert_allclose(
            np.sum(gradient * direction),
            numeric_slope(loss, array, direction),
            rtol=0,
            atol=allowed,
            err_msg=f"gradient of {name} along a direction",
        )


def assert_values_match(outputs, expected, valid=None, tolerance=1e-5):
    """Equal to `tolerance`, relative to numbers above 1, where valid."""
    assert outputs.shape == expected.shape
    assert np.isfinite(outputs).all()
    if valid is not None:
        outputs, expected = outputs[valid], expected[valid]
    np.testing.assert_allclose(outputs, expected, rtol=tolerance, atol=tolerance)


def relative_error(outputs, expected):
    """Norm of the difference over the norm of what is expected."""
    return np.linalg.norm(outputs - expected) / np.linalg.norm(expected)
