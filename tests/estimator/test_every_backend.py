"""From raw samples to a saved estimator: what is quick on every backend."""

import pickle

import numpy as np
import pytest

from keras_maelre import MaelreEstimator
from tests.estimator.small import TOLERANCE, difference, estimator, ragged


def test_ragged_series_and_names():
    X, y = ragged()
    fitted = estimator().fit(X, y)
    assert fitted.classes_.tolist() == ["fast", "slow"]
    predicted = fitted.predict(X)
    assert predicted.dtype == y.dtype and set(predicted) <= {"fast", "slow"}
    probabilities = fitted.predict_proba(X)
    assert probabilities.shape == (16, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert not hasattr(fitted, "n_features_in_")
    assert fitted.classifier_.class_names == ("fast", "slow")
    assert fitted.classifier_.preprocessor.input_shape == (max(map(len, X)), 2)
    assert fitted.score(X, y) == np.mean(predicted == y)


@pytest.mark.usefixtures("few_steps")
def test_the_same_again_saved_and_pickled(tmp_path):
    X, y = ragged()
    one = estimator(random_state=1).fit(X, y)
    one.save(tmp_path)
    others = {
        "again": estimator(random_state=1).fit(X, y),
        "loaded": MaelreEstimator.load(tmp_path),
        "pickled": pickle.loads(pickle.dumps(one)),
    }
    apart = {name: difference(one, other, X) for name, other in others.items()}
    assert max(apart.values()) <= TOLERANCE, apart
