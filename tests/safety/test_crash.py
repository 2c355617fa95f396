"""Killed at any moment, out of disk, read while it is written: nothing is lost."""

import errno
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time

import keras
import numpy as np
import pytest

from keras_maelre import MaelreClassifier
from keras_maelre.training import recipe
from tests.safety.small import NAMES, series, series_classifier

LABELS = [NAMES[i % 3] for i in range(6)]


class Killed(BaseException):
    """What nothing in the library may catch."""


def crash_at(monkeypatch, names, place, after=False, error=Killed):
    """Lets the call number `place` of the named functions fail, and counts calls.

    Args:
        monkeypatch: The fixture.
        names: List of pairs of an object and the name of its function.
        place: Integer, the call that fails; `None` to count only.
        after: Boolean. Whether the call does its work before it fails.
        error: Exception, or its class, to raise.
    """
    calls = []

    def breaking(function):
        def call(*arguments, **kwargs):
            calls.append(function.__name__)
            if len(calls) - 1 != place:
                return function(*arguments, **kwargs)
            if after:
                function(*arguments, **kwargs)
            raise error

        return call

    for target, name in names:
        monkeypatch.setattr(target, name, breaking(getattr(target, name)))
    return calls


def full_disk():
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def which(directory, old, new):
    """Loads a preset, and says which of two classifiers it is."""
    loaded = MaelreClassifier.from_preset(directory)
    for name, model in (("old", old), ("new", new)):
        same = loaded.temperature == model.temperature
        pairs = zip(loaded.get_weights(), model.get_weights(), strict=True)
        if same and all(np.array_equal(*pair) for pair in pairs):
            return name
    pytest.fail("what was loaded is neither the old nor the new preset")


# === save_to_preset ===

STEPS_OF_SAVING = [(os, "replace")]
WRITING = [
    (keras.Model, "save_weights"),
    (pathlib.Path, "write_text"),
    (os, "replace"),
]


@pytest.fixture(scope="module")
def pair():
    """Two classifiers that differ in weights and in their configuration."""
    keras.utils.set_random_seed(0)
    return series_classifier(), series_classifier(temperature=2.0)


@pytest.mark.parametrize(
    "place, after", [(0, False), (1, False), (1, True), (3, False)]
)
def test_killed_between_the_steps_of_saving(pair, tmp_path, monkeypatch, place, after):
    old, new = pair
    old.save_to_preset(tmp_path)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        crash_at(patch, STEPS_OF_SAVING, place, after)
        new.save_to_preset(tmp_path)
    # It counts as saved once the weights are in place.
    assert which(tmp_path, old, new) == ("new" if place + after >= 2 else "old")
    # What a crash leaves behind is in nobody's way.
    old.save_to_preset(tmp_path)
    assert which(tmp_path, old, new) == "old"
    files = ["README.md", "config.json", "model.weights.h5"]
    assert sorted(os.listdir(tmp_path)) == files


def test_there_are_four_steps(pair, tmp_path, monkeypatch):
    calls = crash_at(monkeypatch, STEPS_OF_SAVING, None)
    pair[0].save_to_preset(tmp_path)
    assert len(calls) == 4


TWICE = [(first, second) for first in range(4) for second in range(4 + (first == 2))]


@pytest.mark.parametrize(
    "first, second",
    [
        pytest.param(*pair, marks=[] if pair in ((2, 2), (1, 1)) else pytest.mark.slow)
        for pair in TWICE
    ],
)
def test_killed_twice(pair, tmp_path, monkeypatch, first, second):
    """A save that was stopped before its last step is finished by the next."""
    old, new = pair
    old.save_to_preset(tmp_path)
    for model, place in ((new, first), (old, second)):
        with monkeypatch.context() as patch, pytest.raises(Killed):
            crash_at(patch, STEPS_OF_SAVING, place)
            model.save_to_preset(tmp_path)
        which(tmp_path, old, new)


@pytest.mark.parametrize("place", [1, 2])
def test_the_first_save_may_be_killed_too(pair, tmp_path, monkeypatch, place):
    old, new = pair
    with monkeypatch.context() as patch, pytest.raises(Killed):
        crash_at(patch, STEPS_OF_SAVING, place)
        old.save_to_preset(tmp_path)
    new.save_to_preset(tmp_path)
    assert which(tmp_path, old, new) == "new"


@pytest.mark.parametrize(
    "place", [0, 1, *(pytest.param(i, marks=pytest.mark.slow) for i in (2, 4))]
)
def test_a_full_disk_costs_nothing(pair, tmp_path, monkeypatch, place):
    old, new = pair
    old.save_to_preset(tmp_path)
    with monkeypatch.context() as patch:
        calls = crash_at(patch, WRITING, place, error=full_disk())
        with pytest.raises(OSError, match="No space left"):
            new.save_to_preset(tmp_path)
        assert len(calls) == place + 1
    assert which(tmp_path, old, new) == "old"
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".saving")]


def test_weights_half_written_are_not_taken(pair, tmp_path, monkeypatch):
    old, new = pair
    old.save_to_preset(tmp_path)
    whole = keras.Model.save_weights

    def half(self, filepath, **kwargs):
        whole(self, filepath, **kwargs)
        os.truncate(filepath, os.path.getsize(filepath) // 2)
        raise full_disk()

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(keras.Model, "save_weights", half)
        new.save_to_preset(tmp_path)
    assert which(tmp_path, old, new) == "old"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(pair, tmp_path):
    old, new = pair
    folder = tmp_path / "kept"
    old.save_to_preset(folder)
    folder.chmod(0o555)
    try:
        with pytest.raises(PermissionError, match="kept"):
            new.save_to_preset(folder)
        assert which(folder, old, new) == "old"
    finally:
        folder.chmod(0o755)


def test_a_refused_folder_is_named(pair, tmp_path, monkeypatch):
    """The same for whoever runs the tests as root."""

    def refuse(*arguments, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied", kwargs.get("dir"))

    old, new = pair
    old.save_to_preset(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("tempfile.TemporaryDirectory", refuse)
        with pytest.raises(PermissionError, match=tmp_path.name):
            new.save_to_preset(tmp_path)
    assert which(tmp_path, old, new) == "old"


def test_a_reader_meets_every_step_of_saving(pair, tmp_path, monkeypatch):
    """Between any two steps of saving, what is read is the old or the new."""
    old, new = pair
    old.save_to_preset(tmp_path)
    seen, step = [], os.replace

    def watched(*arguments):
        seen.append(which(tmp_path, old, new))
        step(*arguments)
        seen.append(which(tmp_path, old, new))

    monkeypatch.setattr(os, "replace", watched)
    new.save_to_preset(tmp_path)
    assert seen == ["old"] * 3 + ["new"] * 5


@pytest.mark.parametrize(
    "when, function",
    [
        ("before", "_build"),
        ("after", "_hash"),
        pytest.param("before", "_hash", marks=pytest.mark.slow),
        pytest.param("after", "_build", marks=pytest.mark.slow),
        pytest.param("after", "_read_config", marks=pytest.mark.slow),
        pytest.param("after", "check_stored", marks=pytest.mark.slow),
        pytest.param("after", "_stamp", marks=pytest.mark.slow),
    ],
)
def test_saved_while_it_is_read(pair, tmp_path, monkeypatch, function, when):
    """Another process saves at the worst moments of a reader."""
    from keras_maelre.models import preset_files

    old, new = pair
    old.save_to_preset(tmp_path)
    original, saved = getattr(preset_files, function), []

    def interrupted(*arguments):
        if when == "after":
            result = original(*arguments)
        if not saved:
            saved.append(True)
            new.save_to_preset(tmp_path)
        return original(*arguments) if when == "before" else result

    monkeypatch.setattr(preset_files, function, interrupted)
    loaded = MaelreClassifier.from_preset(tmp_path)
    assert loaded.temperature == 2.0
    for value, wanted in zip(loaded.get_weights(), new.get_weights(), strict=True):
        np.testing.assert_array_equal(value, wanted)


@pytest.mark.slow
def test_read_in_a_thread_that_never_waits(pair, tmp_path):
    old, new = pair
    old.save_to_preset(tmp_path)
    seen, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            loaded = MaelreClassifier.from_preset(tmp_path)
            model = old if loaded.temperature == 1.0 else new
            pairs = zip(loaded.get_weights(), model.get_weights(), strict=True)
            seen.append(all(np.array_equal(*values) for values in pairs))

    reader = threading.Thread(target=read)
    reader.start()
    for i in range(60):
        (old, new)[i % 2].save_to_preset(tmp_path)
        time.sleep(0.05)
    while not seen and reader.is_alive():
        time.sleep(0.05)
    stop.set()
    reader.join()
    assert seen and all(seen)


SAVING = """
import sys
import keras
from tests.safety.small import series_classifier

keras.utils.set_random_seed(0)
old, new = series_classifier(), series_classifier(temperature=2.0)
old.save_to_preset(sys.argv[1])
print("saved", flush=True)
while True:
    new.save_to_preset(sys.argv[1])
    old.save_to_preset(sys.argv[1])
"""


def start(program, *arguments):
    """Starts a Python program, and waits until it says a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline().strip() == "saved"
    return process


def kill(process):
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_kill_9_while_saving(pair, tmp_path, seed):
    process = start(SAVING, tmp_path)
    time.sleep(np.random.default_rng(seed).uniform(0.005, 0.5))
    kill(process)
    which(tmp_path, *pair)


@pytest.mark.slow
def test_reading_what_another_process_saves(pair, tmp_path):
    process = start(SAVING, tmp_path)
    try:
        seen = {which(tmp_path, *pair) for _ in range(10)}
    finally:
        kill(process)
    assert seen <= {"old", "new"}


# === Training ===

STEPS_OF_TRAINING = [
    (os, "replace"),
    (shutil, "rmtree"),
    (np, "savez"),
]
EPOCHS = 2


def train(output, resume, epochs=EPOCHS, **kwargs):
    """Trains a classifier that is always the same before."""
    keras.utils.set_random_seed(0)
    model = series_classifier()
    trainer = recipe("series", learning_rate=1e-2)
    options = {"epochs": epochs, "batch_size": 3, "output": output, "resume": resume}
    history = trainer.fit(
        model,
        series(),
        LABELS,
        validation_data=(series(3, seed=1), NAMES),
        verbose=0,
        **{**options, **kwargs},
    )
    return model, history.history


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    model, history = train(folder, resume=False)
    return model.get_weights(), history


def assert_same(folder, uninterrupted, result=None):
    """Resumes a training, which must end as the one that nothing stopped."""
    model, history = result or train(folder, resume=True)
    weights, expected = uninterrupted
    for value, wanted in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(value, wanted)
    assert history == expected
    loaded = MaelreClassifier.from_preset(folder / "preset")
    for value, wanted in zip(loaded.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(value, wanted)


# All calls of these functions in a training; see `test_all_steps_...`.
COUNT = 26
QUICK = (11, 20)
PLACES = [
    pytest.param(place, marks=[] if place in QUICK else pytest.mark.slow)
    for place in range(COUNT)
]


@pytest.mark.compiles_long
@pytest.mark.parametrize("place", PLACES)
def test_killed_between_the_steps_of_training(
    uninterrupted, tmp_path, monkeypatch, place
):
    with monkeypatch.context() as patch, pytest.raises(Killed):
        crash_at(patch, STEPS_OF_TRAINING, place)
        train(tmp_path, resume=False)
    assert_same(tmp_path, uninterrupted)


@pytest.mark.compiles_long
def test_all_steps_of_training_are_tried(tmp_path, monkeypatch):
    calls = crash_at(monkeypatch, STEPS_OF_TRAINING, None)
    train(tmp_path, resume=False)
    assert len(calls) == COUNT


@pytest.mark.compiles_long
@pytest.mark.parametrize("place", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_training_on_a_full_disk_goes_on_when_there_is_room(
    uninterrupted, tmp_path, monkeypatch, place
):
    writing = [(keras.Model, "save_weights"), (np, "savez")]
    with monkeypatch.context() as patch:
        crash_at(patch, writing, place, error=full_disk())
        with pytest.raises(OSError, match="No space left"):
            train(tmp_path, resume=False)
    assert_same(tmp_path, uninterrupted)


@pytest.mark.compiles_long
def test_a_new_training_killed_at_its_start_leaves_no_old_state_half_deleted(
    uninterrupted, tmp_path, monkeypatch
):
    """A directory is deleted file by file: what is half gone is not resumed from."""
    train(tmp_path, resume=False, seed=7)

    def half(path, *arguments, **kwargs):
        if os.path.isdir(path) and os.listdir(path):
            os.unlink(os.path.join(path, min(os.listdir(path))))
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(shutil, "rmtree", half)
        train(tmp_path, resume=False)
    assert_same(tmp_path, uninterrupted)


TRAINING = """
import sys
from tests.safety.test_crash import train
from keras_maelre.training import ResumableTraining

write = ResumableTraining._save

def told(self, epoch):
    write(self, epoch)
    if not epoch:
        print("saved", flush=True)

ResumableTraining._save = told
train(sys.argv[1], resume=False, epochs=8)
"""


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_kill_9_while_training(tmp_path, seed):
    process = start(TRAINING, tmp_path / "killed")
    time.sleep(np.random.default_rng(seed).uniform(0.05, 2))
    kill(process)
    model, history = train(tmp_path / "whole", resume=False, epochs=8)
    resumed = train(tmp_path / "killed", resume=True, epochs=8)
    assert_same(tmp_path / "killed", (model.get_weights(), history), resumed)


@pytest.mark.compiles_long
def test_a_damaged_checkpoint_is_named(tmp_path):
    train(tmp_path, resume=False, epochs=1)
    state = max((tmp_path / "checkpoint").glob("epoch-*"))
    for name in ("state.json", "model.weights.h5", "random.npz"):
        content = (state / name).read_bytes()
        for damage in (content[: len(content) // 2], b"", b"\x00\xff" * 50):
            (state / name).write_bytes(damage)
            with pytest.raises(ValueError, match="damaged"):
                train(tmp_path, resume=True, epochs=1)
        (state / name).write_bytes(content)
    plan = tmp_path / "plan.json"
    for text in ("", "[]", json.dumps({"epochs": 1})):
        plan.write_text(text)
        with pytest.raises(ValueError, match="plan.json"):
            train(tmp_path, resume=True, epochs=1)
