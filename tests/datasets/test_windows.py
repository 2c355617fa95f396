"""Windows of recordings."""

import numpy as np
import pytest

from keras_maelre.datasets import average_windows, cut_windows


@pytest.mark.parametrize("length, step", [(5, 5), (5, 2), (5, 7), (1, 1), (40, 3)])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_every_step_that_windows_can_reach_is_in_one(length, step, channels):
    generator = np.random.default_rng(0)
    samples = [generator.normal(size=(n, *channels)) for n in (1, 4, 5, 6, 23)]
    windows, sources = cut_windows(samples, length, step)
    assert len(windows) == len(sources)
    for number, sample in enumerate(samples):
        own = [w for w, s in zip(windows, sources, strict=True) if s == number]
        assert {len(w) for w in own} == {min(length, len(sample))}
        if step <= length:
            seen = {tuple(np.atleast_1d(value)) for w in own for value in w}
            assert seen == {tuple(np.atleast_1d(value)) for value in sample}
        np.testing.assert_array_equal(own[-1], sample[-length:])


def test_windows_begin_every_step():
    windows, sources = cut_windows([np.arange(10), np.arange(4)], 4, 2)
    assert [list(w) for w in windows[:4]] == [
        [0, 1, 2, 3],
        [2, 3, 4, 5],
        [4, 5, 6, 7],
        [6, 7, 8, 9],
    ]
    assert list(sources) == [0, 0, 0, 0, 1]


def test_padding_of_arrays_is_left_out():
    x = np.arange(20.0).reshape(2, 10, 1)
    x[1, 7:] = np.nan
    x[0, 3] = np.nan  # a gap, not padding
    windows, sources = cut_windows(x, 4)
    assert list(sources) == [0, 0, 0, 1, 1]
    np.testing.assert_array_equal(windows[-1], x[1, 3:7])
    np.testing.assert_array_equal(windows[0], x[0, :4])


def test_averages_are_those_of_each_recording():
    probabilities = np.array([[0.2, 0.8], [0.4, 0.6], [1.0, 0.0]])
    found = average_windows(probabilities, np.array([1, 1, 0]))
    np.testing.assert_allclose(found, [[1.0, 0.0], [0.3, 0.7]])


@pytest.mark.parametrize(
    "samples, arguments, error, message",
    [
        ([np.zeros(9)], (0,), ValueError, "`length`"),
        ([np.zeros(9)], (2.5,), TypeError, "`length`"),
        ([np.zeros(9)], (3, 0), ValueError, "`step`"),
        ("text", (3,), TypeError, "`samples`"),
        (7, (3,), TypeError, "`samples`"),
        ([np.zeros((2, 2, 2))], (3,), ValueError, "sample 0 of dtype"),
        (["abc"], (3,), ValueError, "sample 0 of dtype"),
        ([np.zeros(3), np.zeros(0)], (3,), ValueError, "Sample 1 has no steps"),
        (np.full((1, 5), np.nan), (3,), ValueError, "Sample 0 has no steps"),
    ],
)
def test_bad_recordings(samples, arguments, error, message):
    with pytest.raises(error, match=message):
        cut_windows(samples, *arguments)


@pytest.mark.parametrize(
    "probabilities, sources, message",
    [
        (np.zeros(3), np.zeros(3, int), "`probabilities`"),
        (np.zeros((3, 2), int), np.zeros(3, int), "`probabilities`"),
        (np.zeros((3, 2)), np.zeros(2, int), "`sources`"),
        (np.zeros((3, 2)), np.zeros(3), "`sources`"),
        (np.zeros((2, 2)), np.array([0, 2]), "no window of recording 1"),
        (np.zeros((2, 2)), np.array([0, -1]), "at least 0"),
        (np.zeros((0, 2)), np.zeros(0, int), "no windows"),
    ],
)
def test_bad_probabilities(probabilities, sources, message):
    with pytest.raises(ValueError, match=message):
        average_windows(probabilities, sources)
