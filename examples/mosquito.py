"""Time series: which mosquito is flying?

    python examples/mosquito.py                          # simulated wingbeats, minutes
    python examples/mosquito.py --data flights.npz       # your own series
    python examples/mosquito.py --data mosquito_sound    # the UCR set, through TFDS

`KERAS_BACKEND=tensorflow|jax|torch` selects the backend. The recipe is that of
"Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409), section 4.2:
AdamW, warm-up and cosine decay, label smoothing, MixUp, jitter, scaling, magnitude
warp, time warp, random drop, and a moving average of the weights.
Scores, with the commands that reached them, are in examples/README.md.
"""

import argparse
import json
import pathlib
import time

import keras
import numpy as np

import keras_maelre
from keras_maelre import augmentation, datasets, training
from keras_maelre.preprocessing import ZNormalize

LEARNING_RATE = 3e-4
WARMUP_SHARE = 0.06  # 3 of 50 epochs
EMA_HORIZON = 0.02  # the average reaches back over this share of the training


def augmentations():
    """A random mix of what the paper lists, and a random shift in time."""
    return [
        augmentation.RandomRoll(rate=1.0),
        # Species differ in pitch by a few percent: time may not be warped by more.
        augmentation.TimeWarp(stddev=0.02, rate=0.5),
        augmentation.MagnitudeWarp(stddev=0.3, rate=0.5),
        augmentation.Scaling(stddev=0.2, rate=0.5),
        augmentation.Jitter(stddev=(0.0, 0.3), rate=0.5),
        augmentation.RandomDrop(drop_fraction=0.1, segments=3, rate=0.5),
    ]


def compile_recipe(classifier, steps):
    """Compiles a classifier for `steps` training steps."""
    warmup = max(1, round(WARMUP_SHARE * steps))
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        warmup_target=LEARNING_RATE,
        warmup_steps=warmup,
        decay_steps=max(1, steps - warmup),
    )
    optimizer = keras.optimizers.AdamW(
        schedule,
        weight_decay=0.05,
        global_clipnorm=1.0,
        use_ema=True,
        ema_momentum=1 - 1 / max(2.0, EMA_HORIZON * steps),
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    classifier.compile(
        optimizer=optimizer,
        loss=keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=0.1
        ),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
    )


def main(arguments=None):
    args = parse(arguments)
    keras.utils.set_random_seed(args.seed)
    keras.config.set_dtype_policy(args.precision)

    # === Data ===
    if args.data is None:
        data = datasets.simulated_wingbeats(
            samples_per_class=150, length=1500, seed=args.seed
        )
        print("No --data given: SIMULATED wingbeats, whose scores say nothing of real")
    else:
        data = datasets.load_series(args.data)
    print(data.describe())
    epochs = args.epochs or (6 if data.simulated else 30)
    held_out = training.split_by_group(
        data.y_train, args.validation, groups=data.groups_train, seed=args.seed
    )
    batches = training.SeriesBatches(
        data.x_train[~held_out],
        data.y_train[~held_out],
        len(data.class_names),
        batch_size=args.batch_size,
        augmentation=augmentations(),
        mixup_alpha=0.2,
        seed=args.seed,
    )
    normalize = ZNormalize(dtype="float32")

    def prepared(x):
        parts = [normalize(x[i : i + 256]) for i in range(0, len(x), 256)]
        return np.concatenate([keras.ops.convert_to_numpy(part) for part in parts])

    validation = None
    if held_out.any():
        one_hot = np.eye(len(data.class_names), dtype="float32")
        validation = (
            prepared(data.x_train[held_out]),
            one_hot[data.y_train[held_out]],
        )

    # === Model ===
    length = max(data.x_train.shape[1], data.x_test.shape[1])
    classifier = keras_maelre.MaelreClassifier.from_preset(
        args.preset,
        num_classes=len(data.class_names),
        input_shape=(length, data.x_train.shape[2]),
        drop_path_rate=0.1,
    )
    compile_recipe(classifier, epochs * len(batches))
    print(
        f"{args.preset} on {keras.backend.backend()}, {args.precision}: "
        f"{classifier.count_params():,} parameters, "
        f"{keras_maelre.count_macs(classifier) / 1e9:.2f} G multiply-accumulates a "
        "series"
    )

    # === Training ===
    settings = {
        key: getattr(args, key)
        for key in ("data", "preset", "batch_size", "precision", "seed", "validation")
    }
    resumable = training.ResumableTraining(
        args.output / "checkpoint", {**settings, "epochs": epochs}
    )
    done = resumable.restore(classifier) if args.resume else 0
    start = time.time()
    classifier.fit(
        batches,
        epochs=epochs,
        shuffle=False,
        initial_epoch=done,
        validation_data=validation,
        callbacks=[
            batches.epoch_callback(),
            keras.callbacks.SwapEMAWeights(),
            resumable,
        ],
        verbose=2,
    )
    seconds = time.time() - start

    # === Report ===
    x_test = prepared(data.x_test)
    logits = classifier.predict(x_test, batch_size=args.batch_size, verbose=0)
    report = training.ClassificationReport(
        data.y_test, np.argmax(logits, axis=-1), data.class_names
    )
    print(f"\nTest split of {data.name}{' (SIMULATED)' if data.simulated else ''}")
    print(report)
    print(f"{epochs - done} epochs in {seconds:.0f} s, seed {args.seed}")
    report.plot_confusion(
        args.output / "confusion.png",
        f"{data.name}: accuracy {report.accuracy:.3f}",
    )
    training.plot_learning_curve(
        resumable.history, args.output / "learning_curve.png", data.name
    )

    classifier.save_to_preset(args.output / "preset")
    reloaded = keras_maelre.MaelreClassifier.from_preset(args.output / "preset")
    again = reloaded.predict(x_test, batch_size=args.batch_size, verbose=0)
    difference = float(np.max(np.abs(again - logits)))
    if difference > 1e-5:
        raise RuntimeError(
            f"The reloaded preset's logits differ from the model's by {difference:.1e}"
        )
    print(
        f"The reloaded preset predicts the same (largest difference {difference:.0e})"
    )
    result = {
        **settings,
        "epochs": epochs,
        "backend": keras.backend.backend(),
        "name": data.name,
        "simulated": data.simulated,
        "accuracy": report.accuracy,
        "macro_f1": report.macro_f1,
        "seconds": seconds,
    }
    (args.output / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    print(f"Preset, pictures and result: {args.output}/")
    return result


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data",
        help="a .npz file, a UCR .ts or .tsv file (the other of the pair beside it), "
        "a folder with such a pair, or mosquito_sound; simulated wingbeats if left out",
    )
    parser.add_argument("--preset", default="tiny_series", help="default: tiny_series")
    parser.add_argument(
        "--epochs", type=positive, help="default: 30, with simulated wingbeats 6"
    )
    parser.add_argument("--batch-size", type=positive, default=16, help="default: 16")
    parser.add_argument(
        "--precision",
        default="float32",
        choices=("float32", "mixed_float16", "mixed_bfloat16"),
        help="dtype policy, default: float32",
    )
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument(
        "--validation",
        type=share,
        default=0.1,
        help="share of the training recordings to validate on, default: 0.1",
    )
    parser.add_argument(
        "--output", type=pathlib.Path, default=pathlib.Path("runs/mosquito")
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on after the last finished epoch"
    )
    args = parser.parse_args(arguments)
    args.output.mkdir(parents=True, exist_ok=True)
    return args


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, received {value}")
    return value


def share(text):
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"must lie in [0, 1), received {value}")
    return value


if __name__ == "__main__":
    main()
