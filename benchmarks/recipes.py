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
import dataclasses
import pathlib
import time

import keras
import numpy as np
from kept_rows import read_rows, write_rows
from small_data import load, scores, whole_samples
from three_doors import compile_plainly, decisions

from keras_maelre import MaelreClassifier, datasets, preprocessing, training
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
        data = judged_by_a_third(data, args)
        for steps in args.steps:
            for way, train in WAYS.items():
                if (name, way, steps, args.seed) in done:
                    continue
                row = {"data": name, "way": way, "asked": steps, "seed": args.seed}
                row |= measure(modality, data, train, steps, args)
                row["backend"] = keras.backend.backend()
                rows.append(row)
                write_rows(args.output, rows)
                print(row, flush=True)
    print(table(rows))


def judged_by_a_third(data, args):
    """Data whose test samples are a third of the training samples."""
    groups = data.groups_train
    held_out = datasets.stratified_split(data.y_train, 1 / 3, groups, args.seed)
    draw = np.random.default_rng(args.seed)
    learned, judged = (
        np.sort(draw.permutation(np.flatnonzero(part))[: args.samples])
        for part in (~held_out, held_out)
    )
    return dataclasses.replace(
        data,
        x_train=take(data.x_train, learned),
        y_train=data.y_train[learned],
        groups_train=None if groups is None else groups[learned],
        x_test=take(data.x_train, judged),
        y_test=data.y_train[judged],
    )


def measure(modality, data, train, steps, args):
    """Trains a new classifier, and returns what it scores on the samples that judge."""
    keras.utils.set_random_seed(args.seed)
    begin = time.process_time()

    def build(**arguments):
        return MaelreClassifier.from_preset(
            f"tiny_{modality}",
            class_names=data.class_names,
            multi_label=data.multi_label,
            preprocessor=preprocessor_for(modality, data, args),
            **arguments,
        )

    classifier, trained = train(build, modality, data, steps, args.seed)
    row = {"steps": trained, "cpu_seconds": round(time.process_time() - begin, 1)}
    return row | scores(data, decisions(classifier, data))


def preprocessor_for(modality, data, args):
    if modality == "series":
        return series_candidates(data.x_train)[0]
    if modality == "bytes":
        return preprocessing.BytePreprocessor((args.bytes,), truncate=True)
    return whole_samples(modality, data, "tiny")


def by_adamw(build, modality, data, steps, seed):
    classifier = build()
    compile_plainly(classifier, 3e-4)
    per_epoch = -(-len(data.x_train) // BATCH_SIZE)
    options = {"batch_size": BATCH_SIZE, "epochs": epochs_of(per_epoch, steps)}
    classifier.fit(data.x_train, data.y_train, **options, verbose=2)
    return classifier, int(classifier.optimizer.iterations)


def by_recipe(build, modality, data, steps, seed):
    return _fitted(training.recipe(modality), build(), data, steps, seed)


def by_small_data_recipe(build, modality, data, steps, seed):
    made = training.small_data_recipe(modality)
    return _fitted(made, build(pooling="blocks"), data, steps, seed)


def _fitted(recipe, classifier, data, steps, seed):
    x, y, groups = data.x_train, data.y_train, data.groups_train
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
