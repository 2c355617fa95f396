"""Recipes compile classifiers, say what they are, and refuse what they do not know."""

import inspect

import keras
import numpy as np
import pytest

from keras_maelre.training import AugmentedBatches, Recipe, recipe
from tests.models.tiny import FEW_STEPS, SHAPES, random_input, tiny_classifier

TASKS = ("text", "bytes", "series", "audio", "image")


@pytest.mark.parametrize("task", TASKS)
def test_every_task_trains(task):
    several = task in ("text", "bytes")
    model = tiny_classifier(task, num_classes=3)
    x = random_input(task, batch=8)
    y = np.eye(3, dtype=int)[np.arange(8) % 3] if several else np.arange(8) % 3
    made = recipe(task, steps_per_epoch=2, epochs=2)
    assert made.multi_label == several
    batches = AugmentedBatches(
        x,
        y,
        3,
        batch_size=4,
        augmentation=made.augmentation,
        mixing=made.mixing,
        balanced=made.balanced,
    )
    assert batches[0][0].shape == (4, *SHAPES[task])
    made.compile(model)
    model.run_eagerly = FEW_STEPS["run_eagerly"]
    before = [np.array(w) for w in model.trainable_weights]
    history = model.fit(
        batches, epochs=2, shuffle=False, verbose=0, callbacks=made.callbacks()
    ).history
    for metric in made.metrics():
        assert metric.name in history
    assert np.isfinite(history["loss"]).all()
    moved = [
        np.abs(np.array(w) - b).max() > 0
        for w, b in zip(model.trainable_weights, before, strict=True)
    ]
    assert all(moved)


def test_schedule_warms_up_and_decays_to_nothing():
    made = recipe("series", steps_per_epoch=10, epochs=50, learning_rate=2e-3)
    schedule = made.schedule()
    rates = [float(schedule(step)) for step in (0, 15, 30, 265, 500)]
    np.testing.assert_allclose(rates, [0, 1e-3, 2e-3, 1e-3, 0], atol=1e-8)


def test_averages_reach_back_over_their_share():
    made = recipe("series", steps_per_epoch=100, epochs=50)
    assert made.optimizer().ema_momentum == pytest.approx(1 - 1 / 100)
    assert recipe("text", steps_per_epoch=100, ema=False).callbacks() == []


def test_biases_and_scales_do_not_decay():
    model = tiny_classifier("series")
    optimizer = recipe("series", steps_per_epoch=10).optimizer()
    optimizer.build(model.trainable_variables)
    for variable in model.trainable_variables:
        plain = variable.name in ("bias", "gamma", "beta")
        assert optimizer._use_weight_decay(variable) is not plain, variable.path


def test_prints_what_it_is():
    text = str(recipe("series", steps_per_epoch=7, epochs=9))
    for part in ("9 epochs of 7", "AdamW", "0.0003", "TimeWarp", "SeriesMixUp", "0.1"):
        assert part in text
    text = str(recipe("text", 7, positive_weight=2.5, dropout_rate=0.15))
    for part in ("ArticleLabelCrossentropy", "weigh 2.5", "dropout       0.15"):
        assert part in text


@pytest.mark.parametrize("task", ("text", "bytes"))
def test_dropped_tokens_are_the_padding_of_the_task(task):
    backbone = tiny_classifier(task, num_classes=3).backbone
    (layer,) = recipe(task, steps_per_epoch=7).augmentation
    assert layer.padding_id == backbone.padding_id


def test_positive_weight_reaches_the_loss():
    made = recipe("text", steps_per_epoch=7, positive_weight=3.0)
    assert made.loss().positive_weight == 3.0


def test_one_label_a_document_is_a_cross_entropy():
    made = recipe("text", steps_per_epoch=7, multi_label=False)
    assert isinstance(made.loss(), keras.losses.CategoricalCrossentropy)
    assert [metric.name for metric in made.metrics()] == ["accuracy"]


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (
            {"task": "video", "steps_per_epoch": 1},
            ValueError,
            "'audio', 'bytes', 'image'",
        ),
        ({"task": "text", "steps_per_epoch": 0}, ValueError, "`steps_per_epoch`"),
        ({"task": "text", "steps_per_epoch": 1, "epochs": 1.5}, ValueError, "`epochs`"),
        ({"task": "text", "steps_per_epoch": 1, "lr": 1}, TypeError, "'lr'.*learning"),
    ],
)
def test_what_is_not_known_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        recipe(**arguments)


def test_every_attribute_is_documented():
    names = set(inspect.signature(Recipe).parameters)
    documented = {name for name in names if f"    {name}:" in Recipe.__doc__}
    assert documented == names
