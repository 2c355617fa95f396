"""What a classifier needs to go from raw samples to named probabilities."""

import numpy as np


def check_preprocessor(preprocessor, backbone):
    """Raises an error unless a preprocessor makes the inputs of a backbone.

    Args:
        preprocessor: A callable with the attributes `modality` and `input_shape`.
        backbone: A `MaelreBackbone`.
    """
    if not callable(preprocessor) or not hasattr(preprocessor, "input_shape"):
        raise TypeError(
            "Argument `preprocessor` must be one of `keras_maelre.preprocessing`. "
            f"Received: preprocessor={preprocessor!r}"
        )
    made, wanted = tuple(preprocessor.input_shape), backbone.signal_shape
    fits = preprocessor.modality == backbone.modality and made[1:] == wanted[1:]
    # Of tokens and series a model takes any length up to its own.
    flexible = backbone.modality in ("text", "bytes", "series")
    fits = fits and (made[0] <= wanted[0] if flexible else made[0] == wanted[0])
    if not fits:
        raise ValueError(
            f"Argument `preprocessor` must make {backbone.modality} inputs of shape "
            f"{wanted}. Received: a {type(preprocessor).__name__} that makes "
            f"{preprocessor.modality} inputs of shape {made}"
        )
    ids = getattr(preprocessor, "vocabulary_size", None)
    if ids is not None and ids > backbone.vocabulary_size:
        raise ValueError(
            f"The model's `vocabulary_size` is {backbone.vocabulary_size}, and the "
            f"preprocessor's {ids}: pass `vocabulary_size` to `from_preset`."
        )


def checked_class_names(class_names, num_classes):
    """Returns the names as a tuple, or raises a ValueError unless they fit."""
    names = tuple(str(name) for name in class_names)
    if len(names) != num_classes or len(set(names)) < len(names):
        raise ValueError(
            f"Argument `class_names` must hold {num_classes} distinct names. "
            f"Received: {len(names)} names, {len(set(names))} of them distinct"
        )
    return names


def labelled_probabilities(logits, class_names, multi_label):
    """Turns logits into dictionaries from class to probability.

    Args:
        logits: Float array of shape `(samples, classes)`.
        class_names: Tuple of strings, or `None` for numbers.
        multi_label: Boolean, whether each probability is a sigmoid of its own.

    Returns:
        List of dictionaries, the most probable class first.
    """
    logits = np.asarray(logits, "float64")
    if multi_label:
        probabilities = 0.5 * (1 + np.tanh(0.5 * logits))  # no overflow on either side
    else:
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        probabilities = powers / powers.sum(axis=-1, keepdims=True)
    names = class_names or tuple(range(logits.shape[-1]))
    return [
        {names[i]: float(row[i]) for i in np.argsort(-row, kind="stable")}
        for row in probabilities
    ]
