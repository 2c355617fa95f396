"""Training that survives being killed."""

import json
import os
import pathlib
import shutil

import keras
import numpy as np


class ResumableTraining(keras.callbacks.Callback):
    """Saves the whole state of training after every epoch, and takes it up again.

    Weights, optimizer (with its moving averages), the state of random generators and
    the history are written to a new directory, which then replaces the last one in a
    single step: at whatever moment the process dies, one complete state is there.

    Args:
        directory: String or path, for the state of this training alone.
        settings: Dictionary, what must not change between start and resumption.

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

    def __init__(self, directory, settings=None):
        super().__init__()
        self.directory = pathlib.Path(directory)
        self.settings = dict(settings or {})
        self.history = []

    def restore(self, model):
        """Loads the last state into a compiled model.

        Args:
            model: The compiled model, built as it was when training started.

        Returns:
            Integer, the number of epochs that are done: the `initial_epoch` of `fit`.
        """
        states = sorted(self.directory.glob("epoch-*"))
        if not states:
            raise ValueError(
                f"Nothing to resume: {str(self.directory)!r} holds no saved epoch."
            )
        record = json.loads((states[-1] / "state.json").read_text())
        if record["settings"] != self.settings:
            changed = sorted(
                key
                for key in {*record["settings"], *self.settings}
                if record["settings"].get(key) != self.settings.get(key)
            )
            raise ValueError(
                "Training can only be resumed with the settings it was started with. "
                + "; ".join(
                    f"{key}: started with {record['settings'].get(key)!r}, "
                    f"received {self.settings.get(key)!r}"
                    for key in changed
                )
            )
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        model.load_weights(states[-1] / "model.weights.h5")
        with np.load(states[-1] / "random.npz") as saved:
            for name, variable in _random_states(model).items():
                variable.assign(saved[name])
        self.history = record["history"]
        return record["epoch"]

    def on_epoch_end(self, epoch, logs=None):
        self.history.append({key: float(value) for key, value in (logs or {}).items()})
        state = self.directory / f"epoch-{epoch + 1:06d}"
        unfinished = self.directory / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        self.model.save_weights(unfinished / "model.weights.h5")
        states = _random_states(self.model).items()
        np.savez(
            unfinished / "random.npz",
            **{name: keras.ops.convert_to_numpy(value) for name, value in states},
        )
        record = {
            "epoch": epoch + 1,
            "history": self.history,
            "settings": self.settings,
        }
        (unfinished / "state.json").write_text(json.dumps(record))
        shutil.rmtree(state, ignore_errors=True)
        os.replace(unfinished, state)
        for older in self.directory.glob("epoch-*"):
            if older != state:
                shutil.rmtree(older)


def _random_states(model):
    """The states of the model's random generators, which its weights leave out."""
    states = [v for v in model.variables if v.name == "seed_generator_state"]
    return {f"state_{i}": variable for i, variable in enumerate(states)}
