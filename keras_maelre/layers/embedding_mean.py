"""The mean of the embeddings of a sample's tokens."""

import keras
from keras import ops

from keras_maelre.layers.fast_paths import (
    is_eager_torch,
    is_plain,
    torch_mean_of_rows,
)
from keras_maelre.layers.masking import masked_mean


class EmbeddingMean(keras.layers.Layer):
    """Averages the rows of a token table over the tokens of each sample.

    What a linear classifier of words reads: it knows which tokens there are, whatever
    their order and number. Padding does not count; where there is nothing else, the
    mean is 0. Sums are formed in float32 at least.

    Args:
        embedding: The `keras.layers.Embedding` of a stem, which keeps its weights.
        padding_id: Integer, the id of padding.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        token_ids: Integer tensor of shape `(batch, tokens)`.

    Returns:
        A float tensor of shape `(batch, embedding_dim)`, without a mask.
    """

    def __init__(self, embedding, padding_id, **kwargs):
        super().__init__(**kwargs)
        self.padding_id = padding_id
        # A layer that is an attribute would be saved, quantized and counted as part of
        # this one too.
        self._embedding = lambda: embedding

    def call(self, token_ids):
        embedding = self._embedding()
        if is_eager_torch() and is_plain(embedding, embedding):
            table = ops.convert_to_tensor(embedding.embeddings)
            mean = torch_mean_of_rows(table, token_ids, self.padding_id)
            return ops.cast(mean, self.compute_dtype)
        rows = embedding(token_ids)
        return self.mean(rows, ops.not_equal(token_ids, self.padding_id))

    def mean(self, rows, kept):
        """Averages embeddings themselves, `(batch, tokens, embedding_dim)`."""
        rows = ops.cast(rows, keras.backend.result_type(rows.dtype, "float32"))
        mean = ops.squeeze(masked_mean(rows, kept, (1,)), 1)
        return ops.cast(mean, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self._embedding().output_dim)
