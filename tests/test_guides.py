"""The guides run from the first line to the last."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent


# Those that run in about a minute on torch, or less.
QUICK = {"quickstart", "raw_data", "own_modality", "images", "sounds"}
# A sentence that a guide must print, and the preset that it must leave.
GUIDES = {
    "quickstart": (
        "largest difference after loading: 0.0e+00",
        "quickstart_preset",
    ),
    "raw_data": ("the reloaded preset answers the same: True", "sounds_preset"),
    "three_doors": ("the reloaded preset predicts the same: True", "digits_preset"),
    "own_modality": ("the reloaded preset predicts the same: True", "video_preset"),
    "decisions": ("the reloaded preset decides the same: True", "detector_preset"),
    "explanation": ("explanations rest on what was learned: True", None),
    "texts": ("the reloaded estimator predicts the same: True", None),
    "series": ("of recordings, by the mean of their windows", None),
    "images": ("million multiply-adds: accuracy", None),
    "sounds": ("of recordings of five seconds", None),
    "long_inputs": ("{'chunk_size': 1000} largest difference", None),
    "several_devices": ("four devices answer as one does: True", None),
    "ablations": ("three seeds", None),
    "long_range_arena": ("simulated pairs, half of them of one subject", None),
    "fine_tuning": ("the merged model predicts the same: True", "digits_preset"),
    "export_and_serve": ("60 requests answered, 60 of them right", None),
}


@pytest.mark.compiles_long
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow)
        for name in GUIDES
    ],
)
def test_guide_runs(name, tmp_path):
    says, preset = GUIDES[name]
    environment = {**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, ROOT / "guides" / f"{name}.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert says in done.stdout
    assert preset is None or (tmp_path / preset / "model.weights.h5").exists()
    # What a guide trains has learned something.
    accuracies = re.findall(r"accuracy (\d\.\d+)", done.stdout)
    assert float(max(accuracies)) > 0.7
