import numpy as np
import pytest
from simulated import simulated_wingbeats, wingbeats


@pytest.fixture(scope="module")
def data():
    return simulated_wingbeats(samples_per_class=60, seed=3)


def test_says_that_it_is_simulated(data):
    assert data.simulated
    assert "simulated" in data.name
    assert "simulated" in data.describe()


def test_splits_have_the_asked_numbers_of_each_class(data):
    assert np.bincount(data.y_train).tolist() == [40] * 6
    assert np.bincount(data.y_test).tolist() == [20] * 6
    assert data.x_train.shape == (240, 3750, 1)
    assert len(data.class_names) == 6
    assert data.sample_rate == 6000.0
    # Shuffled, so that a slice for validation holds every class.
    assert set(data.y_train[:60]) == set(range(6))


def test_series_are_standardized_and_distinct(data):
    x = np.concatenate([data.x_train, data.x_test])[..., 0]
    np.testing.assert_allclose(x.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(x.std(axis=1), 1, atol=1e-5)
    assert len(np.unique(x[:, 0])) == len(x)


def test_seed_decides_the_series():
    first, again = (simulated_wingbeats(4, length=50, seed=1) for _ in range(2))
    other = simulated_wingbeats(4, length=50, seed=2)
    np.testing.assert_array_equal(first.x_train, again.x_train)
    np.testing.assert_array_equal(first.y_test, again.y_test)
    assert np.abs(first.x_train - other.x_train).max() > 0.1


def test_more_series_than_one_batch(monkeypatch):
    monkeypatch.setattr(wingbeats, "BATCH", 5)
    data = simulated_wingbeats(4, length=50)
    np.testing.assert_allclose(data.x_train.std(axis=1), 1, atol=1e-5)


def test_pitch_tells_most_but_not_all_species(data):
    """The loudest frequency identifies many series, the label's sense; not all."""
    x = np.concatenate([data.x_train, data.x_test])[..., 0]
    y = np.concatenate([data.y_train, data.y_test])
    spectrum = np.abs(np.fft.rfft(x * np.hanning(x.shape[1]), axis=1))
    frequency = np.fft.rfftfreq(x.shape[1], 1 / data.sample_rate)
    spectrum[:, (frequency < 250) | (frequency > 700)] = 0
    pitch = frequency[spectrum.argmax(axis=1)]
    means = np.array([mean for _, mean, _ in wingbeats.SPECIES])
    accuracy = (np.abs(pitch[:, None] - means).argmin(axis=1) == y).mean()
    assert 0.75 < accuracy < 0.95


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sample_rate": 1000}, r"`sample_rate`.*\(1368, inf\).*1000"),
        ({"sample_rate": float("nan")}, "`sample_rate`"),
        ({"length": 1}, "`length`"),
        ({"samples_per_class": 1}, "`samples_per_class`"),
        ({"test_fraction": 0}, "`test_fraction`"),
        ({"test_fraction": 1.5}, "`test_fraction`"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        simulated_wingbeats(**{"samples_per_class": 10, "length": 50, **arguments})


@pytest.mark.parametrize("name", ["samples_per_class", "length"])
def test_counts_must_be_whole(name):
    with pytest.raises(TypeError, match=f"`{name}`.*12.5"):
        simulated_wingbeats(**{"samples_per_class": 10, "length": 50, name: 12.5})
