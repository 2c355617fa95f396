"""Relevance by a single gradient."""


def gradient_times_input(score_gradient, subject, target):
    """Returns the gradient times the difference to the baseline.

    Args:
        score_gradient: A `ScoreGradient`.
        subject: A `Subject`.
        target: Integer, the class.

    Returns:
        Float array of the shape of `score_gradient.ends`, without the batch axis.

    Reference:
        Shrikumar et al., "Not Just a Black Box" (arXiv 1605.01713).
    """
    point, difference = score_gradient.ends(subject)
    _, gradient = score_gradient(point, subject, target)
    return (gradient * difference)[0]
