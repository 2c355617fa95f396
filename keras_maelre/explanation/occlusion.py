"""Relevance by hiding parts of a sample, on several scales."""

import itertools

import numpy as np

from keras_maelre.explanation.scores import predicted_scores
from keras_maelre.explanation.subject import reads_tokens

# A window is this part of a sequence, or of each side of a grid.
PARTS = {1: (8, 16, 32, 64), 2: (2, 4, 8, 12)}


def occlusion(classifier, subject, target, batch_size):
    """Returns how much the score falls where parts of a sample are hidden.

    Windows overlap by half. On each scale the relevance of a unit is the mean over the
    windows that cover it; the scales are joined by `agreement`. Hidden numbers are
    those of `Subject.neutral`, hidden tokens are padding; of a series of several
    channels each is hidden by itself.

    Args:
        classifier: A `MaelreClassifier`.
        subject: A `Subject`.
        target: Integer, the class.
        batch_size: Integer, how many inputs the model sees at a time.

    Returns:
        Float array: of tokens `(length, 1)`, of series `(length, channels)`, of grids
        `(height, width, 1)`, without the last axis if inputs have none.

    Reference:
        Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks"
        (arXiv 1311.2901), section 4.2.
    """
    return agreement(relevance_by_scale(classifier, subject, target, batch_size))


def relevance_by_scale(classifier, subject, target, batch_size):
    """Returns the relevance on each scale, a list of arrays as of `occlusion`."""
    x, active = subject.x[0], subject.active
    if reads_tokens(classifier.modality):
        hidden = np.full_like(x, classifier.modality.padding_id)[:, None]
        x, active = x[:, None], active[:, None]
    else:
        hidden = subject.neutral[0]
        active = active.reshape(active.shape + (1,) * (x.ndim - active.ndim))
    # Channels of a series are hidden one by one, those of a pixel together.
    rank = subject.active.ndim
    channels = range(x.shape[1]) if rank == 1 else [slice(None)]
    scales = [
        [(*place, channel) if x.ndim > rank else place for place, channel in both]
        for both in (
            list(itertools.product(windows(subject.active, parts), channels))
            for parts in PARTS[rank]
        )
    ]

    def inputs():
        yield subject.x[0]
        for place in itertools.chain(*scales):
            made = x.copy()
            made[place] = np.where(active, hidden, x)[place]
            yield made.reshape(subject.x.shape[1:])

    scores = predicted_scores(classifier, inputs(), target, batch_size)
    falls = iter(scores[0] - scores[1:])
    maps = []
    for places in scales:
        total, count = np.zeros(x.shape), np.zeros(x.shape)
        for place in places:
            total[place] += next(falls)
            count[place] += 1
        maps.append(np.where(active, total / np.maximum(count, 1), 0.0))
    if rank == 2 and x.ndim == 3:
        # Every channel of a pixel has the relevance of the pixel.
        maps = [values[..., :1] for values in maps]
    return maps


def windows(active, parts):
    """Returns the windows of one size that cover what is active, as tuples of slices.

    Args:
        active: Boolean array of one or two axes.
        parts: Integer; a window is this part of each side.
    """
    sides = []
    for axis in range(active.ndim):
        others = tuple(i for i in range(active.ndim) if i != axis)
        used = np.flatnonzero(active.any(axis=others))
        first, end = int(used[0]), int(used[-1]) + 1
        size = -(-(end - first) // parts)
        hop = max(1, size // 2)
        starts = range(first, max(first + 1, end - size + hop), hop)
        sides.append([slice(start, min(start + size, end)) for start in starts])
    return list(itertools.product(*sides))


def agreement(maps):
    """Joins the relevance on several scales: what stands out on all is relevant.

    The geometric mean of what is positive, less that of what is negative.

    Args:
        maps: List of float arrays of the same shape.
    """
    maps = np.stack(maps)
    for_it, against = (
        np.exp(np.mean(np.log(np.maximum(sign * maps, 1e-30)), axis=0))
        for sign in (1, -1)
    )
    return for_it - against
