"""A probe, then training, and the better of them is kept."""

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
    assert "mixing         none" in printed


def fit(model, made, **kwargs):
    options = {"epochs": 1, "batch_size": 8, "verbose": 0, "validation_split": 0.25}
    return made.fit(model, X, Y, **{**options, **kwargs})


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


def test_samples_without_weight_are_not_probed(capsys):
    weights = np.where(np.arange(len(X)) < 18, 1.0, 0.0)
    options = {"sample_weight": weights, "validation_split": 0, "verbose": 2}
    fit(classifier(pooling="blocks"), small_data_recipe("series"), **options)
    assert "features of 18 samples" in capsys.readouterr().out


@pytest.mark.compiles_long
def test_resumed_equals_uninterrupted(tmp_path, monkeypatch):
    made = small_data_recipe("series")
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
