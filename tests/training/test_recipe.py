"""Recipes are applied as a whole, and refuse what they do not know."""

import functools
import inspect
import json
import types

import keras
import numpy as np
import pytest

from keras_maelre import MaelreClassifier, modalities
from keras_maelre.preprocessing import BytePreprocessor, SeriesPreprocessor
from keras_maelre.training import Recipe, recipe, time_budget
from keras_maelre.training.time_budget import fit_into
from tests.models.tiny import (
    FEW_STEPS,
    SHAPES,
    random_input,
    tiny_classifier,
    train_the_end,
)

TASKS = ("text", "bytes", "series", "audio", "image")
X = np.random.default_rng(0).normal(size=(24, 50, 2)).astype("float32")
Y = np.arange(24) % 3


pytestmark = pytest.mark.usefixtures("few_steps")


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(task, marks=[] if task == "bytes" else pytest.mark.compiles_long)
        for task in TASKS
    ],
)
def test_every_task_trains_with_all_of_its_recipe(task, capsys):
    multi_label = task in ("text", "bytes")
    model = tiny_classifier(task, num_classes=3, multi_label=multi_label)
    x = random_input(task, batch=12)
    y = np.eye(3, dtype=int)[np.arange(12) % 3] if multi_label else np.arange(12) % 3
    made = recipe(task, full_regularization_steps=1)
    before = [np.array(w) for w in model.trainable_weights]
    history = made.fit(model, x, y, epochs=2, batch_size=4, validation_split=0.3)
    for metric in made.metrics(multi_label):
        assert f"val_{metric.name}" in history.history
    assert np.isfinite(history.history["loss"]).all()
    moved = [
        np.abs(np.array(w) - b).max() > 0
        for w, b in zip(model.trainable_weights, before, strict=True)
    ]
    assert all(moved)
    # What is printed is what trained.
    backbone = model.backbone
    assert backbone.drop_path_rate == made.drop_path_rate == 0.1
    assert backbone.dropout_rate == made.dropout_rate
    assert backbone.get_layer("block_4").encoder_layers[-1].drop_path_rate == 0.1
    printed = capsys.readouterr().out
    for layer in made.layers("augmentation", model.modality):
        assert type(layer).__name__ in printed
    assert f"dropout        {made.dropout_rate:g}, drop path 0.1" in printed
    assert "2 epochs of 2" in printed and type(model.loss).__name__ in printed


def classifier(**kwargs):
    keras.utils.set_random_seed(0)
    return tiny_classifier("series", **{"depths": (1, 1, 1, 1), **kwargs})


@functools.cache
def untrained():
    """A classifier for those who do not change it."""
    return classifier()


@pytest.mark.parametrize(
    "stop", [False, pytest.param(True, marks=pytest.mark.compiles_long)]
)
def test_the_best_averages_are_kept_whatever_callback_does_it(stop, tmp_path):
    """What validation scored is what the model ends with, and what callbacks saw."""
    stopping = keras.callbacks.EarlyStopping(patience=1)
    path = tmp_path / "best.weights.h5"
    kept = keras.callbacks.ModelCheckpoint(
        path, monitor="val_loss", save_best_only=True, save_weights_only=True
    )
    model = train_the_end(classifier())
    made = recipe("series", ema_fraction=1.0, learning_rate=1e-2)
    if stop:
        made.restore_best_weights = False
    history = made.fit(
        model,
        X,
        Y,
        validation_data=(X, Y),
        epochs=5,
        batch_size=12,
        callbacks=[kept, stopping] if stop else [kept],
        verbose=0,
    ).history
    scores = model.evaluate(X, Y, verbose=0, return_dict=True)
    if stop:
        assert scores["loss"] == pytest.approx(history["val_loss"][-1], rel=1e-4)
    else:
        assert scores["accuracy"] == pytest.approx(max(history["val_accuracy"]))
    model.load_weights(path)
    scores = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert scores["loss"] == pytest.approx(min(history["val_loss"]), rel=1e-4)


class Killed(Exception):
    pass


class KillAt(keras.callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise Killed


def test_resumed_equals_uninterrupted(tmp_path):
    options = {"epochs": 2, "batch_size": 8, "validation_split": 0.3, "verbose": 0}
    options["resume"] = True  # of nothing: a start
    expected = train_the_end(classifier())
    whole = recipe("series").fit(expected, X, Y, output=tmp_path / "whole", **options)
    options["output"] = tmp_path / "killed"
    with pytest.raises(Killed):
        killed = train_the_end(classifier())
        recipe("series").fit(killed, X, Y, callbacks=[KillAt(1)], **options)
    got = train_the_end(classifier())
    history = recipe("series").fit(got, X, Y, **options)
    for name, values in whole.history.items():
        np.testing.assert_allclose(history.history[name], values, rtol=1e-4)
    logits = [model.predict(X, verbose=0) for model in (expected, got)]
    np.testing.assert_allclose(*logits, atol=1e-4)
    loaded = MaelreClassifier.from_preset(tmp_path / "killed" / "preset")
    # The model ran eagerly, on backends that compile.
    np.testing.assert_allclose(loaded.predict(X, verbose=0), logits[1], atol=1e-5)


@pytest.mark.compiles_long
@pytest.mark.parametrize(
    "change, named",
    [
        ({"x": X + 1}, "data"),
        ({"y": (Y + 1) % 3}, "data"),
        ({"batch_size": 6}, "batch_size"),
        ({"seed": 3}, "seed"),
        ({"sample_weight": np.linspace(0.5, 1.0, len(X))}, "data"),
        ({"recipe": {"learning_rate": 1e-3}}, "recipe"),
        ({"recipe": {"augmentation": []}}, "augmentation"),
        ({"model": {"num_heads": (2, 2, 4, 8)}}, "classifier"),
    ],
)
def test_what_a_resumed_training_must_share(change, named, tmp_path):
    options = {"epochs": 1, "batch_size": 8, "seed": 0, "verbose": 0}
    options |= {"output": tmp_path, "resume": True, "sample_weight": np.ones(len(X))}

    def train(x=X, y=Y, recipe_changes=(), model=(), **changes):
        made = recipe("series", **dict(recipe_changes))
        made.fit(classifier(**dict(model)), x, y, **{**options, **changes})

    train()
    change = dict(change)
    if "recipe" in change:
        change["recipe_changes"] = change.pop("recipe")
    with pytest.raises(ValueError, match=f"(?s){named}: started with"):
        train(**change)


@pytest.mark.compiles_long
def test_time_limit_sizes_the_schedule(capsys):
    model = classifier()
    history = recipe("series").fit(
        model, X, Y, epochs=3, time_limit=3600, batch_size=8, validation_split=0
    )
    assert len(history.epoch) == 3
    assert float(model.optimizer.learning_rate) == pytest.approx(0, abs=1e-9)
    # Less than a step takes: one step is trained, and the model can be used.
    model = classifier()
    recipe("series").fit(model, X, Y, time_limit=1e-3, batch_size=8)
    assert int(model.optimizer.iterations) == 1
    assert "1 epoch of 1" in capsys.readouterr().out
    assert np.isfinite(model.predict(X, verbose=0)).all()


@pytest.mark.compiles_long
def test_raw_samples_and_names():
    texts = [f"{word} number {i}" for i in range(8) for word in ("ham", "spam", "eggs")]
    labels = [text.split()[0] for text in texts]
    model = MaelreClassifier.from_preset(
        "tiny_bytes",
        width=8,
        class_names=["eggs", "ham", "spam"],
        preprocessor=BytePreprocessor((32,)),
    )
    history = recipe("bytes").fit(
        model, texts, labels, epochs=1, batch_size=6, verbose=0
    )
    assert "val_accuracy" in history.history
    assert set(model.predict_raw(texts[:1])[0]) == {"eggs", "ham", "spam"}
    with pytest.raises(ValueError, match="`class_names`.*'bacon'"):
        recipe("bytes").fit(model, texts, ["bacon"] * 24)


@pytest.mark.compiles_long
def test_groups_are_not_divided():
    seen = {}
    made = recipe("series")
    ordered = made.ordered_batches
    made.ordered_batches = lambda c, x, y, **kwargs: (
        seen.update(x=x) or ordered(c, x, y, **kwargs)
    )
    x = np.repeat(np.arange(24)[:, None, None] // 4, 50, axis=1).astype("float32")
    model = tiny_classifier("series", input_shape=(50, 1))
    made.fit(
        model,
        x,
        Y,
        groups=np.arange(24) // 4,
        validation_split=0.4,
        epochs=1,
        verbose=0,
    )
    counts = np.unique(seen["x"][:, 0, 0], return_counts=True)[1]
    assert set(counts) == {4}


@pytest.mark.compiles_long
@pytest.mark.parametrize("steps, fraction", [(4, 0.25), (2, 1.0)])
def test_few_steps_are_regularized_in_part(steps, fraction, capsys):
    made = recipe("series", full_regularization_steps=steps)
    assert made.regularized_fraction(2) == fraction
    assert made.regularized_fraction(None) == made.regularized_fraction(9) == 1.0
    # A cosine leaves half of the rate, on average.
    assert made.rate(2) == pytest.approx(3e-4 * (2 - fraction))
    assert recipe("series", learning_rate=1e-2).rate(2) == 1e-2
    options = {"validation_data": (X, Y), "epochs": 1, "batch_size": 12}
    model = classifier()
    made.fit(model, X, Y, **options, verbose=2)
    assert model.backbone.drop_path_rate == pytest.approx(0.1 * fraction)
    printed = capsys.readouterr().out
    assert f"drop path {0.1 * fraction:g}" in printed
    assert ("changed        25.0% of samples and batches" in printed) == (fraction < 1)


def test_a_recipe_is_for_its_modality():
    with pytest.raises(ValueError, match="recipe for series.*'bytes'"):
        recipe("series").compile(tiny_classifier("bytes"), 10)


def test_more_steps_than_the_schedule_has_are_refused():
    model = train_the_end(classifier())
    made = recipe("series", ema=False)
    made.compile(model, total_steps=4)
    batches = made.batches(model, X, Y, batch_size=12)
    with pytest.raises(ValueError, match="after 4 steps.*6"):
        model.fit(batches, epochs=3, verbose=0)
    model.fit(batches, epochs=2, verbose=0)
    with pytest.raises(ValueError, match="after 4 steps.*4"):
        model.fit(batches, epochs=1, verbose=0)


def test_a_loss_that_is_not_finite_stops_the_training():
    model = classifier()
    model.compile("sgd", lambda y, z: keras.ops.sum(z) * float("nan"), **FEW_STEPS)
    with pytest.warns(UserWarning, match="loss of epoch 1 is nan"):
        history = model.fit(X, Y, epochs=3, verbose=0)
    assert len(history.epoch) == 1


def test_dropped_tokens_are_the_padding_of_the_classifier():
    text = modalities.Text(vocabulary_size=60, embedding_dim=8, padding_id=7)
    model = tiny_classifier("text", padding_id=7)
    for modality in (text, model.modality):
        (layer,) = recipe("text").layers("augmentation", modality)
        assert layer.padding_id == 7


def test_averages_reach_back_over_their_fraction():
    assert recipe("series").optimizer(untrained(), 5000).ema_momentum == pytest.approx(
        1 - 1 / 100
    )
    assert not recipe("text", ema=False).optimizer(untrained(), 100).use_ema


def test_biases_and_scales_do_not_decay():
    model = classifier()
    optimizer = recipe("series").optimizer(model, 10)
    optimizer.build(model.trainable_variables)
    for variable in model.trainable_variables:
        plain = variable.name in ("bias", "gamma", "beta")
        assert optimizer._use_weight_decay(variable) is not plain, variable.path


def test_loss_and_metrics_are_those_of_the_classifier():
    made = recipe("text", positive_weight=3.0)
    assert made.loss(multi_label=True).positive_weight == 3.0
    assert isinstance(made.loss(), keras.losses.CategoricalCrossentropy)
    assert [metric.name for metric in made.metrics()] == ["accuracy"]


def test_prints_what_it_is():
    text = str(recipe("series", learning_rate=2e-3))
    for part in ("0.002", "TimeWarp", "SeriesMixUp", "drop_path_rate"):
        assert part in text


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"task": "video"}, ValueError, "'audio', 'bytes', 'image'.*'video'"),
        ({"task": 3}, TypeError, "3"),
        ({"lr": 1}, TypeError, "'lr'.*learning"),
        ({"learning_rate": -1}, ValueError, "`learning_rate`.*-1"),
        ({"learning_rate": float("nan")}, ValueError, "`learning_rate`.*nan"),
        ({"learning_rate": "a"}, TypeError, "`learning_rate`.*'a'"),
        ({"label_smoothing": 2}, ValueError, "`label_smoothing`.*2"),
        ({"drop_path_rate": 2}, ValueError, "`drop_path_rate`.*2"),
        ({"warmup_fraction": 2}, ValueError, "`warmup_fraction`.*2"),
        ({"ema": "no"}, TypeError, "`ema`.*'no'"),
        ({"augmentation": "flip"}, TypeError, "`augmentation`.*'flip'"),
    ],
    ids=str,
)
def test_what_is_not_known_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        recipe(**{"task": "series", **arguments})


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"epochs": 1.5}, TypeError, "`epochs`.*1.5"),
        ({"epochs": 0}, ValueError, "`epochs`.*0"),
        ({"time_limit": -1}, ValueError, "`time_limit`.*-1"),
        ({"batch_size": True}, TypeError, "`batch_size`.*True"),
        ({"validation_split": 1}, ValueError, "`validation_split`.*1"),
        ({"validation_data": X}, TypeError, "`validation_data`"),
        ({"resume": True}, ValueError, "`resume` needs `output`"),
        ({"resume": "yes", "output": "run"}, TypeError, "`resume`.*'yes'"),
        ({"seed": -1}, ValueError, "`seed`.*-1"),
        ({"y": Y[:5]}, ValueError, "`y`.*24 and 5"),
        ({"y": Y + 1}, ValueError, r"\[0, 3\).*3"),
        ({"groups": Y[:5]}, ValueError, "`groups`.*24 and 5"),
        ({"sample_weight": -np.ones(24)}, ValueError, "`sample_weight`.*-1"),
        ({"x": iter(X)}, TypeError, "`x`.*iterator"),
        ({"classifier": "tiny_series"}, TypeError, "`classifier`.*'tiny_series'"),
    ],
)
def test_what_fit_refuses(arguments, error, message):
    arguments = {"classifier": None, "x": X, "y": Y, "verbose": 0, **arguments}
    if arguments["classifier"] is None:
        arguments["classifier"] = untrained()
    with pytest.raises(error, match=message):
        recipe("series").fit(**arguments)


def test_ragged_series_are_grouped_by_length():
    lengths = np.tile([10, 40], 16)
    series = [np.random.default_rng(i).normal(size=n) for i, n in enumerate(lengths)]
    model = tiny_classifier(
        "series", input_shape=(50, 1), preprocessor=SeriesPreprocessor((50, 1))
    )
    made = recipe("series")
    options = {"lengths": model.preprocessor.lengths(series), "batch_size": 4}
    batches = made.batches(model, series, np.arange(32) % 3, **options)
    widths = {batches[i][0].shape[1] for i in range(len(batches))}
    assert widths == {12, 48}


def test_every_attribute_and_argument_is_documented():
    for documented, text in (
        (Recipe, Recipe.__doc__),
        (Recipe.fit, Recipe.fit.__doc__),
    ):
        for name in set(inspect.signature(documented).parameters) - {"self"}:
            assert f"    {name}:" in text, name


@pytest.mark.compiles_long
def test_settings_are_readable(tmp_path):
    recipe("series").fit(classifier(), X, Y, epochs=1, output=tmp_path, verbose=0)
    (state,) = (tmp_path / "checkpoint").glob("epoch-*/state.json")
    settings = json.loads(state.read_text())["settings"]
    assert settings["recipe"]["learning_rate"] is None
    assert [name for name, _ in settings["augmentation"]][0] == "RandomRoll"
    assert SHAPES["series"] == tuple(
        settings["classifier"]["backbone"]["config"]["input_shape"]
    )


@pytest.mark.parametrize(
    "seconds, epochs, steps",
    [(1e6, 50, 10), (55, 5, 10), (19, 2, 8), (4, 1, 3), (0, 1, 1), (-3, 1, 1)],
)
def test_epochs_that_fit_into_a_time(seconds, epochs, steps):
    plan = fit_into(seconds, batches=10, step=1.0, check=1.0, epochs=50)
    assert plan == {"epochs": epochs, "steps_per_epoch": steps}


@pytest.mark.parametrize("kept, once, each", [(True, 7 + 5 * 6, 1), (False, 7, 6)])
def test_what_is_prepared_once_is_no_part_of_a_step(monkeypatch, kept, once, each):
    """Decoding sounds takes longer than training on them, and comes once."""
    now, known = [0.0], set()

    class Batches(list):
        def __getitem__(self, i):
            now[0] += 5.0 * (i not in known)
            known.update({i} if kept else ())
            return (super().__getitem__(i),)

    def step(batch):
        # The first is compiled.
        now[0] += 1.0 + 7.0 * (batch == 0 and now[0] < 20)

    clock = types.SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr(time_budget, "time", clock)
    assert time_budget._timed(Batches(range(10)), step) == (once, each)


def test_short_epochs_are_not_shortened_to_fill_the_time():
    plan = fit_into(65.0, batches=3, step=1.0, check=1.0, epochs=50)
    assert plan == {"epochs": 16, "steps_per_epoch": 3}
