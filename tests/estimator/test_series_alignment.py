"""Whether series are aligned, and what they are trained with then."""

import numpy as np
import pytest

from keras_maelre import MaelreClassifier
from keras_maelre.estimator import series_alignment
from keras_maelre.estimator.series_alignment import are_aligned
from keras_maelre.estimator.series_input import series_candidates
from tests.estimator.small import estimator, waves

LENGTH = 96


def by_place(count=48, seed=0):
    """Bumps, told apart by where they are."""
    generator = np.random.default_rng(seed)
    y = np.arange(count) % 2
    center = LENGTH * (0.3 + 0.4 * y) + generator.normal(0, 2, count)
    X = np.exp(-(((np.arange(LENGTH) - center[:, None]) / 6) ** 2))
    return X + generator.normal(0, 0.05, X.shape), y


def by_rate(count=48, seed=0):
    """Waves of any phase, told apart by a rate that windows would change."""
    generator = np.random.default_rng(seed)
    y = np.arange(count) % 2
    rate = np.where(y, 16, 18) / LENGTH
    phase = generator.uniform(0, 1, (count, 1))
    X = np.sin(2 * np.pi * (rate[:, None] * np.arange(LENGTH) + phase))
    return X + generator.normal(0, 0.05, X.shape), y


def new_classifier(X, **arguments):
    preprocessor = series_candidates(X)[-1]
    return MaelreClassifier.from_preset(
        "tiny_series",
        pooling="blocks",
        preprocessor=preprocessor,
        **{"num_classes": 2, **arguments},
    )


@pytest.mark.parametrize(
    "data, aligned, ragged",
    [(by_place, True, False), (by_rate, False, False), (by_rate, False, True)],
)
def test_by_what_series_are_told_apart(data, aligned, ragged):
    X, y = data()
    if ragged:
        X = [*X[1:], X[0][:-5]]
        y = np.roll(y, -1)
    assert are_aligned(new_classifier(X), X, y, None, 0, 0) is aligned


def test_the_classifier_stays_as_it_is():
    X, y = waves(12)
    classifier = new_classifier(X)
    classifier.temperature = 2.5
    weights, preprocessor = classifier.get_weights(), classifier.preprocessor
    are_aligned(classifier, X, np.arange(12) % 2, None, 0, 0)
    assert classifier.temperature == 2.5 and classifier.preprocessor is preprocessor
    for before, after in zip(weights, classifier.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("groups", [None, np.arange(12) // 3])
def test_copies_are_held_out_with_their_samples(groups, monkeypatch):
    X, y = by_place(12)
    seen = []
    probe = series_alignment.linear_probe

    def spy(classifier, x, y, groups, seed):
        seen.append((np.array(x), np.array(y), groups))
        return probe(classifier, x, y, groups=groups, seed=seed)

    monkeypatch.setattr(series_alignment, "linear_probe", spy)
    targets = np.eye(2)[y]  # of multi-label classifiers
    are_aligned(new_classifier(X, multi_label=True), X, targets, groups, 0, 0)
    assert len(seen) == 2
    for x, found, together in seen:
        np.testing.assert_array_equal(found, [*targets, *targets])
        np.testing.assert_array_equal(together[:12], together[12:])
        assert len(np.unique(together)) == (12 if groups is None else 4)
        np.testing.assert_array_equal(x[:12], seen[0][0][:12])
        assert np.abs(x[:12] - x[12:]).max() > 0.1
    # Shifts change nothing but places.
    shifted = seen[1][0]
    np.testing.assert_array_equal(
        np.sort(shifted[:12], axis=1), np.sort(shifted[12:], axis=1)
    )


@pytest.mark.parametrize(
    "aligned, said, layer",
    [
        ("auto", "Series aligned: held-out loss", "WindowSlice, TimeWarp"),
        (False, None, "RandomRoll, TimeWarp"),
    ],
)
def test_what_is_trained_with(aligned, said, layer, capsys):
    X, y = by_place(16)
    estimator(aligned=aligned, verbose=2).fit(X, y)
    printed = capsys.readouterr().out
    assert f"augmentation   {layer}" in printed
    assert ("held-out loss" in printed.partition("Linear probe")[0]) is bool(said)
    assert said is None or said in printed


def test_an_augmentation_of_ones_own_needs_no_choice(monkeypatch, capsys):
    monkeypatch.setattr(series_alignment, "linear_probe", None)
    X, y = waves(16)
    estimator(recipe={"augmentation": []}, verbose=2).fit(X, y)
    assert "augmentation   none" in capsys.readouterr().out
