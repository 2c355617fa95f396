"""Shares of positive values after convolutions, against their definition."""

import itertools

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline

from keras_maelre.estimator import MiniRocket
from tests.estimator.small import ragged, waves


def slow_features(fitted, series):
    """The features of one z-normalized series `(length, channels)`, one by one."""
    kernels = list(itertools.combinations(range(9), 3))
    length, made = len(series), []
    for i, dilation in enumerate(fitted.dilations_):
        for k, taps in enumerate(kernels):
            weights = [2 if tap in taps else -1 for tap in range(9)]
            signal = series[:, fitted.channels_[i][k]].sum(axis=1)
            out = [
                sum(
                    weights[tap] * signal[t + (tap - 4) * dilation]
                    for tap in range(9)
                    if 0 <= t + (tap - 4) * dilation < length
                )
                for t in range(length)
            ]
            if (i + k) % 2:
                out = out[4 * dilation : length - 4 * dilation]
            made += [np.mean(np.array(out) > bias) for bias in fitted.biases_[i][k]]
    return np.array(made)


@pytest.mark.parametrize("channels", [1, 3])
def test_features_are_shares_of_positive_values(channels):
    X = np.random.default_rng(0).normal(3, 2, (6, 30, channels))
    fitted = MiniRocket(336, random_state=0).fit(X)
    features = fitted.transform(X)
    assert features.shape == (6, 336) and features.dtype == np.float32
    normal = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)
    for row, series in zip(features, normal, strict=True):
        expected = slow_features(fitted, series)
        # A value within a rounding of its threshold may fall on either side.
        assert np.mean(np.abs(row - expected) > 1e-6) < 0.01


def test_dilations_reach_over_the_series():
    fitted = MiniRocket(random_state=0).fit(waves(4, 200)[0])
    assert fitted.dilations_[0] == 1
    assert 8 * fitted.dilations_[-1] <= 199 < 16 * fitted.dilations_[-1]
    assert sum(b.size for b in fitted.biases_) == 84 * (10_000 // 84)


def test_thresholds_spread_over_the_values():
    X, _ = waves(20, 60)
    features = MiniRocket(840, random_state=0).fit_transform(X)
    assert 0.4 < features.mean() < 0.6
    assert features.min() < 0.1 and features.max() > 0.9


def test_it_classifies_ragged_series_it_has_not_seen():
    X, y = ragged(60)
    unseen, labels = ragged(40, seed=1)
    model = make_pipeline(MiniRocket(840, random_state=0), RidgeClassifierCV())
    assert model.fit(X, y).score(unseen, labels) > 0.9


def test_forms_of_one_series_are_the_same():
    X, _ = waves(6)
    fitted = MiniRocket(84, random_state=0).fit(X)
    expected = fitted.transform(X)
    padded = np.concatenate([X, np.full((6, 3), np.nan)], axis=1)
    for form in (X[..., None], list(X), X.tolist(), padded):
        np.testing.assert_array_equal(fitted.transform(form), expected)
    again = clone(fitted).fit(X).transform(X)
    np.testing.assert_array_equal(again, expected)


def test_gaps_are_bridged_by_straight_lines():
    X, _ = waves(6, channels=2)
    fitted = MiniRocket(84, random_state=0).fit(X)
    X[:, 5:9] = np.nan
    X[:, 0] = np.nan
    line = np.linspace(0, 1, 6)[1:-1, None]
    bridged = X.copy()
    bridged[:, 5:9] = (1 - line) * X[:, 4:5] + line * X[:, 9:10]
    bridged[:, 0] = X[:, 1]
    expected = fitted.transform(bridged)
    np.testing.assert_allclose(fitted.transform(X), expected, atol=1e-6)


HALF_A_STEP = np.where(np.arange(40).reshape(20, 2) == 7, np.nan, 1.0)


@pytest.mark.parametrize(
    "X, error, message",
    [
        (np.zeros((4, 8)), ValueError, "at least 9 steps"),
        (["a", "b"], TypeError, "arrays of numbers.*sample 0"),
        ([np.zeros(20), np.zeros((20, 2))], ValueError, "1 channels.*sample 1"),
        ([np.zeros(20), np.full(20, np.nan)], ValueError, "sample 1 of shape"),
        ([np.zeros(20), np.r_[1, np.inf, np.ones(9)]], ValueError, "finite.*sample 1"),
        ([np.zeros((20, 2)), HALF_A_STEP], ValueError, "all channels.*sample 1"),
        (np.zeros((2, 3, 4, 5)), ValueError, r"sample 0 of shape \(3, 4, 5\)"),
        ([], ValueError, "at least one sample"),
    ],
    ids=["short", "strings", "channels", "padding", "infinite", "half", "rank", "none"],
)
def test_bad_series_are_refused(X, error, message):
    with pytest.raises(error, match=message):
        MiniRocket(84).fit(X)


@pytest.mark.parametrize(
    "arguments, error",
    [({"n_features": 10}, ValueError), ({"normalize": 1}, TypeError)],
)
def test_bad_arguments_are_refused(arguments, error):
    with pytest.raises(error, match=f"`{next(iter(arguments))}`"):
        MiniRocket(**arguments).fit(waves()[0])
