"""Checks of layers whose tokens lie on a grid, after a class token."""

from keras_maelre.layers.aligned_conv import check_grid_shape


def check_grid(name, grid_shape):
    """Returns the height and width of a grid, or raises a ValueError.

    Args:
        name: String, what needs a grid.
        grid_shape: What the caller passed.
    """
    if grid_shape is None or len(check_grid_shape(grid_shape)) != 2:
        raise ValueError(
            f"{name} needs tokens on a grid, as images and spectrograms have them, not "
            "a sequence: argument `grid_shape` must be (height, width) in positive "
            f"integers. Received: grid_shape={grid_shape!r}"
        )
    return check_grid_shape(grid_shape)


def check_grid_tokens(layer, tokens):
    """Raises a ValueError unless the tokens are those of a layer's grid, if any."""
    grid = layer.grid
    if grid is not None and tokens is not None and tokens != 1 + grid[0] * grid[1]:
        raise ValueError(
            f"{type(layer).__name__} was built for a class token and the tokens of "
            f"grid_shape={grid}, {1 + grid[0] * grid[1]} together. "
            f"Received: {tokens} tokens"
        )
