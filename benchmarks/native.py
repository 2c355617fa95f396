"""How fast are the Keras models beside plain PyTorch, and beside the machine's limit?

    python benchmarks/native.py                          # three backends, base presets
    python benchmarks/native.py --quick                  # tiny presets, minutes
    python benchmarks/native.py --backends torch --presets base_series --modes training

For every backend, one after the other, a process of its own builds the Keras classifier
and the plain PyTorch model with the same weights (benchmarks/plain_torch.py), and times
them in turn: Keras, plain, Keras, plain... Medians, and the ratio of the medians; below
1 the Keras model is faster. With `--compiled`, the plain model under `torch.compile`
takes part too in the torch process (that needs a C++ compiler). With `--dtype` the
Keras model is in another precision; the plain one and the product stay in float32.
Token ids are drawn as words are, by Zipf's law: few of them often.

Inference is `predict_on_batch`, a training step `train_on_batch` with AdamW and
cross-entropy: what `predict` and `fit` do for each batch. Training steps are compiled
by XLA on JAX and TensorFlow (`jit_compile=True`), eager on torch.

The utilisation is the share of the speed of a large matrix product (float32, 2048 x
2048) of the same backend, timed in turn with the others: two operations for each
multiply-accumulate of `count_macs`, three times as many for a training step. What a
model need not compute after all counts nevertheless: the stem of text, once for each
distinct token, and the gradient of inputs.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import environment

BACKENDS = ("torch", "jax", "tensorflow")
PRESETS = ("base_series", "base_image", "base_audio", "base_text")
MODES = ("inference", "training")
NUM_CLASSES = 10
WARMUP = 2
# Of the matrix product that shows what the machine can do.
SIZE = 2048


def measure_backend(args):
    """Measures one backend in this process and prints a JSON line per row."""
    import numpy as np
    import plain_torch  # torch before TensorFlow
    import torch

    import keras_maelre

    for preset in args.presets:
        for mode in args.modes:
            # The paper trains with the token table frozen.
            frozen = {"trainable_embeddings": False} if "_text" in preset else {}
            classifier = keras_maelre.MaelreClassifier.from_preset(
                preset, num_classes=NUM_CLASSES, dtype=args.dtype, **frozen
            )
            plain = plain_torch.Maelre.from_keras(classifier)
            x = plain_torch.random_inputs(classifier, args.batch_size)
            if classifier.modality.dtype == "int32":
                x = zipf_ids(x.shape, classifier.modality.vocabulary_size)
            y = np.arange(args.batch_size) % NUM_CLASSES
            contenders = {
                "product": matrix_product(),
                "keras": keras_step(classifier, x, y, mode),
                "plain": plain_step(plain, x, y, mode),
            }
            if args.compiled and classifier_backend() == "torch":
                other = plain_torch.Maelre.from_keras(classifier)
                contenders["compiled"] = plain_step(
                    torch.compile(other, dynamic=False), x, y, mode
                )
            seconds = alternate(contenders, args.repeats)
            # A step backwards costs two products for each one forwards.
            products = 1 if mode == "inference" else 3
            macs = keras_maelre.count_macs(classifier) * args.batch_size * products
            speed = 2 * macs / seconds["keras"]
            best = 2 * SIZE**3 / seconds["product"]
            print(
                json.dumps(
                    {
                        "backend": classifier_backend(),
                        "preset": preset,
                        "mode": mode,
                        "milliseconds": {k: 1e3 * v for k, v in seconds.items()},
                        "ratio": seconds["keras"] / seconds["plain"],
                        "gigaflops": speed / 1e9,
                        "product_gigaflops": best / 1e9,
                        "utilisation": speed / best,
                        "threads": torch.get_num_threads(),
                    }
                ),
                flush=True,
            )


def zipf_ids(shape, vocabulary_size):
    """Token ids without padding, the k-th most frequent with a chance as 1 / k."""
    import numpy as np

    generator = np.random.default_rng(0)
    chances = 1 / np.arange(1, vocabulary_size - 1)
    return generator.choice(
        np.arange(2, vocabulary_size, dtype="int32"), shape, p=chances / chances.sum()
    )


def classifier_backend():
    import keras

    return keras.backend.backend()


def matrix_product():
    """A function that computes one float32 matrix product on the backend."""
    import keras
    import numpy as np

    a = keras.ops.convert_to_tensor(
        np.random.default_rng(0).normal(size=(SIZE, SIZE)).astype("float32")
    )
    return lambda: keras.ops.convert_to_numpy(keras.ops.matmul(a, a)[:1, :1])


def keras_step(classifier, x, y, mode):
    if mode == "inference":
        return lambda: classifier.predict_on_batch(x)
    import keras

    import keras_maelre

    classifier.compile(
        keras_maelre.training.AdamW(1e-4),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        # On CPUs Keras' own choice is XLA on JAX, but not on TensorFlow.
        jit_compile=keras.backend.backend() != "torch",
    )
    return lambda: classifier.train_on_batch(x, y)


def plain_step(model, x, y, mode):
    import torch

    x, y = torch.from_numpy(x), torch.from_numpy(y)
    if mode == "inference":

        def step():
            with torch.inference_mode():
                return model(x).numpy()

        return step
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=4e-3)

    def step():
        loss = torch.nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def alternate(contenders, repeats):
    """Median seconds of each, taken in turn, so that a noisy machine disturbs all."""
    seconds = {name: [] for name in contenders}
    for i in range(WARMUP + repeats):
        for name, step in contenders.items():
            begin = time.perf_counter()
            step()
            if i >= WARMUP:
                seconds[name].append(time.perf_counter() - begin)
    return {name: statistics.median(values) for name, values in seconds.items()}


# === The run over all backends ===


def run_backend(backend, args):
    """Starts the process of one backend, and yields its rows."""
    command = [sys.executable, __file__, "--worker", "--batch-size"]
    command += [str(args.batch_size), "--repeats", str(args.repeats), "--presets"]
    command += [*args.presets, "--modes", *args.modes, "--dtype", args.dtype]
    if args.compiled:
        command.append("--compiled")
    variables = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=variables
    ) as process:
        for line in process.stdout:
            if line.startswith("{"):
                yield json.loads(line)
    if process.returncode:
        raise SystemExit(f"The process of backend {backend} failed.")


def table(rows):
    compiled = any("compiled" in row["milliseconds"] for row in rows)
    names = ["preset", "step", "backend", "Keras, ms", "plain torch, ms", "ratio"]
    names += ["compiled torch, ms"] * compiled + ["GFLOP/s", "of a product's"]
    lines = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    order = {preset: i for i, preset in enumerate(PRESETS)}
    for row in sorted(rows, key=lambda r: (r["mode"], order.get(r["preset"], 9))):
        ms = row["milliseconds"]
        cells = [row["preset"], row["mode"], row["backend"]]
        cells += [f"{ms['keras']:.0f}", f"{ms['plain']:.0f}", f"{row['ratio']:.2f}"]
        if compiled:
            cells.append(f"{ms['compiled']:.0f}" if "compiled" in ms else "")
        cells += [f"{row['gigaflops']:.0f}", f"{row['utilisation']:.0%}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def report(rows, args):
    if not rows:
        return "No rows yet."
    return (
        f"{table(rows)}\n\n"
        f"Batches of {args.batch_size}; Keras in {args.dtype}, torch in float32; "
        f"medians of {args.repeats} steps after {WARMUP}; "
        f"{rows[0]['threads']} thread(s); "
        f"{environment.one_line('keras', 'torch', 'jax', 'tensorflow', 'numpy')}.\n"
    )


def plot(rows, path):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    modes = list(dict.fromkeys(row["mode"] for row in rows))
    figure, axes = plt.subplots(
        1, len(modes), figsize=(5 * len(modes), 3.5), sharey=True, squeeze=False
    )
    presets = list(dict.fromkeys(row["preset"] for row in rows))
    backends = list(dict.fromkeys(row["backend"] for row in rows))
    for ax, mode in zip(axes[0], modes, strict=True):
        for i, backend in enumerate(backends):
            chosen = {
                row["preset"]: row["ratio"]
                for row in rows
                if row["mode"] == mode and row["backend"] == backend
            }
            shift = 0.25 * (i - (len(backends) - 1) / 2)
            positions = [p + shift for p in range(len(presets))]
            heights = [chosen.get(preset, 0) for preset in presets]
            ax.bar(positions, heights, 0.23, label=backend)
        ax.axhline(1, color="black", linewidth=0.8)
        ax.set_xticks(range(len(presets)), presets)
        ax.set_title(mode)
        ax.set_ylim(0, 1.5)
    axes[0][0].set_ylabel("time / time of plain torch")
    axes[0][0].legend(ncols=len(backends), loc="upper left")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backends", nargs="+", default=BACKENDS, choices=BACKENDS)
    parser.add_argument("--presets", nargs="+", default=None)
    parser.add_argument("--modes", nargs="+", default=MODES, choices=MODES)
    parser.add_argument("--batch-size", type=int, default=2, help="default: 2")
    parser.add_argument("--repeats", type=int, default=7, help="default: 7")
    parser.add_argument(
        "--dtype", default="float32", help="of the Keras models, such as mixed_bfloat16"
    )
    parser.add_argument("--quick", action="store_true", help="the tiny presets")
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        default=pathlib.Path(__file__).parent / "results",
        help="folder of native.json, native.md and native.png",
    )
    parser.add_argument(
        "--compiled",
        action="store_true",
        help="also the plain model under torch.compile, which takes minutes a row",
    )
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.presets is None:
        args.presets = [
            preset.replace("base", "tiny") if args.quick else preset
            for preset in PRESETS
        ]
    if args.worker:
        return measure_backend(args)
    args.output.mkdir(parents=True, exist_ok=True)
    rows = []
    for backend in args.backends:
        for row in run_backend(backend, args):
            rows.append(row)
            print(
                f"{row['backend']:10} {row['preset']:12} {row['mode']:9} "
                f"ratio {row['ratio']:.2f}, utilisation {row['utilisation']:.0%}",
                flush=True,
            )
            (args.output / "native.json").write_text(json.dumps(rows, indent=1) + "\n")
    text = report(rows, args)
    (args.output / "native.md").write_text(text)
    plot(rows, args.output / "native.png")
    print(f"\n{text}")


if __name__ == "__main__":
    main()
