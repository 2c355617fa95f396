"""Relevance by gradients along the way from a sample without evidence."""

import numpy as np

# Nodes of a quadrature of Gauss and Legendre: more where a score changes abruptly.
STEPS = (64, 256, 1024)
# Of the difference of the scores, or of a log-odds of 1 where that is smaller.
TOLERANCE = 0.01


def integrated_gradients(score_gradient, subject, target, batch_size):
    """Returns the mean gradient on the way from the baseline times its length.

    The sum of the result is the difference of the scores of sample and baseline, as
    closely as the quadrature is exact: nodes are added until it is within
    `TOLERANCE`, or there are the most of `STEPS`.

    Args:
        score_gradient: A `ScoreGradient`.
        subject: A `Subject`.
        target: Integer, the class.
        batch_size: Integer, points of the way that are differentiated at a time.

    Returns:
        Float array of the shape of `score_gradient.ends`, without the batch axis.

    Reference:
        Sundararajan et al., "Axiomatic Attribution for Deep Networks"
        (arXiv 1703.01365), equation 1.
    """
    point, difference = score_gradient.ends(subject)
    (score,), _ = score_gradient(point, subject, target)
    (baseline,), _ = score_gradient(point - difference, subject, target)
    gap = score - baseline
    for steps in STEPS:
        mean = _mean_gradient(
            score_gradient, subject, target, batch_size, (point, difference), steps
        )
        relevance = mean * difference[0]
        if abs(relevance.sum() - gap) <= TOLERANCE * max(abs(gap), 1.0):
            break
    return relevance


def _mean_gradient(score_gradient, subject, target, batch_size, ends, steps):
    point, difference = ends
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    left = 0.5 * (1 - nodes).astype("float32")  # of the way to the sample
    total = np.zeros(point.shape[1:])
    for start in range(0, steps, batch_size):
        shares = left[start : start + batch_size]
        shares = shares.reshape(-1, *(1,) * (point.ndim - 1))
        _, gradients = score_gradient(point - shares * difference, subject, target)
        part = 0.5 * weights[start : start + batch_size]
        total += np.tensordot(part, gradients, axes=1)
    return total
