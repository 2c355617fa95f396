"""Splitting training data for validation."""

import numpy as np


def split_by_group(labels, fraction, groups=None, seed=0):
    """Chooses validation samples, class by class, and whole groups at a time.

    Samples of one group (the windows of one recording, say) resemble each other: a
    validation split that shares groups with the training split flatters the model. A
    class with a single group stays in the training split as a whole.

    Args:
        labels: Integer array of shape `(samples,)`.
        fraction: Float in [0, 1), the share of each class to validate on, rounded to
            whole groups: at least one where a class has two or more.
        groups: Integer array of shape `(samples,)`, or `None` where every sample is a
            group of its own.
        seed: Integer.

    Returns:
        Boolean array of shape `(samples,)`, `True` for validation.

    Raises:
        ValueError: If `fraction` lies outside [0, 1) or lengths disagree.

    Example:

    ```python
    recordings = np.arange(len(y)) // 2  # two series of each recording
    held_out = split_by_group(y, 0.1, groups=recordings)
    x[~held_out], x[held_out]
    ```
    """
    labels = np.asarray(labels)
    if not 0 <= fraction < 1:
        raise ValueError(
            f"Argument `fraction` must lie in [0, 1). Received: fraction={fraction}"
        )
    groups = np.arange(len(labels)) if groups is None else np.asarray(groups)
    if len(groups) != len(labels):
        raise ValueError(
            "Arguments `labels` and `groups` must have the same length. "
            f"Received: {len(labels)} and {len(groups)}"
        )
    chosen = np.zeros(len(labels), bool)
    if not fraction:
        return chosen
    generator = np.random.default_rng(seed)
    for label in np.unique(labels):
        # A group may hold several classes: once chosen, it is out for all of them.
        free, sizes = np.unique(groups[(labels == label) & ~chosen], return_counts=True)
        wanted = fraction * np.sum(labels == label)
        drawn = generator.permutation(len(free))[:-1]
        before = np.cumsum(sizes[drawn]) - sizes[drawn]
        before += np.sum(chosen & (labels == label))
        chosen |= np.isin(groups, free[drawn[before < wanted]])
    return chosen
