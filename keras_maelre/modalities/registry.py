"""Modalities by their names."""

from keras_maelre.modalities.audio import Audio
from keras_maelre.modalities.bytes import Bytes
from keras_maelre.modalities.image import Image
from keras_maelre.modalities.modality import Modality
from keras_maelre.modalities.series import Series
from keras_maelre.modalities.text import Text

MODALITIES = {cls.name: cls for cls in (Text, Bytes, Series, Audio, Image)}


def get(identifier, **options):
    """Returns a modality.

    Args:
        identifier: String, one of `MODALITIES`, or a `Modality`.
        **options: Arguments of the modality, in place of its own.

    Raises:
        ValueError: If no modality has this name.
        TypeError: If `identifier` is neither, or an option is unknown.

    Example:

    ```python
    from keras_maelre import modalities

    modalities.get("bytes", embedding_dim=32).embedding_dim  # 32
    ```
    """
    if isinstance(identifier, Modality):
        cls, config = type(identifier), identifier.get_config()
    elif not isinstance(identifier, str):
        raise TypeError(
            "Argument `modality` must be a string or a "
            f"`keras_maelre.modalities.Modality`. Received: modality={identifier!r}"
        )
    elif identifier not in MODALITIES:
        raise ValueError(
            f"Argument `modality` must be one of {tuple(MODALITIES)}, or a "
            f"`keras_maelre.modalities.Modality`. Received: modality={identifier!r}"
        )
    else:
        cls, config = MODALITIES[identifier], {}
    unknown = sorted(set(options) - cls.option_names())
    if unknown:
        raise TypeError(
            f"Unknown option {unknown[0]!r} of the modality {cls.name!r}. Known are "
            f"{sorted(cls.option_names())}."
        )
    return cls(**{**config, **options})
