"""Bringing series of any length to one."""

import keras
import numpy as np
from keras import ops

from keras_maelre.checks import check_integer


@keras.saving.register_keras_serializable(package="keras_maelre")
class ResizeSeries(keras.layers.Layer):
    """Brings every series to a number of steps.

    Each new step is the mean of an equal part of the series, the parts' edges between
    two steps being shared: longer series are averaged, so that nothing is skipped;
    shorter ones have their steps repeated. Padding at the end (time steps that are NaN
    in every channel) does not count.

    Args:
        steps: Integer, the steps of the result.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Call arguments:
        series: Float tensor of shape `(batch, length, channels)`, with no padding but
            at its end.

    Returns:
        A tensor of shape `(batch, steps, channels)`.

    Raises:
        TypeError: If `steps` is not an integer.
        ValueError: If `steps` is not positive, or the input is not of rank 3.

    Example:

    ```python
    import numpy as np
    from keras_maelre.preprocessing import ResizeSeries

    ramp = np.arange(6.0).reshape(1, 6, 1)
    ResizeSeries(3)(ramp)  # 0.5, 2.5, 4.5
    ```
    """

    def __init__(self, steps, **kwargs):
        # Raw values may exceed the range of half precision.
        super().__init__(autocast=False, **kwargs)
        self.steps = check_integer("steps", steps)
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, input_shape):
        pass

    def call(self, series):
        double = keras.backend.standardize_dtype(series.dtype) == "float64"
        dtype = "float64" if double else "float32"
        series = ops.cast(series, dtype)
        valid = ops.logical_not(ops.all(ops.isnan(series), axis=-1, keepdims=True))
        count = ops.sum(ops.cast(valid, dtype), axis=1, keepdims=True)
        count = ops.maximum(count, 1.0)
        series = ops.where(valid, series, 0.0)
        # How much of each old step lies in each new one. Of a product, unlike of sums
        # read at edges, every runtime knows how to compute it.
        edges = ops.cast(ops.arange(self.steps + 1), dtype)[None, :, None]
        edges = edges / self.steps * count
        # Counted by a sum, since a length may be a symbol.
        steps = ops.cumsum(ops.ones_like(series[:1, :, :1]), axis=1) - 1.0
        steps = ops.transpose(steps, (0, 2, 1))
        inside = ops.minimum(edges[:, 1:], steps + 1.0)
        inside = ops.relu(inside - ops.maximum(edges[:, :-1], steps))
        means = ops.matmul(inside, series) * (self.steps / count)
        return ops.cast(means, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.steps, input_shape[2])

    def get_config(self):
        return {**super().get_config(), "steps": self.steps}


def resize_series(series, steps):
    """What `ResizeSeries` does, in float64 with NumPy, to one series.

    Args:
        series: Array of numbers, of shape `(length, channels)`, without padding.
        steps: Integer, the steps of the result.

    Returns:
        A float64 array of shape `(steps, channels)`.
    """
    series = series.astype("float64")
    length = len(series)
    if length == steps:
        return series
    # Values that lie in [-1, 1] about 0 neither overflow nor lose digits in sums.
    middle = 0.5 * series.max(axis=0) + 0.5 * series.min(axis=0)
    half = 0.5 * series.max(axis=0) - 0.5 * series.min(axis=0)
    known = (series - middle) / np.where(half > 0, half, 1.0)
    sums = np.concatenate([np.zeros_like(known[:1]), np.cumsum(known, axis=0)])
    edges = np.arange(steps + 1) * (length / steps)
    left = np.minimum(edges.astype(int), length - 1)
    share = (edges - left)[:, None]
    means = np.diff((1 - share) * sums[left] + share * sums[left + 1], axis=0)
    return means * (steps / length) * half + middle
