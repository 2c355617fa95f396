import numpy as np
import pytest
from simulated import simulated_pathfinder

ndimage = pytest.importorskip("scipy.ndimage")

AROUND = np.ones((3, 3))


@pytest.fixture(scope="module")
def data():
    return simulated_pathfinder(samples=60)


def pictures(data, size=32):
    x = np.concatenate([data.x_train, data.x_test]).reshape(-1, size, size)
    return x, np.concatenate([data.y_train, data.y_test])


def discs(picture):
    """Rows and columns of the squares of 3 x 3 pixels, which no dash has."""
    return np.argwhere(ndimage.binary_erosion(picture > 0, AROUND))


def joined(picture):
    """Whether the discs are of one piece, once each gap is filled."""
    filled = ndimage.binary_dilation(picture > 0, AROUND)
    pieces, _ = ndimage.label(filled, AROUND)
    first, second = discs(picture)
    return pieces[tuple(first)] == pieces[tuple(second)]


@pytest.mark.parametrize("size", [32, 48])
def test_labels_tell_whether_a_path_joins_the_discs(size):
    x, y = pictures(simulated_pathfinder(samples=40, size=size, seed=5), size)
    assert [int(joined(picture)) for picture in x] == y.tolist()


def test_paths_are_dashed_and_others_distract(data):
    for picture in pictures(data)[0]:
        _, dashes = ndimage.label(picture > 0, AROUND)
        filled = ndimage.binary_dilation(picture > 0, AROUND)
        _, paths = ndimage.label(filled, AROUND)
        assert paths == 4 and dashes >= 10
        assert set(np.unique(picture)) == {0, 255}


def test_neither_the_distance_nor_the_ink_tells_the_label():
    x, y = pictures(simulated_pathfinder(samples=200, seed=1))
    apart = np.array([np.linalg.norm(np.subtract(*discs(picture))) for picture in x])
    for feature in (apart, x.mean(axis=(1, 2))):
        right = [np.mean((feature > at) == y) for at in np.unique(feature)]
        assert 0.3 < min(right) and max(right) < 0.7


def test_form(data):
    assert data.x_train.shape == (54, 1024, 1) and data.x_test.shape == (6, 1024, 1)
    assert data.simulated and data.class_names == ("apart", "joined")
    assert np.bincount(pictures(data)[1]).tolist() == [30, 30]


def test_seed():
    first, again, other = (simulated_pathfinder(10, seed=s) for s in (3, 3, 4))
    np.testing.assert_array_equal(first.x_train, again.x_train)
    assert (first.x_train[0] != other.x_train[0]).any()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"size": 31}, "size"),
        ({"samples": 1}, "samples"),
        ({"test_fraction": 0.01}, "test_fraction"),
    ],
    ids=["size", "samples", "test_fraction"],
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        simulated_pathfinder(**{"samples": 10, **arguments})
