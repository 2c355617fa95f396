"""The example of several devices, as a user starts it, on simulated ones."""

import importlib.util
import os
import pathlib
import re
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_maelre import MaelreBackbone, MaelreClassifier

ROOT = pathlib.Path(__file__).parent.parent.parent
SCRIPT = ROOT / "examples" / "distributed.py"
BACKEND = keras.backend.backend()
SEQUENCE = ("--sequence-parallel",)
# Elsewhere the quick tests of this folder run what the example shows.
WAYS = [()]
if BACKEND != "torch":
    ways = [(), SEQUENCE] if BACKEND == "jax" else [()]
    WAYS = [pytest.param(way, marks=pytest.mark.slow) for way in ways]


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("preset")
    backbone = MaelreBackbone("series", (200, 1), width=16, depths=(1, 1, 1, 1))
    MaelreClassifier(backbone, num_classes=6).save_to_preset(folder)
    return folder


def start(*arguments):
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return subprocess.run(
        [sys.executable, SCRIPT, *map(str, arguments)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "CUDA_VISIBLE_DEVICES": "",
            "JAX_PLATFORMS": "cpu",
            "XLA_FLAGS": "--xla_backend_optimization_level=0",  # compiles faster
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=600,  # of processes that wait for each other
    )


@pytest.mark.parametrize("way", WAYS)
def test_losses_equal_those_of_one_device(preset, way):
    """A third of the series end early, and are padded with NaN."""
    done = start("--preset", preset, "--length", 200, "--steps", 4, "--compare", *way)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "simulated: one machine's CPU split into 2 devices" in done.stdout
    rows = re.findall(r"^(\d+) +(\d\.\d{6}) +(\d\.\d{6})$", done.stdout, re.M)
    steps, divided, alone = np.array(rows, "float64").T
    assert list(steps) == [1, 2, 3, 4]
    np.testing.assert_allclose(divided, alone, rtol=0, atol=1e-4)
    assert np.ptp(alone) > 1e-3, "nothing was learned"
    share = "100 steps of every series" if way else "4 series"
    assert f"every device has {share}." in done.stdout


@pytest.mark.parametrize(
    "arguments, reason",
    [
        (("--devices", 3), "divide the batch size"),
        (("--devices", 0), "at least 1"),
        (
            ("--sequence-parallel", "--devices", 3),
            "divide the length" if BACKEND == "jax" else "needs KERAS_BACKEND=jax",
        ),
    ],
)
def test_what_cannot_be_compared_exits_with_a_reason(
    arguments, reason, monkeypatch, capsys
):
    monkeypatch.syspath_prepend(SCRIPT.parent)  # as if run as a script
    spec = importlib.util.spec_from_file_location("distributed", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(SystemExit):
        module.main(list(map(str, arguments)))
    assert reason in capsys.readouterr().err
