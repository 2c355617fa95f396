"""What all examples share: the command line and the closing report."""

import argparse
import json
import pathlib

import keras
import numpy as np

import keras_maelre
from keras_maelre import training


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
    made.add_argument("--seed", type=seed, default=0, help="default: 0")
    made.add_argument(
        "--minutes",
        type=rate,
        help="the time that the training has; epochs are then the most there may be",
    )
    made.add_argument(
        "--validation",
        type=fraction,
        default=0.1,
        help="fraction of the training samples to validate on (whole recordings where "
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
    args.epochs = args.epochs or args.default_epochs[args.data is None]


def fit_options(args):
    """What the command line gives to `Recipe.fit`."""
    return {
        "validation_split": args.validation,
        "epochs": args.epochs,
        "time_limit": args.minutes and 60 * args.minutes,
        "batch_size": args.batch_size,
        "output": args.output,
        "resume": args.resume,
        "seed": args.seed,
        "verbose": 2,
    }


def changes(args):
    """What the command line changes of a recipe."""
    rate = args.learning_rate
    return {} if rate is None else {"learning_rate": rate}


def report(args, data, classifier, history, seconds):
    """Scores a trained classifier on the test split, and saves what it found.

    Args:
        args: What the command line gave.
        data: A `ClassificationDataset`.
        classifier: A trained `MaelreClassifier`.
        history: The `History` of its training.
        seconds: Float, how long the training took.

    Returns:
        Dictionary of settings and scores.
    """
    probabilities = classifier.predict_proba(data.x_test)
    decided = classifier.decide(probabilities)
    if data.multi_label:
        scores = training.MultiLabelReport(
            data.y_test, decided, data.class_names, probabilities=probabilities
        )
    else:
        scores = training.ClassificationReport(
            data.y_test,
            np.argmax(decided, axis=-1),
            data.class_names,
            probabilities=probabilities,
        )
    print(f"\nTest split of {data.name}{' (SIMULATED)' if data.simulated else ''}")
    print(scores)
    reloaded = keras_maelre.MaelreClassifier.from_preset(args.output / "preset")
    few = select(data.x_test, slice(8))
    difference = np.abs(reloaded.predict(few, verbose=0) - classifier.predict(few))
    if difference.max() > 1e-5:
        raise RuntimeError(
            f"The saved preset's logits differ by {difference.max():.1e}"
        )
    print("The saved preset predicts the same. Its answer to the first test sample:")
    print(f"  {dict(list(reloaded.predict_raw(few[:1])[0].items())[:3])}")
    result = {
        key: value if isinstance(value, (int, float, type(None))) else str(value)
        for key, value in vars(args).items()
        if key not in ("output", "resume", "default_epochs")
    }
    result |= {
        "epochs": len(history.epoch),
        "backend": keras.backend.backend(),
        "name": data.name,
        "simulated": data.simulated,
        **scores.scores(),
        "seconds": seconds,
    }
    (args.output / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    # Last, since a training must not be lost by what draws its pictures.
    name, score = next(iter(scores.scores().items()))
    scores.plot(args.output / "scores.png", f"{data.name}: {name} {score:.3f}")
    training.plot_learning_curve(
        history.history, args.output / "learning_curve.png", data.name
    )
    print(f"Preset, pictures and result: {args.output}/")
    return result


def initialize(args, classifier):
    """Takes the first weights from the saved preset of `--init-from`."""
    if not args.init_from:
        return
    if args.init_from in keras_maelre.MaelreClassifier.presets:
        raise ValueError(
            f"--init-from {args.init_from} is a built-in preset, whose weights are "
            "random: pass the directory of a trained one."
        )
    source = keras_maelre.MaelreBackbone.from_preset(args.init_from)
    print(keras_maelre.transfer_weights(source, classifier.backbone))


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


def fraction(text):
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"must lie in [0, 1), received {value}")
    return value


def seed(text):
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must be at least 0, received {value}")
    return value
