"""The estimator works in what scikit-learn builds on estimators."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from tests.estimator.small import (
    TOLERANCE,
    difference,
    documents,
    estimator,
    ragged,
    waves,
)

pytestmark = pytest.mark.compiles_long


@pytest.mark.filterwarnings("ignore:The ends of")
def test_cross_validation_of_ragged_series():
    X, y = ragged(24)
    scores = cross_val_score(estimator(), X, y, cv=3, error_score="raise")
    assert scores.shape == (3,) and ((scores >= 0) & (scores <= 1)).all()


def test_cross_validation_of_labels_in_sets():
    X, _ = waves(24, channels=2)
    y = np.array([[0, 1], [1, 1], [1, 0]] * 8)
    scores = cross_val_score(
        estimator(), X, y, cv=2, scoring="f1_micro", error_score="raise"
    )
    assert np.isfinite(scores).all()


@pytest.mark.filterwarnings("ignore:The ends of")
def test_grid_search_over_documents():
    X, y = documents(24)
    search = GridSearchCV(
        estimator("text"),
        {"learning_rate": [1e-4, 1e-2], "recipe": [None, {"augmentation": []}]},
        cv=2,
        error_score="raise",
    )
    search.fit(X, y)
    assert search.best_params_["learning_rate"] in (1e-4, 1e-2)
    assert search.predict(X).shape == (24,)
    assert len(set(search.cv_results_["mean_test_score"])) >= 1
    assert search.best_estimator_.classifier_.num_classes == 2


@pytest.mark.filterwarnings("ignore:The ends of")
def test_calibration_of_ragged_series():
    X, y = ragged(24)
    calibrated = CalibratedClassifierCV(estimator(), cv=2).fit(X, y)
    probabilities = calibrated.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert calibrated.classes_.tolist() == ["fast", "slow"]


def test_pipeline_with_parameters_and_weights():
    X, y = waves()
    pipeline = make_pipeline(FunctionTransformer(np.gradient, kw_args={"axis": 1}))
    pipeline.steps.append(("maelre", estimator()))
    pipeline.set_params(maelre__epochs=2)
    pipeline.fit(X, y, maelre__sample_weight=np.ones(16))
    assert len(pipeline["maelre"].history_["loss"]) == 2
    assert pipeline.score(X, y) == np.mean(pipeline.predict(X) == y)


def test_groups_of_cross_validation():
    X, y = waves(24)
    scores = cross_val_score(
        estimator(), X, y, groups=np.arange(24) // 4, cv=GroupKFold(2)
    )
    assert scores.shape == (2,)


def test_a_clone_is_unfitted_and_trains_to_the_same():
    X, y = waves()
    fitted = estimator(recipe={"ema": False}).fit(X, y)
    copy = clone(fitted)
    assert not hasattr(copy, "classifier_")
    assert copy.get_params() == fitted.get_params()
    assert difference(copy.fit(X, y), fitted, X) <= TOLERANCE
