import numpy as np
import pytest

from keras_maelre.datasets import series_arrays
from keras_maelre.datasets.series_arrays import checked_series


def series(*bad):
    """Six series of five steps and two channels, with values put in."""
    x = np.random.default_rng(0).normal(size=(6, 5, 2))
    for index, value in bad:
        x[index] = value
    return x


def test_arrays_have_the_promised_types():
    x_train, x_test = checked_series(series(), np.ones((2, 5, 2), int))
    assert x_train.dtype == x_test.dtype == "float32"


@pytest.mark.parametrize("offset, scale", [(1.7e9, 10), (1e5, 0.01), (1e15, 1e3)])
def test_small_changes_on_a_large_offset_are_kept(offset, scale):
    x = offset + scale * series()
    x[2, 3:] = np.nan
    x_train, x_test = checked_series(x, series())
    np.testing.assert_array_equal(x_train, x)
    assert x_test.dtype == "float32"


def test_large_integers_are_kept():
    x = 1_700_000_000 + np.arange(30).reshape(3, 5, 2)
    x_train, _ = checked_series(x, series())
    np.testing.assert_array_equal(x_train, x)


@pytest.mark.parametrize("scale", [1e-20, 1, 1e20, 0])
def test_series_that_lose_nothing_become_float32(scale):
    x = scale * (series() + 0.1)
    assert checked_series(x, x)[0].dtype == "float32"


def test_float32_series_are_not_copied():
    x = series().astype("float32")
    assert checked_series(x, x)[0] is x


def test_padding_is_accepted_and_lengths_may_differ():
    x = series((np.s_[1, 3:], np.nan))
    x_train, x_test = checked_series(x, series()[:4, :3])
    assert np.isnan(x_train[1, 3:]).all()
    assert x_test.shape == (4, 3, 2)


@pytest.mark.parametrize("name", ["x_train", "x_test"])
@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        ((np.s_[3, 2, 0], np.nan), "only some of its channels"),
        ((np.s_[3, 2, 0], np.inf), "infinity"),
        ((np.s_[3, 2, 0], 1e200), "infinity"),
        ((np.s_[3], np.nan), "no valid time step"),
    ],
)
def test_bad_values_name_the_array_and_the_first_sample(monkeypatch, name, bad, fault):
    # Checked two series at a time, so that the index has to count the others.
    monkeypatch.setattr(series_arrays, "CHECKED_VALUES", 20)
    x = {"x_train": series(), "x_test": series()}
    x[name] = series(bad, (np.s_[0, 1], np.nan))
    with pytest.raises(ValueError, match=f"Sample 3 of `{name}` .*{fault}"):
        checked_series(**x)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_train": series()[..., 0]}, "`x_train`.*shape"),
        ({"x_test": np.zeros((0, 5, 2))}, "`x_test`.*at least one"),
        ({"x_train": series().astype(str)}, "`x_train`.*dtype"),
        ({"x_test": series()[:4, :, :1]}, "channels.*2 and 1"),
    ],
)
def test_wrong_arrays_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        checked_series(**{"x_train": series(), "x_test": series()[:4], **changes})
