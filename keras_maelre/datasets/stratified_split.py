"""Choosing samples to hold out, for a test or for validation."""

import numpy as np

from keras_maelre.checks import check_integer, check_rate


def stratified_split(y, fraction, groups=None, seed=0):
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

    Returns:
        Boolean array of shape `(samples,)`, `True` for the samples to hold out.

    Raises:
        TypeError: If `fraction` or `seed` is not a number.
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
    names, groups = np.unique(groups, return_inverse=True)
    names_of_classes, classes = np.unique(labels, return_inverse=True)
    # The classes of each group, and of each class the groups that are left.
    pairs = np.unique(groups * len(names_of_classes) + classes)
    group_of_pair, class_of_pair = np.divmod(pairs, len(names_of_classes))
    begin = np.searchsorted(group_of_pair, np.arange(len(names) + 1))
    left = np.bincount(class_of_pair)
    held_out = np.zeros(len(names), bool)
    generator = np.random.default_rng(seed)
    for number in range(len(names_of_classes)):
        members, sizes = np.unique(groups[classes == number], return_counts=True)
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
