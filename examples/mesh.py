"""MeSH: what is this article about? Multi-label documents.

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

import time

import shared
from simulated import simulated_documents

import keras_maelre
from keras_maelre import datasets, preprocessing, training

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
    preprocessor, options = text_input(args, data)
    print(data.describe())
    classifier = keras_maelre.MaelreClassifier.from_preset(
        args.preset,
        class_names=data.class_names,
        multi_label=data.multi_label,
        preprocessor=preprocessor,
        **options,
    )
    recipe = training.recipe(classifier.modality, **shared.changes(args))
    shared.initialize(args, classifier)
    begin = time.monotonic()
    history = recipe.fit(
        classifier,
        data.x_train,
        data.y_train,
        groups=data.groups_train,
        **shared.fit_options(args),
    )
    return shared.report(args, data, classifier, history, time.monotonic() - begin)


def text_input(args, data):
    """Returns the preprocessor, and what else a model must be told."""
    length = args.length or (1024 if args.data is None else None)
    shape = {"input_shape": (length,)} if length else {}
    if args.preset not in keras_maelre.MaelreClassifier.presets:
        if args.tokenizer:
            raise ValueError("--tokenizer is for built-in presets only.")
        saved = keras_maelre.MaelreClassifier.from_preset(args.preset).preprocessor
        if saved is None:
            raise ValueError(f"{args.preset} was saved without a preprocessor.")
        saved = type(saved).from_config({**saved.get_config(), **shape})
        return saved, {"input_shape": saved.input_shape}
    if not args.preset.endswith("_text"):
        if args.tokenizer:
            raise ValueError(f"--tokenizer is for text presets, not for {args.preset}.")
        bytes_only = preprocessing.BytePreprocessor
        return bytes_only.from_preset(args.preset, truncate=True, **shape), {}
    if args.tokenizer:
        preprocessor = preprocessing.TextPreprocessor.from_preset(
            args.preset, tokenizer=args.tokenizer, truncate=True, **shape
        )
        return preprocessor, {"token_embeddings": args.tokenizer}
    preprocessor = preprocessing.TextPreprocessor.from_documents(
        data.x_train, args.vocabulary_size, truncate=True, **shape
    )
    # What is learned from thousands of documents is less than RoBERTa's 768 wide.
    return preprocessor, {"embedding_dim": 128}


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
