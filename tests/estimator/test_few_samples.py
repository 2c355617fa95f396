"""Few samples: all are trained on, and a cross-validation compares."""

import dataclasses
import json
import warnings

import numpy as np
import pytest
from sklearn.model_selection import PredefinedSplit, cross_val_score

from keras_maelre.estimator import comparison, simple_tool
from keras_maelre.preprocessing import BytePreprocessor
from keras_maelre.training.linear_probe import ProbeReport, assign_folds, linear_probe
from keras_maelre.training.training_run import BestWeights
from tests.estimator.small import documents, estimator, waves
from tests.models.tiny import tiny_classifier

pytestmark = pytest.mark.compiles_long
QUICK = {"aligned": True, "batch_size": 32, "validation_fraction": "auto"}


@pytest.mark.parametrize("count, validated", [(99, False), (100, True)])
def test_a_tenth_is_validated_on_from_100_samples_on(count, validated):
    fitted = estimator(**QUICK).fit(*waves(count))
    assert ("val_accuracy" in fitted.history_) is validated


def test_what_is_asked_for_is_done():
    fitted = estimator(**{**QUICK, "validation_fraction": 0.25}).fit(*waves(16))
    assert "val_accuracy" in fitted.history_


@pytest.mark.parametrize("classes, fraction", [(20, 0.1), (21, 0.0)])
def test_nothing_is_held_out_of_few_of_a_class(classes, fraction):
    few, targets = estimator(**QUICK), np.arange(100) % classes
    assert few._fraction(targets, False, None, seed=0) == fraction
    assert few._fraction(np.eye(classes)[targets], True, None, seed=0) == 0.1


@pytest.mark.parametrize("groups, validated", [(4, False), (5, True), (20, True)])
def test_nothing_is_held_out_of_few_groups(groups, validated):
    X, y = waves(120)
    fitted = estimator(**QUICK).fit(X, y, groups=np.arange(120) // 2 % groups)
    assert ("val_accuracy" in fitted.history_) is validated


@pytest.mark.parametrize("of_a_class, fraction", [(3, 0.0), (8, 0.1)])
def test_one_group_of_each_class_would_be_too_many(of_a_class, fraction):
    targets, groups = np.arange(480) % 6, np.arange(480) % (6 * of_a_class)
    assert estimator(**QUICK)._fraction(targets, False, groups, seed=0) == fraction


def test_the_probe_is_compared_in_its_own_folds():
    X, y = documents(24)
    y[:7] = "winter"  # which the words do not tell
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "In 5 folds")
        fitted = estimator("bytes", **{**QUICK, "aligned": "auto"}, compare=True)
        found = fitted.fit(X, y).comparison_
    assert (found.samples, found.folds, found.metric) == (24, 5, "accuracy")
    assert str(found).startswith("In 5 folds of 24 samples: accuracy of the linear")
    seed = int(np.random.RandomState(0).randint(2**31 - 1))
    targets = np.unique(y, return_inverse=True)[1]
    folds = assign_folds(np.eye(2)[targets], None, 5, False, seed)
    right = cross_val_score(
        simple_tool("bytes", random_state=seed), X, y, cv=PredefinedSplit(folds)
    )
    sizes = np.bincount(folds)
    assert 0 < found.simple < 1
    assert found.simple == pytest.approx(np.average(right, weights=sizes))


def order_of_letters(count):
    """Texts that words tell apart, and the means of their bytes do not."""
    generator, y = np.random.default_rng(0), np.arange(count) % 2
    X = []
    for label in y:
        words = ["".join(generator.permutation(list("listen"))) for _ in range(6)]
        words[generator.integers(6)] = ("listen", "silent")[label]
        X.append(" ".join(words))
    return X, y


def test_a_better_simple_tool_is_told():
    fitted = estimator("bytes", **{**QUICK, "aligned": "auto"}, compare=True)
    with pytest.warns(UserWarning, match="In 5 folds.*probe.*TF-IDF.*simple_tool"):
        fitted.fit(*order_of_letters(40))
    assert fitted.comparison_.prefers_simple


@pytest.mark.parametrize("kept", [False, True], ids=["trained", "probe"])
def test_few_validation_samples_that_favor_the_tool_ask_the_probe(monkeypatch, kept):
    """Six samples alone could not tell."""
    if kept:
        monkeypatch.setattr(BestWeights, "on_epoch_end", lambda *args, **kwargs: None)
    options = {**QUICK, "aligned": "auto", "validation_fraction": 0.1}
    fitted = estimator("bytes", **options, compare=True)
    with pytest.warns(UserWarning, match="In 5 folds.*probe.*TF-IDF.*simple_tool"):
        fitted.fit(*order_of_letters(60))
    found = fitted.comparison_
    assert found.prefers_simple and found.folds == 5
    assert found.samples == (60 if kept else 54)


@pytest.mark.parametrize(
    "parameters",
    [{"compare": False}, {"compare": True, "recipe": {"probe": False}}],
    ids=["not asked for", "without a probe"],
)
@pytest.mark.filterwarnings("ignore:The training has only")
def test_nothing_to_compare(parameters):
    fitted = estimator(**QUICK, **parameters).fit(*waves(16))
    assert fitted.comparison_ is None


def test_a_resumed_training_is_compared_as_the_whole(tmp_path):
    X, y = waves(24)
    options = {**QUICK, "compare": True, "output": tmp_path, "epochs": 2}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "In 5 folds")
        whole = estimator(**options).fit(X, y).comparison_
        again = estimator(**options).fit(X, y).comparison_
    assert dataclasses.replace(again, seconds=whole.seconds) == whole
    for text in ("", "[]", '{"loss": 1.0}'):
        (tmp_path / "probe.json").write_text(text)
        with pytest.raises(ValueError, match="probe.json"):
            estimator(**options).fit(X, y)


@pytest.mark.parametrize("modality", ["audio", "image"])
def test_probes_of_new_encoders_tell_too_little(modality):
    X = [np.sin(np.arange(4000) * (0.1 + 0.3 * (i % 2))) for i in range(12)]
    if modality == "image":
        X = [np.full((16, 16), 20 * (i % 2), "uint8") for i in range(12)]
    fitted = estimator(modality, validation_fraction="auto", compare=True)
    fitted.fit(X, np.arange(12) % 2)
    assert fitted.comparison_ is None and "val_accuracy" not in fitted.history_


@pytest.mark.parametrize("scale", [2.5, np.array([0.5, 3.0])])
def test_a_report_of_a_probe_survives_json(scale):
    arrays = {"scale": scale, "thresholds": None, "fold_accuracies": np.ones(2)}
    report = ProbeReport(
        "ridge",
        1e-3,
        0.5,
        0.75,
        folds=2,
        samples=40,
        features=600,
        seconds=1.5,
        **arrays,
    )
    read = ProbeReport.from_json(json.loads(json.dumps(report.to_json())))
    for name, value in arrays.items():
        np.testing.assert_array_equal(getattr(read, name), value)
    assert {**vars(read), **arrays} == {**vars(report), **arrays}


def test_of_many_samples_some_folds_are_compared(monkeypatch):
    monkeypatch.setattr(comparison, "ENOUGH_TO_JUDGE", 10)
    classifier = tiny_classifier("bytes", num_classes=2, pooling="blocks")
    classifier.preprocessor = BytePreprocessor((32,), truncate=True)
    X, y = documents(24)
    targets, groups = np.unique(y, return_inverse=True)[1], np.arange(24) // 2
    probe = linear_probe(classifier, X, targets, groups=groups)
    found = comparison.compare_in_folds("bytes", X, targets, groups, probe, 0)
    sizes = np.bincount(assign_folds(np.eye(2)[targets], groups, 5, False, 0))
    assert found.folds == 2 and found.samples == sum(sizes[:2]) >= 10 > sizes[0]
    expected = np.average(probe.fold_accuracies[:2], weights=sizes[:2])
    assert found.classifier == pytest.approx(expected)
    whole = np.average(probe.fold_accuracies, weights=sizes)
    assert probe.accuracy == pytest.approx(whole)
