"""Features of pictures whose edges and colors are known."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the extra [sklearn]")
pytest.importorskip("PIL.Image", reason="the extra [image]")

from benchmarks import hog_and_color  # noqa: E402


@pytest.mark.parametrize(
    ("degrees", "angle"), [(0, 0), (90, 4.5), (40, 2), (180, 0), (220, 2), (30, 1.5)]
)
def test_edges_point_where_brightness_grows(degrees, angle):
    direction = np.deg2rad(degrees)
    down, right = np.mgrid[:32, :32]
    ramp = 0.5 + 0.01 * (np.sin(direction) * down + np.cos(direction) * right)
    features = hog_and_color.edges(np.repeat(ramp[None, ..., None], 3, axis=-1))
    # Three by three blocks of four cells of nine angles.
    assert features.shape == (1, 9 * 4 * 9)
    found = features.reshape(36, 9).mean(axis=0)
    low, share = int(angle), angle % 1
    assert found[low] == pytest.approx((1 - share) * found.sum(), abs=1e-6)
    assert found[(low + 1) % 9] == pytest.approx(share * found.sum(), abs=1e-6)


def test_contrast_does_not_count_and_colors_do():
    generator = np.random.default_rng(0)
    image = generator.uniform(size=(1, 32, 32, 3))
    dim = 0.5 * image
    np.testing.assert_allclose(
        hog_and_color.edges(image), hog_and_color.edges(dim), rtol=0.02
    )
    assert np.abs(hog_and_color.colors(image) - hog_and_color.colors(dim)).max() > 0.1


def test_colors_of_quarters():
    image = np.zeros((1, 16, 16, 3))
    image[:, :8, 8:, 0] = 1.0  # red, above right
    counts = hog_and_color.colors(image).reshape(2, 2, 3, 8)
    assert counts.sum(axis=-1) == pytest.approx(1)
    assert counts[0, 1, 0, 7] == 1 and counts[0, 0, 0, 7] == 0
    assert (counts[..., 1:, 0] == 1).all()


def test_the_machine_learns_what_a_child_could():
    generator = np.random.default_rng(0)
    x = generator.integers(0, 120, (60, 40, 50, 3), "uint8")
    y = np.arange(60) % 3
    for image, label in zip(x, y, strict=True):
        if label == 1:
            image[::4] += 130  # stripes
        elif label == 2:
            image[:, ::4] += 130
    machine = hog_and_color.hog_and_color_machine().fit(x[:45], y[:45])
    assert np.mean(machine.predict(x[45:]) == y[45:]) > 0.9
