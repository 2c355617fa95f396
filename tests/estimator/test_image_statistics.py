"""Features of images whose gradients and colors are known."""

import numpy as np
import pytest

pytest.importorskip("PIL.Image", reason="the extra [image]")

from keras_maelre.estimator import ImageStatistics, simple_tool  # noqa: E402
from keras_maelre.estimator.image_statistics import _gradients  # noqa: E402

# Seven by seven blocks of four cells of nine orientations, then colors.
GRADIENTS = 7 * 7 * 4 * 9
PARTS = 4 * 4 * 6


def statistics(images, size=32):
    found = ImageStatistics(size).fit_transform(images)
    assert found.shape == (len(images), GRADIENTS + PARTS + 64)
    return np.split(found, [GRADIENTS, GRADIENTS + PARTS], axis=1)


@pytest.mark.parametrize(
    ("degrees", "place"), [(0, 0), (90, 4.5), (40, 2), (180, 0), (220, 2), (30, 1.5)]
)
def test_gradients_point_where_brightness_grows(degrees, place):
    direction = np.deg2rad(degrees)
    down, right = np.mgrid[:32, :32]
    ramp = 0.5 + 0.01 * (np.sin(direction) * down + np.cos(direction) * right)
    pixels = np.repeat(ramp[None, ..., None], 3, axis=-1)
    found = _gradients(pixels).reshape(-1, 9).mean(axis=0)
    low, share = int(place), place % 1
    assert found[low] == pytest.approx((1 - share) * found.sum(), abs=1e-6)
    assert found[(low + 1) % 9] == pytest.approx(share * found.sum(), abs=1e-6)


def gradients_by_definition(image):
    """Pixel by pixel, of an image of shape `(size, size, 3)`."""
    size = len(image)
    cells = np.zeros((8, 8, 9))
    for y in range(size):
        for x in range(size):
            above, below = max(y - 1, 0), min(y + 1, size - 1)
            before, after = max(x - 1, 0), min(x + 1, size - 1)
            down = (image[below, x] - image[above, x]) / (below - above)
            right = (image[y, after] - image[y, before]) / (after - before)
            color = np.argmax(down**2 + right**2)
            degrees = np.rad2deg(np.arctan2(down[color], right[color])) % 180
            bin_, rest = divmod(degrees, 20)
            length = np.hypot(down[color], right[color])
            cell = cells[y * 8 // size, x * 8 // size]
            cell[int(bin_) % 9] += length * (1 - rest / 20)
            cell[(int(bin_) + 1) % 9] += length * rest / 20
    blocks = []
    for y in range(7):
        for x in range(7):
            block = np.concatenate(
                [cells[y + down, x + right] for down in (0, 1) for right in (0, 1)]
            )
            block = np.minimum(block / np.sqrt(block @ block + 2.5e-4), 0.2)
            blocks.append(block / np.sqrt(block @ block + 2.5e-4))
    return np.concatenate(blocks)


def test_gradients_are_those_of_the_definition():
    images = np.random.default_rng(0).uniform(size=(2, 24, 24, 3))
    expected = [gradients_by_definition(image) for image in images]
    np.testing.assert_allclose(_gradients(images), expected, atol=1e-6)


def test_contrast_does_not_count_and_colors_do():
    generator = np.random.default_rng(0)
    image = generator.integers(128, size=(1, 32, 32, 3), dtype="uint8")
    bright, dim = statistics(2 * image), statistics(image)
    np.testing.assert_allclose(bright[0], dim[0], atol=0.02)
    for one, other in zip(bright[1:], dim[1:], strict=True):
        assert np.abs(one - other).max() > 0.1


def test_colors_of_parts():
    image = np.zeros((1, 16, 16, 3), "uint8")
    image[:, :4, 12:, 0] = 255  # red, above right
    image[:, 12:, :2, 2] = 255  # half of the part below left is blue
    _, parts, colors = statistics(image, size=16)
    parts = parts.reshape(4, 4, 2, 3)
    expected = np.zeros((4, 4, 2, 3))
    expected[0, 3, 0, 0] = 1.0
    expected[3, 0, :, 2] = 0.5
    np.testing.assert_allclose(parts, expected, atol=1e-6)
    shares = {3: 16 / 256, 3 * 16: 8 / 256, 0: 232 / 256}
    np.testing.assert_allclose(colors[0, list(shares)] ** 2, list(shares.values()))
    assert np.sum(colors**2) == pytest.approx(1)


@pytest.mark.parametrize(
    "size, error, words",
    [
        (8, ValueError, "size"),
        (100, ValueError, "multiple of 8"),
        (64.0, TypeError, "size"),
    ],
)
def test_bad_sizes(size, error, words):
    with pytest.raises(error, match=words):
        ImageStatistics(size).fit(np.zeros((1, 16, 16, 3), "uint8"))


def test_damaged_images_are_named():
    with pytest.raises(ValueError, match="sample 1"):
        ImageStatistics().fit_transform([np.zeros((8, 8), "uint8"), b"no image"])


@pytest.mark.parametrize("multi_label", [False, True])
def test_the_tool_learns_stripes(multi_label):
    generator = np.random.default_rng(0)
    x = generator.integers(0, 120, (60, 40, 50, 3), "uint8")
    y = np.arange(60) % 3
    for image, label in zip(x, y, strict=True):
        if label == 1:
            image[::4] += 130
        elif label == 2:
            image[:, ::4] += 130
    targets = np.eye(3, dtype=int)[y] if multi_label else y
    tool = simple_tool("image", multi_label, random_state=0)
    found = tool.fit(x[:45], targets[:45]).predict(x[45:])
    assert np.mean(found == targets[45:]) > 0.9
