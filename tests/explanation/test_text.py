"""Units of text, words, top words, and pages."""

import numpy as np
import pytest

from keras_maelre import explain
from keras_maelre.explanation import TextExplanation, top_words
from keras_maelre.preprocessing import BytePreprocessor, TextPreprocessor
from tests.models.tiny import randomize, tiny_classifier

DOCUMENT = "Grüße, don't <b>pay</b> $5!"


@pytest.mark.compiles_long
def test_bytes_are_told_in_characters():
    model = randomize(
        tiny_classifier("bytes", preprocessor=BytePreprocessor((48,), truncate=True))
    )
    for method in ("occlusion", "gradient"):
        found, same = explain(model, [DOCUMENT, DOCUMENT.encode()], 0, method)
        assert found.text == DOCUMENT and len(found.values) == len(DOCUMENT)
        np.testing.assert_array_equal(found.values, same.values)
    # The last character is cut in two.
    (found,) = explain(model, ["x" * 47 + "ü"], 0, "gradient")
    assert found.text == "x" * 47 + "\ufffd" and len(found.values) == 48


@pytest.mark.compiles_long
def test_tokens_join_to_the_document():
    pytest.importorskip("tokenizers", reason="the extra [text]")
    documents = [DOCUMENT, "Another 鳥 document."]
    preprocessor = TextPreprocessor.from_documents(documents, 280, input_shape=(64,))
    model = randomize(
        tiny_classifier(
            "text",
            preprocessor=preprocessor,
            input_shape=(64,),
            vocabulary_size=preprocessor.vocabulary_size,
        )
    )
    for document, found in zip(
        documents, explain(model, documents, 1, "gradient"), strict=True
    ):
        assert found.text == document
        assert len(found.values) == len(found.sample) < len(document.encode()) + 1
        assert np.isfinite(found.values).all()


def explanation_of(text, relevant, target="a"):
    values = np.zeros(len(text))
    for word, value in relevant.items():
        start = text.index(word)
        values[start : start + len(word)] = value / len(word)
    return TextExplanation(values, tuple(text), target, 1.0, "gradient")


def test_words_sum_their_units():
    words = explanation_of("Don't pay-day now", {"Don't": 2.0, "now": -1.0}).words()
    assert [word for word, _ in words] == ["Don't", "pay-day", "now"]
    np.testing.assert_allclose([value for _, value in words], [2, 0, -1])
    tokens = TextExplanation(np.array([1.0, 3.0]), ("ab c", "d"), "a", 0.0, "gradient")
    np.testing.assert_allclose([value for _, value in tokens.words()], [0.5, 3.25])


def test_top_words_are_means_over_a_class():
    corpus = [
        explanation_of("good or bad", {"good": 3.0, "bad": -1.0}),
        explanation_of("Good, or fine", {"Good": 1.0, "fine": 1.0}),
        explanation_of("nothing", {"nothing": 0.5}, target="b"),
    ]
    found = top_words(corpus, 2)
    rows = [(word, documents) for word, _, documents in found["a"]]
    assert rows == [("good", 2), ("fine", 1)]
    np.testing.assert_allclose([value for _, value, _ in found["a"]], [2, 0.5])
    assert [word for word, _, _ in found["b"]] == ["nothing"]


def test_pages_show_the_text(tmp_path):
    pytest.importorskip("matplotlib", reason="the extra [examples]")
    found = explanation_of(DOCUMENT * 8, {"pay": 1.0, "$5": -1.0})
    page = found.plot(tmp_path / "text.html")
    assert (tmp_path / "text.html").read_text(encoding="utf-8") == page
    assert "<b>" not in page and "rgba(49, 106, 180, 1.00)" in page
    found.plot(tmp_path / "text.png")
    assert (tmp_path / "text.png").stat().st_size > 5000
