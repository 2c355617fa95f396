"""Which attention each block uses, and on how many tokens it runs."""

import math

from keras_maelre.layers import attention_kinds
from keras_maelre.layers.aligned_conv import merged_length

NUM_BLOCKS = 4


def token_grids(stem_grid, merge):
    """The token grid of every block.

    Args:
        stem_grid: Tuple of one integer (a sequence) or two (a grid), after the stem.
        merge: See `MaelreBackbone`.

    Returns:
        A list of four tuples.
    """
    strides = 4 if len(stem_grid) == 1 else 2
    grids = [tuple(stem_grid)]
    for _ in range(NUM_BLOCKS - 1):
        grid = grids[-1]
        if merge != "none":
            grid = tuple(merged_length(n, strides) for n in grid)
        grids.append(grid)
    return grids


def resolve_attention(attention, grids, widths):
    """Turns the `attention` argument into one kind per block.

    Args:
        attention: `"auto"` (linear while a block has more tokens than its width),
            a kind of attention as `EncoderLayer` takes it, or a sequence of four.
        grids: The token grids of the blocks.
        widths: The widths of the blocks.

    Returns:
        A tuple of four strings, the names of the kinds.

    Raises:
        ValueError: If `attention` is none of the above.
    """
    if attention == "auto":
        return tuple(
            "linear" if math.prod(grid) > width else "dot"
            for grid, width in zip(grids, widths, strict=True)
        )
    is_plan = isinstance(attention, (list, tuple))
    plan = attention if is_plan else [attention] * NUM_BLOCKS
    try:
        if len(plan) == NUM_BLOCKS:
            kinds = (attention_kinds.get(kind) for kind in plan)
            return tuple(attention_kinds.serialize(kind) for kind in kinds)
    except ValueError:
        pass
    raise ValueError(
        'Argument `attention` must be "auto", one kind of attention, or a sequence of '
        f"{NUM_BLOCKS} kinds. A kind is {attention_kinds.POSSIBLE}. "
        f"Received: attention={attention!r}"
    )
