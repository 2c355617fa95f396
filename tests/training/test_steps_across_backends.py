"""A recipe trains alike on every backend: the losses of its steps are equal."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import keras_maelre
from tests.models.tiny import randomize, tiny_classifier

ROOT = pathlib.Path(keras_maelre.__file__).parent.parent
TASKS = ("text", "bytes", "series", "audio", "image")
STEPS, BATCH = 6, 4

TRAIN = """
import json, pathlib, sys
import numpy as np
import keras_maelre
from keras_maelre.training import recipe

folder, steps, batch = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
losses = {}
for path in sorted(folder.glob("*.npz")):
    model = keras_maelre.MaelreClassifier.from_preset(folder / path.stem)
    # Noise differs from backend to backend.
    plain = {"augmentation": [], "mixing": [], "dropout_rate": 0, "drop_path_rate": 0}
    recipe(path.stem, learning_rate=2e-3, **plain).compile(model, steps)
    with np.load(path) as data:
        x, y = data["x"], data["y"]
    losses[path.stem] = []
    for i in range(steps):
        chosen = slice(i % 2 * batch, i % 2 * batch + batch)
        model.reset_metrics()
        loss = model.train_on_batch(x[chosen], y[chosen])[0]
        losses[path.stem].append(float(loss))
print(json.dumps(losses))
"""


@pytest.mark.slow
def test_losses_of_steps_are_equal(tmp_path):
    generator = np.random.default_rng(0)
    for task in TASKS:
        # More words than a batch has tokens, some of them several times.
        size = {"vocabulary_size": 2000} if task == "text" else {}
        multi_label = task == "bytes"
        model = randomize(tiny_classifier(task, multi_label=multi_label, **size))
        model.save_to_preset(tmp_path / task)
        shape = (2 * BATCH, *model.signal_shape)
        if task in ("text", "bytes"):
            x = generator.zipf(1.5, shape).clip(2, 256).astype("int32")
        else:
            x = generator.normal(size=shape).astype("float32")
        y = generator.integers(0, 3, 2 * BATCH)
        y = np.eye(3, dtype="float32")[y] if multi_label else y
        np.savez(tmp_path / f"{task}.npz", x=x, y=y)
    losses = {}
    for backend in ("torch", "tensorflow", "jax"):
        done = subprocess.run(
            [sys.executable, "-c", TRAIN, tmp_path, str(STEPS), str(BATCH)],
            env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        losses[backend] = json.loads(done.stdout.splitlines()[-1])
    for task in TASKS:
        expected = losses["torch"][task]
        assert np.ptp(expected[::2]) > 1e-2, "the steps of a batch changed nothing"
        for backend in ("tensorflow", "jax"):
            np.testing.assert_allclose(
                losses[backend][task], expected, rtol=2e-3, err_msg=f"{backend} {task}"
            )
