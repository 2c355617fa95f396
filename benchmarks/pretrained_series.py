"""Do weights that learned from synthetic series read real ones better than new weights?

    KERAS_BACKEND=jax python benchmarks/pretrained_series.py train my_preset
    KERAS_BACKEND=torch OMP_NUM_THREADS=1 python benchmarks/pretrained_series.py \
        probe Worms.npz ShapesAll.npz --presets tiny_series_synthetic my_preset

`train` shows a `tiny_series` of 256 steps and their differences two parts of every
synthetic series (synthetic_series.py), each stretched to the whole; it learns to find
the other part among those of the batch, from its statistics of all blocks, as SimCLR
does (arXiv 2002.05709, section 2). The preset is written now and then, with the loss so
far, and holds float16.

`probe` fits the head to the training samples of real sets by `linear_probe`, on each of
`--presets` and on `--controls` encoders with new weights, and looks at the test samples
once. Every row is written to `--output` once it is measured, and is not measured again.
"""

import argparse
import json
import pathlib
import time
import warnings

import keras
import numpy as np
from kept_rows import read_rows, write_rows
from keras import ops
from synthetic_series import synthetic_series

from keras_maelre import MaelreBackbone, MaelreClassifier, ModelCard, datasets
from keras_maelre.preprocessing import Differences, SeriesPreprocessor, ZNormalize
from keras_maelre.training import linear_probe

LENGTH = 256
RAW = 512  # steps of the series that views are cut from
# Of the contrastive loss, its learning rate and its views.
TEMPERATURE = 0.1
PROJECTED = 128
WARMUP = 0.05
NOISE = 0.2
STEPS = 50  # between two looks at the clock

CARD = ModelCard(
    data=(
        "Synthetic series of benchmarks/synthetic_series.py alone: Gaussian processes "
        "of composed kernels, and functions of sums of them."
    ),
    recipe=(
        "Contrast of two parts of each series, 50 to 100 % of it, stretched to 256 "
        "steps (benchmarks/pretrained_series.py)."
    ),
    limits="It reads one z-normalized channel and its differences.",
    license="apache-2.0",
    tags=["time-series-classification"],
)


def main(arguments=None):
    args = parse(arguments)
    args.run(args)


# === Training ===


class Contrast(keras.Model):
    """Tells pairs of views by the cosine of their outputs."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, **kwargs):
        made = ops.normalize(y_pred, axis=-1)
        count = made.shape[0]
        logits = ops.matmul(made, ops.transpose(made)) / TEMPERATURE
        logits = logits - 1e9 * ops.eye(count, dtype=logits.dtype)
        other = (np.arange(count) + count // 2) % count
        losses = ops.sparse_categorical_crossentropy(other, logits, from_logits=True)
        return ops.mean(losses)


class Views(keras.layers.Layer):
    """Two parts of every series, in the form that `SeriesPreprocessor` gives series.

    Returns all first ones, then all second ones.
    """

    def __init__(self, batch_size, length, smallest, seed, **kwargs):
        super().__init__(**kwargs)
        self.batch_size, self.length, self.smallest = batch_size, length, smallest
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.normalize, self.differences = ZNormalize(), Differences()

    def call(self, series):
        count, steps = self.batch_size, series.shape[1]
        # TensorFlow traces batches of any size.
        series = ops.reshape(ops.concatenate([series, series]), (2 * count, steps))
        share = self.draw(2 * count, self.smallest, 1.0)
        begin = (1.0 - share) * self.draw(2 * count, 0.0, 1.0)
        time = ops.linspace(0.0, 1.0, self.length, dtype="float32")
        places = (begin + share * time) * (steps - 1)
        below = ops.minimum(ops.floor(places), steps - 2.0)
        index = ops.cast(below, "int32")
        left = ops.take_along_axis(series, index, axis=1)
        right = ops.take_along_axis(series, index + 1, axis=1)
        made = left + (places - below) * (right - left)
        noise = keras.random.normal(made.shape, seed=self.seed_generator)
        made = made + self.draw(2 * count, 0.0, NOISE) * noise
        return self.differences(self.normalize(made[..., None]))

    def draw(self, count, low, high):
        return keras.random.uniform((count, 1), low, high, seed=self.seed_generator)


class Batches(keras.utils.PyDataset):
    """So many batches of series."""

    def __init__(self, series, batch_size, steps, seed):
        super().__init__()
        self.series, self.batch_size, self.steps = series, batch_size, steps
        self.rng = np.random.default_rng(seed)

    def __len__(self):
        return self.steps

    def __getitem__(self, index):
        chosen = self.rng.integers(len(self.series), size=self.batch_size)
        return self.series[chosen], np.zeros(self.batch_size, "int32")


def classifier(preset, classes, length=LENGTH):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*the head is new and must be trained")
        return MaelreClassifier.from_preset(
            preset,
            dtype="float32",
            pooling="blocks",
            preprocessor=SeriesPreprocessor((length, 2), resize=True, differences=True),
            num_classes=classes,
        )


def train(args):
    keras.utils.set_random_seed(args.seed)
    begin = time.monotonic()
    series = synthetic_series(args.series, RAW, args.seed)
    print(f"{len(series)} series, {time.monotonic() - begin:.0f} s", flush=True)
    encoder = classifier("tiny_series", 2, args.length)
    # The head is not trained, but what it sees.
    seen = keras.Model(encoder.input, encoder.standardization.output)
    inputs = keras.Input(batch_shape=(args.batch_size, RAW))
    outputs = seen(
        Views(args.batch_size, args.length, args.smallest, args.seed)(inputs)
    )
    outputs = keras.layers.Dense(2 * PROJECTED, activation="gelu")(outputs)
    outputs = keras.layers.Dense(PROJECTED)(outputs)
    model = Contrast(inputs, outputs)
    model.compile(keras.optimizers.AdamW(1e-6, weight_decay=0.01, clipnorm=1.0))
    batches = Batches(series, args.batch_size, STEPS, args.seed)
    steps, begin, done = 0, time.monotonic(), 0.0
    while done < 1:
        # By the clock, since steps take what they take.
        rate = min(1.0, 0.02 + done / WARMUP) * (1 + np.cos(np.pi * done)) / 2
        model.optimizer.learning_rate = args.learning_rate * rate
        loss = model.fit(batches, verbose=0).history["loss"][0]
        steps += STEPS
        done = (time.monotonic() - begin) / args.seconds
        print(f"{steps} steps, {done:.1%}: {loss:.3f}", flush=True)
        half = MaelreBackbone.from_saved(encoder.backbone, dtype="float16")
        half.save_to_preset(args.preset, CARD)


# === Probes ===


def probe(args):
    rows = read_rows(args.output)
    done = {(row["data"], row["encoder"]) for row in rows}
    ways = {f"new weights, seed {seed}": seed for seed in range(args.controls)}
    ways |= dict.fromkeys(args.presets)
    for path in args.data:
        data = datasets.load_series(path)
        name = pathlib.Path(path).stem
        for way, seed in ways.items():
            if (name, way) in done:
                continue
            keras.utils.set_random_seed(seed or 0)
            preset = way if seed is None else "tiny_series"
            model = classifier(preset, len(data.class_names), args.length)
            begin = time.process_time()
            report = linear_probe(
                model, data.x_train, data.y_train, groups=data.groups_train
            )
            predicted = np.argmax(model.predict_proba(data.x_test), axis=1)
            row = {
                "data": name,
                "encoder": way,
                "held_out": round(report.accuracy, 4),
                "test": round(float(np.mean(predicted == data.y_test)), 4),
                "cpu_seconds": round(time.process_time() - begin, 1),
            }
            rows.append(row)
            write_rows(args.output, rows)
            print(json.dumps(row), flush=True)


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--length", type=int, default=LENGTH, help="of the inputs")
    ways = parser.add_subparsers(required=True)
    one = ways.add_parser("train")
    one.set_defaults(run=train)
    one.add_argument("preset", type=pathlib.Path)
    one.add_argument("--series", type=int, default=100_000)
    one.add_argument("--batch-size", type=int, default=1024)
    one.add_argument("--seconds", type=float, default=3600.0)
    one.add_argument("--smallest", type=float, default=0.5, help="part of a series")
    one.add_argument("--learning-rate", type=float, default=1e-3)
    one.add_argument("--seed", type=int, default=0)
    two = ways.add_parser("probe")
    two.set_defaults(run=probe)
    two.add_argument("data", nargs="+")
    two.add_argument("--presets", nargs="+", default=["tiny_series_synthetic"])
    two.add_argument("--controls", type=int, default=3)
    two.add_argument(
        "--output", type=pathlib.Path, default=pathlib.Path("pretrained_series.json")
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
