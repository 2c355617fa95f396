"""What untrained encoders are worth: test accuracy of linear probes, and seconds.

    KERAS_BACKEND=torch OMP_NUM_THREADS=1 python benchmarks/linear_probe.py A.npz B.npz

Takes series as `keras_maelre.datasets.load_series` does. The encoder has new weights;
`linear_probe` fits the head for every pooling and seed, on series averaged down to
`--steps` steps, with their differences as further channels, z-normalised. The last
column is a ridge classifier (scikit-learn) on features of windows of 1, 1/2 and 1/4 of
the length. With `--minutes` the head on all blocks is fine-tuned after the probe, and
what validates better is kept.

Every row is written to `--output` once it is measured, and is not measured again.
"""

import argparse
import dataclasses
import pathlib
import time

import keras
import numpy as np
from kept_rows import read_rows, write_rows
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import keras_maelre
from keras_maelre import augmentation, datasets, preprocessing, training
from keras_maelre.models.sample_batches import take

SCALES = (1, 2, 4)


def main():
    args = parse()
    rows = read_rows(args.output)
    done = {(row["data"], row["head"], row["seed"]) for row in rows}
    heads = {"cls": probe, "blocks": probe, "blocks, scales 1 2 4": scaled}
    if args.minutes:
        heads = {"blocks, fine-tuned": fine_tuned}
    for path in args.data:
        data = datasets.load_series(path)
        data = dataclasses.replace(
            data,
            x_train=with_differences(resized(data.x_train, args.steps)),
            x_test=with_differences(resized(data.x_test, args.steps)),
        )
        for seed in range(args.seeds):
            for head, measure in heads.items():
                if (data.name, head, seed) in done:
                    continue
                keras.utils.set_random_seed(seed)
                begin, cpu = time.monotonic(), time.process_time()
                row = {"data": data.name, "head": head, "seed": seed}
                row |= measure(data, head.partition(",")[0], args, seed)
                row["seconds"] = round(time.monotonic() - begin, 1)
                row["cpu_seconds"] = round(time.process_time() - cpu, 1)
                row["steps"], row["preset"] = args.steps, args.preset
                row["backend"] = keras.backend.backend()
                rows.append(row)
                write_rows(args.output, rows)
                print(row, flush=True)
    print(table(rows))


def resized(x, steps):
    """Means over `steps` equal parts of series, `(samples, length, channels)`."""
    x = np.asarray(x, "float64")
    sums = np.concatenate([np.zeros_like(x[:, :1]), np.cumsum(x, axis=1)], axis=1)
    edges = np.linspace(0, x.shape[1], steps + 1)
    left = np.minimum(edges.astype(int), x.shape[1] - 1)
    share = (edges - left)[:, None]
    sums = (1 - share) * sums[:, left] + share * sums[:, left + 1]
    return np.diff(sums, axis=1) * (steps / x.shape[1])


def with_differences(x):
    return np.concatenate([x, np.diff(x, axis=1, prepend=x[:, :1])], axis=-1)


def build(data, pooling, args):
    return keras_maelre.MaelreClassifier.from_preset(
        args.preset,
        class_names=data.class_names,
        pooling=pooling,
        preprocessor=preprocessing.SeriesPreprocessor(data.x_train.shape[1:]),
    )


def probe(data, pooling, args, seed):
    """Fits on all training samples; the test samples are looked at once."""
    classifier = build(data, pooling, args)
    report = training.linear_probe(classifier, data.x_train, data.y_train, seed=seed)
    return {
        "accuracy": accuracy(classifier, data.x_test, data.y_test),
        "held_out_accuracy": round(report.accuracy, 4),
    }


def scaled(data, pooling, args, seed):
    classifier = build(data, pooling, args)
    model = make_pipeline(StandardScaler(), RidgeClassifierCV(np.logspace(-1, 5, 13)))
    model.fit(classifier.embed(data.x_train, scales=SCALES), data.y_train)
    features = classifier.embed(data.x_test, scales=SCALES)
    return {"accuracy": round(float(model.score(features, data.y_test)), 4)}


def fine_tuned(data, pooling, args, seed):
    """A probe and what training makes of it; validation samples choose between them."""
    held = datasets.stratified_split(data.y_train, 0.2, seed=seed)
    inside, outside = np.flatnonzero(~held), np.flatnonzero(held)
    x, y = take(data.x_train, inside), data.y_train[inside]
    validation = take(data.x_train, outside), data.y_train[outside]
    classifier = build(data, pooling, args)
    training.linear_probe(classifier, x, y, seed=seed)
    probed = accuracy(classifier, *validation)
    recipe = training.recipe(
        "series", learning_rate=1e-3, mixing=[], augmentation=gentle_augmentation
    )
    recipe.fit(
        classifier,
        x,
        y,
        validation_data=validation,
        epochs=1000,
        time_limit=60 * args.minutes,
        seed=seed,
        verbose=0,
    )
    trained = accuracy(classifier, *validation)
    if probed > trained:
        keras.utils.set_random_seed(seed)
        classifier = build(data, pooling, args)
        training.linear_probe(classifier, data.x_train, data.y_train, seed=seed)
    return {
        "accuracy": accuracy(classifier, data.x_test, data.y_test),
        "validation_of_the_probe": probed,
        "validation_of_the_training": trained,
        "minutes": args.minutes,
    }


def gentle_augmentation(modality):
    """Without shifts, which the alignment of such series does not survive."""
    return [
        augmentation.TimeWarp(stddev=0.05, rate=0.5),
        augmentation.MagnitudeWarp(stddev=0.2, rate=0.5),
        augmentation.Scaling(stddev=0.1, rate=0.5),
        augmentation.Jitter(stddev=(0.0, 0.1), rate=0.5),
    ]


def accuracy(classifier, x, y):
    decided = np.argmax(classifier.predict_proba(x), axis=-1)
    return round(float(np.mean(decided == y)), 4)


def table(rows):
    """Mean over seeds, as a Markdown table."""
    heads = list(dict.fromkeys(row["head"] for row in rows))
    lines = ["| data | " + " | ".join(heads) + " |", "|---" * (1 + len(heads)) + "|"]
    for name in dict.fromkeys(row["data"] for row in rows):
        cells = []
        for head in heads:
            found = [r for r in rows if (r["data"], r["head"]) == (name, head)]
            if not found:
                cells.append("")
                continue
            mean = np.mean([row["accuracy"] for row in found])
            cpu = np.mean([row["cpu_seconds"] for row in found])
            cells.append(f"{mean:.3f} ({cpu:.0f} s)")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="+", type=pathlib.Path)
    parser.add_argument("--preset", default="tiny_series")
    parser.add_argument("--steps", type=int, default=256)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--minutes", type=float)
    parser.add_argument(
        "--output", type=pathlib.Path, default=pathlib.Path("linear_probe.json")
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
