"""Text as RoBERTa's byte-pair tokens."""

import functools
import json
import os
import re
from pathlib import Path

import keras

from keras_maelre.checks import check_integer
from keras_maelre.preprocessing.byte_preprocessor import check_texts
from keras_maelre.preprocessing.encoded_text import EncodedText

START, PADDING, END, UNKNOWN = "<s>", "<pad>", "</s>", "<unk>"
PADDING_ID = 1
# Ids 0 to 4; RoBERTa's own vocabulary has the first four in this order too.
SPECIAL_TOKENS = (START, PADDING, END, UNKNOWN, "<mask>")
BYTES = 256
# No vocabulary in use is larger by much; every id costs a row of a token table.
MOST_TOKENS = 2**20
# Where a preset directory of keras-hub, and a model directory as Hugging Face's
# libraries save it, keep the two tables.
LAYOUTS = (
    ("assets/tokenizer/vocabulary.json", "assets/tokenizer/merges.txt"),
    ("vocab.json", "merges.txt"),
)
# English has 4 to 5 characters a token; the beginning that is tried first is longer.
CHARACTERS_PER_TOKEN = 16


@keras.saving.register_keras_serializable(package="keras_maelre")
class TextPreprocessor(EncodedText):
    """Turns documents into RoBERTa's byte-pair token ids.

    A document becomes `<s>`, its tokens, `</s>`, and then `<pad>`, which has the id 1,
    up to the full length. Its text is nothing but text: what looks like a special
    token in it is split like everything else. A document of more tokens is an error,
    unless `truncate=True` cuts its end off; `<s>` and `</s>` are kept.

    There are three ways to the token tables besides passing them: `from_tokenizer`
    takes those of RoBERTa, `from_files` reads two files, and `from_documents` learns
    tables from documents. The tables are part of the configuration, so that a saved
    classifier contains them; a configuration never names a file.

    Needs `pip install "keras_maelre[text]"`.

    Args:
        vocabulary: Dictionary from token to id.
        merges: List of the merge rules, strings of two tokens with a space between,
            the first to apply first.
        input_shape: Tuple of one integer, the length in tokens. Defaults to that of
            the built-in presets, 2048.
        truncate: Boolean. Whether the end of a document that is too long is cut off.

    Call arguments:
        x: List of strings, or of `bytes` in UTF-8; none empty.
        y: Optional labels, passed through.
        sample_weight: Optional weights, passed through.

    Returns:
        An int32 array of shape `(samples, length)`, or a tuple with the labels and
        weights that were given.

    Raises:
        ImportError: If the package `tokenizers` is not installed.
        TypeError: If an argument is of the wrong type, or a document is neither a
            string nor `bytes`.
        ValueError: If the tables are missing or damaged; if a document is empty, not
            valid UTF-8, or too long without `truncate`.

    Example:

    ```python
    from keras_maelre.preprocessing import TextPreprocessor

    documents = ["A short document.", "Another short document."]
    preprocessor = TextPreprocessor.from_documents(documents, 300, input_shape=(64,))
    token_ids = preprocessor(documents)  # (2, 64)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 4.1; "RoBERTa" (arXiv 1907.11692), section 4.4.
    """

    padding_id = PADDING_ID

    def __init__(
        self,
        vocabulary=None,
        merges=None,
        input_shape=(2048,),
        truncate=False,
    ):
        super().__init__(input_shape, truncate)
        if self.input_shape[0] < 3:
            raise ValueError(
                f"Argument `input_shape` must leave room for {START}, a token and "
                f"{END}: at least (3,). Received: input_shape={input_shape!r}"
            )
        if vocabulary is None or merges is None:
            raise ValueError(
                "TextPreprocessor needs its token tables. Pass both `vocabulary` and "
                '`merges`, or use `TextPreprocessor.from_tokenizer("roberta_base_en")`,'
                " `TextPreprocessor.from_files(vocabulary, merges)` or "
                "`TextPreprocessor.from_documents(documents)`."
            )
        self.vocabulary = _checked_vocabulary(vocabulary)
        self.merges = _checked_merges(merges)
        self._before = [self.vocabulary[START]]
        self._after = [self.vocabulary[END]]
        self._engine = _make_engine(self.vocabulary, self.merges)

    @classmethod
    def from_files(cls, vocabulary, merges, **kwargs):
        """Makes a preprocessor from the files of a RoBERTa tokenizer.

        Args:
            vocabulary: Path of a JSON file, a dictionary from token to id.
            merges: Path of a text file, one merge rule per line.
            **kwargs: Other arguments of the constructor, such as `input_shape`.

        Raises:
            FileNotFoundError: If there is no such file.
            TypeError: If an argument is not a path.
            ValueError: If a file is damaged.

        Example:

        ```python
        from keras_maelre.preprocessing import TextPreprocessor

        preprocessor = TextPreprocessor.from_files("vocab.json", "merges.txt")
        ```
        """
        return cls(_read_vocabulary(vocabulary), _read_merges(merges), **kwargs)

    @classmethod
    def from_tokenizer(cls, tokenizer, **kwargs):
        """Makes a preprocessor with the tables of a RoBERTa tokenizer.

        Args:
            tokenizer: String. A directory with a vocabulary and merges: a preset of
                keras-hub, or a model as Hugging Face's libraries save it. Or the name
                of a RoBERTa preset of keras-hub, such as `"roberta_base_en"`, which
                is fetched once.
            **kwargs: Other arguments of the constructor, such as `input_shape`.

        Raises:
            FileNotFoundError: If the tokenizer cannot be found or fetched; the message
                says which files to fetch and where to put them.
            ImportError: If it has to be fetched and keras-hub is not installed.
            TypeError: If `tokenizer` is not a string or path.
            ValueError: If no preset of this name is known, or a file is damaged.

        Example:

        ```python
        from keras_maelre.preprocessing import TextPreprocessor

        preprocessor = TextPreprocessor.from_tokenizer("roberta_base_en")
        ```
        """
        vocabulary, merges = _load_tables(tokenizer)
        return cls(vocabulary, merges, **kwargs)

    @classmethod
    def from_documents(cls, documents, vocabulary_size=8192, min_frequency=2, **kwargs):
        """Makes a preprocessor with byte-pair tokens learned from documents.

        For text that RoBERTa's English vocabulary splits badly, or where that is not
        available, and for small models: most parameters of a text model are its token
        table. Learn from training documents only. The same documents, in any order,
        give the same tokens.

        Args:
            documents: List of strings, or of `bytes` in UTF-8; none empty.
            vocabulary_size: Integer from 261 to 1,048,576, the largest number of ids:
                5 special tokens, 256 bytes, and what is merged from them.
            min_frequency: Integer, how often a pair must occur to become a token.
            **kwargs: Other arguments of the constructor, such as `input_shape`.

        Returns:
            A `TextPreprocessor`. Its `vocabulary_size` is smaller than the argument
            where the documents hold no more pairs.

        Raises:
            ImportError: If the package `tokenizers` is not installed.
            TypeError: If a number is not an integer, or a document is neither a
                string nor `bytes`.
            ValueError: If a document is empty or not valid UTF-8, or a number is out
                of range.

        Example:

        ```python
        import keras_maelre
        from keras_maelre.preprocessing import TextPreprocessor

        documents = ["A short document.", "Another short document."]
        preprocessor = TextPreprocessor.from_documents(
            documents, 300, input_shape=(64,)
        )
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
        vocabulary_size = check_integer(
            "vocabulary_size", vocabulary_size, len(SPECIAL_TOKENS) + BYTES, MOST_TOKENS
        )
        min_frequency = check_integer("min_frequency", min_frequency, high=2**31 - 1)
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
        merges = [" ".join(pair) for pair in model["merges"]]
        return cls(model["vocab"], merges, **kwargs)

    @classmethod
    def from_preset(cls, preset, tokenizer=None, **kwargs):
        """Makes the preprocessor that fits a model's preset.

        Args:
            preset: As in every preprocessor's `from_preset`. Built-in presets bring no
                token tables.
            tokenizer: Optional, where the tables come from, see `from_tokenizer`.
            **kwargs: Arguments of the constructor, in place of the preset's.

        Raises:
            ValueError: If the preset is unknown, of another modality, or holds no
                preprocessor; if both a tokenizer and tables are given.
            TypeError: If a keyword is unknown.
        """
        if tokenizer is not None:
            if "vocabulary" in kwargs or "merges" in kwargs:
                raise ValueError(
                    "Pass either `tokenizer` or `vocabulary` and `merges`. Received: "
                    f"tokenizer={tokenizer!r} and tables"
                )
            kwargs["vocabulary"], kwargs["merges"] = _load_tables(tokenizer)
        return super().from_preset(preset, **kwargs)

    @property
    def vocabulary_size(self):
        """Number of ids: the least `vocabulary_size` a model needs."""
        return max(self.vocabulary.values()) + 1

    def token_bytes(self, token_ids):
        """Returns what tokens stand for, as UTF-8; together they are the document.

        A token may be a part of a character. `<s>`, `<pad>` and `</s>` are no bytes,
        and `<unk>` is the replacement character.

        Args:
            token_ids: Integer array of shape `(tokens,)`.

        Returns:
            List of `bytes`.
        """
        tokens = {number: token for token, number in self.vocabulary.items()}
        return [_bytes_of(tokens.get(int(number), UNKNOWN)) for number in token_ids]

    def _tokens(self, samples):
        """Token ids of documents, without `<s>` and `</s>`; of cut ones the first."""
        documents = [decoded(text, i) for i, text in enumerate(check_texts(samples))]
        if self.truncate:
            return self._encode_beginnings(
                documents, self.input_shape[0] - self._around
            )
        tokens = self._encode(documents)
        self.check_length([len(row) + self._around for row in tokens], "tokens")
        return tokens

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


def _bytes_of(token):
    """The bytes of a token, each of whose characters is the symbol of a byte."""
    if token in (START, PADDING, END):
        return b""
    if token == UNKNOWN:
        return "\ufffd".encode()
    symbols = byte_symbols()
    return bytes(symbols[symbol] for symbol in token)


@functools.cache
def byte_symbols():
    """How byte-level tokens spell bytes: a dictionary from symbol to byte."""
    # Bytes that are printable stand for themselves, others for what follows Latin-1.
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(BYTES) if byte not in printable]
    symbols = {chr(byte): byte for byte in printable}
    return symbols | {chr(BYTES + i): byte for i, byte in enumerate(others)}


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


def _checked_vocabulary(vocabulary):
    if not isinstance(vocabulary, dict):
        raise TypeError(
            "Argument `vocabulary` must be a dictionary from token to id; files are "
            "read by `TextPreprocessor.from_files`. Received: "
            f"{type(vocabulary).__name__}"
        )
    ids = list(vocabulary.values())
    wrong = [i for i in ids if type(i) is not int or not 0 <= i < MOST_TOKENS]
    if wrong or len(set(ids)) < len(ids):
        raise ValueError(
            "The ids of `vocabulary` must be distinct integers from 0 to "
            f"{MOST_TOKENS - 1}. Received: {len(ids)} tokens, {len(wrong)} with "
            f"another id ({wrong[:1]})"
        )
    missing = [token for token in (START, PADDING, END) if token not in vocabulary]
    if missing or vocabulary[PADDING] != PADDING_ID:
        raise ValueError(
            f"`vocabulary` must hold {START}, {PADDING} and {END}, and {PADDING} must "
            f"have the id {PADDING_ID}, which the models take for padding. Received: "
            + (f"none for {missing}" if missing else f"{vocabulary[PADDING]}")
        )
    return dict(vocabulary)


def _checked_merges(merges):
    if not isinstance(merges, (list, tuple)):
        raise TypeError(
            "Argument `merges` must be a list of merge rules; files are read by "
            f"`TextPreprocessor.from_files`. Received: {type(merges).__name__}"
        )
    for rule in merges:
        if not isinstance(rule, str) or len(rule.split(" ")) != 2:
            raise ValueError(
                "Argument `merges` must hold strings of two tokens with a space "
                f"between. Received: {rule!r}"
            )
    return list(merges)


def _read_vocabulary(path):
    text = _read_text(path, "vocabulary")
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"{path} is not a valid JSON file: {error}") from error


def _read_merges(path):
    return [
        line.rstrip("\r")
        for number, line in enumerate(_read_text(path, "merges").split("\n"))
        if line.strip() and not (number == 0 and line.startswith("#version"))
    ]


def _read_text(path, argument):
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(
            f"Argument `{argument}` must be the path of a file. "
            f"Received: {type(path).__name__}"
        )
    if not Path(path).is_file():
        raise FileNotFoundError(f"Argument `{argument}`: there is no file {path}")
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"Argument `{argument}`: {path} is not a text file in UTF-8: {error}"
        ) from error


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
    """Vocabulary and merges of a directory or of a preset of keras-hub."""
    if not isinstance(tokenizer, (str, os.PathLike)):
        raise TypeError(
            "Argument `tokenizer` must be the path of a directory or the name of a "
            f"RoBERTa preset of keras-hub. Received: tokenizer={tokenizer!r}"
        )
    directory = Path(tokenizer)
    if directory.is_dir():
        for vocabulary, merges in LAYOUTS:
            if (directory / vocabulary).is_file() and (directory / merges).is_file():
                return (
                    _read_vocabulary(directory / vocabulary),
                    _read_merges(directory / merges),
                )
        wanted = " or ".join(f"{first} and {second}" for first, second in LAYOUTS)
        if (directory / "tokenizer.json").is_file():
            wanted += " (`TokenizerPreprocessor.from_directory` reads tokenizer.json)"
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
