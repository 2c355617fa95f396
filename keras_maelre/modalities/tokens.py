"""What modalities of token ids share."""

import numpy as np

from keras_maelre.checks import check_flag, check_integer
from keras_maelre.layers.embedding_mean import EmbeddingMean
from keras_maelre.layers.stem import TokenStem
from keras_maelre.modalities.modality import Modality


class Tokens(Modality):
    """Base of modalities whose inputs are sequences of token ids.

    Args:
        vocabulary_size: Integer, the number of ids, padding included.
        embedding_dim: Integer, the width of the token table.
        padding_id: Integer, the id that stands for no token.
        trainable_embeddings: Boolean. Whether training changes the token table.

    Example:

    ```python
    import keras
    from keras_maelre import MaelreBackbone, modalities

    @keras.saving.register_keras_serializable(package="example")
    class Dna(modalities.Tokens):
        name = "dna"
        description = "letters of DNA, A 1 to T 4"

        def __init__(self, vocabulary_size=5, embedding_dim=8, padding_id=0, **kwargs):
            super().__init__(vocabulary_size, embedding_dim, padding_id, **kwargs)

    backbone = MaelreBackbone(Dna(), (1000,), width=16, depths=(1, 1, 1, 1))
    backbone(keras.random.randint((2, 600), 1, 5))["cls"].shape  # (2, 128)
    ```
    """

    axes = ("tokens",)
    variable_length = True
    dtype = "int32"
    input_name = "token_ids"
    patch = (1,)

    def __init__(
        self, vocabulary_size, embedding_dim, padding_id, trainable_embeddings=True
    ):
        self.vocabulary_size = check_integer("vocabulary_size", vocabulary_size, low=2)
        self.embedding_dim = check_integer("embedding_dim", embedding_dim)
        self.padding_id = check_integer(
            "padding_id", padding_id, low=0, high=self.vocabulary_size - 1
        )
        self.trainable_embeddings = check_flag(
            "trainable_embeddings", trainable_embeddings
        )

    def stem(self, width, dtype):
        return TokenStem(
            self.vocabulary_size,
            self.embedding_dim,
            width,
            self.padding_id,
            trainable_embeddings=self.trainable_embeddings,
            dtype=dtype,
            name="stem",
        )

    def summary(self, inputs, stem, dtype):
        mean = EmbeddingMean(
            stem.embedding, self.padding_id, dtype=dtype, name="embedding_mean"
        )
        return mean(inputs)

    def grid(self, input_shape):
        return tuple(input_shape)

    def kept(self, x):
        return x != self.padding_id

    def check_dtype(self, dtype):
        if not dtype.startswith(("int", "uint")):
            raise ValueError(f"Token ids must be integers. Received: dtype {dtype}")

    def check_values(self, x):
        if not x.size or 0 <= x.min() <= x.max() < self.vocabulary_size:
            return
        bad = np.argwhere((x < 0) | (x >= self.vocabulary_size))[0]
        raise ValueError(
            f"Token ids must lie in [0, {self.vocabulary_size}). Received: ids from "
            f"{x.min()} to {x.max()}, the first of them out of range in sample {bad[0]}"
        )

    def get_config(self):
        return {
            "vocabulary_size": self.vocabulary_size,
            "embedding_dim": self.embedding_dim,
            "padding_id": self.padding_id,
            "trainable_embeddings": self.trainable_embeddings,
        }
