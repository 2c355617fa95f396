"""Score a trained classifier on labelled data."""

import json

from keras_maelre_cli import data as labelled_data
from keras_maelre_cli.common_arguments import add_batch_size
from keras_maelre_cli.exit_codes import OK
from keras_maelre_cli.presets import load_classifier
from keras_maelre_cli.progress import is_watched, say, to_stderr

EXAMPLE = "  keras-maelre evaluate runs/sounds sounds"
__doc__ += "\n\n" + labelled_data.HELP


def add_arguments(parser):
    parser.add_argument("preset", metavar="PRESET", help="folder of a saved preset")
    labelled_data.add_arguments(parser)
    parser.add_argument(
        "--samples",
        choices=("test", "all"),
        default="test",
        help="which of the data: test, those that `train` on the same data keeps for "
        "testing; or all; default: %(default)s",
    )
    add_batch_size(parser)
    parser.add_argument("--json", action="store_true", help="print the scores as JSON")


def run(args):
    with to_stderr():
        classifier = load_classifier(args.preset)
        data, _ = labelled_data.read_data(
            args, classifier.modality.name, classifier.multi_label
        )
        say(data.describe())
        scores = report(classifier, data, args.samples, args.batch_size)
    print(json.dumps(scores.scores()) if args.json else scores)
    return OK


def report(classifier, data, samples, batch_size=32):
    """Returns the scores of a classifier.

    Args:
        classifier: A `MaelreClassifier` with a preprocessor.
        data: A `ClassificationDataset`, its classes in any order.
        samples: `"test"` or `"all"`.
        batch_size: Integer.

    Returns:
        A `ClassificationReport` or a `MultiLabelReport` that prints as a table.
    """
    import numpy as np

    from keras_maelre import training

    names = classifier.class_names or tuple(map(str, range(classifier.num_classes)))
    unknown = sorted(set(data.class_names) - set(names))
    if unknown:
        raise ValueError(
            f"the data have classes that the classifier does not know: "
            f"{_few(unknown)}; it knows {_few(names)}"
        )
    x, y = data.x_test, data.y_test
    if samples == "all":
        x, y = [*data.x_train, *x], np.concatenate([data.y_train, y])
    probabilities = classifier.predict_proba(x, batch_size, int(is_watched()))
    decided = classifier.decide(probabilities)
    places = np.array([names.index(name) for name in data.class_names])
    if classifier.multi_label:
        labels = np.zeros((len(y), len(names)), "uint8")
        labels[:, places] = y
        return training.MultiLabelReport(
            labels, decided, names, probabilities=probabilities
        )
    return training.ClassificationReport(
        places[y], np.argmax(decided, axis=1), names, probabilities=probabilities
    )


def _few(names):
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more
