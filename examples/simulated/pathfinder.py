"""Pictures of dashed paths, as those of Long Range Arena's Pathfinder."""

import numpy as np

from keras_maelre.checks import check_integer, check_number
from keras_maelre.datasets import ClassificationDataset

STEP = 0.8  # pixels from point to point of a path
DASH, GAP = 3, 2  # points that are drawn, and that are not
# In rows or columns. The dashes of one path are at most 3 pixels apart, those and the
# discs of two at least 4: it is seen which go together.
SEPARATION = 6.0
MARGIN = 2
TURN = 0.2  # standard deviation of the change of direction at a point, radians
TRIES = 50  # before a picture is begun anew


def simulated_pathfinder(samples=4000, size=32, seed=0, test_fraction=0.1):
    """Draws pictures with two discs: does a dashed path join them, or not?

    Each has two long paths, half as long as a side, and a short one for every 16
    pixels of a side, which none meets another. In one half of the pictures the discs
    are at the ends of one long path; in the other each is at an end of another, as
    nearly as far apart as the ends of one. Pixels are 0 or 255, and come row by row.

    Args:
        samples: Integer, training and test pictures together.
        size: Integer of at least 32, the pixels of a side.
        seed: Integer; the same seed gives the same pictures.
        test_fraction: Float in (0, 1), the fraction that goes to the test split.

    Returns:
        A `ClassificationDataset` with its `simulated` set, of series of shape
        `(samples, size * size, 1)`.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is out of range, or a split would be left without
            pictures.

    Example:

    ```python
    from simulated import simulated_pathfinder

    data = simulated_pathfinder(samples=10)
    data.x_train[0].reshape(32, 32)
    ```

    Reference:
        Linsley et al., "Learning long-range spatial dependencies with horizontal
        gated recurrent units" (arXiv 1805.08315), for the task; "Long Range Arena"
        (arXiv 2011.04006), section 2.2.5, for pictures as sequences.
    """
    samples = check_integer("samples", samples, low=2)
    size = check_integer("size", size, low=32)
    test_fraction = check_number("test_fraction", test_fraction, above=0, below=1)
    test_samples = round(samples * test_fraction)
    if not 0 < test_samples < samples:
        raise ValueError(
            "`samples` and `test_fraction` must leave at least one training and one "
            f"test picture. Received: samples={samples}, "
            f"test_fraction={test_fraction}"
        )
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(samples) % 2).astype("int32")
    x = np.stack([_draw_picture(rng, size, bool(label)) for label in y])
    x = x.reshape(samples, size * size, 1)
    return ClassificationDataset(
        x_train=x[test_samples:],
        y_train=y[test_samples:],
        x_test=x[:test_samples],
        y_test=y[:test_samples],
        class_names=("apart", "joined"),
        name="simulated_pathfinder",
        simulated=True,
    )


def _draw_picture(rng, size, joined):
    long, short = round(size / 2 / STEP), round(size / 4 / STEP)
    lengths = [long] * 2 + [short] * (size // 16)
    paths = None
    while paths is None:
        paths = _draw_paths(rng, size, lengths)
    picture = np.zeros((size, size), "uint8")
    for path in paths:
        dashes = path[np.arange(len(path)) % (DASH + GAP) < DASH]
        picture[tuple(np.rint(dashes).astype(int).T)] = 255
    first, second = paths[:2]
    ends = [first[0], first[-1]]
    if not joined:
        # Else their distance alone would tell.
        wanted = np.linalg.norm(first[-1] - first[0])
        pairs = [(a, b) for a in ends for b in (second[0], second[-1])]
        ends = min(pairs, key=lambda p: abs(np.linalg.norm(p[1] - p[0]) - wanted))
    for row, column in np.rint(ends).astype(int):
        picture[row - 1 : row + 2, column - 1 : column + 2] = 255
    return picture


def _draw_paths(rng, size, lengths):
    """Draws paths that keep apart, or returns `None` where there is no room."""
    paths = []
    for length in lengths:
        for _ in range(TRIES):
            path = _draw_path(rng, size, length)
            if path is not None and all(_distance(path, p) > SEPARATION for p in paths):
                paths.append(path)
                break
        else:
            return None
    return paths


def _draw_path(rng, size, length):
    """Draws the points of a path, or returns `None` if it leaves or meets itself."""
    angles = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, TURN, length))
    steps = STEP * np.stack([np.sin(angles), np.cos(angles)], axis=1)
    path = rng.uniform(MARGIN, size - 1 - MARGIN, 2) + np.cumsum(steps, axis=0)
    if path.min() < MARGIN or path.max() > size - 1 - MARGIN:
        return None
    far = int(2 * SEPARATION / STEP)
    for i in range(length - far):
        if _distance(path[i : i + 1], path[i + far :]) < SEPARATION:
            return None
    return path


def _distance(path, other):
    return np.abs(path[:, None] - other).max(axis=-1).min()
