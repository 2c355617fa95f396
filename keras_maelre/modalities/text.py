"""Text as token ids of a byte-pair vocabulary."""

import keras

from keras_maelre.modalities.tokens import Tokens


@keras.saving.register_keras_serializable(package="keras_maelre")
class Text(Tokens):
    """Documents as token ids. The defaults are RoBERTa's.

    Args:
        vocabulary_size: Integer, the number of ids, padding included.
        embedding_dim: Integer, the width of the token table.
        padding_id: Integer, the id that stands for no token.
        trainable_embeddings: Boolean. Whether training changes the token table.

    Example:

    ```python
    from keras_maelre import MaelreBackbone, modalities

    text = modalities.Text(vocabulary_size=8000, embedding_dim=64)
    backbone = MaelreBackbone(text, (512,), width=16, depths=(1, 1, 1, 1))
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 4.1.
    """

    name = "text"
    description = "RoBERTa token ids"

    def __init__(
        self,
        vocabulary_size=50265,
        embedding_dim=768,
        padding_id=1,
        trainable_embeddings=True,
    ):
        super().__init__(
            vocabulary_size, embedding_dim, padding_id, trainable_embeddings
        )
