"""The check of an argument that must be a classifier."""

from keras_maelre.models.maelre_classifier import MaelreClassifier


def check_classifier(classifier):
    """Raises a TypeError unless the argument `classifier` is a `MaelreClassifier`."""
    if not isinstance(classifier, MaelreClassifier):
        raise TypeError(
            "Argument `classifier` must be a MaelreClassifier. "
            f"Received: classifier={classifier!r}"
        )
