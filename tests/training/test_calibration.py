"""Temperatures are the most likely ones, and calibration errors what they should be."""

import numpy as np
import pytest

from keras_maelre.training import (
    expected_calibration_error,
    fit_temperature,
    plot_reliability,
)


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def draw(multi_label, samples=4000, classes=5, scale=1.0, seed=0):
    """Calibrated logits, and labels drawn by their probabilities."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=1.5, size=(samples, classes))
    noise = rng.random((samples, 1 if not multi_label else classes))
    if multi_label:
        return noise < sigmoid(logits), logits * scale
    return (noise > softmax(logits).cumsum(axis=1)).sum(axis=1), logits * scale


def likelihood(y, logits, temperature, multi_label):
    if multi_label:
        p = sigmoid(logits / temperature)
        return -np.mean(np.log(np.where(y, p, 1 - p)))
    p = softmax(logits / temperature)
    return -np.mean(np.log(p[np.arange(len(y)), y]))


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("scale", [0.2, 1.0, 7.0])
def test_temperature_is_found(multi_label, scale):
    y, logits = draw(multi_label, scale=scale)
    temperature = fit_temperature(logits, y, multi_label)
    assert isinstance(temperature, float)
    assert temperature == pytest.approx(scale, rel=0.05)
    best = likelihood(y, logits, temperature, multi_label)
    for factor in (0.999, 1.001):
        assert best < likelihood(y, logits, temperature * factor, multi_label)


@pytest.mark.parametrize("multi_label", [False, True])
def test_calibration_error_falls(multi_label):
    y, logits = draw(multi_label, scale=4.0)
    probabilities = sigmoid if multi_label else softmax
    temperature = fit_temperature(logits, y, multi_label)
    before, after = (
        expected_calibration_error(y, probabilities(scaled), multi_label=multi_label)
        for scaled in (logits, logits / temperature)
    )
    assert after < 0.03 < before


def test_shifted_and_large_logits():
    y, logits = draw(False)
    expected = fit_temperature(logits, y)
    assert fit_temperature(logits + 1e6, y) == pytest.approx(expected, rel=1e-6)
    # Their exponentials are beyond float64, whichever way the classifier errs.
    y, logits = np.append(y, [0, 1]), np.concatenate([logits, 900 * np.eye(5)[[0, 0]]])
    assert expected < fit_temperature(logits, y) < 20


@pytest.mark.parametrize(
    "logits, y, multi_label",
    [
        ([[3.0, 0.0], [0.0, 3.0]], [0, 1], False),  # all right
        ([[3.0, 0.0], [0.0, 3.0]], [1, 0], False),  # all wrong
        ([[3.0, 0.0], [2.0, 0.0]], [0, 0], False),  # of one class
        ([[0.0, 0.0], [0.0, 0.0]], [0, 1], False),  # nothing to scale
        ([[3.0], [1.0]], [0, 0], False),  # a single class
        ([[3.0, -3.0]], [[1, 0]], True),
        ([[3.0, -3.0]], [[0, 1]], True),
        ([[-3.0, -2.0]], [[0, 0]], True),
    ],
)
def test_undetermined_temperature_is_one_and_said(logits, y, multi_label):
    with pytest.warns(UserWarning, match="do not determine a temperature"):
        assert fit_temperature(logits, y, multi_label) == 1.0


def test_calibration_error_by_hand():
    p = [[0.9, 0.1], [0.8, 0.2], [0.55, 0.45], [0.3, 0.7]]
    # In five bins: .55 alone (right); .7 and .8 (half right); .9 (wrong).
    expected = (1 * abs(1 - 0.55) + 2 * abs(0.5 - 0.75) + 1 * abs(0 - 0.9)) / 4
    error = expected_calibration_error([1, 0, 0, 0], p, bins=5)
    assert error == pytest.approx(expected, abs=1e-12)
    y = np.array([[1, 0], [1, 0], [1, 0], [0, 1]])
    # Edges belong to the bin below: {.1, .2}, {.3}, {.45, .55}, {.7, .8}, {.9}.
    expected = (0.3 + 0.3 + abs(1 - 1.0) + abs(2 - 1.5) + 0.1) / 8
    error = expected_calibration_error(y, p, bins=5, multi_label=True)
    assert error == pytest.approx(expected, abs=1e-12)


def test_certain_and_right_is_no_error():
    assert expected_calibration_error([0, 1], np.eye(2)) == 0
    assert expected_calibration_error(np.eye(2), np.eye(2), multi_label=True) == 0
    assert expected_calibration_error([1, 0], np.eye(2)) == 1
    assert expected_calibration_error([0, 1], np.eye(2), bins=1) == 0


@pytest.mark.parametrize("multi_label", [False, True])
def test_reliability_diagram(multi_label, tmp_path):
    image = pytest.importorskip("matplotlib.image", reason="the extra [examples]")
    y, logits = draw(multi_label, samples=100)
    p = (sigmoid if multi_label else softmax)(logits)
    path = tmp_path / "reliability.png"
    plot_reliability(y, p, path, "$a_{$", multi_label=multi_label)
    assert image.imread(path).std() > 0.05, "an empty picture"


EYE = np.eye(3)


@pytest.mark.parametrize(
    "error, message, arguments",
    [
        (TypeError, "integers", ([0.0, 1.0, 2.0], EYE)),
        (TypeError, "`y_true` must hold numbers", (["a", "b", "c"], EYE)),
        (TypeError, "`probabilities` must hold numbers", ([0, 1, 2], [["a"]] * 3)),
        (ValueError, r"\[0, 3\).*0 to 3", ([0, 1, 3], EYE)),
        (ValueError, r"\[0, 3\).*-1 to 1", ([0, 1, -1], EYE)),
        (ValueError, "same length.*2 and 3", ([0, 1], EYE)),
        (ValueError, r"one-dimensional.*\(3, 3\)", (EYE, EYE)),
        (ValueError, r"shape \(samples, 3\).*\(3,\)", ([0, 1, 2], EYE, 15, True)),
        (ValueError, "zeros and ones", (2 * EYE, EYE, 15, True)),
        (ValueError, "not be empty", ([], EYE[:0])),
        (ValueError, r"\[0, 1\]", ([0, 1, 2], EYE * 2)),
        (ValueError, r"\[0, 1\]", ([0, 1, 2], EYE * np.nan)),
        (ValueError, "bins", ([0, 1, 2], EYE, 0)),
        (TypeError, "bins", ([0, 1, 2], EYE, 1.5)),
        (TypeError, "multi_label", ([0, 1, 2], EYE, 15, "no")),
    ],
)
def test_wrong_arguments(error, message, arguments):
    with pytest.raises(error, match=message):
        expected_calibration_error(*arguments)


def test_wrong_logits():
    for wrong in (np.inf, np.nan):
        with pytest.raises(ValueError, match="`logits` must be finite"):
            fit_temperature([[wrong, 0.0]], [0])
    with pytest.raises(ValueError, match=r"`logits` must have shape"):
        fit_temperature([1.0, 2.0], [0, 1])
