"""Interrupted and resumed training ends where uninterrupted training does."""

import json

import keras
import numpy as np
import pytest

import keras_maelre
from keras_maelre import augmentation, training
from tests.models.tiny import FEW_STEPS, train_the_end

X = np.random.default_rng(0).normal(size=(8, 32, 1)).astype("float32")
Y = np.arange(8) % 3


class Killed(Exception):
    pass


class KillAt(keras.callbacks.Callback):
    """Ends the training in the middle of an epoch, as a power cut would."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.now == self.epoch:
            raise Killed


def train(directory, epochs=3, resume=False, callbacks=(), settings=None):
    keras.utils.set_random_seed(1)
    classifier = keras_maelre.MaelreClassifier.from_preset(
        "tiny_series",
        num_classes=3,
        input_shape=(32, 1),
        width=16,
        depths=(1, 1, 1, 1),
        drop_path_rate=0.2,
        dropout_rate=0.1,
    )
    train_the_end(classifier)
    batches = training.AugmentedBatches(
        X,
        Y,
        3,
        batch_size=4,
        augmentation=[augmentation.Jitter(0.1)],
        mixing=[augmentation.SeriesMixUp(0.2)],
    )
    classifier.compile(
        keras.optimizers.AdamW(1e-3, use_ema=True, ema_momentum=0.9),
        keras.losses.CategoricalCrossentropy(from_logits=True),
        **FEW_STEPS,
    )
    averages, best = training.AveragedWeights(), training.BestWeights("loss", "min")
    resumable = training.ResumableTraining(directory, settings, averages, best)
    classifier.fit(
        batches,
        epochs=epochs,
        initial_epoch=resumable.restore(classifier) if resume else 0,
        validation_data=(X, np.eye(3)[Y]),
        callbacks=[averages, best, resumable, *callbacks],
        verbose=0,
    )
    return classifier, resumable


def test_resumed_equals_uninterrupted(tmp_path):
    expected, whole = train(tmp_path / "whole")
    with pytest.raises(Killed):
        train(tmp_path / "killed", callbacks=[KillAt(2)])
    got, resumed = train(tmp_path / "killed", resume=True)
    assert len(resumed.history) == len(whole.history) == 3
    for one, other in zip(got.weights, expected.weights, strict=True):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(one),
            keras.ops.convert_to_numpy(other),
            rtol=1e-4,
            atol=1e-5,
            err_msg=one.path,
        )
    for one, other in zip(resumed.history, whole.history, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-4)


def test_finished_training_resumes_to_the_same_weights(tmp_path):
    expected, _ = train(tmp_path, epochs=2)
    got, resumed = train(tmp_path, epochs=2, resume=True)
    assert len(resumed.history) == 2
    logits = [model.predict(X, verbose=0) for model in (expected, got)]
    np.testing.assert_allclose(*logits, atol=1e-5)


@pytest.mark.compiles_long
def test_a_state_half_written_is_not_resumed_from(tmp_path):
    train(tmp_path, epochs=1)
    unfinished = tmp_path / "unfinished"
    unfinished.mkdir()
    (unfinished / "state.json").write_text("{")
    _, resumed = train(tmp_path, epochs=2, resume=True)
    assert len(resumed.history) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-000002"]


def test_other_settings_are_refused(tmp_path):
    train(tmp_path, epochs=1, settings={"preset": "tiny", "seed": 0})
    with pytest.raises(ValueError, match="seed: started with 0, received 1"):
        train(tmp_path, resume=True, settings={"preset": "tiny", "seed": 1})


def test_nothing_to_resume(tmp_path):
    with pytest.raises(ValueError, match="Nothing to resume"):
        train(tmp_path / "empty", resume=True)


@pytest.mark.compiles_long
def test_history_is_readable(tmp_path):
    train(tmp_path, epochs=2)
    (state,) = tmp_path.glob("epoch-*/state.json")
    record = json.loads(state.read_text())
    assert record["epoch"] == 2
    assert set(record["history"][0]) == {"loss", "val_loss"}


@pytest.mark.compiles_long
def test_a_new_training_does_not_go_on_with_an_old_one(tmp_path):
    """Killed in its first epoch, it leaves a state of its own."""
    train(tmp_path, epochs=2)
    with pytest.raises(Killed):
        train(tmp_path, epochs=3, callbacks=[KillAt(0)])
    _, resumed = train(tmp_path, epochs=3, resume=True)
    assert len(resumed.history) == 3


@pytest.mark.compiles_long
def test_a_damaged_state_is_named(tmp_path):
    train(tmp_path, epochs=1)
    (state,) = tmp_path.glob("epoch-*")
    (state / "state.json").write_text('{"epoch": 1')
    with pytest.raises(ValueError, match="epoch-000001.*damaged"):
        train(tmp_path, epochs=2, resume=True)


@pytest.mark.compiles_long
@pytest.mark.parametrize("file", ["model.weights.h5", "random.npz", "best.npz"])
def test_one_other_byte_of_a_state_is_named(tmp_path, file):
    train(tmp_path, epochs=1)
    (path,) = tmp_path.glob(f"epoch-*/{file}")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="epoch-000001.*damaged"):
        train(tmp_path, epochs=2, resume=True)
