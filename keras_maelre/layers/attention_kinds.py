"""Kinds of attention by their names."""

import inspect

import keras

from keras_maelre.layers.axial_attention import AxialAttention
from keras_maelre.layers.conv_mixer import ConvMixer
from keras_maelre.layers.dot_attention import DotAttention
from keras_maelre.layers.focused_attention import FocusedAttention
from keras_maelre.layers.linear_attention import LinearAttention
from keras_maelre.layers.linformer_attention import LinformerAttention
from keras_maelre.layers.long_short_attention import LongShortAttention
from keras_maelre.layers.nystrom_attention import NystromAttention
from keras_maelre.layers.performer_attention import PerformerAttention
from keras_maelre.layers.pool_mixer import PoolMixer
from keras_maelre.layers.self_attention import SelfAttention
from keras_maelre.layers.window_attention import WindowAttention

ATTENTION_KINDS = {
    "linear": LinearAttention,
    "dot": DotAttention,
    "focused": FocusedAttention,
    "window": WindowAttention,
    "long_short": LongShortAttention,
    "performer": PerformerAttention,
    "nystrom": NystromAttention,
    "linformer": LinformerAttention,
    "pool": PoolMixer,
    "conv": ConvMixer,
    "axial": AxialAttention,
}
POSSIBLE = (
    f"one of {tuple(ATTENTION_KINDS)} or a subclass of "
    "`keras_maelre.layers.SelfAttention` registered with "
    "`keras.saving.register_keras_serializable`"
)


def get(identifier):
    """Returns the class of a kind of attention.

    A configuration may come from someone else, so nothing is imported or called to
    find a class: it is on the list, or one that this program has registered.

    Args:
        identifier: String, one of `ATTENTION_KINDS`, or a subclass of `SelfAttention`
            that was registered with `keras.saving.register_keras_serializable`, or
            its registered name.

    Raises:
        ValueError: If `identifier` is none of these.
    """
    if inspect.isclass(identifier):
        cls, name = identifier, keras.saving.get_registered_name(identifier)
    else:
        cls, name = None, identifier
    if isinstance(name, str):
        found = ATTENTION_KINDS.get(name) or keras.saving.get_registered_object(name)
        is_kind = inspect.isclass(found) and issubclass(found, SelfAttention)
        if is_kind and cls in (None, found):
            return found
    raise ValueError(
        f"Argument `attention` must be {POSSIBLE}. Received: attention={identifier!r}"
    )


def serialize(cls):
    """Returns the name of a kind of attention, the inverse of `get`."""
    for name, known in ATTENTION_KINDS.items():
        if cls is known:
            return name
    return keras.saving.get_registered_name(cls)
