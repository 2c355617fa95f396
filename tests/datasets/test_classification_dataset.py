import dataclasses
import warnings

import numpy as np
import pytest

from keras_maelre.datasets import ClassificationDataset


def make(**changes):
    rng = np.random.default_rng(0)
    arguments = {
        "x_train": rng.normal(size=(6, 5, 2)),
        "y_train": [0, 1, 2, 0, 1, 2],
        "x_test": rng.normal(size=(4, 5, 2)),
        "y_test": [0, 1, 1, 2],
        "class_names": ["a", "b", "c"],
    }
    return ClassificationDataset(**{**arguments, **changes})


MULTI_LABEL = {
    "y_train": [[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0], [1, 0, 0], [0, 0, 1]],
    "y_test": np.eye(4, 3, dtype=bool),
}


def test_arrays_have_the_promised_types():
    data = make(groups_train=np.arange(6), sample_rate=8000)
    assert data.y_train.dtype == data.y_test.dtype == "int32"
    assert data.class_names == ("a", "b", "c") and not data.multi_label
    assert data.groups_train.tolist() == [0, 1, 2, 3, 4, 5]
    assert data.sample_rate == 8000.0


def test_samples_are_not_copied():
    x = np.ones((6, 5))
    assert make(x_train=x).x_train is x


def test_multi_label():
    data = make(**MULTI_LABEL)
    assert data.multi_label and data.y_train.dtype == data.y_test.dtype == "uint8"
    np.testing.assert_array_equal(data.y_test, MULTI_LABEL["y_test"])


def test_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        make().name = "other"


@pytest.mark.parametrize("name", ["y_train", "y_test"])
@pytest.mark.parametrize("label", [3, -1, 2**40])
def test_bad_label_names_argument_value_and_range(name, label):
    y = np.array(getattr(make(), name), "int64")
    y[2] = label
    with pytest.raises(ValueError, match=rf"`{name}`.* 0 to 2.*: {label} at sample 2"):
        make(**{name: y})


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"x_test": [], "y_test": []}, ValueError, "`y_test`.*at least one"),
        ({"x_test": np.zeros((4, 0, 2))}, ValueError, "`x_test`.*at least one"),
        ({"x_train": "a text"}, TypeError, "`x_train`.*list.*str"),
        ({"x_train": iter("abcdef")}, TypeError, "`x_train`.*list"),
        ({"y_train": [0, 1]}, ValueError, r"`y_train`.*\(6,\).*\(2,\)"),
        ({"y_test": [0.0, 1.0, 1.0, 2.0]}, ValueError, "`y_test`.*integers.*float64"),
        ({"y_test": MULTI_LABEL["y_test"]}, ValueError, "the same rank"),
        ({"y_train": np.full((6, 3), 2)}, ValueError, "`y_train`.*zeros and ones"),
        ({"groups_train": [0, 1]}, ValueError, r"`groups_train`.*\(6,\)"),
        ({"groups_train": np.ones(6)}, ValueError, "`groups_train`.*float64"),
        ({"class_names": "abc"}, TypeError, "`class_names`"),
        ({"class_names": None}, TypeError, "`class_names`.*None"),
        ({"class_names": (1, 2, 3)}, TypeError, "`class_names`"),
        ({"class_names": (b"a", b"b", b"c")}, TypeError, "`class_names`.*b'a'"),
        ({"class_names": ("a", "b", "a")}, ValueError, "`class_names`.*distinct"),
        ({"class_names": ()}, ValueError, "`class_names`.*at least one"),
        ({"sample_rate": 0}, ValueError, "`sample_rate`.*positive"),
        ({"sample_rate": np.nan}, ValueError, "`sample_rate`.*positive"),
        ({"sample_rate": "8k"}, TypeError, "`sample_rate`.*positive"),
        ({"simulated": "no"}, TypeError, "`simulated`"),
    ],
)
def test_wrong_arguments_are_named(changes, error, message):
    with pytest.raises(error, match=message):
        make(**changes)


@pytest.mark.parametrize("name", ["x_train", "x_test", "y_train", "groups_train"])
def test_masked_arrays_are_refused(name):
    array = np.arange(6) % 3 if name != "x_test" else np.ones(4)
    masked = np.ma.masked_array(array, array == 1)
    with pytest.raises(TypeError, match=f"`{name}` holds a masked array"):
        make(**{name: masked})
    if name.startswith("x"):
        with pytest.raises(TypeError, match=f"`{name}` holds a masked array"):
            make(**{name: [np.ones(3), masked]})


def test_nothing_is_warned_of_without_a_reason():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make()
        make(**MULTI_LABEL)
        make(y_test=[0, 0, 0, 0])  # a class without a test sample


def test_classes_of_the_test_split_alone_are_warned_of():
    with pytest.warns(UserWarning, match="toy: 1 of 3 classes .*not in the .*: c$"):
        make(name="toy", y_train=[0, 1, 1, 0, 1, 0])
    rows = np.array(MULTI_LABEL["y_train"])
    rows[:, 1] = 0
    with pytest.warns(UserWarning, match="1 of 3 classes .*: b$"):
        make(**{**MULTI_LABEL, "y_train": rows})


def test_one_class_for_training_is_warned_of():
    with pytest.warns(UserWarning, match="all training samples are of the class 'b'"):
        make(y_train=[1] * 6, y_test=[1] * 4)


@pytest.mark.parametrize("kind", ["array", "list", "text", "bytes"])
def test_test_samples_that_are_training_samples_are_counted(kind):
    x = np.arange(60).reshape(10, 6)
    samples = {
        "array": x,
        "list": list(x),
        "text": [f"text {row}" for row in x],
        "bytes": [row.tobytes() for row in x],
    }[kind]
    with pytest.warns(UserWarning, match="toy: 2 of 4 test samples are training"):
        make(name="toy", x_train=samples[:6], x_test=samples[4:8])


def test_padding_does_not_hide_a_series_that_is_in_both_splits():
    x = np.random.default_rng(0).normal(size=(10, 5, 2))
    longer = np.pad(x, ((0, 0), (0, 3), (0, 0)), constant_values=np.nan)
    with pytest.warns(UserWarning, match="1 of 4 test samples are training"):
        make(x_train=x[:6], x_test=longer[5:9])


def test_describe_tells_size_and_score_to_beat():
    data = make(name="toy", sample_rate=173.61, groups_train=[7, 7, 8, 8, 9, 9])
    text = data.describe()
    for fact in (
        "toy:",
        "6 training and 4 test samples",
        "shape (5, 2),",
        "3 classes",
        "173.61 Hz",
        "3 training groups",
        "'b' scores an accuracy of 0.500",
    ):
        assert fact in text
    assert "simulated" not in text.lower()
    assert len(text.splitlines()) == 2


def test_describe_tells_labels_and_skipped_files():
    data = make(**MULTI_LABEL, x_train=["a"] * 6, skipped=["a.wav: missing"])
    assert data.describe() == (
        "data: 6 training and 4 test samples, 3 labels.\n1.33 labels per sample.\n"
        "1 files were skipped, the first: a.wav: missing"
    )


def test_describe_says_simulated():
    assert "toy (SIMULATED)" in make(name="toy", simulated=True).describe()


def test_repr_leaves_the_arrays_out():
    assert "array" not in repr(make())
