"""Relevance by gradients along the way from a sample without evidence."""

import numpy as np

# Nodes of a quadrature of Gauss and Legendre, exact for polynomials of degree 127.
STEPS = 64


def integrated_gradients(score_gradient, subject, target, batch_size):
    """Returns the mean gradient on the way from the baseline times its length.

    The sum of the result is the difference of the scores of sample and baseline, as
    closely as the quadrature is exact.

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
    nodes, weights = np.polynomial.legendre.leggauss(STEPS)
    left = 0.5 * (1 - nodes).astype("float32")  # of the way to the sample
    total = np.zeros(point.shape[1:])
    for start in range(0, STEPS, batch_size):
        shares = left[start : start + batch_size]
        shares = shares.reshape(-1, *(1,) * (point.ndim - 1))
        _, gradients = score_gradient(point - shares * difference, subject, target)
        part = weights[start : start + batch_size]
        total += np.tensordot(0.5 * part, gradients, axes=1)
    return total * difference[0]
