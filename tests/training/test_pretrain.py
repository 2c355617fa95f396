"""Pretraining teaches the encoder what samples look like, and only the encoder."""

import functools

import keras
import numpy as np
import pytest

import keras_maelre
from keras_maelre import MaelreBackbone, MaelreClassifier
from keras_maelre.layers.attention_kinds import ATTENTION_KINDS
from keras_maelre.preprocessing import BytePreprocessor
from keras_maelre.training import pretrain, recipe
from keras_maelre.training.masked_batches import MaskedBatches
from keras_maelre.training.masked_model import MaskedModel
from keras_maelre.training.masking import Masking
from keras_maelre.training.pretrain import MaskedTraining
from tests.modalities.test_own_modality import PATCH, Dna, Video
from tests.models.tiny import (
    SHAPES,
    padded,
    random_input,
    randomize,
    take_few_steps,
    tiny_classifier,
)
from tests.references.gradients import values

DEPTHS = (1, 1, 1, 1)
X = np.random.default_rng(0).normal(size=(24, 50, 2)).astype("float32")
ONE = [
    pytest.param(name, marks=[] if name == "bytes" else pytest.mark.compiles_long)
    for name in SHAPES
]


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """TensorFlow takes longer to trace a step than to run it."""
    take_few_steps(monkeypatch, MaskedTraining)


def small(name="series", **kwargs):
    keras.utils.set_random_seed(0)
    return tiny_classifier(name, **{"depths": DEPTHS, "width": 8, **kwargs})


@functools.cache
def untrained():
    """A classifier for those who do not change it."""
    return small()


def copies(weights):
    return [np.array(weight) for weight in weights]


@pytest.mark.parametrize("name", ONE)
def test_the_encoder_learns_and_the_head_does_not(name, capsys):
    model = small(name)
    model.backbone.set_dropout(0.2, 0.1)
    encoder, head = copies(model.backbone.trainable_weights), copies(model.head.weights)
    x = random_input(name, batch=10)
    history = pretrain(model, x, epochs=2, batch_size=2, validation_split=0.3)
    assert np.isfinite(history.history["val_loss"]).all()
    assert history.best_score == min(history.history["val_loss"])
    for before, after in zip(head, model.head.weights, strict=True):
        np.testing.assert_array_equal(before, np.array(after))
    still = [
        after.path
        for before, after in zip(encoder, model.backbone.trainable_weights, strict=True)
        if (before == np.array(after)).all()
    ]
    # The decoder has a normalization of its own, and no use for the class token at
    # the end.
    assert {path.split("/")[0] for path in still} <= {"norm"}
    assert (model.backbone.dropout_rate, model.backbone.drop_path_rate) == (0.2, 0.1)
    printed = capsys.readouterr().out
    for line in ("7 to train on", "2 epochs of 3", "dropout        0, drop path 0"):
        assert line in printed
    share = {"text": "20%", "bytes": "20%"}.get(name, "50%")
    assert f"hidden         {share} of a sample" in printed
    assert "expect         a loss below" in printed
    assert np.isfinite(model.predict(x, verbose=0)).all()


def told(backbone, x, places):
    outputs = 60 if x.ndim == 2 else x.shape[-1]
    model = randomize(MaskedModel(backbone, outputs))
    inputs = {"inputs": x, "places": places}
    return model, values(model, inputs)


@pytest.mark.parametrize("name", ["bytes", "series"])
def test_padding_changes_nothing_that_is_told(name):
    x = random_input(name, length=37)
    places = np.array([[0, 11, 12, 36]] * 3, "int32")
    x[:, 10:14] = 0 if name == "bytes" else np.nan
    backbone = small(name, cls=MaelreBackbone)
    model, short = told(backbone, x, places)
    inputs = {"inputs": padded(name, x, 48), "places": places}
    long = values(model, inputs)
    np.testing.assert_allclose(short, long, atol=2e-5)


@pytest.mark.parametrize(
    "name, changes",
    [("series", {}), ("series", {"merge": "none"}), ("image", {})],
    ids=["series", "series without merges", "image"],
)
def test_the_decoder_adds_up_what_each_block_says(name, changes):
    """Against one cell after the other."""
    backbone = small(name, cls=MaelreBackbone, **changes)
    x = random_input(name, batch=2)
    grids = backbone.token_grids
    places = np.array([[0, 7, 13, np.prod(grids[0]) - 1]] * 2, "int32")
    model, found = told(backbone, x, places)
    decoder = model.get_layer("decoder")
    blocks = {k: v.astype("float32") for k, v in values(backbone, x).items()}
    summed = np.zeros((2, 4, decoder.dim))
    for i in range(4):
        step = 1 if changes else (4 if name == "series" else 2) ** i
        spread = decoder.spread[i](decoder.norms[i](blocks[f"block_{i + 1}"]))
        spread = keras.ops.convert_to_numpy(spread)
        for j, place in enumerate(places[0]):
            at = np.array(np.unravel_index(place, grids[0]))
            part = np.ravel_multi_index(at % step, [step] * len(at))
            vectors = spread[(slice(None), *(at // step))]
            summed[:, j] += vectors[:, part * decoder.dim : (part + 1) * decoder.dim]
    expected = decoder.told(decoder.hidden(decoder.norm(summed.astype("float32"))))
    expected = keras.ops.convert_to_numpy(expected)
    np.testing.assert_allclose(found, expected, atol=1e-5)


# "axial" needs a grid.
@pytest.mark.parametrize("kind", sorted(set(ATTENTION_KINDS) - {"axial"}))
def test_any_attention_tells_of_what_is_hidden(kind):
    """Runs may be longer than what an attention looks at."""
    backbone = small(cls=MaelreBackbone, attention=kind, attention_window=2)
    x = X[:2].copy()
    x[:, 5:35] = np.nan
    _, found = told(backbone, x, np.tile(np.arange(50, dtype="int32"), (2, 1)))
    assert np.isfinite(found).all()


@pytest.mark.compiles_long
def test_what_can_be_told_is_learned():
    """Sines go on as they began: the loss falls far below that of the mean."""
    generator = np.random.default_rng(0)
    t = np.arange(64)
    rates, starts = (
        generator.uniform(0.1, 0.4, (64, 1)),
        generator.uniform(0, 7, (64, 1)),
    )
    x = np.sin(rates * t + starts)[..., None].astype("float32")
    model = small(input_shape=(64, 1))
    history = pretrain(model, x, epochs=8, batch_size=4, learning_rate=3e-3, verbose=0)
    assert history.best_score < 0.35


class Killed(Exception):
    pass


class KillAt(keras.callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise Killed


@pytest.mark.compiles_long
def test_resumed_equals_uninterrupted(tmp_path):
    options = {"epochs": 2, "batch_size": 8, "verbose": 0, "resume": True}
    expected = small()
    whole = pretrain(expected, X, output=tmp_path / "whole", **options)
    options["output"] = tmp_path / "killed"
    killed = small()
    killed.backbone.set_dropout(0.1)
    with pytest.raises(Killed):
        pretrain(killed, X, callbacks=[KillAt(1)], **options)
    assert killed.backbone.dropout_rate == 0.1
    got = small()
    got.backbone.set_dropout(0.1)
    history = pretrain(got, X, **options)
    for name, numbers in whole.history.items():
        np.testing.assert_allclose(history.history[name], numbers, rtol=1e-4)
    logits = [model.predict(X, verbose=0) for model in (expected, got)]
    np.testing.assert_allclose(*logits, atol=1e-4)
    loaded = MaelreClassifier.from_preset(tmp_path / "killed" / "preset")
    np.testing.assert_allclose(loaded.predict(X, verbose=0), logits[1], atol=1e-5)


@pytest.mark.compiles_long
@pytest.mark.parametrize(
    "change, named",
    [
        ({"x": X + 1}, "data"),
        ({"mask_fraction": 0.3}, "mask_fraction"),
        ({"mask_span": 3}, "mask_span"),
        ({"learning_rate": 1e-2}, "learning_rate"),
        ({"seed": 3}, "seed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_resumed_pretraining_must_share(change, named, tmp_path):
    options = {"epochs": 1, "batch_size": 8, "verbose": 0, "resume": True, "x": X}
    pretrain(small(), output=tmp_path, **options)
    with pytest.raises(ValueError, match=f"(?s){named}: started with"):
        pretrain(small(), output=tmp_path, **{**options, **change})


@pytest.mark.compiles_long
def test_time_limit_sizes_the_schedule(capsys):
    model = small()
    pretrain(model, X, time_limit=1e-3, batch_size=8)
    assert "1 epoch of 1" in capsys.readouterr().out
    history = pretrain(model, X, epochs=2, time_limit=3600, batch_size=8, verbose=0)
    assert len(history.epoch) == 2


@pytest.mark.compiles_long
def test_from_raw_texts_to_a_trained_classifier(tmp_path):
    texts = [f"{word} number {i}" for i in range(8) for word in ("ham", "spam", "eggs")]
    model = MaelreClassifier.from_preset(
        "tiny_bytes",
        width=8,
        depths=DEPTHS,
        class_names=["eggs", "ham", "spam"],
        preprocessor=BytePreprocessor((32,)),
    )
    pretrain(
        model,
        texts,
        validation_data=texts[:5],
        epochs=1,
        batch_size=6,
        output=tmp_path,
        verbose=0,
    )
    labels = [text.split()[0] for text in texts]
    recipe("bytes").fit(model, texts, labels, epochs=1, batch_size=6, verbose=0)
    estimator = keras_maelre.MaelreEstimator(
        "bytes", preset=tmp_path / "preset", epochs=1, random_state=0, verbose=0
    )
    assert set(estimator.fit(texts, labels).predict(texts[:3])) <= set(labels)


@pytest.mark.compiles_long
def test_a_backbone_and_ids_of_an_own_modality():
    backbone = MaelreBackbone(Dna(), (60,), width=8, depths=DEPTHS)
    x = np.random.default_rng(0).integers(1, 5, (12, 60)).astype("int32")
    history = pretrain(backbone, x, epochs=1, batch_size=4, verbose=0)
    assert "val_accuracy" in history.history


class Clips(Video):
    patch = PATCH


@pytest.mark.compiles_long
def test_an_own_modality_needs_to_tell_its_patch():
    shape = (8, 16, 16, 1)
    x = np.random.default_rng(0).normal(size=(6, *shape)).astype("float32")
    backbone = MaelreBackbone(Video(), shape, width=8, depths=DEPTHS)
    with pytest.raises(ValueError, match="Video does not tell.*`patch`"):
        pretrain(backbone, x, verbose=0)
    keras.saving.register_keras_serializable(package="tests")(Clips)
    backbone = MaelreBackbone(Clips(), shape, width=8, depths=DEPTHS)
    history = pretrain(backbone, x, epochs=1, batch_size=3, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_batches_are_a_function_of_seed_and_epoch():
    masking = Masking(small(cls=MaelreBackbone))
    masking.measure(X)
    made = [MaskedBatches(X, masking, batch_size=8, workers=n) for n in (0, 2)]
    for batches in made:
        batches.begin_epoch(3)
    for i in range(3):
        keras.tree.map_structure(np.testing.assert_array_equal, *(b[i] for b in made))


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"model": "tiny_series"}, TypeError, "`model`.*'tiny_series'"),
        ({"x": "series"}, TypeError, "`x`.*str"),
        ({"x": (n for n in X)}, TypeError, "`x`.*generator"),
        ({"x": X[:, :, :1]}, ValueError, "expects inputs of shape"),
        ({"x": np.where(X > 2, np.inf, X)}, ValueError, "must be finite"),
        ({"x": X[:, :1]}, ValueError, "longer than one step"),
        ({"x": X[:0]}, ValueError, "at least one sample"),
        ({"validation_data": 3}, TypeError, "`validation_data`.*int"),
        ({"validation_split": 1.0}, ValueError, "`validation_split`"),
        ({"groups": [1, 2]}, ValueError, "`x` and `groups`"),
        ({"learning_rate": 0.0}, ValueError, "`learning_rate`"),
        ({"epochs": 0}, ValueError, "`epochs`"),
        ({"time_limit": -1.0}, ValueError, "`time_limit`"),
        ({"resume": True}, ValueError, "`resume` needs `output`"),
        ({"seed": -1}, ValueError, "`seed`"),
        ({"batch_size": 0}, ValueError, "`batch_size`"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        pretrain(**{"model": untrained(), "x": X, "verbose": 0, **arguments})


def test_an_encoder_that_cannot_learn():
    model = small()
    model.backbone.trainable = False
    with pytest.raises(ValueError, match="encoder is frozen"):
        pretrain(model, X)
    model = small()
    model.quantize("int8")
    with pytest.raises(ValueError, match="quantized"):
        pretrain(model, X)
