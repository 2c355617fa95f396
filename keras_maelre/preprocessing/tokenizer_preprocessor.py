"""Text as the tokens of any Hugging Face tokenizer."""

import contextlib
import itertools
import json
import pathlib
import re

import keras

from keras_maelre.checks import check_path
from keras_maelre.models.model_directory import (
    MOST_BYTES,
    MOST_TOKENS,
    read_declared,
    read_json,
)
from keras_maelre.preprocessing.byte_preprocessor import check_texts
from keras_maelre.preprocessing.encoded_text import EncodedText
from keras_maelre.preprocessing.text_preprocessor import byte_symbols, decoded

FILE = "tokenizer.json"
KINDS = ("BPE", "WordPiece", "Unigram", "WordLevel")
# What padding is called where no file says it.
PADDING_NAMES = ("[PAD]", "<pad>")
# A document to see what is put around one, and how many tokens are tried after it.
PROBE, PROBES = "a", 50


@keras.saving.register_keras_serializable(package="keras_maelre")
class TokenizerPreprocessor(EncodedText):
    """Turns documents into the token ids of a `tokenizer.json`.

    Byte-pair, WordPiece and unigram tokenizers of the package `tokenizers` all serve.
    A document becomes its tokens and the special tokens that the tokenizer puts around
    a single text (`special_ids`: of BERT's `[CLS]` and `[SEP]`), and then padding up to
    the full length. Its text is nothing but text: what looks like a special token in it
    is split like everything else. A document of more tokens is an error, unless
    `truncate=True` cuts its end off; special tokens are kept. Truncation and padding
    that the file asks for are not applied.

    The file is part of the configuration, so that a saved classifier contains it and
    needs no directory. A model that is made with the preprocessor has its
    `vocabulary_size` and `padding_id`, and `recipe("text")` drops tokens by that id.

    Needs `pip install "keras_maelre[text]"`.

    Args:
        tokenizer: String, the content of a `tokenizer.json`.
        padding_token: String, the token that stands for padding.
        input_shape: Tuple of one integer, the length in tokens, special ones included.
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
        ValueError: If the tokenizer is damaged or of an unknown kind, or has no such
            token; if a document is empty, not valid UTF-8, or too long without
            `truncate`.

    Example:

    ```python
    import tokenizers
    from keras_maelre.preprocessing import TokenizerPreprocessor

    learner = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token="[UNK]"))
    learner.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    trainer = tokenizers.trainers.WordPieceTrainer(special_tokens=["[PAD]", "[UNK]"])
    learner.train_from_iterator(["A short document."], trainer)

    preprocessor = TokenizerPreprocessor(learner.to_str(), "[PAD]", input_shape=(16,))
    preprocessor(["A document."]).shape  # (1, 16)
    ```

    Reference:
        The documentation of the package tokenizers, "Tokenizer" and "Components".
    """

    def __init__(self, tokenizer, padding_token, input_shape=(2048,), truncate=False):
        super().__init__(input_shape, truncate)
        _, self._kind = _checked_tokenizer(tokenizer)
        self.tokenizer = tokenizer
        self._engine = _make_engine(tokenizer)
        ids = self._engine.get_vocab()
        self._count = max(ids.values()) + 1
        if not isinstance(padding_token, str) or padding_token not in ids:
            raise ValueError(
                "Argument `padding_token` must be a token of the tokenizer. Received: "
                f"padding_token={padding_token!r}"
            )
        self.padding_token = padding_token
        self.padding_id = ids[padding_token]
        self._before, self._after = _around(self._engine, ids)
        if self.input_shape[0] - self._around < 1:
            raise ValueError(
                "Argument `input_shape` must leave room for a token beside the special "
                f"tokens {self.special_ids}. Received: input_shape={input_shape!r}"
            )

    @classmethod
    def from_directory(cls, directory, padding_token=None, **kwargs):
        """Makes a preprocessor from a directory that holds a `tokenizer.json`.

        Args:
            directory: Path of a directory, as Hugging Face's libraries save a model or
                a tokenizer. The token of padding is what `tokenizer.json`,
                `tokenizer_config.json` or `config.json` say, or else `[PAD]` or
                `<pad>`.
            padding_token: Optional string, in place of that. Tokenizers of models that
                write text often have none: their end of text may serve.
            **kwargs: Other arguments of the constructor, such as `input_shape`.

        Raises:
            FileNotFoundError: If there is no such file.
            TypeError: If an argument is of the wrong type.
            ValueError: If a file is damaged or too large, no token of padding is named,
                or the files disagree about it or about the number of ids.

        Example:

        ```python
        from keras_maelre import MaelreClassifier
        from keras_maelre.preprocessing import TokenizerPreprocessor

        preprocessor = TokenizerPreprocessor.from_directory(
            "all-MiniLM-L6-v2", input_shape=(512,), truncate=True
        )
        classifier = MaelreClassifier.from_preset(
            "tiny_text",
            num_classes=2,
            preprocessor=preprocessor,
            token_embeddings="all-MiniLM-L6-v2",
        )
        ```
        """
        directory = pathlib.Path(check_path("directory", directory))
        path = directory / FILE
        if not path.is_file():
            held = "nothing: there is no such directory"
            if directory.is_dir():
                held = sorted(found.name for found in directory.iterdir())
            raise FileNotFoundError(
                f"Argument `directory`: {str(directory)!r} must hold {FILE}. It holds "
                f"{held}"
            )
        config = read_json(path)
        try:
            ids, _ = _checked_config(config)
        except ValueError as error:
            raise ValueError(f"{str(path)!r}: {error}") from error
        count, declared = read_declared(directory)
        if count is not None and max(ids.values()) >= count:
            raise ValueError(
                f"The tokenizer in {str(directory)!r} has ids up to "
                f"{max(ids.values())}, and config.json declares `vocab_size` {count}."
            )
        if padding_token is None:
            padding_token = _padding_of(directory, config, ids, declared)
            if declared is not None and ids[padding_token] != declared:
                raise ValueError(
                    f"The files in {str(directory)!r} disagree: padding is "
                    f"{padding_token!r} with the id {ids[padding_token]}, and "
                    f"config.json declares `pad_token_id` {declared}. Pass "
                    "`padding_token`."
                )
        return cls(path.read_text(encoding="utf-8"), padding_token, **kwargs)

    @property
    def vocabulary_size(self):
        """Number of ids: the least `vocabulary_size` a model needs."""
        return self._count

    @property
    def special_ids(self):
        """Tuple of two lists of ids, put before and after every document."""
        return self._before, self._after

    def token_bytes(self, token_ids):
        """Returns what tokens stand for, as UTF-8; together they are the document.

        What a tokenizer changes or leaves out, such as capitals or spaces, does not
        come back. Special tokens are no bytes.

        Args:
            token_ids: Integer array of shape `(tokens,)`.

        Returns:
            List of `bytes`.
        """
        special = {*self._before, *self._after, self.padding_id}
        return [
            b"" if int(number) in special else self._bytes_of(int(number))
            for number in token_ids
        ]

    def _bytes_of(self, number):
        token = self._engine.id_to_token(number)
        if token is None:
            return "\ufffd".encode()
        if self._kind in ("WordPiece", "WordLevel"):
            prefix = getattr(self._engine.model, "continuing_subword_prefix", None)
            part = bool(prefix) and token.startswith(prefix)
            return (token[len(prefix) :] if part else f" {token}").encode()
        byte = re.fullmatch(r"<0x([0-9A-F]{2})>", token)
        if byte:
            return bytes([int(byte[1], 16)])
        # Tokens of both kinds hold the spaces before them, in a spelling of theirs.
        symbols = byte_symbols()
        if self._kind == "BPE" and all(symbol in symbols for symbol in token):
            return bytes(symbols[symbol] for symbol in token)
        return token.replace("\u2581", " ").encode()

    def _tokens(self, samples):
        """Token ids of documents, without what is put around them."""
        documents = [decoded(text, i) for i, text in enumerate(check_texts(samples))]
        with _errors_of_the_engine("The tokenizer cannot encode a document"):
            made = self._engine.encode_batch(documents, add_special_tokens=False)
        tokens = [encoding.ids for encoding in made]
        empty = [i for i, ids in enumerate(tokens) if not ids]
        if empty:
            raise ValueError(
                "The tokenizer finds no token in a document. Received: sample "
                f"{empty[0]}"
            )
        self.check_length([len(ids) + self._around for ids in tokens], "tokens")
        return tokens

    def get_config(self):
        return {
            "tokenizer": self.tokenizer,
            "padding_token": self.padding_token,
            **super().get_config(),
        }


def _checked_tokenizer(tokenizer):
    """Returns token to id, and the kind, of the content of a file."""
    if not isinstance(tokenizer, str):
        raise TypeError(
            f"Argument `tokenizer` must be the content of a {FILE}, a string; "
            "directories are read by `TokenizerPreprocessor.from_directory`. Received: "
            f"{type(tokenizer).__name__}"
        )
    if len(tokenizer) > MOST_BYTES:
        raise ValueError(
            f"Argument `tokenizer` has {len(tokenizer):,} characters, and "
            f"{MOST_BYTES:,} are the most that are read."
        )
    try:
        config = json.loads(tokenizer)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"Argument `tokenizer` must be the content of a {FILE}, and is not valid "
            f"JSON: {error}"
        ) from error
    return _checked_config(config)


def _checked_config(config):
    model = config.get("model") if isinstance(config, dict) else None
    kind = model.get("type") if isinstance(model, dict) else None
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    if kind is None and isinstance(vocabulary, dict):
        # Older files leave the kind of their model to its entries.
        kind = "BPE" if "merges" in model else "WordPiece"
    if kind not in KINDS:
        raise ValueError(
            f"A tokenizer must have a model of type {', '.join(KINDS)}. Received: "
            f"{kind!r}"
        )
    added = config.get("added_tokens") or []
    try:
        if kind == "Unigram":
            ids = {piece: i for i, (piece, _) in enumerate(vocabulary)}
        else:
            ids = dict(vocabulary)
        ids |= {entry["content"]: entry["id"] for entry in added}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"The vocabulary of the tokenizer is damaged: {error!r}"
        ) from error
    wrong = [i for i in ids.values() if type(i) is not int or not 0 <= i < MOST_TOKENS]
    if wrong or not ids:
        raise ValueError(
            f"The ids of a tokenizer must be integers from 0 to {MOST_TOKENS - 1}. "
            f"Received: {len(ids)} tokens, {len(wrong)} with another id ({wrong[:1]})"
        )
    return ids, kind


def _padding_of(directory, config, ids, declared):
    """The token of padding, by whichever file names it."""
    named = []
    padding = config.get("padding")
    if isinstance(padding, dict):
        named.append(padding.get("pad_token"))
    path = directory / "tokenizer_config.json"
    if path.is_file():
        token = read_json(path).get("pad_token")
        named.append(token.get("content") if isinstance(token, dict) else token)
    if declared is not None:
        named += [token for token, number in ids.items() if number == declared]
    named = [name for name in named if isinstance(name, str)]
    for name in named or PADDING_NAMES:
        if name in ids:
            return name
    raise ValueError(
        f"The files in {str(directory)!r} name no token of padding that the tokenizer "
        f"has ({named or 'none'}): pass `padding_token`, one of its tokens, for "
        "example its end of text."
    )


def _make_engine(tokenizer):
    try:
        import tokenizers
    except ImportError as error:
        raise ImportError(
            "TokenizerPreprocessor needs the package tokenizers: pip install "
            '"keras_maelre[text]"'
        ) from error
    with _errors_of_the_engine("The tokenizer is damaged"):
        engine = tokenizers.Tokenizer.from_str(tokenizer)
    # Nothing is cut unasked, and padding is our own.
    engine.no_truncation()
    engine.no_padding()
    engine.encode_special_tokens = True
    return engine


@contextlib.contextmanager
def _errors_of_the_engine(what):
    """Makes a ValueError of all that the engine raises, its panics included."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise ValueError(f"{what}: {error}") from error


def _around(engine, ids):
    """The ids that are put before and after a document."""
    alone = whole = []
    # Of most tokenizers the first will do; some know no single letter.
    for text in (PROBE, *itertools.islice(ids, PROBES)):
        with _errors_of_the_engine("The tokenizer is damaged"):
            alone = engine.encode(text, add_special_tokens=False).ids
            whole = engine.encode(text, add_special_tokens=True).ids
        for start in range(len(whole) - len(alone) + 1):
            if alone and whole[start : start + len(alone)] == alone:
                return whole[:start], whole[start + len(alone) :]
    raise ValueError(
        "What the tokenizer puts around a document cannot be told: it makes "
        f"{alone} of {text!r}, and {whole} with special tokens."
    )
