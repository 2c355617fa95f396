"""Choosing test samples where a data set does not."""

import numpy as np


def stratified_split(labels, test_share, seed=0):
    """Chooses test samples at random, the same share of every class.

    Args:
        labels: Integer array of shape `(samples,)`.
        test_share: Float in (0, 1), the share of each class, rounded to whole
            samples: at least one is chosen and one left where a class has two, and
            none is chosen where it has one.
        seed: Integer. The same labels and seed give the same choice everywhere.

    Returns:
        Boolean array of shape `(samples,)`, `True` for test samples.

    Raises:
        ValueError: If `test_share` lies outside (0, 1).
    """
    if not 0 < test_share < 1:
        raise ValueError(
            "Argument `test_share` must lie in (0, 1). "
            f"Received: test_share={test_share!r}"
        )
    labels = np.asarray(labels)
    is_test = np.zeros(len(labels), bool)
    generator = np.random.default_rng(seed)
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        count = min(max(1, round(test_share * len(members))), len(members) - 1)
        is_test[members[:count]] = True
    return is_test
