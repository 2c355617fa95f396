"""Whether series start from pretrained weights, and how they are trained then."""

import dataclasses

import numpy as np
import pytest

from keras_maelre import MaelreClassifier
from keras_maelre.augmentation import Jitter
from keras_maelre.estimator import series_input
from keras_maelre.preprocessing import SeriesPreprocessor
from tests.estimator.small import documents, estimator, waves

PRETRAINED, NEW = "tiny_series_synthetic", "tiny_series"


def default(**parameters):
    return estimator(**{"preset": None, "verbose": 2, "aligned": True, **parameters})


def tried(printed):
    """The presets and the numbers of steps that a probe was fitted to."""
    lines = [line for line in printed.splitlines() if line.startswith("Series ")]
    heads = [line.partition(": ")[0].split(", ") for line in lines]
    return [(name, int(done.split()[-2])) for done, name in heads]


def rate(printed):
    return float(printed.partition("up to ")[2].split()[0])


def row(printed, name):
    """What the description of the training says of something."""
    lines = [line.split(None, 1) for line in printed.splitlines()]
    return next(line[1] for line in lines if line and line[0] == name)


@pytest.fixture
def preferring(monkeypatch):
    """Makes the probes of a preset the best, or lets them be level."""

    def prefer(name):
        kernel = MaelreClassifier.from_preset(PRETRAINED, num_classes=2)
        kernel = kernel.backbone.get_layer("stem").get_weights()[0]
        probe = series_input.linear_probe

        def judge(classifier, *args, **kwargs):
            own = classifier.backbone.get_layer("stem").get_weights()[0]
            is_pretrained = own.shape == kernel.shape and np.array_equal(own, kernel)
            report = probe(classifier, *args, **kwargs)
            better = name == (PRETRAINED if is_pretrained else NEW)
            return dataclasses.replace(report, loss=0.1 if better else 0.5)

        monkeypatch.setattr(series_input, "linear_probe", judge)

    return prefer


@pytest.mark.parametrize(
    "preferred, kept", [(PRETRAINED, PRETRAINED), (NEW, NEW), (None, PRETRAINED)]
)
def test_what_a_probe_prefers_is_trained(preferred, kept, preferring, capsys):
    preferring(preferred)
    X, y = waves(16, 300)
    default().fit(X, y)
    printed = capsys.readouterr().out
    # The first chooses the length for both.
    assert tried(printed) == [(PRETRAINED, 256), (PRETRAINED, 300), (NEW, 256)]
    assert rate(printed) == (2e-4 if kept == PRETRAINED else 1e-3)
    # Windows alone, and the last epoch, are measured for pretrained weights.
    assert (row(printed, "augmentation") == "WindowSlice") == (kept == PRETRAINED)
    assert ("The last epoch must reach" in printed) == (kept == PRETRAINED)


def test_saved_weights_are_pretrained_too(tmp_path, capsys):
    X, y = waves(16)
    default(preset="tiny").fit(X, y).classifier_.save_to_preset(tmp_path)
    capsys.readouterr()
    default(preset=tmp_path).fit(X, y)
    printed = capsys.readouterr().out
    assert rate(printed) == 2e-4
    assert row(printed, "augmentation") == "WindowSlice"
    assert "The last epoch must reach" in printed


@pytest.mark.parametrize(
    "change", [{"learning_rate": 3e-3}, {"recipe": {"learning_rate": 3e-3}}]
)
def test_a_rate_of_ones_own(change, capsys):
    X, y = waves(16)
    default(preset=PRETRAINED, **change).fit(X, y)
    printed = capsys.readouterr().out
    assert rate(printed) == 3e-3
    assert row(printed, "augmentation") == "WindowSlice"


def test_a_recipe_of_ones_own(capsys):
    X, y = waves(16)
    changes = {"augmentation": [Jitter(0.1)], "restore_best_weights": True}
    default(preset=PRETRAINED, aligned="auto", recipe=changes).fit(X, y)
    printed = capsys.readouterr().out
    assert rate(printed) == 2e-4
    assert row(printed, "augmentation") == "Jitter"
    assert "must reach" not in printed


def test_series_that_are_not_aligned_are_shifted(capsys):
    X, y = waves(16)
    default(preset=PRETRAINED, aligned=False).fit(X, y)
    assert row(capsys.readouterr().out, "augmentation") == "RandomRoll"


@pytest.mark.parametrize(
    "change, channels",
    [
        ({}, 3),
        ({"input_shape": (24, 1)}, None),
        ({"preset": "tiny"}, None),
        ({"preprocessor": SeriesPreprocessor((24, 1))}, None),
        ({"preprocessor": SeriesPreprocessor((24, 2))}, 2),
    ],
    # Not by `str`: processes that share the tests would know them by addresses.
    ids=["three channels", "input_shape", "new weights", "one raw", "two raw"],
)
def test_what_the_pretrained_does_not_read_starts_anew(change, channels, capsys):
    X, y = waves(16, channels=channels)
    default(**change).fit(X, y)
    printed = capsys.readouterr().out
    assert PRETRAINED not in printed and rate(printed) == 1e-3


def test_by_name_it_is_the_only_one(capsys):
    X, y = waves(16, 300)
    fitted = default(preset=PRETRAINED).fit(X, y)
    assert {name for name, _ in tried(capsys.readouterr().out)} == {PRETRAINED}
    assert fitted.classifier_.pooling == "blocks"


def test_a_preprocessor_that_fits(capsys):
    preprocessor = SeriesPreprocessor((24, 2), differences=True)
    X, y = waves(16)
    fitted = default(preprocessor=preprocessor).fit(X, y)
    assert tried(capsys.readouterr().out) == [(PRETRAINED, 24), (NEW, 24)]
    assert fitted.classifier_.preprocessor is preprocessor


def test_a_name_of_another_modality():
    X, y = documents(8)
    message = "modality 'bytes': .*'wide_bytes'.*Received: preset='tiny_series_synth"
    with pytest.raises(ValueError, match=message):
        estimator("bytes", preset=PRETRAINED).fit(X, y)
