"""Thresholds of labels, of simple tools and of a probe that is kept."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import f1_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC

from keras_maelre.estimator import simple_tool
from keras_maelre.estimator.tuned_labels import TunedLabels, f1_across_halves
from keras_maelre.training import linear_probe, tune_thresholds
from keras_maelre.training.training_run import BestWeights
from tests.estimator.small import documents, estimator
from tests.models.tiny import random_input, tiny_classifier


def rare_labels(count, seed=0):
    """Features of which each label is told in part; one in twelve has it."""
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(count, 6))
    Y = (X[:, :3] + generator.normal(size=(count, 3)) > 2).astype(int)
    return X, Y


def test_rare_labels_are_predicted():
    X, Y = rare_labels(600)
    other_X, other_Y = rare_labels(600, seed=1)
    tuned = TunedLabels(LinearSVC(), random_state=0).fit(X, Y)
    plain = OneVsRestClassifier(LinearSVC()).fit(X, Y)
    scores = [
        f1_score(other_Y, made.predict(other_X), average="micro")
        for made in (tuned, plain)
    ]
    assert scores[0] > scores[1] + 0.1
    # It learned from all, not from those alone that tuned nothing.
    np.testing.assert_allclose(
        tuned.classifiers_.decision_function(X), plain.decision_function(X), atol=1e-2
    )
    again = clone(tuned).fit(X, Y)
    np.testing.assert_array_equal(again.thresholds_, tuned.thresholds_)


@pytest.mark.filterwarnings("ignore:Label .* is present")
def test_labels_that_all_or_none_have():
    X, Y = rare_labels(40)
    Y[:, 1], Y[:, 2] = 0, 1
    predicted = TunedLabels(LinearSVC(), random_state=0).fit(X, Y).predict(X)
    assert not predicted[:, 1].any() and predicted[:, 2].all()
    none = TunedLabels(LinearSVC(), random_state=0).fit(X, np.eye(40, 3, dtype=int))
    assert none.predict(X).shape == (40, 3)


def test_thresholds_are_those_of_the_other_half():
    """Of labels without a rule, one's own samples seem to be told."""
    generator = np.random.default_rng(0)
    Y = (generator.random((60, 40)) < 0.1).astype(int)
    noise = generator.random(Y.shape)
    flattered = f1_score(
        Y, noise > tune_thresholds(Y, noise, per_label=True), average="micro"
    )
    assert f1_across_halves(Y, noise, seed=0) < flattered - 0.1
    assert f1_across_halves(Y, 0.2 + 0.6 * Y, seed=0) == 1.0
    Y[:] = 0
    Y[0, 0] = 1
    assert 0 <= f1_across_halves(Y, noise, seed=0) <= 1


@pytest.mark.usefixtures("few_steps")
@pytest.mark.compiles_long
def test_a_probe_tunes_on_what_it_held_out():
    classifier = tiny_classifier(
        "series", num_classes=3, multi_label=True, pooling="blocks"
    )
    Y = (np.random.default_rng(0).random((40, 3)) < 0.2).astype(int)
    report = linear_probe(classifier, random_input("series", batch=40), Y)
    assert report.thresholds.shape == (3,) and classifier.thresholds is None
    again = type(report).from_json(report.to_json())
    np.testing.assert_array_equal(again.thresholds, report.thresholds)
    nothing = linear_probe(classifier, random_input("series", batch=40), 0 * Y)
    assert nothing.thresholds is None


@pytest.mark.parametrize("count, tuned", [(100, True), (99, False)])
@pytest.mark.compiles_long
def test_a_probe_that_is_kept_decides_by_its_thresholds(monkeypatch, count, tuned):
    monkeypatch.setattr(BestWeights, "on_epoch_end", lambda *args, **kwargs: None)
    X, y = documents(count)
    labels = [[name] for name in y]
    fitted = estimator("bytes", validation_fraction=0.2).fit(X, labels)
    thresholds = fitted.classifier_.thresholds
    assert (thresholds is not None) is tuned
    if tuned:
        assert len(thresholds) == len(fitted.classes_)


def test_many_labels_have_one_tool():
    made = simple_tool("text", multi_label=True, random_state=3)[-1]
    assert isinstance(made, TunedLabels) and made.random_state == 3
