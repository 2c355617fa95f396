"""The simple tool beside the classifier: fitted, scored, told of."""

import warnings

import numpy as np
import pytest

from keras_maelre.estimator import Comparison, simple_tool, simple_tools
from keras_maelre.estimator import comparison as comparing
from tests.estimator.small import documents, estimator, ragged, tones, waves

pytestmark = pytest.mark.compiles_long


def comparison(classifier, simple, standard_error=0.05):
    return Comparison(
        "a tool", 50, 0, "accuracy", classifier, simple, standard_error, 1.0
    )


def test_a_better_simple_tool_is_told():
    """Words decide; an encoder of one step of training does not know them."""
    X, y = documents(40)
    one_step = {"batch_size": 28, "recipe": {"probe": False, "learning_rate": 1e-9}}
    options = {"compare": True, "validation_fraction": 0.3, **one_step}
    with pytest.warns(UserWarning, match="TF-IDF.*1.000.*simple_tool.*extra_features"):
        warnings.filterwarnings("ignore", ".*only 1 steps.*")
        fitted = estimator("bytes", **options).fit(X, y)
    found = fitted.comparison_
    assert found.simple == 1 and found.samples == 12 and found.metric == "accuracy"
    assert found.prefers_simple and found.classifier < 1


def test_without_compare_nothing_is_fitted():
    X, y = documents(40)
    assert estimator("bytes").fit(X, y).comparison_ is None


@pytest.mark.parametrize("multi_label", [False, True])
def test_scores_are_those_of_validation(multi_label):
    X, y = waves(40)
    if multi_label:
        y = np.stack([y == "fast", np.arange(40) % 3 == 0], axis=1).astype(int)
    options = {"compare": True, "validation_fraction": 0.3, "epochs": 2}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "On the .* validation samples")
        fitted = estimator(**options).fit(X, y)
    found, name = fitted.comparison_, "accuracy"
    if multi_label:
        name = "micro_f1"
        assert found.metric == "micro-F1"
    scores = fitted.history_[f"val_{name}"]
    assert found.samples in (12, 13)
    # A probe that no epoch exceeded is no epoch's score.
    assert any(np.isclose(found.classifier, scores)) or found.classifier > max(scores)
    if not multi_label:
        assert found.simple == 1
        n = found.samples
        shares = [(p * n + 1) / (n + 2) for p in (found.classifier, 1.0)]
        expected = np.sqrt(sum(p * (1 - p) for p in shares) / (n + 2))
        assert found.standard_error == pytest.approx(expected)


@pytest.mark.parametrize("modality, compared", [("series", False), ("bytes", True)])
def test_many_samples_are_compared_where_the_tool_is_linear(
    monkeypatch, capsys, modality, compared
):
    monkeypatch.setattr(simple_tools, "MOST_TO_LEARN", 30)
    X, y = waves(40) if modality == "series" else documents(40)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "On the .* validation samples")
        fitted = estimator(modality, compare=True, verbose=2).fit(X, y)
    assert (fitted.comparison_ is not None) is compared
    said = "many minutes to learn 40 samples" in capsys.readouterr().out
    assert said is not compared


@pytest.mark.parametrize(
    "modality, labels, samples",
    [
        ("series", None, 5000),
        ("series", 9, 5000),
        ("audio", 9, 1666),
        ("image", 1, 5000),
    ],
)
def test_how_many_samples_are_too_many(modality, labels, samples):
    """Each label has a kernel machine of its own, but ridge regression learns all."""
    for count, long in ((samples, False), (samples + 1, True)):
        shape = count if labels is None else (count, labels)
        assert comparing._takes_long(modality, np.zeros(shape)) is long


def test_what_the_tool_cannot_take(capsys):
    """Series of fewer than nine steps are classified, and not compared."""
    X, y = waves(24, length=6)
    fitted = estimator(compare=True, verbose=2).fit(X, y)
    assert fitted.comparison_ is None
    assert "Not compared with a simple tool: " in capsys.readouterr().out


@pytest.mark.parametrize(
    "simple, told", [(0.60, False), (0.64, False), (0.66, True), (0.50, False)]
)
def test_told_beyond_a_standard_error(simple, told):
    assert comparison(0.6, simple).prefers_simple is told
    assert f"accuracy 0.600; a tool {simple:.3f}" in str(comparison(0.6, simple))


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("modality", ["series", "text", "bytes", "audio"])
def test_every_tool_learns(modality, multi_label):
    if modality == "series":
        X, y = ragged(20)
    elif modality == "audio":
        X, y = tones(20), np.arange(20) % 2
    else:
        X, y = documents(20)
    names, y = np.unique(y, return_inverse=True)
    if multi_label:
        y = np.stack([y, 1 - y], axis=1)
    predicted = simple_tool(modality, multi_label, random_state=0).fit(X, y).predict(X)
    np.testing.assert_array_equal(predicted, y)
