"""Attention to the tokens nearby and to the class token."""

import keras
import numpy as np
from keras import ops

from keras_maelre.checks import check_integer
from keras_maelre.layers.chunks import join_chunks, overlapping_chunks, split_chunks
from keras_maelre.layers.dot_attention import dot_attention
from keras_maelre.layers.fast_paths import is_eager_torch
from keras_maelre.layers.self_attention import SelfAttention

# The masks of a window are as large as the square of it.
MAX_WINDOW = 4096


def check_window(name, window):
    """Returns the reach of a window as an integer, or raises an error."""
    return check_integer(name, window, high=MAX_WINDOW)


def near_attention(query, key, value, mask, reach, common):
    """Attends to the keys at most `reach` places away, and to some common ones.

    Blocks of `reach` queries meet three blocks of keys, so that time and memory grow
    linearly with the queries.

    Args:
        query: Float tensor of shape `(batch, queries, heads, head_dim)`.
        key, value: Float tensors of shape `(batch, reach + queries + reach, heads,
            head_dim)`: that of query `i` is number `reach + i`.
        mask: Boolean tensor of shape `(batch, reach + queries + reach)`, `True` = keep.
        reach: Integer.
        common: Tuple of keys, values and a mask, of as many tokens as there are, that
            all queries attend to as well.

    Returns:
        A tensor of the shape of `query`.
    """
    length = ops.shape(query)[1]
    blocks = _windows(query, reach, reach)
    batch, count, _, heads, dim = ops.shape(blocks)

    def windows(near, common):
        shape = (batch, count, *ops.shape(common)[1:])
        common = ops.broadcast_to(ops.expand_dims(common, 1), shape)
        return ops.concatenate([_windows(near, 3 * reach, reach), common], axis=2)

    keys, values = windows(key, common[0]), windows(value, common[1])
    places = np.arange(3 * reach) - reach - np.arange(reach)[:, None]
    kept = ops.expand_dims(_windows(mask, 3 * reach, reach), 2)
    # A query always sees itself: the softmax of a masked one must have a sum.
    kept = ops.logical_or(kept, places == 0)
    kept = ops.logical_and(kept, np.abs(places) <= reach)
    shape = (batch, count, reach, ops.shape(common[2])[1])
    kept_common = ops.broadcast_to(ops.expand_dims(common[2], (1, 2)), shape)
    size = ops.shape(keys)[2]
    context = dot_attention(
        ops.reshape(blocks, (-1, reach, heads, dim)),
        ops.reshape(keys, (-1, size, heads, dim)),
        ops.reshape(values, (-1, size, heads, dim)),
        ops.reshape(
            ops.concatenate([kept, kept_common], axis=-1), (-1, 1, reach, size)
        ),
    )
    return ops.reshape(context, (batch, -1, heads, dim))[:, :length]


def _windows(x, size, step):
    """Windows of `(batch, tokens, ...)`, `(batch, windows, size, ...)`, zeros behind.

    Args:
        x: Tensor.
        size: Integer, of a window, a multiple of `step`.
        step: Integer, from one window to the next.
    """
    batch, length, *rest = ops.shape(x)
    if keras.backend.backend() == "torch" and not is_eager_torch():
        # An exporter can prove nothing of a length that is rounded up.
        count = (length - size + 2 * step - 1) // step
        x = ops.pad(x, [(0, 0), (0, step - 1)] + [(0, 0)] * len(rest))
        places = step * ops.arange(count, dtype="int32")
        places = ops.expand_dims(places, 1) + ops.arange(size, dtype="int32")
        return x[:, places]
    # Rounded up without negative numbers, whose division ONNX rounds otherwise.
    count = (length + step - 1) // step
    x = ops.pad(x, [(0, 0), (0, count * step - length)] + [(0, 0)] * len(rest))
    x = ops.reshape(x, (batch, count, step, *rest))
    count -= size // step - 1
    parts = [x[:, i : i + count] for i in range(size // step)]
    return ops.concatenate(parts, axis=2)


@keras.saving.register_keras_serializable(package="keras_maelre")
class WindowAttention(SelfAttention):
    """Multi-head softmax attention to the tokens nearby and to the class token.

    The first token is the class token: it attends to all tokens, and all attend to it.
    Any other attends to those at most `window` places before and after it. Time and
    memory grow linearly with the tokens. A grid's tokens arrive row by row, and a
    window on them is a stretch of rows.

    No token attends to a masked token; the outputs at masked tokens are computed, but
    are meaningless. The mask is passed on. Gaps of a mask keep their places.

    Args:
        num_heads: Integer. Number of heads; must divide the width of the input.
        window: Integer from 1 to 4096, how many tokens on either side are attended
            to.
        kernel_initializer: Initializer of both kernels.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(batch, 1 + tokens, dim)`.
        mask: Optional boolean tensor of shape `(batch, 1 + tokens)`, `True` = keep.

    Returns:
        A tensor of the shape of `x`.

    Raises:
        TypeError: If `num_heads` or `window` is not an integer.
        ValueError: If `num_heads` does not divide `dim`, if `window` is out of range,
            or if the input is not of rank 3.

    Example:

    ```python
    import keras

    import keras_maelre

    x = keras.random.normal((2, 1 + 1000, 96))
    y = keras_maelre.layers.WindowAttention(num_heads=2, window=16)(x)
    y.shape  # (2, 1001, 96)
    ```

    Reference:
        "Longformer: The Long-Document Transformer" (arXiv 2004.05150), section 3.1,
        sliding window and global attention, here with one set of projections.
    """

    options = ("window",)

    def __init__(self, num_heads, window=32, **kwargs):
        super().__init__(num_heads, **kwargs)
        self.window = check_window("window", window)

    def common(self, key, value, mask, plain=False):
        """The keys, values and mask that all tokens attend to: the class token's.

        With `plain`, nothing is done to the values but averaging.
        """
        return key[:, :1], value[:, :1], mask[:, :1]

    def local(self, key, value, plain=False):
        """The keys and values that the tokens nearby attend to."""
        return key, value

    def attend(self, query, key, value, mask):
        return self._attend(query, key, value, mask)

    def _attend(self, query, key, value, mask, plain=False):
        if mask is None:
            mask = ops.ones(ops.shape(key)[:2], "bool")
        common = self.common(key, value, mask, plain)
        key, value = self.local(key, value, plain)
        reach = self._reach(query.shape[1])
        near = tuple(
            ops.pad(x, [(0, 0), (reach, reach)] + [(0, 0)] * (len(x.shape) - 2))
            for x in (key, value, _without_first(mask))
        )
        context = near_attention(query, *near, reach, common)
        first = _first_attention(query, key, value, mask)
        return ops.where(is_first(query), first, context)

    def _reach(self, length):
        # No token is further away than the sequence is long. A length that is not
        # known yet must not be looked at.
        if not isinstance(length, int):
            return self.window
        return max(1, min(self.window, length - 1))

    def summarize(self, key_value, chunks, masks):
        count, _, size, *_ = ops.shape(chunks)
        key, value = (join_chunks(x, count * size) for x in ops.map(key_value, chunks))
        mask = join_chunks(masks, count * size)
        common = self.common(key, value, mask)
        key, value = self.local(key, value)
        near = tuple(
            overlapping_chunks(split_chunks(x, size), self.window)
            for x in (key, value, _without_first(mask))
        )
        return (key, value, mask, common), (*near, ops.arange(count))

    def read_out(self, query, shared, own):
        *whole, common = shared
        *near, number = own
        context = near_attention(query, *near, self.window, common)
        first = _first_attention(query, *whole)
        here = ops.logical_and(is_first(query), ops.equal(number, 0))
        return ops.where(here, first, context)

    def count_macs(self, tokens):
        reach = self._reach(tokens)
        pairs = -(-tokens // reach) * reach * (3 * reach + 1) + tokens
        return 2 * pairs * self.num_heads * self.head_dim

    def get_config(self):
        return {**super().get_config(), "window": self.window}


def is_first(x):
    """Which of the tokens of `(batch, tokens, heads, head_dim)` is the class token."""
    return ops.reshape(_leads(ops.shape(x)[1]), (1, -1, 1, 1))


def _leads(length):
    return ops.equal(ops.arange(length, dtype="int32"), 0)


def _without_first(mask):
    """The class token is attended to as such, not as a neighbor."""
    return ops.logical_and(mask, ops.logical_not(_leads(ops.shape(mask)[1])))


def _first_attention(query, key, value, mask):
    """What the first query, the class token's, receives from all tokens."""
    # It always sees itself: its softmax must have a sum.
    mask = ops.logical_or(mask, _leads(ops.shape(mask)[1]))
    return dot_attention(query[:, :1], key, value, ops.expand_dims(mask, (1, 2)))
