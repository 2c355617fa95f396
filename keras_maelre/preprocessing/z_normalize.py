"""Standardisation of time series."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_maelre")
class ZNormalize(keras.layers.Layer):
    """Gives every channel of every series mean 0 and standard deviation 1.

    Padding (time steps that are NaN in every channel) is left out of both and stays.
    A constant channel becomes 0. The arithmetic is in float32 whatever the policy.

    Args:
        **kwargs: Arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Call arguments:
        series: Float or integer tensor of shape `(batch, length, channels)`.

    Returns:
        A tensor of the shape of `series`.

    Raises:
        ValueError: If the input is not of rank 3.

    Example:

    ```python
    series = 5 + 2 * np.random.normal(size=(2, 100, 1))
    keras_maelre.preprocessing.ZNormalize()(series)
    ```
    """

    def __init__(self, **kwargs):
        # Raw values may exceed the range of half precision.
        super().__init__(autocast=False, **kwargs)
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, input_shape):
        pass

    def call(self, series):
        series = ops.cast(series, "float32")
        padding = ops.all(ops.isnan(series), axis=-1, keepdims=True)
        known = ops.where(padding, 0.0, series)
        valid = ops.cast(ops.logical_not(padding), "float32")
        count = ops.maximum(ops.sum(valid, axis=1, keepdims=True), 1.0)
        centred = (known - ops.sum(known, axis=1, keepdims=True) / count) * valid
        variance = ops.sum(ops.square(centred), axis=1, keepdims=True) / count
        # What is left of a constant channel is rounding, and must not be blown up.
        rounding = 1e-12 * ops.max(ops.square(known), axis=1, keepdims=True) + 1e-30
        scale = ops.where(variance > rounding, ops.rsqrt(variance + 1e-30), 0.0)
        normal = ops.cast(centred * scale, self.compute_dtype)
        return ops.where(padding, float("nan"), normal)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)
