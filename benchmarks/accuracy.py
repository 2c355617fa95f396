"""Which attention, and which merging, does best on real data in the same training?

    KERAS_BACKEND=torch OMP_NUM_THREADS=1 python benchmarks/accuracy.py \
        Worms.npz bonn_eeg.npz --attention linear dot window --epochs 30 --seeds 2
    ... python benchmarks/accuracy.py Worms.npz esc10/index.csv:5 --ablations

Data as in small_data.py. Each classifier is the preset `--size` of the modality, with
another kind of attention in blocks 1 and 2 (the last two, of few tokens, keep "dot";
other plans are four names with commas between), another way of merging, or with
`--ablations` what the paper leaves out in turn. `small_data_recipe` trains all of them
for the same epochs or the same seconds, without its linear probe, which would stand in
for whatever trains worse; the split, the seeds and the batches are the same.
Validation samples are held out of the training samples and choose the epoch; the test
samples are looked at once.

Every row is written to `--output` once it is measured, and is not measured again.
"""

import argparse
import math
import pathlib
import time

import keras
import numpy as np
from kept_rows import read_rows, write_rows
from sklearn.metrics import f1_score
from small_data import load

from keras_maelre import MaelreClassifier, count_macs
from keras_maelre.estimator.default_preprocessor import default_preprocessor
from keras_maelre.estimator.series_input import series_candidates
from keras_maelre.training import small_data_recipe

ABLATIONS = {
    "as in the paper": {},
    "all dot": {"attention": "dot"},
    "all linear": {"attention": "linear"},
    "no merging": {"merge": "none"},
    "average merging": {"merge": "average"},
    "linear merging": {"merge": "linear"},
}


def main():
    args = parse()
    rows = read_rows(args.output)
    done = {(row["data"], row["model"], row["seed"]) for row in rows}
    for seed in range(args.first_seed, args.first_seed + args.seeds):
        for path in args.data:
            modality, name, data = load(path)
            preprocessor = preprocess(modality, data, args)
            for model, changes in models(args).items():
                if (name, model, seed) in done:
                    continue
                row = {"data": name, "model": model, "seed": seed}
                row |= measure(modality, data, preprocessor, changes, args, seed)
                rows.append(row)
                write_rows(args.output, rows)
                print(row, flush=True)
    print(table(rows))


def models(args):
    """Names of rows, and what they change in the preset."""
    if args.ablations:
        return ABLATIONS
    made = {}
    for name in args.attention:
        plan = name.split(",")
        plan = (name, name, "dot", "dot") if len(plan) == 1 else tuple(plan)
        made[name] = {"attention": plan}
    return made | {f"{name} merging": {"merge": name} for name in args.merge}


def preprocess(modality, data, args):
    if modality == "series":
        # At full length: where the mixers differ.
        return series_candidates(data.x_train)[-1]
    limit = MaelreClassifier.presets[f"{args.size}_{modality}"]["input_shape"]
    return default_preprocessor(modality, data.x_train, None, limit)


def measure(modality, data, preprocessor, changes, args, seed):
    """Trains one classifier, and returns what came of it."""
    keras.utils.set_random_seed(seed)
    classifier = MaelreClassifier.from_preset(
        f"{args.size}_{modality}",
        class_names=data.class_names,
        multi_label=data.multi_label,
        pooling="blocks",
        preprocessor=preprocessor,
        **changes,
    )
    budget = {"epochs": args.epochs} if args.epochs else {"time_limit": args.seconds}
    begin, cpu = time.monotonic(), time.process_time()
    history = (
        small_data_recipe(modality, probe=False)
        .fit(
            classifier,
            data.x_train,
            data.y_train,
            validation_split=0.2,
            groups=data.groups_train,
            seed=seed,
            verbose=0,
            **{"epochs": 10**6, **budget},
        )
        .history
    )
    row = {
        "seconds": round(time.monotonic() - begin, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "epochs": len(history["loss"]),
        "weights": classifier.count_params(),
        "gmacs": round(count_macs(classifier) / 1e9, 3),
        "backend": keras.backend.backend(),
    }
    decided = classifier.decide(classifier.predict_proba(data.x_test))
    if data.multi_label:
        row["test"] = round(float(f1_score(data.y_test, decided, average="micro")), 4)
        return row
    correct = np.argmax(decided, axis=1) == data.y_test
    row["validation"] = round(max(history["val_accuracy"]), 4)
    return row | {"test": round(float(np.mean(correct)), 4)}


def table(rows):
    """Mean and standard deviation over seeds, as a Markdown table."""
    names = list(dict.fromkeys(row["data"] for row in rows))
    lines = ["| model | " + " | ".join(names) + " |", "|---" * (1 + len(names)) + "|"]
    for model in dict.fromkeys(row["model"] for row in rows):
        cells = []
        for name in names:
            found = [r for r in rows if (r["data"], r["model"]) == (name, model)]
            scores = [spread(found, key) for key in ("test", "validation")]
            epochs = np.mean([row["epochs"] for row in found]) if found else 0
            seconds = np.mean([row["cpu_seconds"] for row in found]) if found else 0
            spent = f"{epochs:.0f} epochs, {seconds:.0f} CPU s"
            cells.append("; ".join([*filter(None, scores), spent]) if found else "")
        lines.append(f"| {model} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def spread(rows, key):
    values = [row[key] for row in rows if key in row]
    if not values:
        return None
    deviation = np.std(values, ddof=1) if len(values) > 1 else math.nan
    return f"{key} {np.mean(values):.3f} ± {deviation:.3f}"


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="+")
    parser.add_argument("--attention", nargs="+", default=["linear", "dot"])
    parser.add_argument("--merge", nargs="+", default=[])
    parser.add_argument("--ablations", action="store_true")
    parser.add_argument("--size", default="tiny")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--epochs", type=int, help="in place of seconds")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument(
        "--output", type=pathlib.Path, default=pathlib.Path("accuracy.json")
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
