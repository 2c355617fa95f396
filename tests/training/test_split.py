"""Validation splits share no group with the training split."""

import numpy as np
import pytest

from keras_maelre.training import split_by_group


def test_groups_stay_whole_and_every_class_is_represented():
    labels = np.repeat([0, 1, 2], [40, 60, 20])
    groups = np.arange(120) // 10
    held_out = split_by_group(labels, 0.25, groups)
    assert not set(groups[held_out]) & set(groups[~held_out])
    assert set(labels[held_out]) == set(labels[~held_out]) == {0, 1, 2}


def test_a_class_with_one_group_is_trained_on():
    held_out = split_by_group([0, 0, 1, 1], 0.5, groups=[7, 7, 8, 9])
    assert not held_out[:2].any() and held_out[2:].sum() == 1


def test_share_is_kept_without_groups():
    labels = np.arange(1000) % 4
    held_out = split_by_group(labels, 0.1)
    np.testing.assert_array_equal(np.bincount(labels[held_out]), [25] * 4)
    assert not split_by_group(labels, 0.0).any()


def test_the_seed_decides():
    labels = np.zeros(50, int)
    one, same, other = (split_by_group(labels, 0.3, seed=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


@pytest.mark.parametrize("fraction", [-0.1, 1.0, 2])
def test_bad_fraction_raises(fraction):
    with pytest.raises(ValueError, match="fraction"):
        split_by_group([0, 1], fraction)


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="2 and 3"):
        split_by_group([0, 1], 0.5, groups=[1, 2, 3])
