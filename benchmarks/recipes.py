"""Is a recipe ever worse than plain AdamW? Accuracy after the same numbers of steps.

    KERAS_BACKEND=torch OMP_NUM_THREADS=1 python benchmarks/recipes.py \
        ShapesAll.npz Worms.npz cifar10_gray.npz imdb.parquet esc10/index.csv:5 \
        ohsumed.parquet:labels --steps 200 1000

Data as in small_data.py. A third of the training samples is held out to judge by, and
at most `--samples` of the others are learned from; the test samples are not looked at.
Every way trains the preset `tiny` on the same inputs in batches of 32: Keras' `fit`
with AdamW at a rate of 3e-4, to the last step; the recipe of the paper; and
`small_data_recipe`, with the head that it is made for. The recipes choose an epoch by a
tenth of what they learn from.

Every row is written to `--output` once it is measured, and is not measured again.
"""

import argparse
import pathlib
import time

import keras
import numpy as np
from kept_rows import read_rows, write_rows
from sklearn.metrics import f1_score
from small_data import load

from keras_maelre import MaelreClassifier, datasets, preprocessing, training
from keras_maelre.estimator.default_preprocessor import default_preprocessor
from keras_maelre.estimator.series_input import series_candidates
from keras_maelre.models.sample_batches import take

BATCH_SIZE = 32


def main():
    args = parse()
    rows = read_rows(args.output)
    done = {(r["data"], r["way"], r["asked"], r["seed"]) for r in rows}
    for path in args.data:
        modality, name, data = load(path)
        modality = "bytes" if args.bytes and modality == "text" else modality
        learned, judged = parts(data, args)
        for steps in args.steps:
            for way, train in WAYS.items():
                if (name, way, steps, args.seed) in done:
                    continue
                row = {"data": name, "way": way, "asked": steps, "seed": args.seed}
                row |= measure(modality, data, learned, judged, train, steps, args)
                row["backend"] = keras.backend.backend()
                rows.append(row)
                write_rows(args.output, rows)
                print(row, flush=True)
    print(table(rows))


def parts(data, args):
    """Which training samples are learned from, and which judge."""
    groups = data.groups_train
    held_out = datasets.stratified_split(data.y_train, 1 / 3, groups, args.seed)
    learned, judged = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    draw = np.random.default_rng(args.seed)
    learned = np.sort(draw.permutation(learned)[: args.samples])
    return learned, np.sort(draw.permutation(judged)[: args.samples])


def measure(modality, data, learned, judged, train, steps, args):
    """Trains a new classifier, and returns what it scores on the samples that judge."""
    keras.utils.set_random_seed(args.seed)
    x, y = take(data.x_train, learned), data.y_train[learned]
    groups = None if data.groups_train is None else data.groups_train[learned]
    begin = time.process_time()

    def build(**arguments):
        return MaelreClassifier.from_preset(
            f"tiny_{modality}",
            class_names=data.class_names,
            multi_label=data.multi_label,
            preprocessor=preprocessor_for(modality, x, args),
            **arguments,
        )

    classifier, trained = train(build, modality, x, y, groups, steps, args.seed)
    row = {"steps": trained, "cpu_seconds": round(time.process_time() - begin, 1)}
    decided = classifier.decide(classifier.predict_proba(take(data.x_train, judged)))
    truth = data.y_train[judged]
    if data.multi_label:
        row["micro_f1"] = round(float(f1_score(truth, decided, average="micro")), 4)
    else:
        correct = np.argmax(decided, axis=-1) == truth
        row["accuracy"] = round(float(np.mean(correct)), 4)
    return row


def preprocessor_for(modality, x, args):
    if modality == "series":
        return series_candidates(x)[0]
    if modality == "bytes":
        return preprocessing.BytePreprocessor((args.bytes,), truncate=True)
    limit = MaelreClassifier.presets[f"tiny_{modality}"]["input_shape"]
    return default_preprocessor(modality, x, None, limit)


def by_adamw(build, modality, x, y, groups, steps, seed):
    classifier = build()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    if classifier.multi_label:
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
    classifier.compile(keras.optimizers.AdamW(3e-4), loss)
    per_epoch = -(-len(x) // BATCH_SIZE)
    epochs = epochs_of(per_epoch, steps)
    classifier.fit(x, y, batch_size=BATCH_SIZE, epochs=epochs, verbose=2)
    return classifier, epochs * per_epoch


def by_recipe(build, modality, x, y, groups, steps, seed):
    return _fitted(training.recipe(modality), build(), x, y, groups, steps, seed)


def by_small_data_recipe(build, modality, x, y, groups, steps, seed):
    made = training.small_data_recipe(modality)
    return _fitted(made, build(pooling="blocks"), x, y, groups, steps, seed)


def _fitted(recipe, classifier, x, y, groups, steps, seed):
    held_out = datasets.stratified_split(y, 0.1, groups, seed, every_class=False)
    learned, chosen_by = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    per_epoch = max(1, len(learned) // BATCH_SIZE)
    recipe.fit(
        classifier,
        take(x, learned),
        y[learned],
        validation_data=(take(x, chosen_by), y[chosen_by]),
        groups=None if groups is None else groups[learned],
        epochs=epochs_of(per_epoch, steps),
        batch_size=BATCH_SIZE,
        seed=seed,
        verbose=2,
    )
    return classifier, int(classifier.optimizer.iterations)


WAYS = {
    "AdamW": by_adamw,
    "recipe": by_recipe,
    "small_data_recipe": by_small_data_recipe,
}


def epochs_of(per_epoch, steps):
    return max(1, round(steps / per_epoch))


def table(rows):
    """Mean over seeds, as a Markdown table."""
    lines = ["| data | steps | " + " | ".join(WAYS) + " |", "|---" * 5 + "|"]
    for name, steps in dict.fromkeys((row["data"], row["asked"]) for row in rows):
        cells = []
        for way in WAYS:
            found = [
                row.get("accuracy", row.get("micro_f1"))
                for row in rows
                if (row["data"], row["asked"], row["way"]) == (name, steps, way)
            ]
            cells.append(f"{np.mean(found):.3f}" if found else "")
        lines.append(f"| {name} | {steps} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="+")
    parser.add_argument("--steps", type=int, nargs="+", default=[200, 1000, 5000])
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument(
        "--bytes", type=int, help="Read texts as so many bytes instead of as words."
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--output", type=pathlib.Path, default=pathlib.Path("recipes.json")
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
