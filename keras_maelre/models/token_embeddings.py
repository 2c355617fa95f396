"""Pretrained token embeddings of RoBERTa, through keras-hub."""

import keras


def check_reads_text(modality, preset):
    """Raises a ValueError unless the name of a modality is that of text."""
    if modality != "text":
        raise ValueError(
            'Argument `token_embeddings` needs a model of modality "text". '
            f"Received: token_embeddings={preset!r} for a model of modality "
            f"{modality!r}"
        )


def load_token_embeddings(backbone, preset):
    """Copies the token table of a RoBERTa preset into the stem of a text backbone.

    Args:
        backbone: A `MaelreBackbone` of modality "text".
        preset: String. A RoBERTa preset of keras-hub, as `"roberta_base_en"` (needs
            a connection once), or a local directory of one.

    Raises:
        ValueError: If the table has another shape.
        ImportError: If keras-hub is not installed.
    """
    try:
        import keras_hub
    except ImportError as error:
        raise ImportError(
            "Argument `token_embeddings` needs keras-hub: "
            'pip install "keras_maelre[text]"'
        ) from error
    roberta = keras_hub.models.RobertaBackbone.from_preset(preset)
    table = keras.ops.convert_to_numpy(roberta.token_embedding.embeddings)
    variable = backbone.get_layer("stem").embedding.embeddings
    if table.shape != tuple(variable.shape):
        raise ValueError(
            f"The token table of {preset!r} has shape {table.shape}, the model's "
            f"{tuple(variable.shape)}. Received: token_embeddings={preset!r}; pass "
            "`vocabulary_size` and `embedding_dim` to match it."
        )
    variable.assign(table)
