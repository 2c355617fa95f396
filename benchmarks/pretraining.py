"""Is it worth pretraining? Test accuracy with and without, at equal numbers of steps.

    KERAS_BACKEND=torch OMP_NUM_THREADS=1 python benchmarks/pretraining.py \
        ShapesAll.npz:600 cifar10_gray_12k.npz:2000 imdb_10k.parquet:500

Data are series (`.npz`, see `keras_maelre.datasets.read_npz`), averaged down to
`--length`, and tables of texts (`.parquet`), whose first `--bytes` are read; after the
colon, how many of the training samples keep their labels. Without pretraining,
`small_data_recipe` trains on those for `--steps` steps; with it, `pretrain` learns from
all training samples, or as many as that time allows for, for half of the steps, and the
recipe trains for the other half. A tenth of the labeled samples chooses the epoch; the
test samples are looked at once.

Steps rather than seconds are equal, so that a busy machine does not decide; what they
took of the CPU is in the table. Every row is written to `--output` once it is measured,
and is not measured again.
"""

import argparse
import pathlib
import time

import keras
import numpy as np
from kept_rows import read_rows, write_rows

from keras_maelre import MaelreClassifier, datasets, preprocessing, training
from keras_maelre.models.sample_batches import take

# What of the steps goes into pretraining.
WAYS = {"labels alone": 0.0, "pretrained": 0.5}
BATCH_SIZE = 32


def main():
    args = parse()
    rows = read_rows(args.output)
    done = {(row["data"], row["way"], row["seed"]) for row in rows}
    for path in args.data:
        modality, name, data, labels = load(path)
        for seed in range(args.seeds):
            for way, share in WAYS.items():
                if (name, way, seed) in done:
                    continue
                row = {"data": name, "way": way, "seed": seed}
                row |= measure(modality, data, labels, share, args, seed)
                row["backend"] = keras.backend.backend()
                rows.append(row)
                write_rows(args.output, rows)
                print(row, flush=True)
    print(table(rows))


def load(path):
    """Returns modality, name, data and the number of labels of a path."""
    path, _, labels = path.rpartition(":")
    path, labels = pathlib.Path(path), int(labels)
    if path.suffix == ".parquet":
        modality, data = "bytes", datasets.read_table(path)
    else:
        modality, data = "series", datasets.read_npz(path)
    return modality, f"{path.stem}, {labels} of {len(data.x_train)}", data, labels


def measure(modality, data, labels, share, args, seed):
    """Trains a new classifier for all of the steps, a share of them without labels."""
    keras.utils.set_random_seed(seed)
    begin, row = time.process_time(), {}
    classifier = build(modality, data, args)
    if share:
        # No more than fill one epoch of so many steps.
        most = int(share * args.steps * BATCH_SIZE / 0.9) + 1
        count = min(most, len(data.x_train))
        seen = np.arange(count) * len(data.x_train) // count
        history = training.pretrain(
            classifier,
            take(data.x_train, seen),
            epochs=epochs_of(count, share * args.steps),
            batch_size=BATCH_SIZE,
            seed=seed,
            verbose=2,
        )
        row["epochs_of_pretraining"] = len(history.epoch)
        row["hidden_loss"] = round(history.best_score, 3)
    chosen = np.arange(len(data.y_train))
    if labels < len(chosen):
        part = datasets.stratified_split(data.y_train, labels / len(chosen), seed=seed)
        chosen = np.flatnonzero(part)
    history = training.small_data_recipe(modality).fit(
        classifier,
        take(data.x_train, chosen),
        data.y_train[chosen],
        epochs=epochs_of(len(chosen), (1 - share) * args.steps),
        batch_size=BATCH_SIZE,
        seed=seed,
        verbose=2,
    )
    row["best_epoch"] = history.best_epoch
    row["validation"] = round(history.best_score, 4)
    row["cpu_seconds"] = round(time.process_time() - begin, 1)
    decided = np.argmax(classifier.predict_proba(data.x_test), axis=-1)
    row["accuracy"] = round(float(np.mean(decided == data.y_test)), 4)
    return row


def epochs_of(samples, steps):
    """How many epochs of the nine tenths that are trained on have so many steps."""
    return max(1, round(steps / (0.9 * samples // BATCH_SIZE)))


def build(modality, data, args):
    if modality == "bytes":
        made = preprocessing.BytePreprocessor((args.bytes,), truncate=True)
    else:
        shape = (args.length, data.x_train.shape[-1])
        made = preprocessing.SeriesPreprocessor(shape, resize=True)
    return MaelreClassifier.from_preset(
        f"tiny_{modality}",
        class_names=data.class_names,
        pooling="blocks",
        preprocessor=made,
    )


def table(rows):
    """Mean over seeds, as a Markdown table."""
    lines = ["| data | " + " | ".join(WAYS) + " |", "|---" * (1 + len(WAYS)) + "|"]
    for name in dict.fromkeys(row["data"] for row in rows):
        cells = []
        for way in WAYS:
            found = [r for r in rows if (r["data"], r["way"]) == (name, way)]
            cells.append("")
            if found:
                score = np.mean([row["accuracy"] for row in found])
                seconds = np.mean([row["cpu_seconds"] for row in found])
                cells[-1] = f"{score:.3f} ({seconds:.0f} s)"
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="+")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--bytes", type=int, default=384)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument(
        "--output", type=pathlib.Path, default=pathlib.Path("pretraining.json")
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
