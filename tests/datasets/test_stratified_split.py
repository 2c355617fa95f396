import numpy as np
import pytest

from keras_maelre.datasets import stratified_split


def test_every_class_gives_its_fraction():
    labels = np.repeat([0, 1, 2, 3, 4], [100, 10, 3, 2, 1])
    held_out = stratified_split(labels, 0.3)
    # One at least where there are two, none where there is one.
    assert np.bincount(labels[held_out], minlength=5).tolist() == [30, 3, 1, 1, 0]


@pytest.mark.parametrize("grouped", [False, True])
def test_many_small_classes_need_not_all_give_one(grouped):
    labels = np.repeat(np.arange(40), 2 + 4 * grouped)
    groups = np.arange(len(labels)) // 3 if grouped else None
    assert stratified_split(labels, 0.1, groups).mean() == 0.5
    held_out = stratified_split(labels, 0.1, groups, every_class=False)
    assert held_out.mean() == 0.1
    assert set(labels[~held_out]) == set(labels)
    if grouped:
        assert not set(groups[held_out]) & set(groups[~held_out])


def test_all_give_one_where_that_is_not_too_many():
    for labels in (np.arange(20) % 4, np.repeat(np.arange(6), 10), [0, 0, 1, 1, 1]):
        for fraction in (0.1, 0.25):
            every = stratified_split(labels, fraction)
            some = stratified_split(labels, fraction, every_class=False)
            if every.mean() <= 2 * fraction:
                np.testing.assert_array_equal(some, every)
            else:
                assert 1 <= some.sum() < every.sum()


def test_large_fractions_leave_one_for_training():
    labels = np.repeat([0, 1], [10, 2])
    assert np.bincount(labels[stratified_split(labels, 0.99)]).tolist() == [9, 1]


def test_fraction_is_kept_without_groups():
    labels = np.arange(1000) % 4
    held_out = stratified_split(labels, 0.1)
    np.testing.assert_array_equal(np.bincount(labels[held_out]), [25] * 4)
    assert not stratified_split(labels, 0.0).any()


def test_seed_fixes_the_choice():
    labels = np.arange(200) % 2
    first = stratified_split(labels, 0.2, seed=1)
    np.testing.assert_array_equal(stratified_split(labels, 0.2, seed=1), first)
    assert np.any(stratified_split(labels, 0.2, seed=2) != first)


def test_the_choice_is_the_same_everywhere():
    """Scores that were measured on a split must stay comparable."""
    held_out = stratified_split(np.arange(20) % 2, 0.3, seed=0)
    assert np.flatnonzero(held_out).tolist() == [4, 5, 7, 8, 12, 19]


def test_groups_stay_whole_and_every_class_is_represented():
    labels = np.repeat([0, 1, 2], [40, 60, 20])
    groups = np.arange(120) // 10
    for names in (groups, np.array([f"recording {g}" for g in groups])):
        held_out = stratified_split(labels, 0.25, names)
        assert not set(groups[held_out]) & set(groups[~held_out])
        assert set(labels[held_out]) == set(labels[~held_out]) == {0, 1, 2}
        assert np.bincount(labels[held_out]).tolist() == [10, 20, 10]


def test_a_class_with_one_group_is_trained_on():
    held_out = stratified_split([0, 0, 1, 1], 0.5, groups=[7, 7, 8, 9])
    assert not held_out[:2].any() and held_out[2:].sum() == 1


@pytest.mark.parametrize("seed", range(10))
def test_no_class_is_held_out_as_a_whole_with_the_groups_of_another(seed):
    """Group 0 has all of class 1: class 0 has to give another."""
    labels = np.array([0, 1, 1, 0, 0, 0])
    held_out = stratified_split(labels, 0.4, groups=[0, 0, 0, 1, 2, 3], seed=seed)
    assert held_out.any() and set(labels[~held_out]) == {0, 1}


@pytest.mark.parametrize("groups", [None, np.arange(40) // 4])
def test_multi_hot_rows_are_not_stratified_but_groups_are_whole(groups):
    y = np.random.default_rng(0).integers(2, size=(40, 5))
    held_out = stratified_split(y, 0.2, groups)
    assert held_out.sum() == 8
    if groups is not None:
        assert not set(groups[held_out]) & set(groups[~held_out])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"fraction": -0.1}, ValueError, "`fraction`"),
        ({"fraction": 1.0}, ValueError, "`fraction`"),
        ({"fraction": 2}, ValueError, "`fraction`"),
        ({"fraction": float("nan")}, ValueError, "`fraction`"),
        ({"fraction": "half"}, TypeError, "`fraction`.*'half'"),
        ({"seed": -1}, ValueError, "`seed`.*-1"),
        ({"seed": 0.5}, TypeError, "`seed`"),
        ({"every_class": 1}, TypeError, "`every_class`"),
        ({"y": 3}, ValueError, "`y`"),
        ({"groups": [1, 2, 3]}, ValueError, r"`groups`.*\(3,\) for 2 samples"),
    ],
)
def test_wrong_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        stratified_split(**{"y": [0, 1], "fraction": 0.5, **arguments})
