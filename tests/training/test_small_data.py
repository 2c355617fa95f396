"""A probe, then training, and the better of them is kept."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_maelre.training import (
    linear_probe,
    recipe,
    small_data_recipe,
    training_run,
)
from tests.models.tiny import random_input, tiny_classifier
from tests.training.test_recipe import KillAt, Killed, X, Y, classifier

pytestmark = pytest.mark.usefixtures("few_steps")

# What leaves the weights as good as they were.
STILL = {"learning_rate": 1e-12, "ema": False}


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(task, marks=[] if task == "series" else pytest.mark.compiles_long)
        for task in ("text", "bytes", "series", "audio", "image")
    ],
)
def test_every_modality_has_one(task, capsys):
    multi_label = task == "text"
    model = tiny_classifier(
        task, num_classes=3, multi_label=multi_label, pooling="blocks"
    )
    x = random_input(task, batch=16)
    y = np.eye(3, dtype=int)[np.arange(16) % 3] if multi_label else np.arange(16) % 3
    made = small_data_recipe(task)
    made.fit(model, x, y, epochs=1, batch_size=4)
    printed = capsys.readouterr().out
    assert "Linear probe (ridge" in printed and "Before the training: val_" in printed
    assert model.backbone.drop_path_rate == 0.0
    mixing = "SeriesMixUp" if task == "audio" else "none"
    assert f"mixing         {mixing}" in printed


def fit(model, made, **kwargs):
    options = {"epochs": 1, "batch_size": 8, "verbose": 0, "validation_split": 0.25}
    return made.fit(model, X, Y, **{**options, **kwargs})


@pytest.mark.compiles_long
def test_the_probe_is_kept_and_learns_from_all_if_training_gains_nothing(
    monkeypatch, capsys
):
    model = classifier(pooling="blocks")
    start = [np.array(w) for w in model.backbone.get_weights()]
    # Of every epoch something else is reported than that it is as good.
    monkeypatch.setattr(
        training_run.BestWeights, "on_epoch_end", lambda *args, **kwargs: None
    )
    fit(model, small_data_recipe("series"), verbose=2)
    assert "The probe is kept" in capsys.readouterr().out
    for now, before in zip(model.backbone.get_weights(), start, strict=True):
        np.testing.assert_array_equal(now, before)
    other = classifier(pooling="blocks")
    other.backbone.set_weights(start)
    linear_probe(other, X, Y)
    np.testing.assert_allclose(
        model.predict_proba(X), other.predict_proba(X), atol=1e-5
    )


@pytest.mark.compiles_long
def test_given_validation_data_are_not_learned_from(monkeypatch):
    monkeypatch.setattr(
        training_run.BestWeights, "on_epoch_end", lambda *args, **kwargs: None
    )
    made = small_data_recipe("series")
    model, other = classifier(pooling="blocks"), classifier(pooling="blocks")
    start = model.backbone.get_weights()
    other.backbone.set_weights(start)
    fit(model, made, validation_data=(X[:6], Y[:6]))
    linear_probe(other, X, Y)
    np.testing.assert_allclose(
        model.predict_proba(X), other.predict_proba(X), atol=1e-5
    )


def test_training_is_kept_if_it_is_as_good():
    model = classifier(pooling="blocks")
    start = [np.array(w) for w in model.backbone.get_weights()]
    fit(model, small_data_recipe("series", **STILL))
    # Validates as the probe does, so that the later weights are kept.
    moved = [
        np.abs(now - before).max()
        for now, before in zip(model.backbone.get_weights(), start, strict=True)
    ]
    assert 0 < max(moved) < 1e-6


def reporting(monkeypatch, accuracy):
    """Lets a training hear of another accuracy in validation."""
    hear = training_run.BestWeights.on_epoch_end

    def other(best, epoch, logs):
        hear(best, epoch, {**logs, "val_accuracy": accuracy(epoch)})

    monkeypatch.setattr(training_run.BestWeights, "on_epoch_end", other)


@pytest.mark.compiles_long
@pytest.mark.parametrize("held_out, needed, kept", [(1.0, 0.5, -1), (0.25, 0.375, 0)])
def test_the_last_epoch_may_stay_below_a_lucky_probe(
    held_out, needed, kept, monkeypatch, capsys
):
    model = classifier(pooling="blocks")
    x, y = X[:8], np.array([0, 1] * 4)
    report = linear_probe(model, x, y)
    # 4 of 8 to validate on are right, and of 8 that the probe held out all or 2.
    model.head.set_weights([0 * model.head.kernel, np.array([5.0, 0.0, 0.0])])
    report = dataclasses.replace(report, accuracy=held_out, samples=8)
    monkeypatch.setattr(training_run, "linear_probe", lambda *args, **kwargs: report)
    reporting(monkeypatch, lambda epoch: 0.4)
    made = small_data_recipe("series", restore_best_weights=False)
    history = fit(model, made, validation_data=(x, y), verbose=2)
    assert f"The last epoch must reach {needed:.4f}." in capsys.readouterr().out
    assert history.best_epoch == kept
    assert history.best_score == (0.5 if kept == -1 else 0.4)


def test_the_probe_is_kept_if_the_last_epoch_is_worse(monkeypatch, capsys):
    model = classifier(pooling="blocks")
    start = [np.array(w) for w in model.backbone.get_weights()]
    reporting(monkeypatch, lambda epoch: 0.0 if epoch else 1.0)
    made = small_data_recipe("series", restore_best_weights=False)
    history = fit(model, made, epochs=2, verbose=2)
    assert "The probe is kept: the last epoch did not" in capsys.readouterr().out
    assert history.best_epoch == -1 and history.best_score > 0
    for now, before in zip(model.backbone.get_weights(), start, strict=True):
        np.testing.assert_array_equal(now, before)


@pytest.mark.compiles_long
def test_samples_without_weight_are_not_probed(capsys):
    weights = np.where(np.arange(len(X)) < 18, 1.0, 0.0)
    options = {"sample_weight": weights, "validation_split": 0, "verbose": 2}
    fit(classifier(pooling="blocks"), small_data_recipe("series"), **options)
    assert "features of 18 samples" in capsys.readouterr().out


@pytest.mark.compiles_long
@pytest.mark.parametrize("best", [True, False])
def test_resumed_equals_uninterrupted(best, tmp_path, monkeypatch):
    made = small_data_recipe("series", restore_best_weights=best)
    whole = classifier(pooling="blocks")
    fit(whole, made, epochs=3, output=tmp_path / "whole")
    model = classifier(pooling="blocks")
    with pytest.raises(Killed):
        fit(model, made, epochs=3, output=tmp_path / "cut", callbacks=[KillAt(2)])
    resumed = classifier(pooling="blocks")
    resumed.backbone.set_weights([0 * w for w in resumed.backbone.get_weights()])
    monkeypatch.setattr(
        training_run, "linear_probe", lambda *args, **kwargs: pytest.fail("again")
    )
    fit(resumed, made, epochs=3, output=tmp_path / "cut", resume=True)
    # On TensorFlow sums are not always of one order.
    tolerance = 1e-5 if keras.backend.backend() == "tensorflow" else 0
    np.testing.assert_allclose(
        resumed.predict_proba(X), whole.predict_proba(X), atol=tolerance
    )


@pytest.mark.parametrize("pretrained", [False, True])
@pytest.mark.parametrize("aligned", [False, True])
def test_series_that_differ(pretrained, aligned):
    made = small_data_recipe("series", pretrained, aligned, weight_decay=0.0)
    layers = [type(layer).__name__ for layer in made.augmentation(None)]
    assert layers[0] == ("WindowSlice" if aligned else "RandomRoll")
    assert (len(layers) == 1) == pretrained
    assert made.learning_rate == (2e-4 if pretrained else 1e-3)
    assert made.restore_best_weights != pretrained
    assert made.weight_decay == 0.0 and made.probe
    own = small_data_recipe("series", pretrained, aligned, learning_rate=1e-4)
    assert own.learning_rate == 1e-4


def test_few_steps_of_new_weights_are_warned_of():
    with pytest.warns(UserWarning, match="only 2 steps.*small_data_recipe"):
        fit(classifier(), recipe("series"))


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (("smell",), ValueError, "`task` must be one of"),
        ((3,), TypeError, "`task` must be one of"),
    ],
)
def test_what_is_not_known_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        small_data_recipe(*arguments)
    with pytest.raises(TypeError, match="unknown keyword: 'probes'"):
        small_data_recipe("series", probes=True)
    with pytest.raises(TypeError, match="`probe` must be True or False"):
        small_data_recipe("series", probe=1)
    with pytest.raises(TypeError, match="`pretrained` must be True or False"):
        small_data_recipe("series", pretrained="yes")
    with pytest.raises(TypeError, match="`aligned` must be True or False"):
        small_data_recipe("series", aligned="auto")
    for name in ("pretrained", "aligned"):
        with pytest.raises(ValueError, match=f"for series.*{name}.*task 'text'"):
            small_data_recipe("text", **{name: name == "pretrained"})
