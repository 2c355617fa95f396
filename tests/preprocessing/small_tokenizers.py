"""Tokenizers of each kind, trained in a moment, as the files of a directory."""

import json

import numpy as np

DOCUMENTS = [
    "The quick brown fox jumps over the lazy dog.",
    "A quick answer is not a long answer, and foxes know it.",
    "Dogs and foxes are not the same: one is lazy, the other quick!",
] * 3
PAD, START, END, UNKNOWN = "[PAD]", "[CLS]", "[SEP]", "[UNK]"
KINDS = ("BPE", "WordPiece", "Unigram")


def trained(kind, specials=(PAD, UNKNOWN, START, END), template=True, size=150):
    """Returns a `tokenizers.Tokenizer`."""
    import tokenizers
    from tokenizers import models, pre_tokenizers, trainers

    options = {"special_tokens": list(specials), "show_progress": False}
    if kind == "WordPiece":
        made = tokenizers.Tokenizer(models.WordPiece(unk_token=UNKNOWN))
        made.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
        made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=size, **options)
    elif kind == "BPE":
        made = tokenizers.Tokenizer(models.BPE())
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(
            vocab_size=size + 200, initial_alphabet=alphabet, **options
        )
    else:
        made = tokenizers.Tokenizer(models.Unigram())
        made.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=size, unk_token=UNKNOWN, **options)
    made.train_from_iterator(DOCUMENTS, trainer)
    if template:
        made.post_processor = tokenizers.processors.TemplateProcessing(
            single=f"{START} $A {END}",
            pair=f"{START} $A {END} $B {END}",
            special_tokens=[(t, made.token_to_id(t)) for t in (START, END)],
        )
    return made


def written(directory, kind="WordPiece", table=None, config=None, **kwargs):
    """Writes a directory as libraries save a model, and returns the tokenizer.

    Args:
        directory: Path.
        kind: One of `KINDS`.
        table: Optional dictionary, the tensors of `model.safetensors`.
        config: Optional dictionary, what `config.json` holds.
    """
    made = trained(kind, **kwargs)
    directory.mkdir(exist_ok=True)
    made.save(str(directory / "tokenizer.json"))
    if config is not None:
        (directory / "config.json").write_text(json.dumps(config))
    if table is not None:
        import safetensors.numpy

        safetensors.numpy.save_file(table, directory / "model.safetensors")
    return made


def random_table(rows, dim=12, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, dim)).astype("float32")
