"""The resampling of a table of positions to another grid."""

import keras
import numpy as np
import pytest

from keras_maelre.layers import PositionEmbedding
from keras_maelre.layers.position_embedding import resample_positions

DIM = 3
# From a grid to another: longer, shorter, by odd factors, mixed, a single cell.
RESIZES = [
    ((10,), (40,)),
    ((40,), (10,)),
    ((7,), (12,)),
    ((12,), (5,)),
    ((6,), (1,)),
    ((1,), (4,)),
    ((8, 8), (16, 4)),
    ((5, 9), (7, 7)),
]
EVERY_RESIZE = pytest.mark.parametrize("old, new", RESIZES)


def table(grid):
    return np.random.default_rng(0).normal(size=(*grid, DIM)).astype("float32")


def centres(length):
    """The positions of a grid's cells on the unit interval."""
    return (np.arange(length) + 0.5) / length


@EVERY_RESIZE
def test_the_same_grid_gives_the_same_table(old, new):
    np.testing.assert_array_equal(resample_positions(table(old), old), table(old))


@EVERY_RESIZE
def test_a_constant_stays(old, new):
    resampled = resample_positions(np.full((*old, DIM), 1.5), new)
    assert resampled.shape == (*new, DIM)
    assert resampled.dtype == "float32"
    np.testing.assert_allclose(resampled, 1.5, rtol=1e-6)


@pytest.mark.parametrize("old, new", [(10, 40), (40, 10), (30, 47), (47, 30)])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_ramp_stays_a_ramp_away_from_the_edges(old, new, axis):
    ramp = np.moveaxis(np.tile(centres(old), (6, 1))[..., None], 1, axis)
    grid = [6, 6]
    grid[axis] = new
    resampled = np.moveaxis(resample_positions(ramp, tuple(grid)), axis, 1)[..., 0]
    interior = (centres(new) > 2 / min(old, new)) & (
        centres(new) < 1 - 2 / min(old, new)
    )
    assert interior.sum() > 4
    expected = np.tile(centres(new)[interior], (6, 1))
    # A hundredth of the distance of two cells.
    np.testing.assert_allclose(resampled[:, interior], expected, atol=0.01 / new)


@EVERY_RESIZE
def test_it_is_linear_in_the_table(old, new):
    first, second = table(old), table(old) ** 2
    combined = resample_positions(2 * first - second, new)
    parts = 2 * resample_positions(first, new) - resample_positions(second, new)
    np.testing.assert_allclose(combined, parts, atol=1e-5)


@EVERY_RESIZE
def test_it_agrees_with_jax(old, new):
    jax = pytest.importorskip("jax")
    expected = jax.image.resize(table(old), (*new, DIM), method="cubic", antialias=True)
    np.testing.assert_allclose(
        resample_positions(table(old), new), np.asarray(expected), atol=2e-6
    )


def test_another_number_of_axes_is_an_error():
    with pytest.raises(ValueError, match=r"`grid_shape` must have 2 axes.*\(4,\)"):
        resample_positions(table((3, 3)), (4,))


@pytest.mark.parametrize(
    "grid, tokens, message",
    [((5,), 6, "at most 5 tokens"), ((2, 3), 5, "6 tokens"), ((2, 3), 7, "6 tokens")],
)
def test_tokens_without_a_position_are_an_error(grid, tokens, message):
    with pytest.raises(ValueError, match=message):
        PositionEmbedding(grid)(np.zeros((1, tokens, DIM), "float32"))


@pytest.mark.parametrize("grid_shape", [(), (2, 3, 4)])
def test_a_grid_has_one_or_two_axes(grid_shape):
    with pytest.raises(ValueError, match=r"`grid_shape` must be \(tokens,\) or"):
        PositionEmbedding(grid_shape)


def test_a_short_sequence_takes_the_first_positions():
    layer = PositionEmbedding((5,))
    x = np.random.default_rng(1).normal(size=(2, 3, DIM)).astype("float32")
    added = keras.ops.convert_to_numpy(layer(x)) - x
    positions = keras.ops.convert_to_numpy(layer.embeddings)[:3]
    np.testing.assert_allclose(added, np.stack([positions] * 2), atol=1e-6)
