"""Whether two documents belong together: one encoder reads both.

The task Retrieval of "Long Range Arena": of the papers of the ACL Anthology Network,
does one cite the other? A linear layer on two encodings side by side could not compare
them, so their product and difference stand beside them.
"""

import json
import math
import pathlib
import time

import keras
import numpy as np

import keras_maelre
from keras_maelre import preprocessing, training

COLUMNS = 5  # label, two numbers of papers, two texts
SPLITS = ("train", "eval", "test")


def train(args, preset):
    """Trains on the pairs of a folder, and scores the test pairs.

    Args:
        args: What the command line of `long_range_arena.py` gave.
        preset: String, that of the backbone, which reads bytes.

    Returns:
        Dictionary of settings and scores.
    """
    pairs = {split: read_pairs(args.data, split) for split in SPLITS}
    print({split: len(labels) for split, (_, _, labels) in pairs.items()})
    preprocessor = preprocessing.BytePreprocessor((args.length,), truncate=True)
    batches, checked, tested = (
        PairBatches(*pairs[split], preprocessor, args.batch_size, args.seed, shuffle)
        for split, shuffle in zip(SPLITS, (True, False, False), strict=True)
    )
    backbone = keras_maelre.MaelreBackbone.from_preset(
        preset, input_shape=(args.length,)
    )
    model = two_towers(backbone)
    rate = args.learning_rate or 5e-4
    model.compile(
        training.AdamW(
            training.WarmupCosine(rate, args.epochs * len(batches), 0.06),
            weight_decay=0.05,
            global_clipnorm=1.0,
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    begin = time.monotonic()
    best = training.BestWeights("val_accuracy")
    model.fit(
        batches,
        epochs=args.epochs,
        validation_data=checked,
        callbacks=[best],
        shuffle=False,
        verbose=2,
    )
    seconds = time.monotonic() - begin
    accuracy = model.evaluate(tested, verbose=0, return_dict=True)["accuracy"]
    model.save(args.output / "two_towers.keras")
    result = {
        "task": args.task,
        "seed": args.seed,
        "epochs": args.epochs,
        "backend": keras.backend.backend(),
        "validation_accuracy": float(best.score),
        "accuracy": float(accuracy),
        "seconds": seconds,
    }
    (args.output / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    print(f"Test pairs: accuracy {accuracy:.3f}. Model and result: {args.output}/")
    return result


def two_towers(backbone, width=None):
    """Builds a classifier of pairs from one backbone, whose weights both share.

    Args:
        backbone: A `MaelreBackbone` of token ids.
        width: Integer, the units of the hidden layer; by default that of the backbone's
            tokens.

    Returns:
        A `keras.Model` from two arrays of ids to two logits.

    Reference:
        "Long Range Arena" (arXiv 2011.04006), section 2.2.3.
    """
    first, second = (
        keras.Input((None,), dtype="int32", name=name) for name in ("first", "second")
    )
    a, b = backbone(first)["cls"], backbone(second)["cls"]
    x = keras.layers.Concatenate()([a, b, a * b, a - b])
    x = keras.layers.Dense(width or a.shape[-1], activation="relu")(x)
    logits = keras.layers.Dense(2, dtype="float32", name="logits")(x)
    return keras.Model([first, second], logits)


def read_pairs(folder, split):
    """Reads the pairs of a split of AAN.

    Args:
        folder: String or path of a folder with one file whose name ends in `train.tsv`,
            `eval.tsv` or `test.tsv`. A row has no quotes and five fields: the label, 0
            or 1, the numbers of two papers, and their texts.
        split: String, `"train"`, `"eval"` or `"test"`.

    Returns:
        A list of texts, a list of texts and an integer array of labels.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If there are several, or a row is of another form.
    """
    found = sorted(pathlib.Path(folder).glob(f"*{split}.tsv"))
    if not found:
        raise FileNotFoundError(f"There is no file *{split}.tsv in {folder}")
    if len(found) > 1:
        raise ValueError(f"There must be one file *{split}.tsv. Received: {found}")
    texts, others, labels = [], [], []
    with open(found[0], encoding="utf-8", newline="\n") as file:
        for number, line in enumerate(file, start=1):
            fields = line.rstrip("\r\n").split("\t")
            if len(fields) != COLUMNS or not (fields[3] and fields[4]):
                raise ValueError(
                    f"{found[0]}, row {number}: must have a label, two numbers and two "
                    f"texts, with tabs between. Received: {len(fields)} fields"
                )
            if fields[0] not in ("0", "1", "0.0", "1.0"):
                raise ValueError(
                    f"{found[0]}, row {number}: the label must be 0 or 1. Received: "
                    f"{fields[0]!r}"
                )
            texts.append(fields[3])
            others.append(fields[4])
            labels.append(int(float(fields[0])))
    if not labels:
        raise ValueError(f"{found[0]} has no rows.")
    return texts, others, np.array(labels, "int32")


class PairBatches(keras.utils.PyDataset):
    """Batches of pairs of documents, as ids of one length.

    Args:
        texts: List of strings.
        others: List of strings.
        labels: Integer array.
        preprocessor: A `BytePreprocessor`.
        batch_size: Integer.
        seed: Integer.
        shuffle: Boolean, whether each epoch has an order of its own, and leaves out
            the pairs that are too few for a batch.
    """

    def __init__(
        self, texts, others, labels, preprocessor, batch_size, seed=0, shuffle=False
    ):
        super().__init__()
        self.texts, self.others, self.labels = texts, others, labels
        self.preprocessor = preprocessor
        self.batch_size = min(batch_size, len(labels))
        self.shuffle = shuffle
        self.generator = np.random.default_rng(seed)
        self.order = np.arange(len(labels))
        self.on_epoch_begin()

    def on_epoch_begin(self):
        if self.shuffle:
            self.order = self.generator.permutation(len(self.labels))

    def __len__(self):
        count = len(self.labels) / self.batch_size
        return math.floor(count) if self.shuffle else math.ceil(count)

    def __getitem__(self, index):
        chosen = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        ids = [
            np.asarray(self.preprocessor([texts[i] for i in chosen]))
            for texts in (self.texts, self.others)
        ]
        return tuple(ids), self.labels[chosen]
