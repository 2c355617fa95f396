"""MeSH: what is this article about? Documents, several labels each.

    python examples/mesh.py                              # simulated abstracts, minutes
    python examples/mesh.py --data abstracts.parquet     # columns text, labels, split
    python examples/mesh.py --data MeSHup.json --preset base_text
    python examples/mesh.py --data reviews.csv --label-column label --one-label

`KERAS_BACKEND=tensorflow|jax|torch` selects the backend. A `_bytes` preset reads
UTF-8 bytes and needs no vocabulary; a `_text` preset reads byte-pair tokens, of
RoBERTa (`--tokenizer roberta_base_en`, which brings its frozen embeddings, or the
directory of a keras-hub preset) or of a vocabulary trained on the training documents.
The recipe is that of "Modality Agnostic Efficient Long Range Encoder" (arXiv
2507.19409), section 4.1.
Scores, with the commands that reached them, are in examples/README.md.
"""

import shared
from simulated import simulated_documents

from keras_maelre import datasets, preprocessing

DATA = (
    "a .csv or .parquet table with a column of texts, one of labels and, perhaps, one "
    "named split; or the .json file of MeSHup; simulated abstracts if left out"
)


def main(arguments=None):
    args = parse(arguments)
    shared.start(args)
    if args.data is None:
        data = simulated_documents(seed=args.seed)
        print("No --data given: SIMULATED abstracts. Scores do not carry over.")
    elif args.data.endswith(".json"):
        data = datasets.read_meshup(args.data, seed=args.seed)
    else:
        data = datasets.read_table(
            args.data,
            text=args.text_column,
            label=args.label_column,
            multi_label=not args.one_label,
            seed=args.seed,
        )
    length = args.length or (1024 if args.data is None else None)
    preprocessor, model = text_input(args, data, length)
    task = "text" if args.preset.endswith("_text") else "bytes"
    return shared.train(args, task, data, preprocessor, model)


def text_input(args, data, length):
    """The preprocessor, and what the model must be told of it."""
    shape = {"input_shape": (length,)} if length else {}
    if not args.preset.endswith("_text"):
        bytes_only = preprocessing.BytePreprocessor
        return bytes_only.from_preset(args.preset, truncate=True, **shape), None
    if args.tokenizer:
        preprocessor = preprocessing.TextPreprocessor.from_preset(
            args.preset, tokenizer=args.tokenizer, truncate=True, **shape
        )
        return preprocessor, {"token_embeddings": args.tokenizer}
    preprocessor = preprocessing.train_vocabulary(
        data.x_train, args.vocabulary_size, truncate=True, **shape
    )
    size = preprocessor.vocabulary_size
    # What is learned from thousands of documents is less than RoBERTa's 768 wide.
    return preprocessor, {"vocabulary_size": size, "embedding_dim": 128}


def parse(arguments):
    parser = shared.parser(
        __doc__, DATA, preset="tiny_bytes", batch_size=16, epochs=(30, 4)
    )
    parser.add_argument("--text-column", default="text", help="default: text")
    parser.add_argument("--label-column", default="labels", help="default: labels")
    parser.add_argument(
        "--one-label", action="store_true", help="every document has a single label"
    )
    parser.add_argument(
        "--length",
        type=shared.positive,
        help="bytes or tokens to read of a document, default: the preset's",
    )
    parser.add_argument(
        "--tokenizer", help="a RoBERTa preset of keras-hub or a directory of one"
    )
    parser.add_argument(
        "--vocabulary-size",
        type=shared.positive,
        default=8192,
        help="of the vocabulary that is trained without --tokenizer, default: 8192",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
