import numpy as np
import pytest

from keras_maelre.datasets.stratified_split import stratified_split


def test_every_class_gives_its_share():
    labels = np.repeat([0, 1, 2, 3, 4], [100, 10, 3, 2, 1])
    is_test = stratified_split(labels, 0.3)
    # One at least where there are two, none where there is one.
    assert np.bincount(labels[is_test], minlength=5).tolist() == [30, 3, 1, 1, 0]


def test_large_shares_leave_one_for_training():
    labels = np.repeat([0, 1], [10, 2])
    assert np.bincount(labels[stratified_split(labels, 0.99)]).tolist() == [9, 1]


def test_seed_fixes_the_choice():
    labels = np.arange(200) % 2
    first = stratified_split(labels, 0.2, seed=1)
    np.testing.assert_array_equal(stratified_split(labels, 0.2, seed=1), first)
    assert np.any(stratified_split(labels, 0.2, seed=2) != first)


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan")])
def test_shares_outside_their_range_raise(share):
    with pytest.raises(ValueError, match=r"`test_share` must lie in \(0, 1\)"):
        stratified_split([0, 1], share)
