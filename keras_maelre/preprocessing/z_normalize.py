"""Standardization of time series."""

import keras
import numpy as np
from keras import ops

from keras_maelre.preprocessing.preprocessor import refuse_masked

# A channel whose range is below this many rounding errors of its largest value is
# constant: what is left of it is rounding, and must not be blown up.
ROUNDINGS = 4


@keras.saving.register_keras_serializable(package="keras_maelre")
class ZNormalize(keras.layers.Layer):
    """Gives every channel of every series mean 0 and standard deviation 1.

    Padding (time steps that are NaN in every channel) is left out of both and stays.
    A constant channel becomes 0.

    NumPy arrays are normalized in float64, whatever their offset and scale. Tensors
    are normalized in their own precision, float64 or else float32, whatever the
    policy: a float32 tensor no longer holds an amplitude of 10 on an offset of 1.7e9.
    Keras casts the arrays given to a *model* to float32 before its first layer sees
    them; `SeriesPreprocessor` does not.

    Args:
        **kwargs: Arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Call arguments:
        series: Float or integer tensor of shape `(batch, length, channels)`.

    Returns:
        A tensor of the shape of `series`.

    Raises:
        TypeError: If the input is a NumPy masked array.
        ValueError: If the input is not of rank 3.

    Example:

    ```python
    import numpy as np
    from keras_maelre.preprocessing import ZNormalize

    series = 5 + 2 * np.random.normal(size=(2, 100, 1))
    ZNormalize()(series)
    ```
    """

    def __init__(self, **kwargs):
        # Raw values may exceed the range of half precision.
        super().__init__(autocast=False, **kwargs)
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, input_shape):
        pass

    def __call__(self, series, **kwargs):
        refuse_masked(series, "The input of ZNormalize")
        if isinstance(series, np.ndarray) and series.ndim == 3:
            # Before the backend casts it to float32; `call` then changes nothing more.
            series = z_normalize(series).astype("float32")
        return super().__call__(series, **kwargs)

    def call(self, series):
        double = keras.backend.standardize_dtype(series.dtype) == "float64"
        dtype = "float64" if double else "float32"
        series = ops.cast(series, dtype)
        padding = ops.all(ops.isnan(series), axis=-1, keepdims=True)
        infinite = float("inf")
        high = ops.max(ops.where(padding, -infinite, series), axis=1, keepdims=True)
        low = ops.min(ops.where(padding, infinite, series), axis=1, keepdims=True)
        # Neither changes the result: they only keep its parts in range.
        middle = ops.stop_gradient(0.5 * high + 0.5 * low)
        half = ops.stop_gradient(0.5 * high - 0.5 * low)
        largest = ops.maximum(ops.abs(high), ops.abs(low))
        constant = half <= 0.5 * ROUNDINGS * float(np.finfo(dtype).eps) * largest
        known = (ops.where(padding, middle, series) - middle) / ops.where(
            constant, 1.0, half
        )
        valid = ops.cast(ops.logical_not(padding), dtype)
        count = ops.maximum(ops.sum(valid, axis=1, keepdims=True), 1.0)
        centred = (known - ops.sum(known, axis=1, keepdims=True) / count) * valid
        variance = ops.sum(ops.square(centred), axis=1, keepdims=True) / count
        scale = ops.where(constant, 0.0, ops.rsqrt(ops.where(constant, 1.0, variance)))
        normal = ops.cast(centred * scale, self.compute_dtype)
        return ops.where(padding, float("nan"), normal)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)


def z_normalize(series):
    """What `ZNormalize` does, in float64 with NumPy.

    Args:
        series: Array of numbers, of shape `(..., steps, channels)`.

    Returns:
        A float64 array of the same shape.
    """
    precision = np.finfo(np.promote_types(series.dtype, "float32")).eps
    series = series.astype("float64")
    padding = np.isnan(series).all(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", over="ignore"):
        high = np.fmax.reduce(series, axis=-2, keepdims=True)
        low = np.fmin.reduce(series, axis=-2, keepdims=True)
        # Sums and squares of what lies in [-1, 1] neither overflow nor underflow.
        middle, half = 0.5 * high + 0.5 * low, 0.5 * high - 0.5 * low
        largest = np.maximum(np.abs(high), np.abs(low))
        constant = half <= 0.5 * ROUNDINGS * precision * largest
        known = np.where(padding, 0.0, series - middle)
        known /= np.where(constant, 1.0, half)
        count = np.maximum((~padding).sum(axis=-2, keepdims=True), 1)
        centred = known - known.sum(axis=-2, keepdims=True) / count
        centred = np.where(padding, 0.0, centred)
        variance = np.square(centred).sum(axis=-2, keepdims=True) / count
        centred /= np.sqrt(np.where(constant, 1.0, variance))
    return np.where(padding, np.nan, np.where(constant, 0.0, centred))
