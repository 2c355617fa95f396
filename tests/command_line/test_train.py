"""From data to a preset, and on after an interruption."""

import json

import pytest

from keras_maelre import MaelreClassifier
from keras_maelre.training.resumable_training import ResumableTraining
from tests.command_line.small import run, series_archive

pytestmark = pytest.mark.compiles_long


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    series_archive("storms.npz")
    return tmp_path


def test_the_whole_way(here, capsys):
    assert run("train", "storms.npz", "--epochs", "2", "--batch-size", "8") == 0
    printed = capsys.readouterr()
    # Results and progress are kept apart.
    assert "accuracy" in printed.out.splitlines()[-1]
    assert "Training of" not in printed.out
    assert "2 epochs of" in printed.err
    assert "Trained 2 of 2 epochs" in printed.err
    assert "keras-maelre predict runs/storms SAMPLES" in printed.err
    classifier = MaelreClassifier.from_preset("runs/storms/preset")
    assert classifier.class_names == ("calm", "storm")
    assert classifier.signal_shape == (40, 2)

    assert run("evaluate", "runs/storms", "storms.npz") == 0
    assert capsys.readouterr().out == printed.out

    assert run("train", "storms.npz", "--epochs", "2") == 2
    assert "--resume goes on with it" in capsys.readouterr().err


def test_interrupted_training_goes_on(here, monkeypatch, capsys):
    arguments = ("train", "storms.npz", "--epochs", "3", "--output", "my run")
    save = ResumableTraining.on_epoch_end

    def interrupted(self, epoch, logs=None):
        save(self, epoch, logs)
        if epoch == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ResumableTraining, "on_epoch_end", interrupted)
        assert run(*arguments) == 130
    command = "keras-maelre train storms.npz --epochs 3 --output 'my run' --resume"
    assert command in capsys.readouterr().err
    assert run(*arguments, "--seed", "1", "--resume") == 2
    assert "the settings it was started with" in capsys.readouterr().err
    assert run(*arguments, "--resume") == 0
    assert "Going on after epoch 2 of 3" in capsys.readouterr().err


def test_interrupted_too_early(here, monkeypatch, capsys):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("keras_maelre.MaelreEstimator.fit", interrupted)
    assert run("train", "storms.npz") == 130
    assert "nothing to go on with" in capsys.readouterr().err


def test_settings_reach_the_estimator(here, monkeypatch):
    seen = {}

    def fit(self, *args, **kwargs):
        seen.update(self.get_params())
        raise KeyboardInterrupt

    monkeypatch.setattr("keras_maelre.MaelreEstimator.fit", fit)
    options = {
        "preset": "small",
        "minutes": 1.5,
        "epochs": 7,
        "batch_size": 4,
        "learning_rate": 0.01,
        "input_shape": "30,1",
        "validation": 0.2,
        "seed": 3,
    }
    words = [w for k, v in options.items() for w in (f"--{k.replace('_', '-')}", v)]
    assert run("train", "storms.npz", *words) == 130
    assert seen["modality"] == "series" and seen["preset"] == "small"
    assert seen["time_limit"] == 90 and seen["epochs"] == 7
    assert seen["batch_size"] == 4 and seen["learning_rate"] == 0.01
    assert seen["input_shape"] == (30, 1) and seen["validation_fraction"] == 0.2
    assert seen["random_state"] == 3
    # What is saved, explained and exported decides alone.
    assert seen["extra_features"] is None


def test_several_labels(here, capsys):
    rows = "".join(f"a storm {i},sea wind\ncalm {i},sea\nrain {i},\n" for i in range(6))
    (here / "log.csv").write_text("text,label\n" + rows)
    options = ("--modality", "bytes", "--multi-label", "--input-shape", "32")
    assert run("train", "log.csv", "--epochs", "1", *options) == 0
    capsys.readouterr()
    assert MaelreClassifier.from_preset("runs/log/preset").multi_label
    assert run("evaluate", "runs/log", "log.csv", "--json") == 0
    assert "micro_f1" in json.loads(capsys.readouterr().out)


def test_a_place_that_cannot_be_written(here, capsys):
    (here / "runs").write_text("a file")
    assert run("train", "storms.npz") == 2
    assert "runs" in capsys.readouterr().err.splitlines()[-1]
