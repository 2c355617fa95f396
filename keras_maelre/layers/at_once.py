"""Kinds of attention that see all tokens at once."""

from keras import ops

from keras_maelre.layers.chunks import join_chunks, split_chunks
from keras_maelre.layers.grids import check_grid_tokens
from keras_maelre.layers.self_attention import SelfAttention


class AtOnce(SelfAttention):
    """Base of kinds that attend to all tokens at once, whatever the chunks.

    In chunks, what surrounds the attention is processed a chunk at a time: the MLP,
    whose intermediate results are the largest.
    """

    # Where tokens lie on a grid: its height and width.
    grid = None

    def check_tokens(self, tokens):
        check_grid_tokens(self, tokens)

    def key_value(self, x):
        """Keys and values, and the queries."""
        query, key, value = self._project(x, 0, 3)
        return key, value, query

    def summarize(self, key_value, chunks, masks):
        count, _, size, *_ = ops.shape(chunks)
        length = count * size
        if self.grid is not None:
            # Without what the last chunk is filled up with.
            length = 1 + self.grid[0] * self.grid[1]
        parts = ops.map(key_value, chunks)
        key, value, query = (join_chunks(x, length) for x in parts)
        context = self.attend(query, key, value, join_chunks(masks, length))
        return (), split_chunks(context, size)

    def read_out(self, query, shared, own):
        return own
