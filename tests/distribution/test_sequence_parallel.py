"""Sequences divided among devices, in a process that simulates them."""

import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_maelre.training import SequenceParallel

FOLDER = pathlib.Path(__file__).parent
IS_JAX = keras.backend.backend() == "jax"
on_jax = pytest.mark.skipif(not IS_JAX, reason="only JAX divides sequences")


@pytest.fixture(scope="module")
def results():
    paths = [str(FOLDER.parent.parent), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, FOLDER / "sharded_program.py"],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "XLA_FLAGS": "--xla_backend_optimization_level=0",  # compiles faster
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@on_jax
def test_logits_equal_those_of_one_device(results):
    assert results["series"]["difference"] < 1e-4


@on_jax
def test_losses_equal_those_of_one_device(results):
    """The batch divided too: two devices for each half of its documents."""
    alone, divided = results["documents"]["alone"], results["documents"]["divided"]
    np.testing.assert_allclose(divided, alone, atol=1e-4)
    assert abs(alone[0] - alone[1]) > 1e-3, "nothing was learned"


@on_jax
def test_every_device_has_half_of_the_tokens(results):
    assert results["series"]["tokens_by_device"] == [[4, 500, 16], [4, 500, 16]]
    assert results["series"]["whole"] == [], "tensors of all tokens on one device"


@on_jax
def test_the_state_of_linear_attention_is_summed_over_devices(results):
    """That of one head of 16: `k^T v` and, beside it, the sum of the keys."""
    summed = " ".join(results["series"]["summed"])
    assert "f32[4,1,16,16]" in summed and "f32[4,1,16]" in summed


@on_jax
@pytest.mark.parametrize(
    "shape, axes",
    [
        ((6,), ("batch",)),
        ((6, 4096), ("batch", "sequence")),
        ((6, 5), ("batch", None)),
        ((6, 1000, 3), ("batch", "sequence", None)),
        ((6, 1024, 128, 1), ("batch", "sequence", None, None)),
    ],
)
def test_what_is_divided(shape, axes):
    distribution = SequenceParallel([f"cpu:{i}" for i in range(4)], batch_shards=2)
    assert distribution.device_mesh.shape == (2, 2)
    assert distribution.get_data_layout(shape).axes == axes


@on_jax
def test_what_cannot_be_divided_is_refused():
    with pytest.raises(ValueError, match="batch_shards=2"):
        SequenceParallel(["cpu:0", "cpu:1", "cpu:2"], batch_shards=2)
    distribution = SequenceParallel([f"cpu:{i}" for i in range(4)], batch_shards=2)
    with pytest.raises(ValueError, match=r"Axis 1 .* 2 devices.*\(6, 999, 1\)"):
        distribution.get_data_layout((6, 999, 1))
    with pytest.raises(ValueError, match=r"Axis 0 .* 2 devices.*\(5,\)"):
        distribution.get_data_layout((5,))


@on_jax
def test_several_processes_are_refused(monkeypatch):
    import jax

    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with pytest.raises(ValueError, match="2 processes"):
        SequenceParallel()


@pytest.mark.skipif(IS_JAX, reason="about the other backends")
def test_other_backends_say_what_is_possible():
    with pytest.raises(ValueError, match="JAX.*MirroredStrategy.*Distributed"):
        SequenceParallel()
