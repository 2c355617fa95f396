"""How do time and memory grow with the length, from a thousand tokens to a million?

    python benchmarks/scaling.py                      # small_series, about half an hour
    python benchmarks/scaling.py --quick              # tiny_series, minutes
    KERAS_BACKEND=jax python benchmarks/scaling.py --lengths 4096 16384

MAELRE (`attention="auto"`: linear while a block has more tokens than its width)
against the same model with dot-product attention in every block, on series of 1,024 to
1,048,576 steps, one token each; then a training step (AdamW) at 131,072 tokens. Layers
process `--chunk-size` tokens at a time, with recomputation in training.

Every row has a process of its own; the time is the median of three steps after one to
warm up (of one step, if it takes longer than a minute), the memory the peak of the
whole process, imports and compiler included. Rows that would take longer than
`--seconds`, as the last two of the same kind foretell, are left out, and said to be.
The exponent is the slope of a line through log(time) over log(tokens), from 4,096 to
262,144 tokens.
"""

import argparse
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import time

import environment

LENGTHS = [4**k for k in range(5, 11)]
TRAINING_LENGTH = 131_072
FITTED = (4_096, 262_144)


def measure(args):
    """Builds one model, times it, and prints a JSON line."""
    import keras
    import numpy as np

    import keras_maelre

    (length,) = args.lengths
    training = args.mode == "training"
    model = keras_maelre.MaelreClassifier.from_preset(
        args.preset,
        input_shape=(length, 1),
        attention=args.attention,
        chunk_size=args.chunk_size,
        remat=training,
    )
    generator = np.random.default_rng(0)
    x = generator.normal(size=(1, length, 1)).astype("float32")
    if training:
        model.compile(
            keras_maelre.training.AdamW(1e-4),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
    seconds = []
    while len(seconds) < 4 and (len(seconds) < 2 or seconds[-1] < 60):
        begin = time.perf_counter()
        if training:
            result = model.train_on_batch(x, np.zeros(1, int))
        else:
            result = model.predict_on_batch(x)
        seconds.append(time.perf_counter() - begin)
    if not np.isfinite(result).all():
        raise ArithmeticError(f"The result at {length} tokens is {result}.")
    print(
        json.dumps(
            {
                "mode": args.mode,
                "attention": args.attention,
                "tokens": length,
                "seconds": statistics.median(seconds[1:]),
                "peak_gib": environment.memory("VmHWM") / 2**30,
            }
        )
    )


def start(mode, attention, length, args):
    """Measures one row in a process of its own."""
    command = [sys.executable, __file__, "--worker", "--preset", args.preset]
    command += ["--mode", mode, "--attention", attention, "--lengths", str(length)]
    command += ["--chunk-size", str(args.chunk_size)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
    )
    if done.returncode:
        raise SystemExit(f"{mode} of {length} tokens failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def foretold(rows, length):
    """The time that the last two rows let expect, in seconds."""
    if len(rows) < 2:
        return 0
    one, other = rows[-2:]
    slope = math.log(other["seconds"] / one["seconds"]) / math.log(
        other["tokens"] / one["tokens"]
    )
    return other["seconds"] * (length / other["tokens"]) ** max(slope, 1)


def exponent(rows):
    """The slope of log(time) over log(tokens), or None with less than three rows."""
    points = [
        (math.log(row["tokens"]), math.log(row["seconds"]))
        for row in rows
        if FITTED[0] <= row["tokens"] <= FITTED[1]
    ]
    if len(points) < 3:
        return None
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def table(rows, attentions):
    lines = [
        "| tokens | "
        + " | ".join(f"{name}, s | {name}, GiB" for name in attentions.values())
        + " |",
        "|---|" + "---|---|" * len(attentions),
    ]
    inference = [row for row in rows if row["mode"] == "inference"]
    for length in sorted({row["tokens"] for row in inference}):
        cells = [f"{length:,}"]
        for attention in attentions:
            found = [
                row
                for row in inference
                if row["tokens"] == length and row["attention"] == attention
            ]
            cells += (
                [f"{found[0]['seconds']:.3g}", f"{found[0]['peak_gib']:.2f}"]
                if found
                else ["not run", ""]
            )
        lines.append(f"| {' | '.join(cells)} |")
    cells = ["exponent"]
    for attention in attentions:
        slope = exponent([row for row in inference if row["attention"] == attention])
        cells += ["" if slope is None else f"**{slope:.2f}**", ""]
    lines.append(f"| {' | '.join(cells)} |")
    for row in rows:
        if row["mode"] == "training":
            lines += [
                "",
                f"A training step at {row['tokens']:,} tokens: {row['seconds']:.3g} s, "
                f"peak {row['peak_gib']:.2f} GiB.",
            ]
    return "\n".join(lines)


def plot(rows, attentions, path):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6))
    for attention, name in attentions.items():
        chosen = [
            row
            for row in rows
            if row["mode"] == "inference" and row["attention"] == attention
        ]
        tokens = [row["tokens"] for row in chosen]
        for ax, key in zip(axes, ("seconds", "peak_gib"), strict=True):
            ax.loglog(tokens, [row[key] for row in chosen], "o-", label=name)
    for ax, label in zip(axes, ("seconds", "peak memory, GiB"), strict=True):
        ax.set_xlabel("tokens")
        ax.set_ylabel(label)
        ax.grid(alpha=0.3)
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="small_series")
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS)
    parser.add_argument("--training-length", type=int, default=TRAINING_LENGTH)
    parser.add_argument("--chunk-size", type=int, default=16_384)
    parser.add_argument("--seconds", type=float, default=300, help="of a row's step")
    parser.add_argument("--quick", action="store_true", help="tiny_series, shorter")
    parser.add_argument(
        "--output", type=pathlib.Path, default=pathlib.Path(__file__).parent / "results"
    )
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--mode", default="inference", help=argparse.SUPPRESS)
    parser.add_argument("--attention", default="auto", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.worker:
        return measure(args)
    if args.quick:
        args.preset, args.training_length = "tiny_series", 16_384
        args.lengths = [length for length in args.lengths if length <= 65_536]
    args.output.mkdir(parents=True, exist_ok=True)
    attentions = {"auto": "MAELRE", "dot": "dot product in all blocks"}
    rows = []
    for attention in attentions:
        own = []
        for length in args.lengths:
            if foretold(own, length) > args.seconds:
                print(f"{attention} {length:,}: left out, too slow", flush=True)
                continue
            own.append(start("inference", attention, length, args))
            print(json.dumps(own[-1]), flush=True)
        rows += own
    rows.append(start("training", "auto", args.training_length, args))
    print(json.dumps(rows[-1]), flush=True)

    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    text = (
        f"{table(rows, attentions)}\n\n{args.preset}, one series of one channel, "
        f"chunks of {args.chunk_size:,} tokens, float32, {backend}; "
        f"{environment.one_line('keras', backend, 'numpy')}.\n"
    )
    (args.output / "scaling.json").write_text(json.dumps(rows, indent=1) + "\n")
    (args.output / "scaling.md").write_text(text)
    plot(rows, attentions, args.output / "scaling.png")
    print(f"\n{text}")


if __name__ == "__main__":
    main()
