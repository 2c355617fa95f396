"""Text as bytes."""

import keras

from keras_maelre.modalities.tokens import Tokens


@keras.saving.register_keras_serializable(package="keras_maelre")
class Bytes(Tokens):
    """Documents as UTF-8 bytes: the id of a byte is its value and 1.

    Args:
        vocabulary_size: Integer, the number of ids, padding included.
        embedding_dim: Integer, the width of the token table.
        padding_id: Integer, the id that stands for no byte.
        trainable_embeddings: Boolean. Whether training changes the token table.

    Example:

    ```python
    from keras_maelre import MaelreBackbone

    backbone = MaelreBackbone("bytes", (512,), width=16, depths=(1, 1, 1, 1))
    backbone.modality.padding_id  # 0
    ```
    """

    name = "bytes"
    axes = ("bytes",)
    description = "text as UTF-8 bytes (byte + 1)"

    def __init__(
        self,
        vocabulary_size=257,
        embedding_dim=64,
        padding_id=0,
        trainable_embeddings=True,
    ):
        super().__init__(
            vocabulary_size, embedding_dim, padding_id, trainable_embeddings
        )
