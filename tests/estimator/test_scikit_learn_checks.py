"""The estimator keeps scikit-learn's conventions, by scikit-learn's own checks."""

import keras
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from keras_maelre import MaelreEstimator

# What cannot be so, and why.
EXPECTED_TO_FAIL = {
    "check_sample_weight_equivalence_on_dense_data": (
        "Batches are drawn of samples: one of weight 2 is seen once an epoch, two "
        "copies are seen twice, in batches of their own. Weight 0 does equal removal, "
        "as test_weights.py shows."
    ),
    "check_methods_subset_invariance": (
        "The model computes in float32, and matrix products of a batch are summed in "
        "another order than those of a single sample: 1e-6 apart, and 1e-7 is asked."
    ),
}


@pytest.mark.compiles_long
@parametrize_with_checks(
    # One encoder and one augmentation, where by default probes choose between two.
    [MaelreEstimator(preset="tiny", aligned=True, epochs=2, random_state=0)],
    expected_failed_checks=lambda estimator: EXPECTED_TO_FAIL,
)
def test_check(estimator, check):
    check(estimator)
    # Hundreds of models would stay in memory.
    keras.backend.clear_session()
