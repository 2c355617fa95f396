"""Sounds as log-mel spectrograms."""

import keras

from keras_maelre.modalities.image import Image


@keras.saving.register_keras_serializable(package="keras_maelre")
class Audio(Image):
    """Log-mel spectrograms, `(batch, frames, mel)`: images of a single channel.

    Example:

    ```python
    from keras_maelre import MaelreBackbone

    backbone = MaelreBackbone("audio", (128, 64), width=16, depths=(1, 1, 1, 1))
    backbone.token_grids[0]  # (32, 16)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 4.3.
    """

    name = "audio"
    axes = ("frames", "mel")
    description = "log-mel spectrograms"
    input_name = "log_mel"

    def tokens(self, inputs, stem):
        add_channel = keras.layers.Reshape(
            (*inputs.shape[1:], 1), dtype=stem.dtype_policy, name="add_channel"
        )
        return stem(add_channel(inputs))
