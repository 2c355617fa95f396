"""What `MaelreEstimator` makes of small real sets by default, beside a simple tool.

    KERAS_BACKEND=torch OMP_NUM_THREADS=1 python benchmarks/small_data.py \
        Worms.npz esc10/index.csv:5 imdb.parquet imagenette.npz --seconds 300

Data are series or encoded images (`.npz`), UCR files, tables of texts (`.parquet`, or
`.parquet:COLUMN` for multi-label ones) and lists of sounds (`.csv:FOLD`, the fold to
test on). The simple tool:
MiniRocket and ridge regression for series, words and a linear classifier for texts,
statistics of mel bands, or histograms of gradients and colors, and a support vector
machine for sounds and images. By default its features join the estimator's head; with
`--alone` the encoder decides without them.

Everything is chosen on the training samples; the test samples are looked at once.
`advises` in a row is whether an encoder alone warned of a simple tool that is better,
from what the training samples tell.
Seconds to train are those of the processor, whatever else the machine does.
Every row is written to `--output` once it is measured, and is not measured again.
"""

import argparse
import pathlib
import time

import keras
import numpy as np
from cpu_budget import cpu_budget
from kept_rows import read_rows, write_rows
from sklearn.metrics import f1_score

from keras_maelre import MaelreClassifier, MaelreEstimator, datasets
from keras_maelre.estimator import simple_tool
from keras_maelre.estimator.default_preprocessor import default_preprocessor
from keras_maelre.estimator.series_input import series_candidates
from keras_maelre.models.sample_batches import take


def main():
    args = parse()
    rows = read_rows(args.output)
    done = {(row["data"], row["tool"], row["seed"]) for row in rows}
    tools = {"simple tool": simple, "estimator": estimator}
    if args.alone:
        tools = {"encoder alone": alone}
    for path in args.data:
        modality, name, data = load(path)
        if args.share < 1:
            name = f"{name}, {args.share:.0%} of the training samples"
        for seed in range(args.first_seed, args.first_seed + args.seeds):
            for tool, make in tools.items():
                if (name, tool, seed) in done:
                    continue
                model = make(modality, data, args, seed)
                if model is None:
                    continue
                x, y, groups = share_of(data, args.share, seed)
                known = {"groups": groups} if isinstance(model, MaelreEstimator) else {}
                begin, cpu = time.monotonic(), time.process_time()
                with cpu_budget():
                    model.fit(x, y, **known)
                row = {"data": name, "tool": tool, "seed": seed}
                row["seconds"] = round(time.monotonic() - begin, 1)
                row["cpu_seconds"] = round(time.process_time() - cpu, 1)
                row |= scores(data, model.predict(data.x_test))
                found = getattr(model, "comparison_", None)
                if found is not None:
                    row["advises"] = "simple tool" if found.prefers_simple else "none"
                    row["comparison"] = str(found)
                row["backend"] = keras.backend.backend()
                rows.append(row)
                write_rows(args.output, rows)
                print(row, flush=True)
    print(table(rows))


def load(path):
    """Returns modality, name and data of a path."""
    path, _, part = path.partition(":")
    path = pathlib.Path(path)
    if path.suffix == ".parquet":
        labels = {"label": part, "multi_label": True} if part else {}
        return "text", path.stem, datasets.read_table(path, **labels)
    if part:
        name = f"{path.parent.name}, fold {part}"
        return "audio", name, datasets.read_sound_table(path, test_fold=int(part))
    if path.suffix == ".npz" and "jpeg" in np.load(path, allow_pickle=False):
        return "image", path.stem, datasets.read_image_archive(path)
    return "series", path.stem, datasets.load_series(path)


def whole_samples(modality, data, size):
    """Returns the estimator's preprocessor for data, of series at their full length."""
    if modality == "series":
        # Where mixers of tokens differ.
        return series_candidates(data.x_train)[-1]
    limit = MaelreClassifier.presets[f"{size}_{modality}"]["input_shape"]
    return default_preprocessor(modality, data.x_train, None, limit)


def scores(data, predicted):
    """Returns the scores of predicted test labels by their names."""
    if not data.multi_label:
        return {"accuracy": round(float(np.mean(predicted == data.y_test)), 4)}
    return {
        f"{kind}_f1": round(float(f1_score(data.y_test, predicted, average=kind)), 4)
        for kind in ("micro", "macro")
    }


def share_of(data, share, seed):
    """Returns samples, labels and groups of a share of the training samples."""
    x, y, groups = data.x_train, data.y_train, data.groups_train
    if share < 1:
        part = datasets.stratified_split(y, share, groups=groups, seed=seed)
        chosen = np.flatnonzero(part)
        x, y = take(x, chosen), y[chosen]
        groups = None if groups is None else groups[chosen]
    return x, y, groups


def estimator(modality, data, args, seed, extra="auto"):
    return MaelreEstimator(
        modality,
        time_limit=args.seconds,
        random_state=seed,
        extra_features=extra,
        verbose=2,
    )


def alone(modality, data, args, seed):
    return estimator(modality, data, args, seed, None)


def simple(modality, data, args, seed):
    return simple_tool(modality, data.multi_label, seed)


def table(rows):
    """Mean over seeds, as a Markdown table."""
    tools = list(dict.fromkeys(row["tool"] for row in rows))
    lines = ["| data | " + " | ".join(tools) + " |", "|---" * (1 + len(tools)) + "|"]
    for name in dict.fromkeys(row["data"] for row in rows):
        cells = []
        for tool in tools:
            found = [r for r in rows if (r["data"], r["tool"]) == (name, tool)]
            means = [
                f"{np.mean([row[score] for row in found]):.3f}"
                for score in ("accuracy", "micro_f1", "macro_f1")
                if found and score in found[0]
            ]
            if found:
                seconds = np.mean([row["seconds"] for row in found])
                means.append(f"({seconds:.0f} s)")
            cells.append(" ".join(means))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="+")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the training samples, for a curve"
    )
    parser.add_argument("--alone", action="store_true")
    parser.add_argument(
        "--output", type=pathlib.Path, default=pathlib.Path("small_data.json")
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
