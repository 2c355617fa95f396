"""Scores with several labels a sample equal scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from keras_maelre.training import MultiLabelReport, expected_calibration_error

NAMES = ("heart", "lung", "bone", "skin", "never")


@pytest.fixture
def report():
    generator = np.random.default_rng(0)
    labels = generator.random((40, 5)) < 0.3
    predictions = labels ^ (generator.random((40, 5)) < 0.2)
    labels[:, 4] = predictions[:, 4] = False
    labels[7] = predictions[7] = False
    return MultiLabelReport(labels, predictions, NAMES)


@pytest.mark.parametrize(
    "name, average",
    [("micro_f1", "micro"), ("macro_f1", "macro"), ("example_f1", "samples")],
)
def test_scores_equal_those_of_scikit_learn(report, name, average):
    expected = f1_score(
        report.labels, report.predictions, average=average, zero_division=0
    )
    assert report.scores()[name] == pytest.approx(expected, abs=1e-12)


def test_table_names_every_label(report):
    text = str(report)
    for name, count in zip(NAMES, report.labels.sum(axis=0), strict=True):
        (line,) = [line for line in text.splitlines() if line.startswith(name)]
        assert line.split()[1] == str(count)
    assert f"micro-F1 {report.micro_f1:.3f}" in text


def test_many_labels_stay_readable(tmp_path):
    labels = np.random.default_rng(0).random((50, 300)) < 0.1
    report = MultiLabelReport(labels, labels, [f"label {i}" for i in range(300)])
    assert "240 rarer labels" in str(report) and len(str(report).splitlines()) == 63
    report.plot(tmp_path / "labels.png", "all right")
    assert (tmp_path / "labels.png").stat().st_size > 1000


def test_a_single_label_is_not_two_classes():
    report = MultiLabelReport([[1], [0], [1], [0]], [[1], [1], [0], [0]], ("a",))
    assert report.f1.tolist() == [0.5]
    assert report.support.tolist() == [2]
    wanted = {"micro_f1": 0.5, "macro_f1": 0.5, "example_f1": 0.25}
    assert report.scores() == wanted


def test_probabilities_add_the_calibration_error(report):
    p = np.random.default_rng(1).random((40, 5))
    better = MultiLabelReport(report.labels, report.predictions, NAMES, p)
    error = expected_calibration_error(report.labels, p, multi_label=True)
    assert better.scores() == {**report.scores(), "ece": error}
    assert f"calibration error {error:.3f}" in str(better)


@pytest.mark.parametrize(
    "labels, predictions, message",
    [
        ([[0, 1, 1]], [[0, 1]], r"`labels`.*\(samples, 2\).*\(1, 3\)"),
        ([[0, 1]], [[0, 2]], "`predictions`.*zeros and ones.*2"),
        ([[0, 1]], [[0, 1], [1, 1]], "same length.*1 and 2"),
        (np.zeros((0, 2)), np.zeros((0, 2)), "not be empty"),
    ],
)
def test_what_does_not_fit_is_refused(labels, predictions, message):
    with pytest.raises(ValueError, match=message):
        MultiLabelReport(labels, predictions, ("a", "b"))
