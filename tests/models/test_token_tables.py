"""Token tables of Hugging Face directories: found, checked, copied, frozen."""

import json
import struct

import numpy as np
import pytest

from keras_maelre import MaelreBackbone, MaelreClassifier
from keras_maelre.models.model_directory import read_token_table
from keras_maelre.preprocessing import TokenizerPreprocessor
from tests.preprocessing.small_tokenizers import random_table, written

pytest.importorskip("safetensors", reason="the extra [text]")
NAME = "bert.embeddings.word_embeddings.weight"
OTHER = "bert.encoder.layer.0.output.dense.weight"
OPTIONS = {"width": 8, "depths": (1, 1, 1, 1), "num_classes": 2, "input_shape": (32,)}


def table_of(model):
    return model.backbone.get_layer("stem").embedding.embeddings


def save(directory, tensors, name="model.safetensors"):
    from safetensors.numpy import save_file

    save_file(tensors, directory / name)


def test_tokenizer_and_table_of_one_directory_belong_together(tmp_path):
    # Tables may have more rows than there are ids.
    table = random_table(200)
    made = written(
        tmp_path, table={NAME: table, OTHER: table[:5]}, config={"pad_token_id": 0}
    )
    assert made.get_vocab_size() < 200
    preprocessor = TokenizerPreprocessor.from_directory(tmp_path, input_shape=(32,))
    options = {**OPTIONS, "preprocessor": preprocessor}
    model = MaelreClassifier.from_preset(
        "tiny_text", token_embeddings=tmp_path, **options
    )
    modality = model.modality
    assert (modality.vocabulary_size, modality.embedding_dim) == (200, 12)
    assert modality.padding_id == preprocessor.padding_id == 0
    np.testing.assert_array_equal(table_of(model).numpy(), table)
    assert not table_of(model).trainable
    model = MaelreClassifier.from_preset(
        "tiny_text",
        token_embeddings=str(tmp_path),
        trainable_embeddings=True,
        **options,
    )
    assert table_of(model).trainable
    # A saved preset needs no directory.
    model.save_to_preset(tmp_path / "preset")
    loaded = MaelreClassifier.from_preset(tmp_path / "preset")
    np.testing.assert_array_equal(table_of(loaded).numpy(), table)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"vocabulary_size": 60}, r"\(200, 12\).*\(60, 12\)"),
        ({"embedding_dim": 16}, r"\(200, 12\).*\(200, 16\)"),
        ({"padding_id": 4}, "`padding_id` is 4.*is 0"),
    ],
    ids=["rows", "width", "padding"],
)
def test_what_disagrees_with_the_table(change, message, tmp_path):
    written(tmp_path, table={NAME: random_table(200)}, config={"pad_token_id": 0})
    with pytest.raises(ValueError, match=message):
        MaelreBackbone.from_preset(
            "tiny_text", input_shape=(32,), token_embeddings=tmp_path, **change
        )


def test_fewer_rows_than_ids_and_no_padding(tmp_path):
    written(tmp_path, table={NAME: random_table(20)})
    preprocessor = TokenizerPreprocessor.from_directory(tmp_path, input_shape=(32,))
    with pytest.raises(ValueError, match="`vocabulary_size` is 20.*row for each"):
        MaelreClassifier.from_preset(
            "tiny_text",
            token_embeddings=tmp_path,
            **{**OPTIONS, "preprocessor": preprocessor},
        )
    with pytest.raises(ValueError, match="`pad_token_id`.*pass `padding_id`"):
        MaelreClassifier.from_preset("tiny_text", token_embeddings=tmp_path, **OPTIONS)


def test_a_saved_model_gets_another_table(tmp_path):
    model = MaelreClassifier.from_preset(
        "tiny_text", vocabulary_size=60, embedding_dim=12, padding_id=0, **OPTIONS
    )
    model.save_to_preset(tmp_path / "preset")
    table = random_table(60)
    written(tmp_path / "hf", table={NAME: table}, config={"pad_token_id": 0})
    loaded = MaelreClassifier.from_preset(
        tmp_path / "preset", token_embeddings=tmp_path / "hf"
    )
    np.testing.assert_array_equal(table_of(loaded).numpy(), table)
    (tmp_path / "hf" / "config.json").write_text('{"pad_token_id": 3}')
    with pytest.raises(ValueError, match="`padding_id` is 0.*is 3"):
        MaelreClassifier.from_preset(
            tmp_path / "preset", token_embeddings=tmp_path / "hf"
        )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_precisions(dtype, tmp_path):
    import ml_dtypes

    kind = ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
    table = random_table(60)
    save(tmp_path, {"model.embed_tokens.weight": table.astype(kind)})
    found = read_token_table(tmp_path)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, table, atol=0.02)


def test_shards_and_names(tmp_path):
    table = random_table(60)
    save(tmp_path, {"lm_head.weight": table}, "model-00001-of-00002.safetensors")
    with pytest.raises(ValueError, match="No tensor.*'lm_head.weight'"):
        read_token_table(tmp_path)
    save(tmp_path, {"transformer.wte.weight": table + 1}, "model-2.safetensors")
    np.testing.assert_array_equal(read_token_table(tmp_path), table + 1)
    save(tmp_path, {"shared.weight": table + 2}, "model-3.safetensors")
    with pytest.raises(ValueError, match="Several.*'shared.weight'.*'transformer.wte"):
        read_token_table(tmp_path)
    found = read_token_table(tmp_path, "lm_head.weight")
    np.testing.assert_array_equal(found, table)
    backbone = MaelreBackbone.from_preset(
        "tiny_text",
        input_shape=(32,),
        width=8,
        padding_id=0,
        token_embeddings=(tmp_path, "lm_head.weight"),
    )
    assert backbone.modality.vocabulary_size == 60
    with pytest.raises(ValueError, match="no tensor 'wte'"):
        read_token_table(tmp_path, "wte")
    for wrong in ((tmp_path,), (tmp_path, 3), 7):
        with pytest.raises(TypeError, match="`token_embeddings`"):
            MaelreBackbone.from_preset("tiny_text", token_embeddings=wrong)
    with pytest.raises(ValueError, match="missing"):
        MaelreBackbone.from_preset("tiny_text", token_embeddings=("none", "wte"))


def header(content):
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return struct.pack("<Q", len(text)) + text


def entry(shape, end, dtype="F32"):
    return {NAME: {"dtype": dtype, "shape": shape, "data_offsets": [0, end]}}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 64,
        struct.pack("<Q", 2**62) + b"{}",
        header(b"{" * 50),
        header(b"[]"),
        header(entry([2**40, 2**20], 2**62)),
        header(entry([4, 3], 48)),  # without what it tells of
        header(entry([4, 3], 40)) + bytes(40),
        header(entry([2**31, 2**33], 0)),
    ],
    ids=[
        "empty",
        "noise",
        "huge header",
        "no JSON",
        "list",
        "huge table",
        "cut off",
        "too short",
        "overflow",
    ],
)
def test_hostile_files(content, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match="model.safetensors'.*safetensors"):
        read_token_table(tmp_path)


def test_tables_that_are_none(tmp_path):
    table = random_table(60)
    save(tmp_path, {NAME: table.astype("int8")})
    with pytest.raises(ValueError, match="floating-point.*I8"):
        read_token_table(tmp_path)
    table[3, 4] = np.nan
    save(tmp_path, {NAME: table})
    with pytest.raises(ValueError, match="not finite"):
        read_token_table(tmp_path)
    save(tmp_path, {NAME: table[:1]})
    with pytest.raises(ValueError, match="from 2 to"):
        read_token_table(tmp_path)
