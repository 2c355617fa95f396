"""Tuned thresholds are the best of all that there are."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import f1_score

from keras_maelre.training import tune_thresholds
from keras_maelre.training.thresholds import label_thresholds

METRICS = ("micro_f1", "macro_f1")
each_metric = pytest.mark.parametrize("metric", METRICS)


def draw(samples=30, labels=4, seed=0, digits=None):
    rng = np.random.default_rng(seed)
    y = rng.random((samples, labels)) < [0.1, 0.3, 0.5, 0.2][:labels]
    y[0] = True
    p = 1 / (1 + np.exp(-rng.normal(1.5 * y - 1.5)))
    return y, (p if digits is None else p.round(digits))


def score(y, p, thresholds, metric):
    axis = None if metric == "micro_f1" else 0
    both = np.sum(y & (p > thresholds), axis)
    either = np.sum(y, axis) + np.sum(p > thresholds, axis)
    return np.mean(2 * both / np.maximum(either, 1))


@each_metric
def test_the_score_of_these_tests_is_that_of_scikit_learn(metric):
    y, p = draw()
    average = metric.removesuffix("_f1")
    wanted = f1_score(y, p > 0.4, average=average, zero_division=0)
    assert score(y, p, 0.4, metric) == pytest.approx(wanted, abs=1e-12)


def candidates(p):
    """A threshold for every decision that is possible."""
    edges = np.unique(np.concatenate([[0.0, 1.0], p.ravel()]))
    return np.concatenate([(edges[1:] + edges[:-1]) / 2, [1.0]])


@each_metric
@pytest.mark.parametrize("digits", [None, 2, 1])
@pytest.mark.parametrize("seed", range(4))
def test_single_threshold_is_the_best_of_all(metric, digits, seed):
    y, p = draw(seed=seed, digits=digits)
    best = max(score(y, p, t, metric) for t in candidates(p))
    threshold = tune_thresholds(y, p, metric=metric)
    assert isinstance(threshold, float)
    assert score(y, p, threshold, metric) == pytest.approx(best, abs=1e-12)


@each_metric
@pytest.mark.parametrize("digits", [None, 1])
@pytest.mark.parametrize("seed", range(4))
def test_thresholds_per_label_are_the_best_of_all_combinations(metric, digits, seed):
    y, p = draw(samples=9, labels=3, seed=seed, digits=digits)
    choices = [candidates(p[:, j]) for j in range(3)]
    best = max(
        score(y, p, np.array(combination), metric)
        for combination in itertools.product(*choices)
    )
    thresholds = tune_thresholds(y, p, per_label=True, metric=metric)
    assert thresholds.shape == (3,) and thresholds.dtype == "float64"
    assert score(y, p, thresholds, metric) == pytest.approx(best, abs=1e-12)


@each_metric
def test_label_without_positives_gets_the_single_threshold(metric):
    y, p = draw()
    y[:, 2] = False
    single = tune_thresholds(y, p, metric=metric)
    thresholds = tune_thresholds(y, p, per_label=True, metric=metric)
    assert thresholds[2] == single
    assert score(y, p, thresholds, metric) >= score(y, p, single, metric)


@each_metric
@pytest.mark.parametrize("per_label", [False, True])
def test_a_label_that_all_have_is_always_predicted(metric, per_label):
    y, p = np.ones((5, 1)), np.array([[0.9], [0.2], [0.4], [0.2], [0.3]])
    threshold = tune_thresholds(y, p, per_label=per_label, metric=metric)
    assert threshold == pytest.approx(0.1)


def test_midpoint_and_ties():
    y = [[1], [1], [0], [0]]
    assert tune_thresholds(y, [[0.75], [0.5], [0.25], [0.0]]) == 0.375
    # All alike: all or none, and all is better.
    assert tune_thresholds(y, [[0.5]] * 4) == 0.25
    # What is 0 is never predicted.
    y, p = [[1], [0], [0], [1]], [[0.9], [0.7], [0.2], [0.0]]
    assert tune_thresholds(y, p) == pytest.approx(0.8)


def test_the_nearest_to_one_half_of_equals():
    # Micro-F1 is 2/3 with three predictions and with six.
    y, p = [[1], [0], [1], [0], [0], [1]], [[0.9], [0.8], [0.6], [0.5], [0.3], [0.1]]
    assert tune_thresholds(y, p) == pytest.approx(0.55)
    assert tune_thresholds(y, np.square(p)) == pytest.approx(0.305)
    assert tune_thresholds(y, np.sqrt(p)) == pytest.approx((0.6**0.5 + 0.5**0.5) / 2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each_metric
def test_neighbouring_numbers_are_separated(dtype, metric):
    upper = np.asarray(0.3, dtype)
    lower = np.nextafter(upper, np.asarray(0, dtype))
    y, p = np.array([[1], [0]]), np.array([[upper], [lower]])
    for per_label in (False, True):
        threshold = tune_thresholds(y, p, per_label, metric)
        assert (p > threshold).ravel().tolist() == [True, False]


@each_metric
def test_float32_decides_as_float64(metric):
    y, p = draw(samples=200)
    p = p.astype("float32")
    threshold = tune_thresholds(y, p, metric=metric)
    assert ((p > np.float32(threshold)) == (p.astype("float64") > threshold)).all()


def test_certain_probabilities():
    y, p = np.array([[1, 0], [0, 1]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    assert tune_thresholds(y, p) == 0.5
    np.testing.assert_array_equal(tune_thresholds(y, p, per_label=True), [0.5, 0.5])


def test_hopeless_label_is_not_predicted_for_micro_f1():
    """One positive, least probable of many, costs more than it gains."""
    y = np.zeros((50, 2), int)
    y[:20, 0] = 1
    y[-1, 1] = 1
    p = np.stack([y[:, 0] * 0.8 + 0.1, np.linspace(1, 0.02, 50)], axis=1)
    thresholds = tune_thresholds(y, p, per_label=True)
    assert thresholds[1] == 1 and thresholds[0] == 0.5


@pytest.mark.parametrize(
    "error, message, changes",
    [
        (
            ValueError,
            r"`y_true`.*samples, 4\).*\(30, 3\)",
            {"y_true": draw()[0][:, :3]},
        ),
        (ValueError, "no positives", {"y_true": np.zeros((30, 4))}),
        (ValueError, "zeros and ones.*2", {"y_true": np.full((30, 4), 2)}),
        (TypeError, "`y_true` must hold numbers", {"y_true": np.full((30, 4), "a")}),
        (ValueError, r"\[0, 1\]", {"probabilities": draw()[1] * 3}),
        (ValueError, r"\[0, 1\]", {"probabilities": np.full((30, 4), np.nan)}),
        (ValueError, r"shape \(30,\)", {"probabilities": np.ones(30)}),
        (ValueError, r"shape \(0, 4\)", {"probabilities": np.ones((0, 4))}),
        (ValueError, "metric='f1'", {"metric": "f1"}),
        (TypeError, "per_label='no'", {"per_label": "no"}),
    ],
)
def test_wrong_arguments(error, message, changes):
    y, p = draw()
    with pytest.raises(error, match=message):
        tune_thresholds(**{"y_true": y, "probabilities": p, **changes})


def test_thresholds_serve_the_rare_labels_too():
    """A frequent label, a rare one that nothing tells, and one seen twice."""
    generator = np.random.default_rng(0)
    y = generator.uniform(size=(400, 3)) < [0.5, 0.1, 0]
    y[:2, 2] = True
    p = y * [0.5, 0, 0] + generator.uniform(0, 0.5, y.shape)
    own = tune_thresholds(y, p, per_label=True, metric="macro_f1")
    shared = tune_thresholds(y, p, per_label=True)
    assert own[1] < shared[1] and own[2] < shared[2]
    np.testing.assert_array_equal(label_thresholds(y, p), [*own[:2], shared[2]])
