"""Which attention each block uses, and on how many tokens it runs."""

import math

from keras_maelre.layers.aligned_conv import merged_length
from keras_maelre.layers.encoder_layer import ATTENTION_KINDS

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
            `"linear"`, `"dot"`, or a sequence of four of the latter two.
        grids: The token grids of the blocks.
        widths: The widths of the blocks.

    Returns:
        A tuple of four strings.

    Raises:
        ValueError: If `attention` is none of the above.
    """
    if attention == "auto":
        return tuple(
            "linear" if math.prod(grid) > width else "dot"
            for grid, width in zip(grids, widths, strict=True)
        )
    plan = (attention,) * NUM_BLOCKS if isinstance(attention, str) else attention
    try:
        plan = tuple(plan)
    except TypeError:
        plan = ()
    if len(plan) != NUM_BLOCKS or any(kind not in ATTENTION_KINDS for kind in plan):
        raise ValueError(
            'Argument `attention` must be "auto", "linear", "dot", or a sequence of '
            f"{NUM_BLOCKS} of the latter two. Received: attention={attention!r}"
        )
    return plan
