"""Train a classifier on labelled data, and score it on their test samples."""

import pathlib
import shlex

from keras_maelre_cli import argument_types as types
from keras_maelre_cli import data as labelled_data
from keras_maelre_cli.common_arguments import add_batch_size
from keras_maelre_cli.evaluate import report
from keras_maelre_cli.exit_codes import INTERRUPTED, OK
from keras_maelre_cli.progress import is_watched, say, to_stderr

EXAMPLE = "  keras-maelre train sounds --minutes 10 --output runs/sounds"
__doc__ += "\n\n" + labelled_data.HELP


def add_arguments(parser):
    labelled_data.add_arguments(parser)
    parser.add_argument(
        "--modality",
        choices=("text", "bytes", "series", "audio", "image"),
        help="what the samples are, default: what the data suggest; of texts, text "
        "(tokens, learned from them) rather than bytes",
    )
    parser.add_argument(
        "--multi-label",
        action="store_true",
        help="each row of a table has any number of labels",
    )
    parser.add_argument(
        "--preset",
        default="tiny",
        help="tiny, small, base or wide; or a saved preset, whose weights the training "
        "begins with; default: %(default)s",
    )
    parser.add_argument(
        "--minutes",
        type=types.positive_number,
        help="the time that the training has, beside reading the data and scoring; "
        "epochs are then the most there may be",
    )
    parser.add_argument(
        "--epochs",
        type=types.positive_integer,
        default=50,
        help="passes over the training samples, default: %(default)s",
    )
    add_batch_size(parser)
    parser.add_argument(
        "--learning-rate", type=types.positive_number, help="default: the recipe's"
    )
    parser.add_argument(
        "--input-shape",
        type=types.shape,
        metavar="N[,N...]",
        help="shape of one input of the model, such as 1000,128 (frames, mel filters); "
        "default: what the samples need, up to that of the preset",
    )
    parser.add_argument(
        "--validation",
        type=types.fraction,
        metavar="FRACTION",
        help="fraction of the training samples to choose the best epoch by, "
        "default: 0.1, or 0, which keeps the last, of fewer than 100 samples or fewer "
        "than 5 of a class",
    )
    parser.add_argument(
        "--seed", type=types.natural_number, default=0, help="default: %(default)s"
    )
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        metavar="FOLDER",
        help="for the preset and the state of the training, default: runs/NAME",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with the training that the output holds, if it does, after its "
        "last finished epoch; the other arguments must be the same",
    )


def run(args):
    name = pathlib.Path(args.data).resolve().stem
    output = args.output or pathlib.Path("runs", name)
    if not args.resume and (output / "checkpoint").exists():
        raise ValueError(
            f"{output} holds a training already: --resume goes on with it, another "
            "--output keeps it"
        )
    with to_stderr():
        # First, since it may be missing, and reading the data may take long.
        from keras_maelre import MaelreEstimator

        data, modality = labelled_data.read_data(args, args.modality, args.multi_label)
        say(data.describe())
        # Rather now than after the first epoch it shows whether it can be written.
        output.mkdir(parents=True, exist_ok=True)
        estimator = MaelreEstimator(modality, **_settings(args, output))
        y = [_labels(data, row) for row in data.y_train]
        try:
            estimator.fit(data.x_train, y, groups=data.groups_train)
        except KeyboardInterrupt:
            say(_how_to_go_on(args, output))
            return INTERRUPTED
        scores = report(estimator.classifier_, data, "test")
    print(scores)
    say(
        f"The preset is in {output / 'preset'}. To use it: "
        f"{shlex.join(['keras-maelre', 'predict', str(output)])} SAMPLES"
    )
    return OK


def _settings(args, output):
    return {
        "preset": args.preset,
        "epochs": args.epochs,
        "time_limit": args.minutes and 60 * args.minutes,
        "batch_size": args.batch_size,
        "learning_rate": args.learning_rate,
        "random_state": args.seed,
        "validation_fraction": "auto" if args.validation is None else args.validation,
        "output": output,
        # What is saved and exported is the classifier alone.
        "extra_features": None,
        "input_shape": args.input_shape,
        "verbose": 1 if is_watched() else 2,
    }


def _labels(data, row):
    """The label of a sample by name; or its labels, if it may have several."""
    if data.multi_label:
        return [data.class_names[i] for i in row.nonzero()[0]]
    return data.class_names[row]


def _how_to_go_on(args, output):
    if not (output / "checkpoint").exists():
        return "\nInterrupted before the first step: there is nothing to go on with."
    argv = [part for part in args.argv if part != "--resume"]
    command = shlex.join(["keras-maelre", *argv, "--resume"])
    return f"\nInterrupted. The finished epochs are kept; to go on:\n  {command}"
