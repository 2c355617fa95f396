"""Time series."""

import keras
import numpy as np

from keras_maelre.layers.stem import SeriesStem
from keras_maelre.modalities.modality import Modality


@keras.saving.register_keras_serializable(package="keras_maelre")
class Series(Modality):
    """Time series of one or more channels, `(batch, length, channels)`.

    Time steps that are NaN in every channel are padding.

    Example:

    ```python
    from keras_maelre import MaelreBackbone

    backbone = MaelreBackbone("series", (500, 3), width=16, depths=(1, 1, 1, 1))
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 4.2.
    """

    name = "series"
    axes = ("length", "channels")
    description = "time series"
    variable_length = True
    input_name = "series"
    patch = (1,)

    def stem(self, width, dtype):
        return SeriesStem(width, dtype=dtype, name="stem")

    def grid(self, input_shape):
        return tuple(input_shape[:1])

    def kept(self, x):
        return ~np.isnan(x).all(axis=-1)
