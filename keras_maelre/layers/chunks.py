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
    # Rounded up without negative numbers, whose division ONNX rounds otherwise.
    count = (length + size - 1) // size
    margin = [(0, 0), (0, count * size - length)] + [(0, 0)] * len(rest)
    x = ops.pad(x, margin, constant_values=fill)
    x = ops.reshape(x, (batch, count, size, *rest))
    return ops.moveaxis(x, 1, 0)


def join_chunks(chunks, length):
    """From `(chunks, batch, size, ...)` to the first `length` tokens of a batch."""
    count, batch, size, *rest = ops.shape(chunks)
    x = ops.reshape(ops.moveaxis(chunks, 0, 1), (batch, count * size, *rest))
    return x[:, :length]


def overlapping_chunks(chunks, reach):
    """Chunks with the last tokens of those before and the first of those after.

    Args:
        chunks: Tensor of shape `(chunks, batch, size, ...)`.
        reach: Integer, how many tokens to add on either side. Beyond the ends of the
            sequence they are zero, or `False`.

    Returns:
        A tensor of shape `(chunks, batch, reach + size + reach, ...)`.
    """
    count, _, size, *_ = ops.shape(chunks)
    neighbors = -(-reach // size)
    margin = [(neighbors, neighbors)] + [(0, 0)] * (len(chunks.shape) - 1)
    padded = ops.pad(chunks, margin)
    parts = [padded[i : i + count] for i in range(2 * neighbors + 1)]
    first = neighbors * size - reach
    return ops.concatenate(parts, axis=2)[:, :, first : first + size + 2 * reach]
