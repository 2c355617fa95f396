"""The report's numbers equal scikit-learn's; its pictures are pictures."""

import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn import metrics

from keras_maelre.training import (
    ClassificationReport,
    MultiLabelReport,
    expected_calibration_error,
    plot_learning_curve,
)

NAMES = ("a", "b", "c", "never there")


@pytest.mark.parametrize("seed", range(3))
def test_numbers_equal_scikit_learn(seed):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, 50)
    predictions = np.where(generator.random(50) < 0.6, labels, (labels + 1) % 3)
    report = ClassificationReport(labels, predictions, NAMES)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        labels, predictions, labels=range(4), zero_division=0
    )
    np.testing.assert_allclose(report.precision, precision)
    np.testing.assert_allclose(report.recall, recall)
    np.testing.assert_allclose(report.f1, f1)
    assert report.accuracy == metrics.accuracy_score(labels, predictions)
    assert report.macro_f1 == pytest.approx(
        metrics.f1_score(labels, predictions, average="macro")
    )
    np.testing.assert_array_equal(
        report.confusion, metrics.confusion_matrix(labels, predictions, labels=range(4))
    )
    assert f"accuracy {report.accuracy:.3f}" in str(report)
    assert all(name in str(report) for name in NAMES)


def test_pictures(tmp_path):
    image = pytest.importorskip("matplotlib.image", reason="the extra [examples]")
    ClassificationReport([0, 1, 2], [0, 2, 2], NAMES).plot(
        tmp_path / "confusion.png", "title"
    )
    history = [{"loss": 2.0, "val_loss": 2.1, "accuracy": 0.2}, {"loss": 1.5}]
    plot_learning_curve(history, tmp_path / "curve.png")
    for name in ("confusion.png", "curve.png"):
        picture = image.imread(tmp_path / name)
        assert picture.std() > 0.05, "an empty picture"


@pytest.mark.parametrize(
    "labels, predictions, message",
    [
        ([0, 4], [0, 1], r"`labels`.*\[0, 4\)"),
        ([0, 1], [0, -1], r"`predictions`.*\[0, 4\)"),
        ([0, 1, 2], [0, 1], "3 and 2"),
        ([], [], "not empty"),
    ],
)
def test_bad_arguments_raise(labels, predictions, message):
    with pytest.raises(ValueError, match=message):
        ClassificationReport(labels, predictions, NAMES)


def test_labels_are_integers():
    with pytest.raises(TypeError, match="`predictions` must hold classes as integers"):
        ClassificationReport([0, 1], [0.2, 0.8], NAMES)


def test_probabilities_add_the_calibration_error(tmp_path):
    labels = [0, 1, 1, 2]
    p = np.array([[6, 2, 1, 1], [2, 6, 1, 1], [4, 3, 2, 1], [1, 1, 7, 1]]) / 10
    without = ClassificationReport(labels, p.argmax(axis=1), NAMES)
    assert list(without.scores()) == ["accuracy", "macro_f1"]
    report = ClassificationReport(labels, p.argmax(axis=1), NAMES, probabilities=p)
    error = expected_calibration_error(labels, p)
    assert report.scores() == {**without.scores(), "ece": error}
    assert f"calibration error {error:.3f}" in str(report)
    image = pytest.importorskip("matplotlib.image", reason="the extra [examples]")
    report.plot(tmp_path / "with.png")
    without.plot(tmp_path / "without.png")
    widths = [image.imread(tmp_path / f"{n}.png").shape[1] for n in ("with", "without")]
    assert widths[0] > widths[1] + 400  # the reliability diagram


def test_history_of_keras_and_list_of_epochs_are_one_picture(tmp_path):
    image = pytest.importorskip("matplotlib.image", reason="the extra [examples]")
    plot_learning_curve(
        {"loss": [2.0, 1.5], "val_loss": [2.1, 1.9]}, tmp_path / "a.png"
    )
    epochs = [{"loss": 2.0, "val_loss": 2.1}, {"loss": 1.5, "val_loss": 1.9}]
    plot_learning_curve(epochs, tmp_path / "b.png")
    a, b = (image.imread(tmp_path / name) for name in ("a.png", "b.png"))
    np.testing.assert_array_equal(a, b)
    for empty in ({}, []):
        with pytest.raises(ValueError, match="`history` is empty"):
            plot_learning_curve(empty, tmp_path / "c.png")


DOLLARS = ("$a_{$", "5 $", r"\$x", "$", "$x^2$")


def test_dollars_are_text(tmp_path):
    """A formula that does not parse would lose the picture."""
    pytest.importorskip("matplotlib", reason="the extra [examples]")
    labels = np.eye(5, dtype=int)
    p = np.full((5, 5), 0.2)
    ClassificationReport(range(5), range(5), DOLLARS, p).plot(tmp_path / "a", "$a_{$")
    MultiLabelReport(labels, labels, DOLLARS, p).plot(tmp_path / "b", "$a_{$")
    plot_learning_curve({"$a_{$": [1.0]}, tmp_path / "c", "$a_{$")
    assert len(list(tmp_path.glob("*.png"))) == 3


def run_python(code, path):
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    code = f"path = {str(path)!r}\n{code}"
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True
    )
    assert not done.returncode, done.stderr


def test_pictures_leave_matplotlib_as_it_is(tmp_path):
    pytest.importorskip("matplotlib", reason="the extra [examples]")
    code = """
import numpy as np
import matplotlib.pyplot
from keras_maelre import training
matplotlib.use("svg")
names, p = ("a", "b"), np.eye(2)
training.ClassificationReport([0, 1], [0, 1], names, p).plot(path + "/a.png")
training.MultiLabelReport(p, p, names, p).plot(path + "/b.png")
training.plot_learning_curve({"loss": [1.0]}, path + "/c.png")
training.plot_reliability([0, 1], p, path + "/d.png")
assert matplotlib.get_backend() == "svg", matplotlib.get_backend()
assert not matplotlib.pyplot.get_fignums()
"""
    run_python(code, tmp_path)
    assert len(list(tmp_path.iterdir())) == 4


def test_missing_packages_are_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'pip install "keras_maelre\[examples\]"'):
        plot_learning_curve({"loss": [1.0]}, tmp_path / "a.png")
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match=r'pip install "keras_maelre\[sklearn\]"'):
        ClassificationReport([0, 1], [0, 1], ("a", "b"))
    with pytest.raises(ImportError, match=r'pip install "keras_maelre\[sklearn\]"'):
        MultiLabelReport([[0, 1]], [[0, 1]], ("a", "b"))
