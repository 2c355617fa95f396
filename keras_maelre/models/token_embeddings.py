"""Token embeddings from elsewhere: arrays, Hugging Face directories, RoBERTa's."""

import os

import keras
import numpy as np

from keras_maelre.models.model_directory import (
    has_tables,
    read_declared,
    read_token_table,
)

ROBERTA_PADDING_ID = 1


def check_reads_text(modality, token_embeddings):
    """Raises a ValueError unless the name of a modality is that of text."""
    if modality != "text":
        raise ValueError(
            'Argument `token_embeddings` needs a model of modality "text". '
            f"Received: token_embeddings={token_embeddings!r} for a model of modality "
            f"{modality!r}"
        )


class TokenTable:
    """A token table and the id of padding that belongs to it.

    Args:
        token_embeddings: Float array of shape `(vocabulary_size, embedding_dim)`; a
            directory with `.safetensors` files, or a pair of it and the
            name of the tensor; a RoBERTa preset of keras-hub, as `"roberta_base_en"`
            (needs a connection once), or a local directory of one.

    Raises:
        ImportError: If the package that reads it is not installed.
        TypeError: If the argument is of the wrong type.
        ValueError: If the table cannot be read or told from others.
    """

    def __init__(self, token_embeddings):
        self.source = token_embeddings
        if isinstance(token_embeddings, np.ndarray):
            self.source = f"array of shape {token_embeddings.shape}"
            self.table, self.padding_id = _checked_table(token_embeddings), None
            return
        place, name = token_embeddings, None
        if isinstance(token_embeddings, (tuple, list)) and len(token_embeddings) == 2:
            place, name = token_embeddings
        if not isinstance(place, (str, os.PathLike)) or not (
            name is None or isinstance(name, str)
        ):
            raise TypeError(
                "Argument `token_embeddings` must be a string, a path, a pair of a "
                "directory and the name of a tensor in it, or an array. Received: "
                f"token_embeddings={token_embeddings!r}"
            )
        if has_tables(place):
            self.table = read_token_table(place, name)
            _, self.padding_id = read_declared(place)
        elif name is not None:
            raise ValueError(
                f"The directory {os.fspath(place)!r} is missing, or holds no "
                f"`.safetensors` file. Received: token_embeddings={token_embeddings!r}"
            )
        else:
            self.table, self.padding_id = _roberta_table(place), ROBERTA_PADDING_ID

    def arguments(self, given):
        """Returns the arguments of a model that follow from the table.

        Args:
            given: Dictionary, the arguments that are set already.
        """
        rows, dim = self.table.shape
        made = {
            "vocabulary_size": rows,
            "embedding_dim": dim,
            "padding_id": self.padding_id,
            "trainable_embeddings": False,
            **given,
        }
        if made["padding_id"] is None:
            raise ValueError(
                f"Nothing tells the id of padding of {self.source!r}, such as a "
                "`config.json` with a `pad_token_id`: pass `padding_id`, or a "
                "`preprocessor`."
            )
        return made

    def load(self, backbone):
        """Copies the table into the stem of a text backbone.

        Raises:
            ValueError: If shape or padding differ.
        """
        modality = backbone.modality
        if self.padding_id not in (None, modality.padding_id):
            raise ValueError(
                f"The model's `padding_id` is {modality.padding_id}, and that of "
                f"token_embeddings={self.source!r} is {self.padding_id}."
            )
        variable = backbone.get_layer("stem").embedding.embeddings
        if self.table.shape != tuple(variable.shape):
            raise ValueError(
                f"The token table of {self.source!r} has shape {self.table.shape}, the "
                f"model's {tuple(variable.shape)}. Received: token_embeddings="
                f"{self.source!r}; leave `vocabulary_size` and `embedding_dim` out, or "
                "match it."
            )
        variable.assign(self.table)


def _checked_table(table):
    if table.ndim != 2 or table.dtype.kind != "f" or not np.isfinite(table).all():
        raise ValueError(
            "An array of `token_embeddings` must hold finite floats, a row for each "
            f"token. Received: shape {table.shape}, dtype {table.dtype}"
        )
    return table


def _roberta_table(preset):
    try:
        import keras_hub
    except ImportError as error:
        raise ImportError(
            "Argument `token_embeddings` needs keras-hub: "
            'pip install "keras_maelre[text]"'
        ) from error
    roberta = keras_hub.models.RobertaBackbone.from_preset(os.fspath(preset))
    return np.asarray(keras.ops.convert_to_numpy(roberta.token_embedding.embeddings))
