import functools

import numpy as np
from keras import ops


@functools.lru_cache(maxsize=32)
def natural_spline_matrix(length, values):
    """The linear map from the values of a natural cubic spline to its curve.

    The values lie at equal distances, the first on the first step and the last on
    the last step.

    Args:
        length: Integer, number of steps of the curve.
        values: Integer, number of values, at least 3.

    Returns:
        A read-only float64 array of shape `(length, values)`.
    """
    identity = np.eye(values)
    # Second derivatives at the values, in units of their distance: continuity of
    # the slope gives one equation per inner value; the outer ones are zero.
    inner = values - 2
    system = 4 * np.eye(inner) + np.eye(inner, k=1) + np.eye(inner, k=-1)
    curvature = np.zeros((values, values))
    curvature[1:-1] = np.linalg.solve(system, 6 * np.diff(identity, n=2, axis=0))

    position = np.linspace(0, values - 1, length)
    left = np.minimum(position.astype(int), values - 2)
    after = (position - left)[:, None]
    before = 1 - after
    matrix = (
        before * identity[left]
        + after * identity[left + 1]
        + (before**3 - before) / 6 * curvature[left]
        + (after**3 - after) / 6 * curvature[left + 1]
    )
    matrix.flags.writeable = False  # One array serves all callers.
    return matrix


def smooth_curve(values, series):
    """Draws a natural cubic spline through `values` over the length of `series`.

    Args:
        values: Tensor of shape `(batch, values, channels)`.
        series: Tensor of shape `(batch, length, ...)`.

    Returns:
        A tensor of shape `(batch, length, channels)`.

    Raises:
        ValueError: If the length of `series` is not static.
    """
    length = series.shape[1]
    if length is None:
        raise ValueError(
            "A smooth random curve needs a series of static length. Received a "
            f"tensor of shape {tuple(series.shape)}; pad the series to one length "
            "and declare it."
        )
    matrix = natural_spline_matrix(length, values.shape[1])
    return ops.matmul(ops.convert_to_tensor(matrix, dtype=values.dtype), values)
