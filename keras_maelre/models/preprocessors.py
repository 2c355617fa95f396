"""Whether a preprocessor and a model belong together."""

import warnings

from keras_maelre import modalities


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
    modality, wanted = backbone.modality, backbone.signal_shape
    made, name = tuple(preprocessor.input_shape), preprocessor_modality(preprocessor)
    fits = name == modality.name and made[1:] == wanted[1:]
    # Where lengths vary a model takes any up to its own.
    shorter = modality.variable_length and made[0] <= wanted[0]
    if not fits or not (shorter or made[0] == wanted[0]):
        raise ValueError(
            f"Argument `preprocessor` must make {modality.name} inputs of shape "
            f"{wanted}. Received: a {type(preprocessor).__name__} that makes "
            f"{name} inputs of shape {made}"
        )
    ids = getattr(preprocessor, "vocabulary_size", None)
    if ids is not None and ids > modality.vocabulary_size:
        raise ValueError(
            f"The model's `vocabulary_size` is {modality.vocabulary_size}, and the "
            f"preprocessor's {ids}: pass `vocabulary_size` to `from_preset`, or a "
            "token table with a row for each."
        )
    if ids is not None and 2 * ids <= modality.vocabulary_size:
        warnings.warn(
            f"The model has a token table of {modality.vocabulary_size:,} rows, of "
            f"which the preprocessor uses {ids:,}. Pass the preprocessor to "
            f"`from_preset`, or `vocabulary_size={ids}`, for a smaller model.",
            stacklevel=3,
        )
    padding = getattr(preprocessor, "padding_id", None)
    if padding is not None and padding != modality.padding_id:
        raise ValueError(
            f"The model's `padding_id` is {modality.padding_id}, and the "
            f"preprocessor's {padding}: pass `padding_id` to `from_preset`."
        )


def preprocessor_modality(preprocessor):
    """The name of the modality whose inputs a preprocessor makes."""
    return modalities.get(preprocessor.modality).name


def implied_arguments(preprocessor, modality):
    """The arguments of a new model that follow from its preprocessor.

    Args:
        preprocessor: See `check_preprocessor`, or `None`.
        modality: String or `Modality` of the model.
    """
    known = {"input_shape", *modalities.get(modality).option_names()}
    found = {name: getattr(preprocessor, name, None) for name in known}
    return {name: value for name, value in found.items() if value is not None}
