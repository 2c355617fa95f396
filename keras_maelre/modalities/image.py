"""Images."""

import keras

from keras_maelre.layers.aligned_conv import merged_length
from keras_maelre.layers.stem import PatchStem
from keras_maelre.modalities.modality import Modality

PATCH_STRIDES = 4


@keras.saving.register_keras_serializable(package="keras_maelre")
class Image(Modality):
    """Images, `(batch, height, width, channels)`, in patches of 4 by 4 pixels.

    Example:

    ```python
    from keras_maelre import MaelreBackbone

    backbone = MaelreBackbone("image", (64, 64, 3), width=16, depths=(1, 1, 1, 1))
    backbone.token_grids[0]  # (16, 16)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 4.4.
    """

    name = "image"
    axes = ("height", "width", "channels")
    description = "images"
    input_name = "image"
    patch = (PATCH_STRIDES, PATCH_STRIDES)

    def stem(self, width, dtype):
        return PatchStem(width, strides=PATCH_STRIDES, dtype=dtype, name="stem")

    def grid(self, input_shape):
        return tuple(merged_length(size, PATCH_STRIDES) for size in input_shape[:2])
