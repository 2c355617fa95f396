"""Choosing samples to hold out, for a test or for validation."""

import numpy as np

from keras_maelre.checks import check_flag, check_integer, check_rate


def stratified_split(y, fraction, groups=None, seed=0, every_class=True):
    """Chooses samples to hold out, class by class and whole groups at a time.

    Samples of one group (the windows of one recording, say) resemble each other:
    held-out samples whose group is trained on flatter the model. So a group is held
    out as a whole or not at all, and never the last group of a class: a class with a
    single group is trained on.

    Args:
        y: Integer array of shape `(samples,)`, the class of each sample; or array of
            zeros and ones of shape `(samples, classes)`, where a sample may have any
            number of labels, which are not looked at: the choice is from all samples.
        fraction: Float in `[0, 1)`, the fraction of each class to hold out, rounded to
            whole groups: at least one where a class has two or more. 0 holds nothing
            out.
        groups: Array of integers or strings of shape `(samples,)`, or `None` where
            every sample is a group of its own.
        seed: Integer. The same arguments and seed give the same choice everywhere.
        every_class: Boolean. Whether every class with two groups or more gives one,
            although of many small classes that may be half of all samples. If `False`,
            and it would be more than twice the fraction of them, groups are chosen
            from all classes alike, up to the fraction.

    Returns:
        Boolean array of shape `(samples,)`, `True` for the samples to hold out.

    Raises:
        TypeError: If `fraction` or `seed` is not a number, or `every_class` not a
            boolean.
        ValueError: If an argument is out of its range or lengths disagree.

    Example:

    ```python
    import numpy as np

    from keras_maelre.datasets import stratified_split

    y = np.arange(20) % 2
    recordings = np.arange(20) // 4  # four samples of each recording
    held_out = stratified_split(y, 0.2, groups=recordings)
    print(np.flatnonzero(held_out))
    ```
    """
    fraction = check_rate("fraction", fraction)
    seed = check_integer("seed", seed, low=0)
    every_class = check_flag("every_class", every_class)
    y = np.asarray(y)
    if y.ndim not in (1, 2):
        raise ValueError(
            "Argument `y` must have shape (samples,) or (samples, classes). "
            f"Received: shape {y.shape}"
        )
    labels = np.zeros(len(y), int) if y.ndim == 2 else y
    groups = np.arange(len(y)) if groups is None else np.asarray(groups)
    if groups.shape != (len(y),):
        raise ValueError(
            "Argument `groups` must have one entry per sample. "
            f"Received: shape {groups.shape} for {len(y)} samples"
        )
    if not fraction or not len(y):
        return np.zeros(len(y), bool)
    _, groups = np.unique(groups, return_inverse=True)
    names_of_classes, classes = np.unique(labels, return_inverse=True)
    pairs = np.unique(groups * len(names_of_classes) + classes)
    pairs = np.divmod(pairs, len(names_of_classes))
    held_out = _choose(groups, classes, pairs, fraction, seed)
    if not every_class and held_out.sum() > 2 * fraction * len(y):
        held_out = _choose(groups, np.zeros_like(classes), pairs, fraction, seed)
    return held_out


def _choose(groups, strata, pairs, fraction, seed):
    """Returns which samples are held out.

    Args:
        groups: Integer array, the group of each sample.
        strata: Integer array: a fraction of each stratum is held out.
        pairs: Two arrays, every group and class that occur together.
    """
    group_of_pair, class_of_pair = pairs
    count = int(group_of_pair[-1]) + 1
    # The classes of each group, and of each class the groups that are left.
    begin = np.searchsorted(group_of_pair, np.arange(count + 1))
    left = np.bincount(class_of_pair)
    held_out = np.zeros(count, bool)
    generator = np.random.default_rng(seed)
    for number in range(int(strata.max()) + 1):
        members, sizes = np.unique(groups[strata == number], return_counts=True)
        wanted = max(1, round(fraction * sizes.sum()))
        # A group may hold several classes: some may be out for those before.
        done = sizes[held_out[members]].sum()
        free = np.flatnonzero(~held_out[members])
        for i in generator.permutation(free):
            if done and done + sizes[i] / 2 > wanted:
                break
            of_group = class_of_pair[begin[members[i]] : begin[members[i] + 1]]
            if (left[of_group] > 1).all():
                held_out[members[i]] = True
                left[of_group] -= 1
                done += sizes[i]
    return held_out[groups]
