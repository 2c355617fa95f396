"""Weights of samples and classes count, and groups stay together."""

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_sample_weight

from tests.estimator.small import TOLERANCE, difference, estimator, waves

pytestmark = pytest.mark.compiles_long


def test_weight_zero_is_removal():
    X, y = waves(24)
    y[:3] = "odd"
    weight = np.ones(24)
    weight[:4] = 0
    one = estimator().fit(X, y, sample_weight=weight)
    other = estimator().fit(X[4:], y[4:], sample_weight=weight[4:])
    assert one.classes_.tolist() == ["fast", "slow"]
    assert difference(one, other, X) <= TOLERANCE


def test_heavy_samples_win():
    X, y = waves()
    heavy = {
        name: estimator(epochs=8, validation_fraction=0.0).fit(
            X, y, sample_weight=np.where(y == name, 100.0, 1e-4)
        )
        for name in ("fast", "slow")
    }
    fast = [heavy[name].predict_proba(X)[:, 0].mean() for name in ("fast", "slow")]
    assert fast[0] > fast[1] + 0.2


def test_class_weight_is_a_weight_of_samples():
    X, y = waves(20)
    y[:6] = "slow"
    given = {"fast": 3.0, "slow": 0.5}
    for class_weight in (given, "balanced"):
        one = estimator(class_weight=class_weight).fit(X, y)
        weight = compute_sample_weight(class_weight, y)
        other = estimator().fit(X, y, sample_weight=weight)
        assert difference(one, other, X) <= TOLERANCE
        assert difference(one, estimator().fit(X, y), X) > TOLERANCE
    both = estimator(class_weight=given).fit(X, y, sample_weight=np.full(20, 2.0))
    weight = 2 * compute_sample_weight(given, y)
    other = estimator().fit(X, y, sample_weight=weight)
    assert difference(both, other, X) <= TOLERANCE


def test_classes_are_not_balanced_twice():
    X, y = waves(8)
    both = estimator(class_weight="balanced", recipe={"balanced": True})
    with pytest.raises(ValueError, match="`class_weight` or `recipe.'balanced'.`"):
        both.fit(X, y)


def test_groups_are_validated_on_as_a_whole(monkeypatch):
    from keras_maelre.training import training_run

    seen = []

    def noted(labels, fraction, groups, seed, every_class):
        seen.append(groups)
        return np.isin(groups, ["a", "d"])

    monkeypatch.setattr(training_run, "stratified_split", noted)
    X, y = waves()
    groups = np.repeat(["a", "b", "c", "d"], 4)
    weight = np.ones(16)
    weight[1] = 0
    estimator().fit(X, y, sample_weight=weight, groups=groups)
    np.testing.assert_array_equal(seen[0], np.delete(groups, 1))
