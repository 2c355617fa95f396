import keras
import numpy as np
import pytest

from keras_maelre.preprocessing import BytePreprocessor

TEXTS = ["plain", "Grüße — 日本 🎉", "<s>\n\t", b"\xff\x00raw"]


def as_bytes(text):
    return text.encode() if isinstance(text, str) else text


def test_ids_are_bytes_plus_one():
    ids = BytePreprocessor((32,))(TEXTS)
    assert ids.shape == (4, 32) and ids.dtype == np.int32
    for row, text in zip(ids, TEXTS, strict=True):
        values = [byte + 1 for byte in as_bytes(text)]
        np.testing.assert_array_equal(row, values + [0] * (32 - len(values)))


def test_every_byte_has_an_id_of_its_own():
    every = bytes(range(256))
    np.testing.assert_array_equal(
        BytePreprocessor((256,))([every]), [np.arange(1, 257)]
    )


def test_arrays_of_strings():
    expected = BytePreprocessor((16,))(["one", "two"])
    for batch in (np.array(["one", "two"]), np.array(["one", "two"], object)):
        np.testing.assert_array_equal(BytePreprocessor((16,))(batch), expected)
    np.testing.assert_array_equal(
        BytePreprocessor((16,))(iter(["one", "two"])), expected
    )


def test_length_counts_bytes():
    preprocessor = BytePreprocessor((4,))
    assert preprocessor(["abcd"])[0, -1] == ord("d") + 1
    with pytest.raises(ValueError, match=r"2 of 3.*4 bytes.*sample 1 with 5.*truncate"):
        preprocessor(["abcd", "abcde", "aüüü"])
    cutting = BytePreprocessor((4,), truncate=True)
    # The cut may fall into a character.
    np.testing.assert_array_equal(
        cutting(["abcde", "aüü", "x"]),
        np.array([list(b"abcd"), [97, 195, 188, 195], [120, -1, -1, -1]]) + 1,
    )


def test_lengths_count_bytes():
    texts = ["abcd", "x", "aüü", b"\xff"]
    lengths = BytePreprocessor((8,)).lengths(texts)
    assert lengths.dtype.kind == "i"
    np.testing.assert_array_equal(lengths, [4, 1, 5, 1])
    cutting = BytePreprocessor((4,), truncate=True)
    np.testing.assert_array_equal(cutting.lengths(texts), [4, 1, 4, 1])
    with pytest.raises(ValueError, match="4 bytes.*sample 2 with 5"):
        BytePreprocessor((4,)).lengths(texts)


def test_a_megabyte():
    text = "word " * 200_000
    with pytest.raises(ValueError, match="with 1000000"):
        BytePreprocessor()([text])
    ids = BytePreprocessor(truncate=True)([text])
    np.testing.assert_array_equal(ids, BytePreprocessor(truncate=True)([text[:4096]]))


@pytest.mark.parametrize("text", ["", " \n\t", b""])
def test_empty_documents(text):
    with pytest.raises(ValueError, match="empty.*sample 1"):
        BytePreprocessor()(["fine", text])


def test_half_a_character_is_named():
    with pytest.raises(ValueError, match="UTF-8.*sample 1.*surrogate"):
        BytePreprocessor()(["fine", "broken \ud800"])


@pytest.mark.parametrize("text", [None, 3, float("nan"), ["a"]])
def test_no_text(text):
    with pytest.raises(TypeError, match=f"{type(text).__name__} at sample 1"):
        BytePreprocessor()(["fine", text])


@pytest.mark.parametrize("batch", ["one text", b"one text", 3, None])
def test_no_batch(batch):
    with pytest.raises(TypeError, match=f"list of samples.*{type(batch).__name__}"):
        BytePreprocessor()(batch)


def test_no_sample():
    with pytest.raises(ValueError, match="at least one sample"):
        BytePreprocessor()([])


def test_configuration_survives():
    preprocessor = BytePreprocessor((12,), truncate=True)
    copy = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(preprocessor)
    )
    assert type(copy) is BytePreprocessor
    assert copy.get_config() == {"input_shape": (12,), "truncate": True}
