"""The mosquito example from the command line to its report."""

import functools
import importlib.util
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from tests.models.tiny import slow

SCRIPT = pathlib.Path(__file__).parent.parent.parent / "examples" / "mosquito.py"


@pytest.fixture
def mosquito(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPT.parent)  # as if run as a script
    spec = importlib.util.spec_from_file_location("mosquito", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    policy = keras.config.dtype_policy()
    yield module
    keras.config.set_dtype_policy(policy)


@pytest.fixture
def flights(tmp_path):
    """Two classes a child could tell apart, eight recordings, some of them short."""
    generator = np.random.default_rng(0)
    y = np.arange(48) % 2
    pitch = np.where(y == 0, 0.05, 0.2)[:, None]
    x = np.sin(2 * np.pi * pitch * np.arange(64) + generator.uniform(0, 6, (48, 1)))
    x += 0.1 * generator.normal(size=x.shape)
    x[::5, 50:] = np.nan
    path = tmp_path / "flights.npz"
    np.savez(
        path,
        X=x,
        y=y,
        is_test=np.arange(48) >= 32,
        classes=np.array(["slow", "fast"]),
        file_id=np.arange(48) // 4 * 2 + y,
    )
    return path


def run(mosquito, tmp_path, *arguments):
    return mosquito.main([*map(str, arguments), "--output", str(tmp_path / "run")])


@pytest.mark.compiles_long
def test_report_preset_and_pictures(mosquito, flights, tmp_path, capsys):
    arguments = ("--data", flights, "--epochs", 25, "--batch-size", 8, "--seed", 1)
    result = run(mosquito, tmp_path, *arguments)
    printed = capsys.readouterr().out
    assert result["accuracy"] >= 0.9, "it did not learn what a child could"
    assert "SIMULATED" not in printed and not result["simulated"]
    for part in ("slow", "fast", "accuracy", "macro-F1", "predicts the same"):
        assert part in printed
    for name in ("scores.png", "learning_curve.png", "preset/config.json"):
        assert (tmp_path / "run" / name).stat().st_size > 100
    saved = json.loads((tmp_path / "run" / "result.json").read_text())
    assert saved == result and saved["seed"] == 1 and saved["epochs"] == 25


@pytest.mark.compiles_long
def test_resumes_with_the_settings_it_started_with(mosquito, flights, tmp_path, capsys):
    common = ("--data", flights, "--epochs", 2, "--validation", 0)
    run(mosquito, tmp_path, *common)
    capsys.readouterr()
    run(mosquito, tmp_path, *common, "--resume")
    assert "Going on after epoch 2 of 2" in capsys.readouterr().out
    with pytest.raises(ValueError, match="batch_size: started with 16, received 8"):
        run(mosquito, tmp_path, *common, "--resume", "--batch-size", 8)


@pytest.mark.compiles_long
def test_aligned_series_are_not_shifted(mosquito, flights, tmp_path, capsys):
    common = ("--data", flights, "--epochs", 1)
    run(mosquito, tmp_path, *common, "--aligned")
    printed = capsys.readouterr().out
    assert "TimeWarp" in printed and "RandomRoll" not in printed
    with pytest.raises(ValueError, match="augmentation: started with"):
        run(mosquito, tmp_path, *common, "--resume")
    assert "RandomRoll" in capsys.readouterr().out


@pytest.mark.compiles_long
def test_simulated_data_is_called_simulated(mosquito, tmp_path, capsys, monkeypatch):
    small = functools.partial(mosquito.simulated_wingbeats, 6, length=80)
    monkeypatch.setattr(
        mosquito, "simulated_wingbeats", lambda seed, **kwargs: small(seed=seed)
    )
    result = run(mosquito, tmp_path, "--epochs", 1)
    printed = capsys.readouterr().out
    assert printed.upper().count("SIMULATED") >= 3 and result["simulated"]


@pytest.mark.parametrize("precision", ["mixed_float16", slow("mixed_bfloat16")])
def test_mixed_precision(mosquito, flights, tmp_path, precision):
    result = run(
        mosquito, tmp_path, "--data", flights, "--epochs", 2, "--precision", precision
    )
    (state,) = (tmp_path / "run" / "checkpoint").glob("epoch-*/state.json")
    losses = [entry["loss"] for entry in json.loads(state.read_text())["history"]]
    assert np.isfinite(losses).all() and result["precision"] == precision


def test_label_without_a_name_is_refused(mosquito, tmp_path):
    path = tmp_path / "bad.npz"
    np.savez(
        path,
        X=np.random.normal(size=(6, 32)),
        y=[0, 1, 2, 0, 1, 2],
        is_test=[0, 0, 0, 1, 1, 1],
        classes=["one", "two"],
    )
    with pytest.raises(ValueError, match=r"2.*(\[0, 2\)|0 to 1|class)"):
        run(mosquito, tmp_path, "--data", path)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--epochs", "0"], "at least 1"),
        (["--precision", "float8"], "mixed_bfloat16"),
        (["--validation", "1"], r"\[0, 1\)"),
    ],
)
def test_bad_arguments_exit_with_a_reason(mosquito, arguments, message, capsys):
    with pytest.raises(SystemExit):
        mosquito.main(arguments)
    assert re.search(message, capsys.readouterr().err)


def test_missing_data_and_unknown_preset(mosquito, flights, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.npz"):
        run(mosquito, tmp_path, "--data", "nowhere.npz")
    with pytest.raises(ValueError, match="huge_series"):
        run(mosquito, tmp_path, "--data", flights, "--preset", "huge_series")


@pytest.mark.slow
def test_killed_process_resumes(flights, tmp_path):
    """SIGKILL, which no handler sees, in the middle of training."""
    output = tmp_path / "run"
    command = [sys.executable, SCRIPT, "--data", flights, "--output", output]
    command += ["--epochs", "30", "--validation", "0"]
    environment = {**os.environ, "PYTHONPATH": str(SCRIPT.parent.parent)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    deadline = time.time() + 300
    while not list(output.glob("checkpoint/epoch-*")) and time.time() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (output / "result.json").exists(), "it was over before it was killed"
    done = subprocess.run(
        [*command, "--resume"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (state,) = output.glob("checkpoint/epoch-*/state.json")
    assert len(json.loads(state.read_text())["history"]) == 30
    assert "Epoch 1/30" not in done.stdout and "Epoch 30/30" in done.stdout
