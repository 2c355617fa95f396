"""What all examples share: the command line, the training, the closing report."""

import argparse
import json
import pathlib
import time

import keras
import numpy as np

import keras_maelre
from keras_maelre import datasets, training


def parser(description, data, preset, batch_size, epochs):
    """The command line of an example.

    Args:
        description: String, the example's docstring.
        data: String, what `--data` takes.
        preset: String, the default of `--preset`.
        batch_size: Integer, the default of `--batch-size`.
        epochs: Pair of integers, the default of `--epochs` with and without `--data`.

    Returns:
        An `argparse.ArgumentParser`.
    """
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.set_defaults(default_epochs=epochs)
    made.add_argument("--data", help=data)
    made.add_argument(
        "--preset",
        default=preset,
        help="a built-in preset or a saved one to go on from, default: %(default)s",
    )
    made.add_argument(
        "--init-from",
        help="a saved preset, of any modality, to take the first weights from",
    )
    made.add_argument(
        "--epochs",
        type=positive,
        help=f"default: {epochs[0]}, without --data {epochs[1]}",
    )
    made.add_argument(
        "--batch-size", type=positive, default=batch_size, help="default: %(default)s"
    )
    made.add_argument("--learning-rate", type=rate, help="default: the recipe's")
    made.add_argument(
        "--precision",
        default="float32",
        choices=("float32", "mixed_float16", "mixed_bfloat16"),
        help="dtype policy, default: float32",
    )
    made.add_argument("--seed", type=int, default=0, help="default: 0")
    made.add_argument(
        "--validation",
        type=share,
        default=0.1,
        help="share of the training samples to validate on (whole recordings where "
        "they are known), default: 0.1",
    )
    name = description.partition(":")[0].strip().lower().replace(" ", "_")
    made.add_argument(
        "--output", type=pathlib.Path, default=pathlib.Path("runs") / name
    )
    made.add_argument(
        "--resume", action="store_true", help="go on after the last finished epoch"
    )
    return made


def start(args):
    """Fixes seed and precision, and makes the folder of the results."""
    keras.utils.set_random_seed(args.seed)
    keras.config.set_dtype_policy(args.precision)
    args.output.mkdir(parents=True, exist_ok=True)


def train(args, task, data, preprocessor, model=None, **changes):
    """Trains a classifier as the recipe says and reports what it is worth.

    Args:
        args: What the command line gave.
        task: String, the task of the recipe.
        data: A `ClassificationDataset`.
        preprocessor: From raw samples to the input of the model.
        model: Dictionary of further arguments of the classifier.
        **changes: Attributes of the recipe, in place of the task's.

    Returns:
        Dictionary of settings and scores.
    """
    print(data.describe())
    epochs = args.epochs or args.default_epochs[args.data is None]
    multi_label = data.y_train.ndim == 2
    held_out = datasets.stratified_split(
        data.y_train, args.validation, groups=data.groups_train, seed=args.seed
    )
    common = {
        "num_classes": len(data.class_names),
        "batch_size": args.batch_size,
        "preprocessor": preprocessor,
    }
    texts = preprocessor.modality in ("text", "bytes")
    steps = int(np.sum(~held_out)) // min(args.batch_size, int(np.sum(~held_out)))
    if args.learning_rate is not None:
        changes["learning_rate"] = args.learning_rate
    recipe = training.recipe(task, steps, epochs, multi_label=multi_label, **changes)
    x_train = select(data.x_train, ~held_out)
    batches = training.AugmentedBatches(
        x_train,
        data.y_train[~held_out],
        augmentation=recipe.augmentation,
        mixing=recipe.mixing,
        balanced=recipe.balanced,
        # Documents of like length share a batch, which is then cut to the longest.
        lengths=[len(text) for text in x_train] if texts else None,
        seed=args.seed,
        **common,
    )
    validation = None
    if held_out.any():
        validation = training.OrderedBatches(
            select(data.x_train, held_out),
            data.y_train[held_out],
            cut=texts,
            **common,
        )

    # === Model ===
    classifier = keras_maelre.MaelreClassifier.from_preset(
        args.preset,
        class_names=data.class_names,
        multi_label=multi_label,
        preprocessor=preprocessor,
        input_shape=preprocessor.input_shape,
        drop_path_rate=recipe.drop_path_rate,
        dropout_rate=recipe.dropout_rate,
        **(model or {}),
    )
    if args.init_from:
        source = keras_maelre.MaelreBackbone.from_preset(args.init_from)
        print(keras_maelre.transfer_weights(source, classifier.backbone))
    recipe.compile(classifier)
    print(
        f"{args.preset} on {keras.backend.backend()}, {args.precision}: "
        f"{classifier.count_params():,} parameters, "
        f"{keras_maelre.count_macs(classifier) / 1e9:.2f} G multiply-accumulates a "
        "sample"
    )
    print(recipe)

    # === Training ===
    kept = ("data", "preset", "init_from", "batch_size", "precision", "seed")
    settings = {
        **{key: getattr(args, key) for key in (*kept, "validation")},
        "learning_rate": recipe.learning_rate,
        "epochs": epochs,
        "augmentation": [type(layer).__name__ for layer in recipe.augmentation],
    }
    resumable = training.ResumableTraining(args.output / "checkpoint", settings)
    done = resumable.restore(classifier) if args.resume else 0
    begin = time.time()
    classifier.fit(
        batches,
        epochs=epochs,
        shuffle=False,
        initial_epoch=done,
        validation_data=validation,
        callbacks=[batches.epoch_callback(), *recipe.callbacks(), resumable],
        verbose=2,
    )
    seconds = time.time() - begin

    # === Report ===
    test = training.OrderedBatches(data.x_test, data.y_test, cut=texts, **common)
    logits = classifier.predict(test, verbose=0)
    if multi_label:
        report = training.MultiLabelReport(data.y_test, logits > 0, data.class_names)
    else:
        report = training.ClassificationReport(
            data.y_test, np.argmax(logits, axis=-1), data.class_names
        )
    print(f"\nTest split of {data.name}{' (SIMULATED)' if data.simulated else ''}")
    print(report)
    print(f"{epochs - done} epochs in {seconds:.0f} s, seed {args.seed}")
    name, score = next(iter(report.scores().items()))
    report.plot(args.output / "scores.png", f"{data.name}: {name} {score:.3f}")
    training.plot_learning_curve(
        resumable.history, args.output / "learning_curve.png", data.name
    )

    # === Preset ===
    classifier.save_to_preset(args.output / "preset")
    reloaded = keras_maelre.MaelreClassifier.from_preset(args.output / "preset")
    again = reloaded.predict(test, verbose=0)
    difference = float(np.max(np.abs(again - logits)))
    if difference > 1e-5:
        raise RuntimeError(
            f"The reloaded preset's logits differ from the model's by {difference:.1e}"
        )
    print(
        f"The reloaded preset predicts the same (largest difference {difference:.0e})"
    )
    probabilities = reloaded.predict_raw(select(data.x_test, slice(1)))[0]
    best = ", ".join(f"{k} {p:.2f}" for k, p in list(probabilities.items())[:3])
    print(f"Its answer to the first test sample: {best}")
    result = {
        **settings,
        "backend": keras.backend.backend(),
        "name": data.name,
        "simulated": data.simulated,
        **report.scores(),
        "seconds": seconds,
    }
    (args.output / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    print(f"Preset, pictures and result: {args.output}/")
    return result


def select(samples, chosen):
    """Samples of a list, or of what NumPy's indices are for, by a mask or a slice."""
    if isinstance(samples, (list, tuple)):
        return [samples[i] for i in np.arange(len(samples))[chosen]]
    return samples[chosen]


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, received {value}")
    return value


def rate(text):
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be positive, received {value}")
    return value


def share(text):
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"must lie in [0, 1), received {value}")
    return value
