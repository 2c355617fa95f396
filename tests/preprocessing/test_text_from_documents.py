import sys

import numpy as np
import pytest

from keras_maelre.preprocessing import TextPreprocessor
from tests.references.byte_pair_tokens import encode, split_words, symbols

pytest.importorskip("tokenizers", reason="the extra [text]")


def documents(count=60, seed=0):
    rng = np.random.default_rng(seed)
    words = [
        "heart",
        "artery",
        "the",
        "of",
        "lungs",
        "Blutdruck",
        "für",
        "120/80",
        "né",
    ]
    return [" ".join(rng.choice(words, size=12)) + "." for _ in range(count)]


def test_special_ids_are_those_of_roberta():
    vocabulary = TextPreprocessor.from_documents(documents(), 300).vocabulary
    special = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
    assert [vocabulary[token] for token in special] == [0, 1, 2, 3, 4]
    assert set(symbols().values()) <= set(vocabulary)
    assert sorted(vocabulary.values()) == list(range(len(vocabulary)))


def test_size_is_kept():
    preprocessor = TextPreprocessor.from_documents(documents(), 290)
    assert preprocessor.vocabulary_size == 290
    assert len(preprocessor.merges) == 290 - 261
    # There is no more to merge.
    assert TextPreprocessor.from_documents(documents(), 5000).vocabulary_size < 400
    assert TextPreprocessor.from_documents(documents(), 261).merges == []


def test_first_merge_is_the_most_frequent_pair():
    texts = documents()
    counts = {}
    table = symbols()
    for text in texts:
        for word in split_words(text):
            parts = [table[byte] for byte in word.encode()]
            for pair in zip(parts[:-1], parts[1:], strict=True):
                counts[pair] = counts.get(pair, 0) + 1
    first = tuple(TextPreprocessor.from_documents(texts, 300).merges[0].split(" "))
    assert counts[first] == max(counts.values())


def test_min_frequency():
    texts = ["once only", "twice twice"]
    assert "only" not in TextPreprocessor.from_documents(texts, 400, 2).vocabulary
    assert "Ġonly" in TextPreprocessor.from_documents(texts, 400, 1).vocabulary


def test_order_of_documents_does_not_matter():
    texts = documents()
    first = TextPreprocessor.from_documents(texts, 330)
    again = TextPreprocessor.from_documents(texts, 330)
    turned = TextPreprocessor.from_documents(texts[::-1], 330)
    assert first.get_config() == again.get_config() == turned.get_config()


def test_what_it_returns_tokenizes():
    texts = documents()
    preprocessor = TextPreprocessor.from_documents(
        texts, 330, input_shape=(80,), truncate=True
    )
    assert type(preprocessor) is TextPreprocessor
    assert preprocessor.input_shape == (80,) and preprocessor.truncate
    for text in ("a heart für Blutdruck, 日本", texts[0]):
        ids = encode(text, preprocessor.vocabulary, preprocessor.merges)
        row = preprocessor([text])[0]
        np.testing.assert_array_equal(row[: len(ids) + 2], [0, *ids, 2])
    bytes_only = TextPreprocessor.from_documents(texts, 261, input_shape=(200,))
    used = [(p(texts) != 1).sum() for p in (preprocessor, bytes_only)]
    assert used[0] < 0.5 * used[1]


def test_bytes_are_read_as_utf8():
    texts = documents()
    encoded = [text.encode() for text in texts]
    first, second = (
        TextPreprocessor.from_documents(texts, 300),
        TextPreprocessor.from_documents(encoded, 300),
    )
    assert first.get_config() == second.get_config()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"vocabulary_size": 260}, "vocabulary_size.*261"),
        ({"vocabulary_size": 10**12}, "vocabulary_size.*1048576.*10{12}"),
        ({"vocabulary_size": True}, "vocabulary_size.*True"),
        ({"min_frequency": 10**12}, "min_frequency.*10{12}"),
        ({"vocabulary_size": "big"}, "vocabulary_size.*'big'"),
        ({"min_frequency": 0}, "min_frequency.*1"),
    ],
)
def test_wrong_numbers(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        TextPreprocessor.from_documents(documents(), **arguments)


def test_wrong_documents():
    with pytest.raises(ValueError, match="empty.*sample 1"):
        TextPreprocessor.from_documents(["a", " "])
    with pytest.raises(ValueError, match="UTF-8.*sample 1"):
        TextPreprocessor.from_documents(["a", b"\xff"])
    with pytest.raises(TypeError, match="NoneType at sample 0"):
        TextPreprocessor.from_documents([None])
    with pytest.raises(ValueError, match="at least one"):
        TextPreprocessor.from_documents([])


def test_missing_extra_names_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ImportError, match=r"pip install .*keras_maelre\[text\]"):
        TextPreprocessor.from_documents(["a text"])
