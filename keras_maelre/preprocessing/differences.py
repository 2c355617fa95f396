"""How series change from step to step, as channels beside them."""

import keras
import numpy as np
from keras import ops

from keras_maelre.checks import check_flag
from keras_maelre.preprocessing.z_normalize import ZNormalize, z_normalize


@keras.saving.register_keras_serializable(package="keras_maelre")
class Differences(keras.layers.Layer):
    """Adds the differences of successive steps as further channels.

    The first difference, and those beside a gap, are 0. Padding (time steps that are
    NaN in every channel) stays.

    Args:
        normalize: Boolean. Whether the differences get mean 0 and standard deviation
            1, see `ZNormalize`.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Call arguments:
        series: Float tensor of shape `(batch, length, channels)`.

    Returns:
        A tensor of shape `(batch, length, 2 * channels)`.

    Raises:
        TypeError: If `normalize` is not a boolean.
        ValueError: If the input is not of rank 3.

    Example:

    ```python
    import numpy as np
    from keras_maelre.preprocessing import Differences

    series = np.array([[[1.0], [2.0], [4.0]]])
    Differences(normalize=False)(series)  # channels 1, 2, 4 and 0, 1, 2
    ```
    """

    def __init__(self, normalize=True, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.normalize = check_flag("normalize", normalize)
        self.input_spec = keras.layers.InputSpec(ndim=3)
        self._z_normalize = ZNormalize(dtype=self.dtype_policy)

    def build(self, input_shape):
        pass

    def call(self, series):
        series = ops.cast(series, self.compute_dtype)
        padding = ops.all(ops.isnan(series), axis=-1, keepdims=True)
        change = series[:, 1:] - series[:, :-1]
        change = ops.where(ops.isnan(change), 0.0, change)
        change = ops.pad(change, ((0, 0), (1, 0), (0, 0)))
        change = ops.where(padding, float("nan"), change)
        if self.normalize:
            change = self._z_normalize.call(change)
        return ops.concatenate([series, change], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], 2 * input_shape[2])

    def get_config(self):
        return {**super().get_config(), "normalize": self.normalize}


def differences(series, normalize):
    """What `Differences` does, in float64 with NumPy, to one series.

    Args:
        series: Float array of shape `(length, channels)`.
        normalize: Boolean.

    Returns:
        A float64 array of shape `(length, 2 * channels)`.
    """
    padding = np.isnan(series).all(axis=1, keepdims=True)
    change = np.diff(series, axis=0, prepend=series[:1])
    change = np.where(padding, np.nan, np.nan_to_num(change))
    if normalize:
        change = z_normalize(change)
    return np.concatenate([series, change], axis=1)
