"""The report's numbers equal scikit-learn's; its pictures are pictures."""

import numpy as np
import pytest
from sklearn import metrics

from keras_maelre.training import ClassificationReport, plot_learning_curve

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
