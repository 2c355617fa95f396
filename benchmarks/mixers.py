"""What does a token cost in each kind of attention, and how does that grow?

    KERAS_BACKEND=torch OMP_NUM_THREADS=1 python benchmarks/mixers.py
    MALLOC_MMAP_THRESHOLD_=65536 KERAS_BACKEND=torch OMP_NUM_THREADS=1 \
        python benchmarks/mixers.py --lengths 65536 --repeats 1  # for the memory
    ... python benchmarks/mixers.py --grid --attention linear pool conv axial

One attention layer of `--width` and `--heads` (block 1 of the tiny presets by default)
on one sequence, forward, compiled where the backend compiles. CPU time, which other
work on the machine changes least: the least of `--repeats` runs after one to warm up,
in microseconds per token, and its ratio to linear attention. Memory is the peak of
the process during a run above what it held before (Linux; it means something only where
the C library returns what is freed, as the variable of the second command has it, which
costs time). Dot-product attention is left out
beyond `--longest-dot` tokens. With `--grid` the tokens lie on a grid, as near to a
square as their number allows; without, attention along rows and columns is left out.
"""

import argparse
import math
import pathlib
import time

import environment
import keras
import numpy as np

from keras_maelre.layers import EncoderLayer
from keras_maelre.layers.attention_kinds import ATTENTION_KINDS


def main(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lengths", type=int, nargs="+", default=[1024, 8192, 65_536])
    parser.add_argument("--attention", nargs="+", default=list(ATTENTION_KINDS))
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--heads", type=int, default=1)
    parser.add_argument("--window", type=int, default=32)
    parser.add_argument("--grid", action="store_true")
    parser.add_argument("--longest-dot", type=int, default=8192)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args(argv)
    print("| attention |" + "".join(f" {n:,} tokens |" for n in args.lengths))
    print("|---" * (1 + len(args.lengths)) + "|")
    baseline = {}
    for kind in args.attention:
        if kind == "axial" and not args.grid:
            continue
        cells = []
        for length in args.lengths:
            if kind == "dot" and length > args.longest_dot:
                cells.append("not run")
                continue
            micros, mib = measure(kind, length, args)
            baseline.setdefault(length, micros)
            cells.append(
                f"{micros:.2f} µs ({micros / baseline[length]:.1f}), {mib:.0f} MiB"
            )
        print(f"| {kind} | {' | '.join(cells)} |", flush=True)
    names = ("keras", keras.backend.backend(), "numpy")
    print(f"\nwidth {args.width}, float32; {environment.one_line(*names)}")


def measure(kind, length, args):
    """Microseconds of CPU per token, and MiB, of one forward pass."""
    grid = (length,)
    if args.grid:
        height = max(n for n in range(1, math.isqrt(length) + 1) if length % n == 0)
        grid = (height, length // height)
    layer = EncoderLayer(
        args.heads, kind, attention_window=args.window, grid_shape=grid
    )
    # The class token comes first.
    inputs = keras.Input((1 + length, args.width))
    model = keras.Model(inputs, layer.attention(inputs))
    generator = np.random.default_rng(0)
    x = generator.normal(size=(1, 1 + length, args.width)).astype("float32")
    seconds = []
    for _ in range(1 + args.repeats):
        reset_peak()
        before = environment.memory("VmRSS")
        begin = time.process_time()
        model.predict_on_batch(x)
        seconds.append(time.process_time() - begin)
        mib = (environment.memory("VmHWM") - before) / 2**20
    return 1e6 * min(seconds[1:]) / length, mib


def reset_peak():
    """The peak of the process begins anew; elsewhere than on Linux it does not."""
    path = pathlib.Path("/proc/self/clear_refs")
    if path.exists():
        path.write_text("5")


if __name__ == "__main__":
    main()
