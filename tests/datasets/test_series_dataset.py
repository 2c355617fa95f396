import dataclasses

import numpy as np
import pytest

from keras_maelre.datasets import SeriesDataset, series_dataset


def make(**changes):
    rng = np.random.default_rng(0)
    arguments = {
        "x_train": rng.normal(size=(6, 5, 2)),
        "y_train": [0, 1, 2, 0, 1, 2],
        "x_test": rng.normal(size=(4, 5, 2)),
        "y_test": [0, 1, 1, 2],
        "class_names": ["a", "b", "c"],
    }
    return SeriesDataset(**{**arguments, **changes})


def series(*bad):
    """Six series of five steps and two channels, with values put in."""
    x = np.random.default_rng(0).normal(size=(6, 5, 2))
    for index, value in bad:
        x[index] = value
    return x


def test_arrays_have_the_promised_types():
    data = make(groups_train=np.arange(6), sample_rate=8000)
    assert data.x_train.dtype == data.x_test.dtype == "float32"
    assert data.y_train.dtype == data.y_test.dtype == "int32"
    assert data.class_names == ("a", "b", "c")
    assert data.groups_train.tolist() == [0, 1, 2, 3, 4, 5]
    assert data.sample_rate == 8000.0


def test_float32_series_are_not_copied():
    x = series().astype("float32")
    assert make(x_train=x).x_train is x


def test_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        make().name = "other"


def test_padding_is_accepted_and_lengths_may_differ():
    x = series((np.s_[1, 3:], np.nan))
    data = make(x_train=x, x_test=series()[:4, :3])
    assert np.isnan(data.x_train[1, 3:]).all()
    assert data.x_test.shape == (4, 3, 2)


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
    monkeypatch.setattr(series_dataset, "CHECKED_VALUES", 20)
    x = series(bad, (np.s_[0, 1], np.nan))
    labels = {name.replace("x", "y"): [0, 1, 2, 0, 1, 2]}
    with pytest.raises(ValueError, match=f"Sample 3 of `{name}` .*{fault}"):
        make(**{name: x}, **labels)


@pytest.mark.parametrize("name", ["y_train", "y_test"])
@pytest.mark.parametrize("label", [3, -1, 2**40])
def test_bad_label_names_argument_value_and_range(name, label):
    y = np.array(getattr(make(), name), "int64")
    y[2] = label
    with pytest.raises(ValueError, match=rf"`{name}`.* 0 to 2.*: {label} at sample 2"):
        make(**{name: y})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_train": series()[..., 0]}, "`x_train`.*shape"),
        ({"x_test": np.zeros((0, 5, 2)), "y_test": []}, "`x_test`.*at least one"),
        ({"x_train": series().astype(str)}, "`x_train`.*dtype"),
        ({"x_test": series()[:4, :, :1]}, "channels.*2 and 1"),
        ({"y_train": [0, 1]}, r"`y_train`.*\(6,\).*\(2,\)"),
        ({"y_test": [0.0, 1.0, 1.0, 2.0]}, "`y_test`.*integers.*float64"),
        ({"groups_train": [0, 1]}, r"`groups_train`.*\(6,\)"),
        ({"class_names": "abc"}, "`class_names`"),
        ({"class_names": None}, "`class_names`.*None"),
        ({"class_names": (1, 2, 3)}, "`class_names`"),
        ({"class_names": ("a", "b", "a")}, "`class_names`.*twice"),
        ({"sample_rate": 0}, "`sample_rate`.*positive"),
        ({"sample_rate": "8k"}, "`sample_rate`.*positive"),
    ],
)
def test_wrong_arguments_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        make(**changes)


def test_describe_tells_size_and_score_to_beat():
    data = make(name="toy", sample_rate=173.61, groups_train=[7, 7, 8, 8, 9, 9])
    text = data.describe()
    for fact in (
        "toy:",
        "6 training and 4 test series",
        "length 5,",
        "2 channels",
        "3 classes",
        "173.61 Hz",
        "3 training recordings",
        "'b' scores an accuracy of 0.500",
    ):
        assert fact in text
    assert "simulated" not in text
    assert len(text.splitlines()) == 2


def test_describe_says_simulated():
    assert "toy (simulated)" in make(name="toy", simulated=True).describe()


def test_repr_leaves_the_arrays_out():
    assert "array" not in repr(make())
