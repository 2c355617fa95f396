"""The units of a sample in which relevance is told, and what they look like."""

import codecs

import numpy as np

from keras_maelre.modalities import Bytes


def text_units(token_ids, preprocessor, modality):
    """Returns the strings of the units of a text, and the tokens of each unit.

    A unit is a token, or as many of them as it takes to complete a character: a
    character where tokens are bytes.

    Args:
        token_ids: Integer array of shape `(tokens,)`.
        preprocessor: That of the classifier, or `None`.
        modality: `Modality` of the model.

    Returns:
        Tuple of strings, and integer array of the first token of each unit. Where no
        one knows what the ids stand for, a unit is an id with a space behind it.
    """
    if isinstance(modality, Bytes):
        # Only in the first tokens of a table that is larger are bytes.
        runs = [bytes([i - 1]) if 0 < i < 257 else b"?" for i in token_ids]
    elif hasattr(preprocessor, "token_bytes"):
        runs = preprocessor.token_bytes(token_ids)
    else:
        return tuple(f"{i} " for i in token_ids), np.arange(len(token_ids))
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    units, starts, pending = [], [], False
    for place, run in enumerate(runs):
        if not pending:
            starts.append(place)
            units.append("")
        units[-1] += decoder.decode(run, final=place == len(runs) - 1)
        pending = bool(decoder.getstate()[0])
    return tuple(units), np.array(starts, int)
