"""What is hidden is a function of a sample alone, and is what is asked for."""

import keras
import numpy as np
import pytest

from keras_maelre import MaelreBackbone, modalities
from keras_maelre.training.masking import Masking
from tests.models.tiny import SHAPES, random_input, tiny_classifier

PATCHES = {"audio": (4, 4), "image": (4, 4)}


def masking_of(name, x, fraction=None, span=None, **kwargs):
    backbone = tiny_classifier(name, cls=MaelreBackbone, **kwargs)
    made = Masking(backbone, fraction, span)
    made.measure(x)
    return made


def keys(count, epoch=0):
    return [(0, epoch, i) for i in range(count)]


@pytest.mark.parametrize("name", SHAPES)
def test_what_was_hidden_and_nothing_else_is_gone(name):
    x = random_input(name, batch=4)
    masking = masking_of(name, x, fraction=0.4, span=2)
    inputs, was, weights = masking(x, keys(4))
    shown, places = inputs["inputs"], inputs["places"]
    assert shown.dtype == x.dtype and shown.shape == x.shape
    patch = PATCHES.get(name, (1,))
    grid = [n // p for n, p in zip(x.shape[1:], patch, strict=False)]
    for i in range(4):
        expected = x[i].copy()
        cells = [p for p, w in zip(places[i], weights[i], strict=True) if w]
        assert len(set(cells)) == len(cells)
        assert 0.2 < len(cells) / np.prod(grid) < 0.6
        for told, place in zip(was[i], cells, strict=False):
            where = tuple(
                slice(at * p, (at + 1) * p)
                for at, p in zip(np.unravel_index(place, grid), patch, strict=True)
            )
            values = x[i][where]
            if name in ("text", "bytes"):
                assert told == values
                expected[where] = masking.modality.padding_id
            else:
                standard = (values - masking.mean) / masking.deviation
                np.testing.assert_allclose(told, standard.ravel(), rtol=1e-5)
                # Padding of series, the mean of what has no padding.
                expected[where] = np.nan if name == "series" else masking.mean
        np.testing.assert_array_equal(shown[i], expected)


def test_patches_beyond_the_edge_are_told_too():
    shape = (10, 7, 1)
    x = np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")
    masking = masking_of("image", x, input_shape=shape)
    inputs, was, weights = masking(x, keys(2))
    assert was.shape[-1] == 16 and np.isfinite(was).all()
    assert inputs["inputs"].shape == x.shape and weights.sum() == 6


@pytest.mark.parametrize("name", ["bytes", "series"])
def test_padding_and_the_batch_change_nothing(name):
    x = random_input(name, batch=3)
    padding = 0 if name == "bytes" else np.nan
    # Gaps within, and an end.
    x[1, 10:14] = x[1, 30:] = padding
    masking = masking_of(name, x, fraction=0.5, span=3)
    whole, _, weights = masking(x, keys(3))
    alone, was, own = masking(x[1:2, :30], keys(3)[1:2])
    np.testing.assert_array_equal(alone["inputs"][0], whole["inputs"][1, :30])
    count = int(own.sum())
    assert count == weights[1].sum() > 5
    cells = alone["places"][0, :count]
    np.testing.assert_array_equal(cells, whole["places"][1, :count])
    assert not set(cells) & {*range(10, 14), *range(30, x.shape[1])}
    assert np.isfinite(was).all()


def test_every_epoch_hides_other_parts():
    x = random_input("bytes")
    masking = masking_of("bytes", x)
    first, again, other = (masking(x, keys(3, epoch=e)) for e in (0, 0, 1))
    np.testing.assert_array_equal(first[0]["inputs"], again[0]["inputs"])
    assert (first[0]["inputs"] != other[0]["inputs"]).any()


@pytest.mark.parametrize("span", [1, 2, 5, 50])
@pytest.mark.parametrize("fraction", [0.02, 0.5, 0.98])
def test_there_is_room_for_all_and_something_is_shown(span, fraction):
    """However long a sample is, and wherever its runs begin."""
    x = random_input("bytes")
    masking = masking_of("bytes", x, fraction, span)
    for length in (2, 3, 7, 31, 48):
        for draw in range(20):
            drawn = masking._draw((length,), (draw,))
            assert 0 < drawn.sum() <= masking._room((length,))
            assert not drawn.all()


def test_what_knowing_nothing_is_worth():
    x = np.tile(np.array([[5, 6, 7, 8]], "int32"), (2, 12))
    assert masking_of("bytes", x).guess == pytest.approx(np.log(4))
    x = random_input("series") * [3.0, 1e-3] + 100
    masking = masking_of("series", x.astype("float32"))
    assert masking.guess == pytest.approx(1)
    # Channels of any scale count alike.
    assert masking.deviation == pytest.approx([3, 1e-3], rel=0.3)


def test_samples_of_one_step_are_refused():
    with pytest.raises(ValueError, match="longer than one id"):
        masking_of("bytes", np.array([[5], [6]], "int32"))


@keras.saving.register_keras_serializable(package="test_masking")
class Halves(modalities.Series):
    name = "halves"
    patch = (2,)


@keras.saving.register_keras_serializable(package="test_masking")
class Unknown(modalities.Series):
    name = "unknown"
    patch = None


@pytest.mark.parametrize(
    "modality, message",
    [
        (Unknown(), "Unknown does not tell.*`patch`"),
        (Halves(), r"`patch` of Halves.*patch=\(2,\).*\(50,\) tokens"),
    ],
)
def test_own_modalities_are_told_what_to_define(modality, message):
    backbone = MaelreBackbone(modality, (50, 2), width=16, depths=(1, 1, 1, 1))
    with pytest.raises(ValueError, match=message):
        Masking(backbone)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"fraction": 0.0}, ValueError, "`mask_fraction`.*mask_fraction=0.0"),
        ({"fraction": 1.0}, ValueError, "`mask_fraction`"),
        ({"fraction": "half"}, TypeError, "`mask_fraction`"),
        ({"span": 0}, ValueError, "`mask_span`"),
        ({"span": 1.5}, TypeError, "`mask_span`"),
    ],
)
def test_arguments(arguments, error, message):
    backbone = tiny_classifier("bytes", cls=MaelreBackbone)
    with pytest.raises(error, match=message):
        Masking(backbone, **arguments)
