import numpy as np
import pytest
from simulated import simulated_sounds


@pytest.fixture(scope="module")
def data():
    return simulated_sounds(samples_per_class=30, seconds=1.0, seed=3)


def test_says_that_it_is_simulated(data):
    assert data.simulated
    assert "SIMULATED" in data.describe()


def test_splits_have_the_asked_numbers_of_each_class(data):
    assert len(data.class_names) == 6
    assert np.bincount(data.y_train).tolist() == [20] * 6
    assert np.bincount(data.y_test).tolist() == [10] * 6
    assert data.x_train.shape == (120, 16000) and data.x_train.dtype == "float32"
    # Shuffled, so that a slice for validation holds every class.
    assert set(data.y_train[:40]) == set(range(6))


def test_waves_are_in_range_loud_and_quiet_and_distinct(data):
    x = np.concatenate([data.x_train, data.x_test])
    peaks = np.abs(x).max(axis=1)
    assert peaks.max() <= 1 and peaks.min() > 0.24
    assert peaks.max() > 3 * peaks.min()
    assert len(np.unique(x[:, 100])) == len(x)


def test_seed_decides_the_sounds():
    first, again = (simulated_sounds(3, seconds=0.5, seed=1) for _ in range(2))
    other = simulated_sounds(3, seconds=0.5, seed=2)
    np.testing.assert_array_equal(first.x_train, again.x_train)
    np.testing.assert_array_equal(first.y_test, again.y_test)
    assert np.abs(first.x_train - other.x_train).max() > 0.01


def test_classes_can_be_told_apart_but_not_by_loudness(data):
    """The nearest mean spectrum identifies most sounds, the level does not."""

    def describe(x):
        frames = x.reshape(len(x), 40, 400)
        power = np.log(np.abs(np.fft.rfft(frames * np.hanning(400))) ** 2 + 1e-9)
        bands = power[..., :200].reshape(len(x), 40, 20, 10).mean(axis=-1)
        bands -= bands.mean(axis=(1, 2), keepdims=True)
        return np.concatenate([bands.mean(axis=1), bands.std(axis=1)], axis=1)

    def accuracy(train, test):
        means = np.stack([train[data.y_train == k].mean(axis=0) for k in range(6)])
        distance = np.linalg.norm(test[:, None] - means, axis=-1)
        return (distance.argmin(axis=1) == data.y_test).mean()

    assert accuracy(describe(data.x_train), describe(data.x_test)) > 0.8
    peaks = [
        np.log(np.abs(x).max(axis=1))[:, None] for x in (data.x_train, data.x_test)
    ]
    assert accuracy(*peaks) < 0.4


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"samples_per_class": 12.5}, TypeError, "`samples_per_class`.*12.5"),
        ({"samples_per_class": 1}, ValueError, "`samples_per_class`"),
        ({"seconds": 0.1}, ValueError, r"`seconds`.*\[0.5, inf\).*0.1"),
        ({"seconds": float("nan")}, ValueError, "`seconds`"),
        ({"test_fraction": 0}, ValueError, "`test_fraction`"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        simulated_sounds(**{"samples_per_class": 3, **arguments})
