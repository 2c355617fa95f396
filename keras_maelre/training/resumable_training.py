"""Training that survives being killed."""

import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import zipfile

import keras
import numpy as np

# What reading a file that is cut off or changed may raise.
DAMAGE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)


class ResumableTraining(keras.callbacks.Callback):
    """Saves the whole state of training after every epoch, and takes it up again.

    Weights, optimizer (with its moving averages), the state of random generators and
    the history are written to a new directory, which then replaces the last one in a
    single step: at whatever moment the process dies, one complete state is there. A
    training that starts anew writes its first state before its first step, so that
    what an earlier training left is not taken for its own.

    Put it after the callbacks that it is given.

    Args:
        directory: String or path, for the state of this training alone.
        settings: Dictionary of what JSON can hold: what must not change between start
            and resumption.
        averages: The `AveragedWeights` of the training, if there is one.
        best: The `BestWeights` of the training, if there is one.

    Raises:
        ValueError: When resuming with other settings, or without a saved state.

    Example:

    ```python
    resumable = ResumableTraining("run/checkpoint", {"preset": "tiny_series"})
    start = resumable.restore(classifier)  # 0 for a fresh start: leave the line out
    classifier.fit(x, y, initial_epoch=start, epochs=50, callbacks=[resumable])
    resumable.history  # of all epochs, those before the interruption included
    ```
    """

    def __init__(self, directory, settings=None, averages=None, best=None):
        super().__init__()
        self.directory = pathlib.Path(directory)
        # As JSON returns it: tuples are lists.
        self.settings = json.loads(json.dumps(settings or {}))
        self.averages, self.best = averages, best
        self.history = []
        self._restored = False

    def can_resume(self):
        """Whether there is a saved state."""
        return bool(self._states())

    def restore(self, model):
        """Loads the last state into a compiled model.

        Args:
            model: The compiled model, built as it was when training started.

        Returns:
            Integer, the number of epochs that are done: the `initial_epoch` of `fit`.
        """
        states = self._states()
        if not states:
            raise ValueError(
                f"Nothing to resume: {str(self.directory)!r} holds no saved epoch."
            )
        state = states[-1]
        try:
            record = json.loads((state / "state.json").read_text(encoding="utf-8"))
            started, epoch = record["settings"], record["epoch"]
            history = record["history"]
        except DAMAGE as error:
            raise self._damaged(state, error) from error
        self._check_settings(started)
        try:
            for name, digest in record["sha256"].items():
                if _hash(state / name) != digest:
                    raise ValueError(f"{name} is not what was saved")
            if not model.optimizer.built:
                model.optimizer.build(model.trainable_variables)
            model.load_weights(state / "model.weights.h5")
            with np.load(state / "random.npz") as saved:
                for name, variable in random_states(model).items():
                    variable.assign(saved[name])
            if self.best is not None:
                weights = None
                if (state / "best.npz").is_file():
                    with np.load(state / "best.npz") as saved:
                        weights = [saved[name] for name in saved.files]
                self.best.restore(record["best"], weights)
        except DAMAGE as error:
            raise self._damaged(state, error) from error
        self.history = history
        self._restored = True
        return epoch

    @staticmethod
    def _damaged(state, error):
        return ValueError(f"The saved state {str(state)!r} is damaged: {error}")

    def on_train_begin(self, logs=None):
        if self._restored:
            return
        for state in self._states():
            self._discard(state)
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        self.history = []
        self._save(0)

    def on_epoch_end(self, epoch, logs=None):
        self.history.append({key: float(value) for key, value in (logs or {}).items()})
        self._save(epoch + 1)

    def _states(self):
        return sorted(self.directory.glob("epoch-*"))

    def _save(self, epoch):
        state = self.directory / f"epoch-{epoch:06d}"
        unfinished = self.directory / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        trained = contextlib.nullcontext()
        if self.averages is not None:
            trained = self.averages.trained_weights()
        with trained:
            self.model.save_weights(unfinished / "model.weights.h5")
        states = random_states(self.model).items()
        np.savez(
            unfinished / "random.npz",
            **{name: keras.ops.convert_to_numpy(value) for name, value in states},
        )
        record = {
            "epoch": epoch,
            "history": self.history,
            "settings": self.settings,
        }
        if self.best is not None:
            record["best"] = self.best.state()
            if self.best.weights is not None:
                np.savez(unfinished / "best.npz", *self.best.weights)
        record["sha256"] = {path.name: _hash(path) for path in unfinished.iterdir()}
        (unfinished / "state.json").write_text(json.dumps(record), encoding="utf-8")
        shutil.rmtree(state, ignore_errors=True)
        os.replace(unfinished, state)
        for older in self._states():
            if older != state:
                self._discard(older)

    def _discard(self, state):
        """Deletes a state; one that is deleted halfway is not taken for a state."""
        discarded = self.directory / "discarded"
        shutil.rmtree(discarded, ignore_errors=True)
        os.replace(state, discarded)
        shutil.rmtree(discarded)

    def _check_settings(self, started):
        changed = sorted(
            key
            for key in {*started, *self.settings}
            if started.get(key) != self.settings.get(key)
        )
        if changed:
            raise ValueError(
                "Training can only be resumed with the settings it was started with. "
                + "; ".join(
                    f"{key}: started with {started.get(key)!r}, "
                    f"received {self.settings.get(key)!r}"
                    for key in changed
                )
            )


def _hash(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def random_states(model):
    """The states of the model's random generators, which its weights leave out."""
    states = [v for v in model.variables if v.name == "seed_generator_state"]
    return {f"state_{i}": variable for i, variable in enumerate(states)}
