"""Does training in half precision stay finite? 500 steps at 8,192 tokens.

    KERAS_BACKEND=jax python benchmarks/half_precision.py
    KERAS_BACKEND=torch python benchmarks/half_precision.py --policy mixed_bfloat16

Trains a preset on simulated series (a tone in noise, two pitches; generated, not real)
with AdamW and, in mixed_float16, the loss scaling that Keras adds by itself. Prints the
loss as it goes; at the end the steps whose loss or whose weights were not finite (steps
that loss scaling skips do not count: they leave the weights alone), the last scale, and
the mean loss of the first and last fifty steps. Fails if any step was not finite.
"""

import argparse
import sys
import time

import environment
import keras
import numpy as np

import keras_maelre


def batch(generator, size, length):
    """Tones of two pitches in noise as strong as they are, and which they are."""
    labels = generator.integers(0, 2, size)
    pitch = np.where(labels == 1, 0.12, 0.1)[:, None]
    phase = generator.uniform(0, 6.28, (size, 1))
    tones = np.sin(pitch * np.arange(length) + phase)
    series = tones + generator.normal(size=(size, length))
    return series[..., None].astype("float32"), labels


def main(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="tiny_series")
    parser.add_argument("--policy", default="mixed_float16")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--length", type=int, default=8192)
    parser.add_argument("--batch-size", type=int, default=4)
    args = parser.parse_args(argv)
    keras.utils.set_random_seed(0)
    model = keras_maelre.MaelreClassifier.from_preset(
        args.preset, num_classes=2, input_shape=(args.length, 1), dtype=args.policy
    )
    model.compile(
        keras_maelre.training.AdamW(3e-4),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    generator = np.random.default_rng(0)
    losses, broken, begin = [], 0, time.perf_counter()
    for step in range(1, args.steps + 1):
        model.reset_metrics()
        losses.append(
            float(model.train_on_batch(*batch(generator, args.batch_size, args.length)))
        )
        finite = np.isfinite(losses[-1])
        if step % 25 == 0 or not finite:
            finite &= all(np.isfinite(w).all() for w in model.get_weights())
            print(f"step {step}: loss {np.mean(losses[-25:]):.3f}", flush=True)
        broken += not finite
    scale = getattr(model.optimizer, "dynamic_scale", None)
    print(
        f"{args.preset}, {args.policy}, {keras.backend.backend()}, {args.steps} steps "
        f"of {args.batch_size} x {args.length:,} tokens: {broken} not finite; loss "
        f"{np.mean(losses[:50]):.3f} -> {np.mean(losses[-50:]):.3f}; last loss scale "
        f"{'none' if scale is None else f'{float(scale):g}'}; "
        f"{time.perf_counter() - begin:.0f} s; simulated series; "
        f"{environment.one_line('keras', keras.backend.backend())}"
    )
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
