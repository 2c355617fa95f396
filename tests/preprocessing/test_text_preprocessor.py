import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_maelre import MaelreClassifier
from keras_maelre.preprocessing import TextPreprocessor
from tests.references.byte_pair_tokens import encode, symbols

pytest.importorskip("tokenizers", reason="the extra [text]")

# Made by hand. The order matters: "Ġth" "e" comes before "he".
MERGES = ["Ġ t", "Ġt h", "Ġth e", "h e", "a r", "ar t", "Ġ a", "1 2", "Ã ¼", "e r"]


def hand_made():
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *symbols().values()]
    tokens += [rule.replace(" ", "") for rule in MERGES]
    return {token: i for i, token in enumerate([*tokens, "<mask>"])}


VOCABULARY = hand_made()
TEXTS = [
    "the other art",
    "The heart  then\n\n the   artery's 1212 beats, they'll don't",
    "Über den Ärger: 12½ Grüße — 日本語のテキスト 🎉 für",
    "  lead and trail  \t",
    "tabs\tand\r\nlines \xa0 odd\u3000spaces\x1c\x85",
    "<s> the </s><pad><mask> <unk>",
    "12121 heherhe 'the' ''s 'S _under_score_ a.b/c?!",
    "a",
]


@pytest.fixture(scope="module")
def preprocessor():
    return TextPreprocessor(VOCABULARY, MERGES, input_shape=(128,))


def test_hand_counted_ids(preprocessor):
    ids = [VOCABULARY[token] for token in ("t", "he", "Ġthe", "Ġa", "r", "t")]
    row = preprocessor(["the the art"])[0]
    # "Ġa" is no use before "r": "a r" is merged first.
    ids = [VOCABULARY[token] for token in ("t", "he", "Ġthe", "Ġ", "art")]
    expected = [0, *ids, 2, *[1] * (128 - len(ids) - 2)]
    np.testing.assert_array_equal(row, expected)
    assert row.dtype == np.int32


@pytest.mark.parametrize("text", TEXTS)
def test_ids_equal_the_reference(preprocessor, text):
    ids = encode(text, VOCABULARY, MERGES)
    row = preprocessor([text])[0]
    np.testing.assert_array_equal(row[: len(ids) + 2], [0, *ids, 2])
    assert (row[len(ids) + 2 :] == 1).all()


def test_random_texts_equal_the_reference(preprocessor):
    rng = np.random.default_rng(0)
    characters = list("theart 12'sSüé\n \t.,日½") + ["the", " the", "art"]
    for _ in range(200):
        text = "".join(rng.choice(characters, size=rng.integers(1, 30))) + "."
        ids = encode(text, VOCABULARY, MERGES)
        np.testing.assert_array_equal(
            preprocessor([text])[0][: len(ids) + 2], [0, *ids, 2]
        )


def test_a_batch_is_its_samples(preprocessor):
    batch = preprocessor(TEXTS)
    assert batch.shape == (len(TEXTS), 128)
    for row, text in zip(batch, TEXTS, strict=True):
        np.testing.assert_array_equal(row, preprocessor([text])[0])
        np.testing.assert_array_equal(row, preprocessor([text.encode()])[0])


def test_special_tokens_in_a_text_are_text(preprocessor):
    row = preprocessor(["x<pad>y</s>z"])[0]
    length = int(np.argmax(row == 1))
    assert (row[1 : length - 1] > 3).all() and row[length - 1] == 2


def test_symbols_without_an_id_become_unknown():
    small = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "a": 4, "b": 5, "ab": 6}
    preprocessor = TextPreprocessor(small, ["a b"], input_shape=(8,))
    np.testing.assert_array_equal(preprocessor(["abcaü"]), [[0, 6, 3, 4, 3, 3, 2, 1]])
    del small["<unk>"]
    with pytest.raises(ValueError, match=r"<unk>.*256"):
        TextPreprocessor(small, ["a b"])


def test_keras_hub_has_the_same_ids(tmp_path):
    hub = pytest.importorskip("keras_hub", reason="the extra [text]")
    theirs = hub.tokenizers.RobertaTokenizer(VOCABULARY, MERGES)
    ours = TextPreprocessor(VOCABULARY, MERGES, input_shape=(64,))
    # Numbers and runs of spaces are left out: keras-hub splits them by the backend.
    for text in ("the other art", "for the heart, the artery's"):
        ids = [int(i) for i in theirs(text)]
        np.testing.assert_array_equal(ours([text])[0, : len(ids) + 2], [0, *ids, 2])
    theirs.save_to_preset(str(tmp_path))
    loaded = TextPreprocessor.from_preset("base_text", tokenizer=str(tmp_path))
    assert loaded.vocabulary == VOCABULARY and loaded.merges == MERGES
    assert loaded.input_shape == (2048,)


# Length.


def test_too_long_is_an_error(preprocessor):
    fits = "x" * 126
    assert preprocessor([fits])[0, -1] == 2
    with pytest.raises(ValueError, match=r"1 of 2 .* sample 1 with 129.*truncate"):
        preprocessor([fits, fits + "x"])


def test_lengths_count_tokens(preprocessor):
    lengths = preprocessor.lengths(TEXTS)
    assert lengths.dtype.kind == "i"
    np.testing.assert_array_equal(lengths, (preprocessor(TEXTS) != 1).sum(axis=1))
    cutting = TextPreprocessor(VOCABULARY, MERGES, input_shape=(6,), truncate=True)
    np.testing.assert_array_equal(cutting.lengths(TEXTS), np.minimum(lengths, 6))
    with pytest.raises(ValueError, match="longer than the 6 tokens"):
        TextPreprocessor(VOCABULARY, MERGES, input_shape=(6,)).lengths(TEXTS)


def test_truncation_keeps_start_and_end():
    whole = TextPreprocessor(VOCABULARY, MERGES, input_shape=(1000,))
    cutting = TextPreprocessor(VOCABULARY, MERGES, input_shape=(20,), truncate=True)
    text = "the heart of the artery, 1212 times " * 10
    np.testing.assert_array_equal(
        cutting([text, "the art"])[0], [*whole([text])[0, :19], 2]
    )
    np.testing.assert_array_equal(
        cutting([text, "the art"])[1], whole(["the art"])[0, :20]
    )


def test_truncation_is_exact_wherever_the_cut_falls():
    """Only the beginning of a long document is looked at; its ids may not change."""
    rng = np.random.default_rng(1)
    pieces = [
        "the",
        " the",
        "  ",
        "\n",
        "12",
        "12 ",
        "'s",
        ".",
        "ü",
        " art",
        "\t",
        "he",
    ]
    for length in (3, 4, 7):
        cutting = TextPreprocessor(
            VOCABULARY, MERGES, input_shape=(length,), truncate=True
        )
        for _ in range(100):
            text = "x" + "".join(rng.choice(pieces, size=200))
            ids = encode(text, VOCABULARY, MERGES)
            np.testing.assert_array_equal(
                cutting([text])[0], [0, *ids[: length - 2], 2]
            )


def test_a_megabyte():
    text = "the heart and the artery " * 40_000
    strict = TextPreprocessor(VOCABULARY, MERGES, input_shape=(64,))
    with pytest.raises(ValueError, match="truncate=True"):
        strict([text])
    cutting = TextPreprocessor(VOCABULARY, MERGES, input_shape=(64,), truncate=True)
    seen = []
    encode_all = cutting._encode

    def encode_and_note(documents):
        seen.extend(len(document) for document in documents)
        return encode_all(documents)

    cutting._encode = encode_and_note
    start = cutting([text])
    assert max(seen) < 2000  # characters
    np.testing.assert_array_equal(start, cutting([text[:5000]]))


def test_long_words_are_read_to_the_end():
    merges = [f"{'x' * 2**i} {'x' * 2**i}" for i in range(8)]
    vocabulary = {**VOCABULARY, **{"x" * 2**i: 300 + i for i in range(1, 9)}}
    cutting = TextPreprocessor(vocabulary, merges, input_shape=(6,), truncate=True)
    text = "x" * 1024 + " x"
    np.testing.assert_array_equal(cutting([text]), [[0, 308, 308, 308, 308, 2]])


@pytest.mark.parametrize("shape", [(2,), (0,), (10, 10), "long"])
def test_wrong_input_shape(shape):
    with pytest.raises(ValueError, match="input_shape"):
        TextPreprocessor(VOCABULARY, MERGES, input_shape=shape)


# Wrong documents.


@pytest.mark.parametrize("text", ["", "  \n", b""])
def test_empty_documents(preprocessor, text):
    with pytest.raises(ValueError, match="empty.*sample 1"):
        preprocessor(["the", text])


@pytest.mark.parametrize("text", [b"\xff\xfe", "half \ud800 a pair"])
def test_no_valid_utf8(preprocessor, text):
    with pytest.raises(ValueError, match="UTF-8.*sample 1"):
        preprocessor(["the", text])


@pytest.mark.parametrize("text", [None, 3, float("nan"), ["the"]])
def test_no_text(preprocessor, text):
    with pytest.raises(TypeError, match=f"{type(text).__name__} at sample 1"):
        preprocessor(["the", text])


def test_a_single_string(preprocessor):
    with pytest.raises(TypeError, match="list"):
        preprocessor("the art")


# Where the tables come from.


def write_tables(folder, names=("vocab.json", "merges.txt")):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(json.dumps(VOCABULARY), encoding="utf-8")
    lines = ["#version: 0.2", *MERGES]
    (folder / names[1]).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_paths(tmp_path, preprocessor):
    folder = write_tables(tmp_path)
    for convert in (str, lambda path: path):
        read = TextPreprocessor.from_files(
            convert(folder / "vocab.json"), convert(folder / "merges.txt")
        )
        assert read.vocabulary == VOCABULARY
        assert read.merges == MERGES


@pytest.mark.parametrize(
    "names",
    [
        ("vocab.json", "merges.txt"),
        ("assets/tokenizer/vocabulary.json", "assets/tokenizer/merges.txt"),
    ],
)
def test_directories(tmp_path, names):
    (tmp_path / "assets" / "tokenizer").mkdir(parents=True)
    write_tables(tmp_path, names)
    preprocessor = TextPreprocessor.from_preset("tiny_text", tokenizer=tmp_path)
    assert preprocessor.vocabulary == VOCABULARY and preprocessor.merges == MERGES


def test_directory_without_tables(tmp_path):
    (tmp_path / "other.txt").write_text("")
    with pytest.raises(FileNotFoundError, match=r"vocab\.json.*holds: \['other.txt'\]"):
        TextPreprocessor.from_tokenizer(tmp_path)


def test_missing_files(tmp_path):
    write_tables(tmp_path)
    vocabulary, merges = tmp_path / "vocab.json", str(tmp_path / "merges.txt")
    with pytest.raises(FileNotFoundError, match=r"`vocabulary`.*absent\.json"):
        TextPreprocessor.from_files(tmp_path / "absent.json", merges)
    with pytest.raises(FileNotFoundError, match=r"`merges`.*absent\.txt"):
        TextPreprocessor.from_files(vocabulary, str(tmp_path / "absent.txt"))
    with pytest.raises(TypeError, match="`merges` must be the path.*list"):
        TextPreprocessor.from_files(vocabulary, MERGES)
    (tmp_path / "damaged.json").write_text("{")
    with pytest.raises(ValueError, match=r"damaged\.json is not a valid JSON"):
        TextPreprocessor.from_files(tmp_path / "damaged.json", merges)
    (tmp_path / "latin.txt").write_bytes("für".encode("latin-1"))
    for files in (
        (tmp_path / "latin.txt", merges),
        (vocabulary, tmp_path / "latin.txt"),
    ):
        with pytest.raises(ValueError, match=r"latin\.txt is not a text file in UTF-8"):
            TextPreprocessor.from_files(*files)


def test_built_in_preset_needs_a_tokenizer():
    for arguments in ({}, {"vocabulary": VOCABULARY}, {"merges": MERGES}):
        with pytest.raises(ValueError, match=r"roberta_base_en.*from_documents"):
            TextPreprocessor.from_preset("base_text", **arguments)


def test_tokenizer_and_tables():
    with pytest.raises(ValueError, match="either `tokenizer`"):
        TextPreprocessor.from_preset(
            "base_text",
            tokenizer="roberta_base_en",
            vocabulary=VOCABULARY,
            merges=MERGES,
        )
    with pytest.raises(TypeError, match="`tokenizer`.*3"):
        TextPreprocessor.from_tokenizer(3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"<pad>": 300}, "must have the id 1"),
        ({"<s>": None}, r"none for \['<s>'\]"),
        ({"</s>": None}, r"none for \['</s>'\]"),
        ({"the": "4"}, "distinct integers"),
        ({"a": 5}, "distinct integers"),
        ({"a": -5}, "distinct integers"),
        ({"a": 10**12}, r"distinct integers.*\[10{12}\]"),
        ({"he": None}, "do not fit together.*"),
    ],
)
def test_damaged_vocabulary(change, message):
    vocabulary = {**VOCABULARY, **change}
    vocabulary = {token: i for token, i in vocabulary.items() if i is not None}
    with pytest.raises(ValueError, match=message):
        TextPreprocessor(vocabulary, MERGES)


def test_no_tables():
    with pytest.raises(TypeError, match="`vocabulary`.*list"):
        TextPreprocessor(list(VOCABULARY), MERGES)
    with pytest.raises(ValueError, match="'a b c'"):
        TextPreprocessor(VOCABULARY, ["a b c"])
    with pytest.raises(TypeError, match="`merges`.*str"):
        TextPreprocessor(VOCABULARY, "a b")


def test_preset_of_keras_hub(monkeypatch):
    hub = pytest.importorskip("keras_hub", reason="the extra [text]")
    made = hub.tokenizers.RobertaTokenizer(VOCABULARY, MERGES)
    asked = []

    def from_preset(name):
        asked.append(name)
        return made

    monkeypatch.setattr(hub.tokenizers.RobertaTokenizer, "from_preset", from_preset)
    preprocessor = TextPreprocessor.from_preset(
        "base_text", tokenizer="roberta_base_en"
    )
    assert asked == ["roberta_base_en"]
    assert preprocessor.vocabulary == VOCABULARY and preprocessor.merges == MERGES


def test_failed_download_says_what_to_fetch(monkeypatch):
    hub = pytest.importorskip("keras_hub", reason="the extra [text]")

    def from_preset(name):
        raise OSError("no route to host")

    monkeypatch.setattr(hub.tokenizers.RobertaTokenizer, "from_preset", from_preset)
    with pytest.raises(FileNotFoundError) as error:
        TextPreprocessor.from_tokenizer("roberta_base_en")
    for part in ("no route to host", "vocab.json", "merges.txt", "directory"):
        assert part in str(error.value)


def test_unknown_preset_of_keras_hub():
    pytest.importorskip("keras_hub", reason="the extra [text]")
    with pytest.raises(ValueError, match=r"roberta_base_en.*'roberta_tiny'"):
        TextPreprocessor.from_tokenizer("roberta_tiny")


@pytest.mark.parametrize(
    ("absent", "arguments"),
    [
        ("tokenizers", {"vocabulary": VOCABULARY, "merges": MERGES}),
        ("keras_hub", {"tokenizer": "roberta_base_en"}),
    ],
)
def test_missing_extra_names_the_command(monkeypatch, absent, arguments):
    monkeypatch.setitem(sys.modules, absent, None)
    with pytest.raises(ImportError, match=r"pip install .*keras_maelre\[text\]"):
        TextPreprocessor.from_preset("tiny_text", **arguments)


def test_tensorflow_is_not_imported(tmp_path):
    if keras.backend.backend() == "tensorflow":
        pytest.skip("this backend is TensorFlow")
    write_tables(tmp_path)
    code = (
        "import sys\n"
        "from keras_maelre.preprocessing import TextPreprocessor\n"
        f"TextPreprocessor.from_tokenizer({str(tmp_path)!r})(['the art'])\n"
        "sys.exit('tensorflow' in sys.modules or 'keras_hub' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# Configuration.


def test_configuration_survives(preprocessor):
    config = preprocessor.get_config()
    plain = json.loads(json.dumps(config))
    assert plain["vocabulary"] == VOCABULARY and plain["merges"] == MERGES
    written = json.dumps(keras.saving.serialize_keras_object(preprocessor))
    copy = keras.saving.deserialize_keras_object(json.loads(written))
    assert type(copy) is TextPreprocessor
    assert copy.get_config() == config
    np.testing.assert_array_equal(copy(TEXTS), preprocessor(TEXTS))


def test_configuration_is_a_copy(preprocessor):
    preprocessor.get_config()["vocabulary"].clear()
    assert preprocessor.vocabulary == VOCABULARY


def test_configuration_names_no_files(tmp_path, preprocessor):
    """A file that is being loaded must not make others be read or fetched."""
    write_tables(tmp_path)
    vocabulary, merges = str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt")
    for config in (
        {"tokenizer": str(tmp_path)},
        {"vocabulary": vocabulary, "merges": merges},
        {"vocabulary": vocabulary, "merges": MERGES},
        {"vocabulary": VOCABULARY, "merges": merges},
    ):
        with pytest.raises(TypeError, match="tokenizer|files are read by"):
            TextPreprocessor.from_config(config)
        saved = keras.saving.serialize_keras_object(preprocessor)
        saved["config"] = config
        with pytest.raises(TypeError, match="tokenizer|files are read by|deserialized"):
            keras.saving.deserialize_keras_object(saved)


def test_vocabulary_size(preprocessor):
    assert preprocessor.vocabulary_size == len(VOCABULARY)
    gap = TextPreprocessor({**VOCABULARY, "<mask>": 999}, MERGES)
    assert gap.vocabulary_size == 1000


def test_classifier_carries_its_tokenizer(tmp_path):
    preprocessor = TextPreprocessor(VOCABULARY, MERGES, input_shape=(32,))
    classifier = MaelreClassifier.from_preset(
        "tiny_text",
        num_classes=2,
        width=8,
        depths=(1, 1, 1, 1),
        num_heads=(1, 1, 2, 2),
        embedding_dim=8,
        vocabulary_size=preprocessor.vocabulary_size,
        input_shape=(32,),
        preprocessor=preprocessor,
    )
    classifier.save_to_preset(tmp_path / "preset")
    classifier.save(tmp_path / "model.keras")
    for loaded in (
        MaelreClassifier.from_preset(tmp_path / "preset"),
        keras.saving.load_model(tmp_path / "model.keras"),
    ):
        assert loaded.preprocessor.get_config() == preprocessor.get_config()
        np.testing.assert_array_equal(
            loaded.preprocessor(["the art"]), preprocessor(["the art"])
        )
    again = TextPreprocessor.from_preset(tmp_path / "preset", truncate=True)
    assert again.truncate and again.merges == MERGES
    np.testing.assert_array_equal(again(["the art"]), preprocessor(["the art"]))
