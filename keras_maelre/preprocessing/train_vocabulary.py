"""Byte-pair tokens for documents of one's own."""

import json
import numbers

from keras_maelre.preprocessing.byte_preprocessor import check_texts
from keras_maelre.preprocessing.text_preprocessor import (
    END,
    PADDING,
    START,
    UNKNOWN,
    TextPreprocessor,
    decoded,
)

# Ids 0 to 4; RoBERTa's own vocabulary has the first four in this order too.
SPECIAL_TOKENS = (START, PADDING, END, UNKNOWN, "<mask>")
BYTES = 256


def train_vocabulary(
    documents,
    vocabulary_size=8192,
    min_frequency=2,
    input_shape=(2048,),
    truncate=False,
):
    """Learns byte-pair tokens from documents, in the way of RoBERTa's.

    For text that RoBERTa's English vocabulary splits badly, or where that cannot be
    had, and for small models: most parameters of a text model are its token table.
    Learn from training documents only. The same documents, in whatever order, give
    the same tokens.

    Needs `pip install "keras_maelre[text]"`.

    Args:
        documents: List of strings, or of `bytes` in UTF-8; none empty.
        vocabulary_size: Integer, the most ids there may be: 5 special tokens, 256
            bytes, and what is merged from them. At least 261.
        min_frequency: Integer, how often a pair must occur to become a token.
        input_shape: As in `TextPreprocessor`.
        truncate: As in `TextPreprocessor`.

    Returns:
        A `TextPreprocessor`. Its `vocabulary_size` is smaller than the argument
        where the documents hold no more pairs.

    Raises:
        ImportError: If the package `tokenizers` is not installed.
        TypeError: If a document is neither a string nor `bytes`.
        ValueError: If a document is empty or not valid UTF-8, or a number is too
            small.

    Example:

    ```python
    documents = ["A short document.", "Another short document."]
    preprocessor = train_vocabulary(documents, 300, input_shape=(64,))
    classifier = keras_maelre.MaelreClassifier.from_preset(
        "tiny_text",
        num_classes=2,
        vocabulary_size=preprocessor.vocabulary_size,
        embedding_dim=32,
        input_shape=(64,),
    )
    classifier.predict(preprocessor(documents)).shape  # (2, 2)
    ```
    """
    least = len(SPECIAL_TOKENS) + BYTES
    for name, value, low in (
        ("vocabulary_size", vocabulary_size, least),
        ("min_frequency", min_frequency, 1),
    ):
        if not isinstance(value, numbers.Integral) or value < low:
            raise ValueError(
                f"Argument `{name}` must be an integer of at least {low}. "
                f"Received: {name}={value!r}"
            )
    documents = [decoded(text, i) for i, text in enumerate(check_texts(documents))]
    try:
        import tokenizers
    except ImportError as error:
        raise ImportError(
            "Learning a vocabulary needs the package tokenizers: "
            'pip install "keras_maelre[text]"'
        ) from error
    byte_level = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    learner = tokenizers.Tokenizer(tokenizers.models.BPE())
    learner.pre_tokenizer = byte_level
    learner.train_from_iterator(
        documents,
        tokenizers.trainers.BpeTrainer(
            vocab_size=vocabulary_size,
            min_frequency=min_frequency,
            special_tokens=list(SPECIAL_TOKENS),
            initial_alphabet=byte_level.alphabet(),
            show_progress=False,
        ),
    )
    model = json.loads(learner.to_str())["model"]
    return TextPreprocessor(
        vocabulary=model["vocab"],
        merges=[" ".join(pair) for pair in model["merges"]],
        input_shape=input_shape,
        truncate=truncate,
    )
