"""Any tokenizer.json: its tokens, its special tokens, and nothing of its surprises."""

import json

import numpy as np
import pytest

from keras_maelre import MaelreClassifier
from keras_maelre.models import model_directory
from keras_maelre.preprocessing import TextPreprocessor, TokenizerPreprocessor
from keras_maelre.preprocessing.preprocessor import uncut_lengths
from keras_maelre.training import recipe
from tests.preprocessing.small_tokenizers import (
    DOCUMENTS,
    END,
    KINDS,
    PAD,
    START,
    trained,
    written,
)

pytest.importorskip("tokenizers", reason="the extra [text]")


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_those_of_the_library(kind, tmp_path):
    made = written(tmp_path, kind)
    preprocessor = TokenizerPreprocessor.from_directory(tmp_path, input_shape=(64,))
    ids = preprocessor(DOCUMENTS)
    padding = made.token_to_id(PAD)
    assert preprocessor.padding_id == padding
    assert preprocessor.vocabulary_size == made.get_vocab_size()
    assert ids.dtype == np.int32
    for row, text in zip(ids, DOCUMENTS, strict=True):
        expected = made.encode(text).ids
        np.testing.assert_array_equal(row[: len(expected)], expected)
        assert (row[len(expected) :] == padding).all()
    lengths = [len(made.encode(text).ids) for text in DOCUMENTS]
    np.testing.assert_array_equal(preprocessor.lengths(DOCUMENTS), lengths)
    around = [made.token_to_id(START)], [made.token_to_id(END)]
    assert preprocessor.special_ids == around


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_can_be_read(kind):
    preprocessor = TokenizerPreprocessor(trained(kind).to_str(), PAD, (64,))
    # WordPiece sets punctuation apart.
    text = "quick foxes and lazy dogs"
    (ids,) = preprocessor([text])
    assert b"".join(preprocessor.token_bytes(ids)).decode().strip() == text


def test_special_tokens_in_a_text_are_text():
    for kind in ("WordPiece", "BPE"):
        preprocessor = TokenizerPreprocessor(trained(kind).to_str(), PAD, (64,))
        (ids,) = preprocessor([f"a {PAD} {START} dog"])
        count = preprocessor.lengths([f"a {PAD} {START} dog"])[0]
        special = {preprocessor.padding_id, *preprocessor.special_ids[0]}
        assert not special & set(ids[1 : count - 1])


def test_what_the_file_would_cut_or_pad_is_not():
    made = trained("WordPiece")
    made.enable_truncation(4)
    made.enable_padding(length=32, pad_token=PAD, pad_id=made.token_to_id(PAD))
    preprocessor = TokenizerPreprocessor(made.to_str(), PAD, (64,))
    made.no_truncation()
    made.no_padding()
    assert preprocessor.lengths(DOCUMENTS[:1])[0] == len(made.encode(DOCUMENTS[0]).ids)


def test_long_documents_are_refused_or_cut_within_their_special_tokens():
    made = trained("WordPiece")
    length = len(made.encode(DOCUMENTS[0]).ids)
    with pytest.raises(ValueError, match=f"sample 0 with {length}"):
        TokenizerPreprocessor(made.to_str(), PAD, (6,))(DOCUMENTS[:1])
    cut = TokenizerPreprocessor(made.to_str(), PAD, (6,), truncate=True)
    whole = made.encode(DOCUMENTS[0]).ids
    np.testing.assert_array_equal(cut(DOCUMENTS[:1])[0], [*whole[:5], whole[-1]])
    assert cut.lengths(DOCUMENTS[:1])[0] == 6
    assert uncut_lengths(cut, DOCUMENTS[:1])[0] == length


def test_without_special_tokens():
    made = trained("BPE", template=False)
    preprocessor = TokenizerPreprocessor(made.to_str(), PAD, (64,))
    assert preprocessor.special_ids == ([], [])
    expected = made.encode(DOCUMENTS[0]).ids
    np.testing.assert_array_equal(
        preprocessor(DOCUMENTS[:1])[0][: len(expected)], expected
    )


@pytest.mark.parametrize("specials", [("[UNK]", PAD), ("[UNK]", "x", "y", PAD)])
def test_model_preprocessor_and_recipe_have_one_padding(specials, tmp_path):
    """Whichever id it is: 1 would be a word of the second."""
    made = trained("WordPiece", specials=specials, template=False)
    preprocessor = TokenizerPreprocessor(made.to_str(), PAD, (32,))
    model = MaelreClassifier.from_preset(
        "tiny_text", width=8, num_classes=2, embedding_dim=4, preprocessor=preprocessor
    )
    assert model.modality.padding_id == made.token_to_id(PAD) == len(specials) - 1
    assert model.modality.vocabulary_size == made.get_vocab_size()
    (drop,) = recipe("text").layers("augmentation", model.modality)
    assert drop.padding_id == model.modality.padding_id
    texts = DOCUMENTS[:3]
    model.save_to_preset(tmp_path / "preset")
    loaded = MaelreClassifier.from_preset(tmp_path / "preset")
    np.testing.assert_array_equal(loaded.preprocessor(texts), preprocessor(texts))
    np.testing.assert_allclose(
        loaded.predict_proba(texts), model.predict_proba(texts), atol=1e-6
    )
    again = TokenizerPreprocessor.from_preset(tmp_path / "preset")
    assert again.get_config() == preprocessor.get_config()
    # What somebody else may have changed in it.
    path = tmp_path / "preset" / "config.json"
    saved = path.read_text()
    for key, value, message in (
        ("tokenizer", "{", "does not describe a MAELRE model.*not valid JSON"),
        ("tokenizer", 3, "does not describe a MAELRE model.*`tokenizer`"),
        ("padding_token", "[UNK]", "`padding_id`.*preprocessor's 0"),
    ):
        config = json.loads(saved)
        config["config"]["preprocessor"]["config"][key] = value
        path.write_text(json.dumps(config))
        with pytest.raises(ValueError, match=f"(?s){message}"):
            MaelreClassifier.from_preset(tmp_path / "preset")


def test_disagreements_with_a_model_are_refused():
    made = trained("WordPiece", specials=("[UNK]", "x", "y", PAD), template=False)
    preprocessor = TokenizerPreprocessor(made.to_str(), PAD, (32,))
    options = {"width": 8, "num_classes": 2, "embedding_dim": 4}
    options |= {"preprocessor": preprocessor}
    with pytest.raises(ValueError, match="`padding_id` is 1, and the preprocessor's 3"):
        MaelreClassifier.from_preset("tiny_text", padding_id=1, **options)
    with pytest.raises(ValueError, match="`vocabulary_size` is 20"):
        MaelreClassifier.from_preset("tiny_text", vocabulary_size=20, **options)


def test_a_much_larger_table_is_not_taken_silently():
    documents = ["A short document.", "Another short document."]
    preprocessor = TextPreprocessor.from_documents(documents, 283, input_shape=(32,))
    options = {"width": 8, "num_classes": 2, "embedding_dim": 4, "input_shape": (32,)}
    fitting = MaelreClassifier.from_preset(
        "tiny_text", preprocessor=preprocessor, **options
    )
    assert fitting.modality.vocabulary_size == preprocessor.vocabulary_size
    model = MaelreClassifier.from_preset("tiny_text", **options)
    with pytest.warns(UserWarning, match="50,265 rows, of which the preprocessor uses"):
        model.preprocessor = preprocessor


# === Files ===


@pytest.mark.parametrize(
    "files, padding",
    [
        ({}, PAD),
        ({"tokenizer_config.json": {"pad_token": END}}, END),
        ({"tokenizer_config.json": {"pad_token": {"content": END}}}, END),
        ({"config.json": {"pad_token_id": 3}}, END),
        ({"config.json": {"pad_token_id": 0, "vocab_size": 5000}}, PAD),
    ],
    ids=["name", "tokenizer_config", "tokenizer_config, object", "config", "all"],
)
def test_where_padding_is_named(files, padding, tmp_path):
    written(tmp_path)
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    preprocessor = TokenizerPreprocessor.from_directory(tmp_path)
    assert preprocessor.padding_token == padding
    chosen = TokenizerPreprocessor.from_directory(tmp_path, padding_token=START)
    assert chosen.padding_id == 2


@pytest.mark.parametrize(
    "files, message",
    [
        (
            {
                "tokenizer_config.json": {"pad_token": PAD},
                "config.json": {"pad_token_id": 3},
            },
            r"disagree.*'\[PAD\]' with the id 0.*`pad_token_id` 3",
        ),
        ({"config.json": {"vocab_size": 40}}, "declares `vocab_size` 40"),
        ({"config.json": {"vocab_size": -1}}, "`vocab_size`.*-1"),
        ({"config.json": {"pad_token_id": "0"}}, "`pad_token_id`.*'0'"),
        ({"config.json": [1]}, "not hold a JSON object"),
        ({"tokenizer_config.json": {"pad_token": "<none>"}}, r"\['<none>'\]"),
        ({"tokenizer.json": {}}, "tokenizer.json'.*model of type"),
    ],
    ids=["padding", "count", "negative", "type", "list", "unknown", "empty"],
)
def test_files_that_disagree(files, message, tmp_path):
    written(tmp_path)
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    with pytest.raises(ValueError, match=f"(?s){message}"):
        TokenizerPreprocessor.from_directory(tmp_path)


def test_no_padding_and_no_file(tmp_path):
    written(tmp_path, "BPE", specials=("<end>",), template=False)
    with pytest.raises(ValueError, match="name no token of padding.*`padding_token`"):
        TokenizerPreprocessor.from_directory(tmp_path)
    made = TokenizerPreprocessor.from_directory(tmp_path, padding_token="<end>")
    assert made.padding_id == 0
    with pytest.raises(FileNotFoundError, match="tokenizer.json.*no such directory"):
        TokenizerPreprocessor.from_directory(tmp_path / "missing")
    with pytest.raises(FileNotFoundError, match="`TokenizerPreprocessor"):
        TextPreprocessor.from_tokenizer(tmp_path)


def test_large_and_cut_files(tmp_path, monkeypatch):
    written(tmp_path)
    path = tmp_path / "tokenizer.json"
    text = path.read_text()
    path.write_text(text[: len(text) // 2])
    with pytest.raises(ValueError, match="tokenizer.json' is not a valid JSON file"):
        TokenizerPreprocessor.from_directory(tmp_path)
    path.write_text("[" * 100_000)
    with pytest.raises(ValueError, match="not a valid JSON file"):
        TokenizerPreprocessor.from_directory(tmp_path)
    path.write_text(text)
    monkeypatch.setattr(model_directory, "MOST_BYTES", 100)
    with pytest.raises(ValueError, match="bytes, and 100 are the most"):
        TokenizerPreprocessor.from_directory(tmp_path)


def changed(**model):
    config = json.loads(trained("WordPiece").to_str())
    config["model"] |= model
    return config


def without_unknown():
    config = changed(unk_token="[NONE]")
    return json.dumps(config)


@pytest.mark.parametrize(
    "config, message",
    [
        ("{", "not valid JSON"),
        ("[]", "model of type"),
        (changed(type="Lookup"), "model of type.*'Lookup'"),
        (changed(vocab=None), "vocabulary of the tokenizer is damaged"),
        (changed(vocab={"x": -1}), "integers from 0"),
        (changed(vocab={"x": 2**40}), "integers from 0"),
        (changed(vocab={"x": "0"}), "integers from 0"),
        (changed(vocab={"x": True}), "integers from 0"),
        ({**changed(), "added_tokens": [{"id": 1}]}, "damaged: KeyError"),
        ({**changed(), "added_tokens": 3}, "damaged"),
        ({**changed(), "pre_tokenizer": {"type": "Run"}}, "tokenizer is damaged"),
        ({**changed(), "normalizer": {"type": "Precompiled"}}, "tokenizer is damaged"),
        (
            {
                **changed(),
                "pre_tokenizer": {
                    "type": "Split",
                    "pattern": {"Regex": "("},
                    "behavior": "Isolated",
                    "invert": False,
                },
            },
            "tokenizer is damaged",
        ),
    ],
    ids=lambda value: None if isinstance(value, str) else "",
)
def test_damaged_tokenizers(config, message):
    text = config if isinstance(config, str) else json.dumps(config)
    with pytest.raises(ValueError, match=message):
        TokenizerPreprocessor(text, PAD)


def test_documents_that_cannot_be_told():
    strict = TokenizerPreprocessor(without_unknown(), PAD, (64,))
    with pytest.raises(ValueError, match="cannot encode a document"):
        strict(["§§"])
    preprocessor = TokenizerPreprocessor(trained("WordPiece").to_str(), PAD, (64,))
    # The normalizer leaves nothing of it.
    with pytest.raises(ValueError, match="no token in a document.*sample 1"):
        preprocessor(["a", "\u0000"])
    with pytest.raises(ValueError, match="must not be empty"):
        preprocessor(["a", " "])
    with pytest.raises(TypeError, match="list of samples"):
        preprocessor("a")


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"tokenizer": {}}, TypeError, "`tokenizer`.*dict"),
        ({"padding_token": "<pad>"}, ValueError, "`padding_token`.*'<pad>'"),
        ({"padding_token": None}, ValueError, "`padding_token`.*None"),
        ({"padding_token": [PAD]}, ValueError, "`padding_token`"),
        ({"input_shape": (2,)}, ValueError, "`input_shape`.*room"),
        ({"input_shape": (0,)}, ValueError, "`input_shape`"),
        ({"truncate": 1}, TypeError, "`truncate`"),
    ],
)
def test_arguments(arguments, error, message):
    options = {"tokenizer": trained("WordPiece").to_str(), "padding_token": PAD}
    with pytest.raises(error, match=message):
        TokenizerPreprocessor(**{**options, **arguments})
