"""Long sequences in chunks of equal length."""

from keras import ops


def split_chunks(x, size, fill=0):
    """From `(batch, tokens, ...)` to `(chunks, batch, size, ...)`.

    Args:
        x: Tensor.
        size: Integer, tokens of a chunk.
        fill: What the last chunk is filled up with.
    """
    batch, length, *rest = ops.shape(x)
    count = -(-length // size)
    margin = [(0, 0), (0, count * size - length)] + [(0, 0)] * len(rest)
    x = ops.pad(x, margin, constant_values=fill)
    x = ops.reshape(x, (batch, count, size, *rest))
    return ops.moveaxis(x, 1, 0)


def join_chunks(chunks, length):
    """From `(chunks, batch, size, ...)` to the first `length` tokens of a batch."""
    count, batch, size, *rest = ops.shape(chunks)
    x = ops.reshape(ops.moveaxis(chunks, 0, 1), (batch, count * size, *rest))
    return x[:, :length]
