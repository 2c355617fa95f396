"""Text as RoBERTa's byte-pair tokens."""

import json
import os
import re
from pathlib import Path

import keras
import numpy as np

from keras_maelre.preprocessing.byte_preprocessor import check_texts
from keras_maelre.preprocessing.preprocessor import Preprocessor

START, PADDING, END, UNKNOWN = "<s>", "<pad>", "</s>", "<unk>"
PADDING_ID = 1
# Where a preset directory of keras-hub, and a model directory as Hugging Face's
# libraries save it, keep the two tables.
LAYOUTS = (
    ("assets/tokenizer/vocabulary.json", "assets/tokenizer/merges.txt"),
    ("vocab.json", "merges.txt"),
)
# English has 4 to 5 characters a token; the beginning that is tried first is longer.
CHARACTERS_PER_TOKEN = 16


@keras.saving.register_keras_serializable(package="keras_maelre")
class TextPreprocessor(Preprocessor):
    """Turns documents into RoBERTa's byte-pair token ids.

    A document becomes `<s>`, its tokens, `</s>`, and then `<pad>`, which has the id 1,
    up to the full length. Its text is nothing but text: what looks like a special
    token in it is split like everything else. A document of more tokens is an error,
    unless `truncate=True` cuts its end off; `<s>` and `</s>` are kept.

    The tables of the tokens are part of the configuration, so that a saved classifier
    brings its own. `train_vocabulary` makes tables for documents of one's own.

    Needs `pip install "keras_maelre[text]"`.

    Args:
        vocabulary: Dictionary from token to id, or the path of a JSON file with one.
        merges: List of the merge rules, strings of two tokens with a space between,
            the first to apply first; or the path of a text file with one a line.
        tokenizer: String, in place of the two: a directory with both files, a preset
            of keras-hub or a model as Hugging Face's libraries save it; or the name
            of a RoBERTa preset of keras-hub, such as `"roberta_base_en"`, which is
            fetched once.
        input_shape: Tuple of one integer, the length in tokens. Defaults to that of
            the built-in presets, 2048.
        truncate: Boolean. Whether documents that are too long lose their end.

    Call arguments:
        x: List of strings, or of `bytes` in UTF-8; none empty.
        y: Optional labels, passed through.
        sample_weight: Optional weights, passed through.

    Returns:
        An int32 array of shape `(samples, length)`, or a tuple with the labels and
        weights that were given.

    Raises:
        ImportError: If the package `tokenizers` is not installed, or keras-hub where
            it has to fetch.
        FileNotFoundError: If `tokenizer` cannot be had; the message says which files
            to fetch and where to put them.
        TypeError: If a document is neither a string nor `bytes`.
        ValueError: If the tables are missing or damaged; if a document is empty, not
            valid UTF-8, or too long without `truncate`.

    Example:

    ```python
    documents = ["A short document.", "Another short document."]
    trained = keras_maelre.preprocessing.train_vocabulary(documents, 300)
    preprocessor = TextPreprocessor.from_preset(
        "tiny_text",
        vocabulary=trained.vocabulary,
        merges=trained.merges,
        input_shape=(64,),
    )
    token_ids = preprocessor(documents)  # (2, 64)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 4.1; "RoBERTa" (arXiv 1907.11692), section 4.4.
    """

    modality = "text"
    axes = ("tokens",)
    dtype = "int32"
    padding_id = PADDING_ID

    def __init__(
        self,
        vocabulary=None,
        merges=None,
        tokenizer=None,
        input_shape=(2048,),
        truncate=False,
    ):
        super().__init__(input_shape, truncate)
        if self.input_shape[0] < 3:
            raise ValueError(
                f"Argument `input_shape` must leave room for {START}, a token and "
                f"{END}: at least (3,). Received: input_shape={input_shape!r}"
            )
        if tokenizer is None and (vocabulary is None or merges is None):
            raise ValueError(
                "TextPreprocessor needs the tables of its tokens. Pass "
                '`tokenizer="roberta_base_en"` or a directory that holds a tokenizer, '
                "or both `vocabulary` and `merges`; or make your own with "
                "`keras_maelre.preprocessing.train_vocabulary(documents)`."
            )
        if tokenizer is not None:
            if vocabulary is not None or merges is not None:
                raise ValueError(
                    "Pass either `tokenizer` or `vocabulary` and `merges`. Received: "
                    f"tokenizer={tokenizer!r} and tables"
                )
            vocabulary, merges = _load_tables(tokenizer)
        self.vocabulary = _read_vocabulary(vocabulary)
        self.merges = _read_merges(merges)
        self._start_id = self.vocabulary[START]
        self._end_id = self.vocabulary[END]
        self._engine = _make_engine(self.vocabulary, self.merges)

    @property
    def vocabulary_size(self):
        """Number of ids: the least `vocabulary_size` a model needs."""
        return max(self.vocabulary.values()) + 1

    def prepare(self, samples):
        documents = [decoded(text, i) for i, text in enumerate(check_texts(samples))]
        room = self.input_shape[0] - 2
        if self.truncate:
            tokens = self._encode_beginnings(documents, room)
        else:
            tokens = self._encode(documents)
            self.check_length([len(row) + 2 for row in tokens], "tokens")
        ids = np.full((len(documents), *self.input_shape), PADDING_ID, self.dtype)
        for row, values in zip(ids, tokens, strict=True):
            values = [self._start_id, *values[:room], self._end_id]
            row[: len(values)] = values
        return ids

    def _encode(self, documents):
        encodings = self._engine.encode_batch_fast(documents, add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    def _encode_beginnings(self, documents, count):
        """Token ids of documents, at least the first `count` of each document."""
        characters = CHARACTERS_PER_TOKEN * count
        beginnings = [_beginning(text, characters) for text in documents]
        tokens = self._encode(beginnings)
        for i, text in enumerate(documents):
            if len(tokens[i]) < count and len(beginnings[i]) < len(text):
                tokens[i] = self._encode([text])[0]
        return tokens

    def get_config(self):
        return {
            "vocabulary": dict(self.vocabulary),
            "merges": list(self.merges),
            **super().get_config(),
        }

    @classmethod
    def from_config(cls, config):
        if not isinstance(config.get("vocabulary"), dict) or config.get("tokenizer"):
            # A file that is being loaded must not make others be read or fetched.
            raise ValueError(
                "The configuration of a TextPreprocessor holds its tables, `vocabulary`"
                f" and `merges`, and names no files. Received: {sorted(config)}"
            )
        return cls(**config)


def decoded(text, index):
    """The document as a string that UTF-8 can hold."""
    try:
        if isinstance(text, bytes):
            return text.decode()
        text.encode()
    except UnicodeError as error:
        raise ValueError(
            f"A document must be valid UTF-8. Received: sample {index}: {error}"
        ) from error
    return str(text)


def _beginning(text, characters):
    """The text up to the first end of a word after so many characters.

    Tokens never reach from a word into the space behind it, so those of the beginning
    are the first of the whole text.
    """
    if len(text) <= characters:
        return text
    end = re.compile(r"(?<=\S)[ \n]").search(text, characters)
    return text[: end.start()] if end else text


def _read_vocabulary(vocabulary):
    if isinstance(vocabulary, (str, os.PathLike)):
        path = _existing(vocabulary, "vocabulary")
        try:
            vocabulary = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path} is no JSON file: {error}") from error
    if not isinstance(vocabulary, dict):
        raise TypeError(
            "Argument `vocabulary` must be a dictionary from token to id, or the path "
            f"of a JSON file with one. Received: {type(vocabulary).__name__}"
        )
    ids = list(vocabulary.values())
    if len(set(ids)) < len(ids) or not all(type(i) is int and i >= 0 for i in ids):
        raise ValueError(
            "The ids of `vocabulary` must be distinct integers from 0 on. Received: "
            f"{len(ids)} tokens, {len(set(ids))} distinct ids"
        )
    missing = [token for token in (START, PADDING, END) if token not in vocabulary]
    if missing or vocabulary[PADDING] != PADDING_ID:
        raise ValueError(
            f"`vocabulary` must hold {START}, {PADDING} and {END}, and {PADDING} must "
            f"have the id {PADDING_ID}, which the models take for padding. Received: "
            + (f"none for {missing}" if missing else f"{vocabulary[PADDING]}")
        )
    return dict(vocabulary)


def _read_merges(merges):
    if isinstance(merges, (str, os.PathLike)):
        merges = _existing(merges, "merges").read_text(encoding="utf-8").split("\n")
        merges = [
            line.rstrip("\r")
            for number, line in enumerate(merges)
            if line.strip() and not (number == 0 and line.startswith("#version"))
        ]
    merges = list(merges)
    for rule in merges:
        if not isinstance(rule, str) or len(rule.split(" ")) != 2:
            raise ValueError(
                "Argument `merges` must hold strings of two tokens with a space "
                f"between. Received: {rule!r}"
            )
    return merges


def _existing(path, argument):
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"Argument `{argument}`: there is no file {path}")
    return path


def _make_engine(vocabulary, merges):
    """The tokenizer that applies the tables to batches of strings."""
    # keras-hub's tokenizer on TensorFlow splits words as RoBERTa does, but needs
    # TensorFlow with every backend. Its path without (0.32) does not split words
    # before merging, so that runs of spaces, for one, get other ids.
    try:
        import tokenizers
    except ImportError as error:
        raise ImportError(
            'TextPreprocessor needs the package tokenizers: pip install "keras_maelre'
            '[text]"'
        ) from error
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    missing = sorted(set(alphabet) - set(vocabulary))
    if missing and UNKNOWN not in vocabulary:
        # The engine would leave such bytes out without a word.
        raise ValueError(
            f"`vocabulary` must hold {UNKNOWN} or all 256 symbols of single bytes. "
            f"Received: none for {len(missing)} of them, as {missing[0]!r}"
        )
    try:
        model = tokenizers.models.BPE(
            vocab=vocabulary,
            merges=[tuple(rule.split(" ")) for rule in merges],
            unk_token=UNKNOWN if UNKNOWN in vocabulary else None,
        )
    except Exception as error:  # the engine knows no more specific one
        raise ValueError(
            f"`merges` and `vocabulary` do not fit together: {error}"
        ) from error
    engine = tokenizers.Tokenizer(model)
    engine.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    return engine


def _load_tables(tokenizer):
    """Vocabulary and merges of a directory or a preset of keras-hub."""
    if not isinstance(tokenizer, (str, os.PathLike)):
        raise TypeError(
            "Argument `tokenizer` must be the path of a directory or the name of a "
            f"RoBERTa preset of keras-hub. Received: tokenizer={tokenizer!r}"
        )
    directory = Path(tokenizer)
    if directory.is_dir():
        for vocabulary, merges in LAYOUTS:
            if (directory / vocabulary).is_file() and (directory / merges).is_file():
                return directory / vocabulary, directory / merges
        wanted = " or ".join(f"{first} and {second}" for first, second in LAYOUTS)
        raise FileNotFoundError(
            f"Argument `tokenizer`: the directory {directory} must hold {wanted}. It "
            f"holds: {sorted(path.name for path in directory.iterdir())}"
        )
    try:
        import keras_hub
    except ImportError as error:
        raise ImportError(
            f"There is no directory {str(tokenizer)!r}, and fetching a preset needs "
            'keras-hub: pip install "keras_maelre[text]"'
        ) from error
    hub_class = keras_hub.tokenizers.RobertaTokenizer
    name = str(tokenizer)
    if name not in hub_class.presets and "://" not in name:
        raise ValueError(
            "Argument `tokenizer` must be a directory, a preset of keras-hub "
            f"({', '.join(sorted(hub_class.presets))}) or a handle that keras-hub "
            f"knows, with '://'. Received: tokenizer={tokenizer!r}"
        )
    try:
        fetched = hub_class.from_preset(name)
    except Exception as error:  # whatever a connection, a login or an archive raises
        raise FileNotFoundError(
            f"The tokenizer {name!r} could not be fetched: {error}\n"
            "Without a connection, fetch two files elsewhere: vocab.json and "
            "merges.txt of a RoBERTa model (Hugging Face's FacebookAI/roberta-base "
            "has the tokens of roberta_base_en), put them into one directory, and "
            "pass that directory as `tokenizer`."
        ) from error
    return dict(fetched.vocabulary), list(fetched.merges)
