"""Pictures of relevance are drawn, and leave pyplot alone."""

import numpy as np
import pytest

from keras_maelre.explanation.explanation import (
    ImageExplanation,
    SeriesExplanation,
    SpectrogramExplanation,
)

pytest.importorskip("matplotlib", reason="the extra [examples]")
CASES = {
    "series": (SeriesExplanation, (60,), (60,)),
    "channels": (SeriesExplanation, (60, 3), (60, 3)),
    "sound": (SpectrogramExplanation, (30, 16), (30, 16)),
    "image": (ImageExplanation, (20, 24, 3), (20, 24)),
    "grey image": (ImageExplanation, (20, 24, 1), (20, 24)),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_pictures(name, tmp_path):
    kind, shape, units = CASES[name]
    rng = np.random.default_rng(0)
    values = rng.normal(size=units)
    found = kind(values, rng.normal(size=shape), "$ and $", 1.5, "gradient")
    figure = found.plot(tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes()[:4] == b"\x89PNG"
    # Red and blue reach equally far: white is no relevance.
    limits = [image.get_clim() for axes in figure.axes for image in axes.images]
    most = np.abs(values).max()
    assert (-most, most) in limits
    # What is nowhere relevant, and constant, is drawn too.
    kind(np.zeros(units), np.ones(shape), 0, 0.0, "gradient").plot()


def test_pyplot_is_left_alone():
    from matplotlib import pyplot

    before = pyplot.get_backend()
    SeriesExplanation(np.ones(9), np.ones(9), 0, 0.0, "gradient").plot()
    assert pyplot.get_backend() == before and not pyplot.get_fignums()
