"""Draw what in each sample speaks for a class."""

import csv
import json
import pathlib
import sys

from keras_maelre_cli import samples as unlabelled_samples
from keras_maelre_cli.common_arguments import add_batch_size
from keras_maelre_cli.exit_codes import OK, SOME_FAILED
from keras_maelre_cli.presets import load_classifier
from keras_maelre_cli.progress import say, to_stderr

EXAMPLE = "  keras-maelre explain runs/sounds dog.wav --output why"
COLUMNS = ("sample", "target", "score", "picture", "error")
METHODS = ("occlusion", "rollout", "integrated_gradients", "gradient")
__doc__ += f"""

{unlabelled_samples.HELP}
A row of the output has the sample, the class, its log-odds and the picture; or, where
the sample could not be explained, the error."""


def add_arguments(parser):
    parser.add_argument("preset", metavar="PRESET", help="folder of a saved preset")
    unlabelled_samples.add_arguments(parser)
    parser.add_argument(
        "--target",
        metavar="CLASS",
        help="the class to explain, default: the most probable of each sample",
    )
    parser.add_argument(
        "--method",
        choices=METHODS,
        default=METHODS[0],
        help="rollout and gradient are faster; default: %(default)s",
    )
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        metavar="FOLDER",
        default=pathlib.Path("explanations"),
        help="for the pictures, default: %(default)s",
    )
    parser.add_argument(
        "--suffix",
        default=".png",
        help="kind of the pictures: .png, .pdf, .svg; of texts .html too; "
        "default: %(default)s",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="write a line of JSON for each sample, the relevance of all its units in "
        "it",
    )
    add_batch_size(parser)


def run(args):
    with to_stderr():
        classifier = load_classifier(args.preset)
    args.output.mkdir(parents=True, exist_ok=True)
    target = _target(args.target, classifier)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if not args.json:
        writer.writerow(COLUMNS)
    count = failed = 0
    samples = unlabelled_samples.read_samples(args, classifier.modality.name)
    for count, (name, sample) in enumerate(samples, start=1):
        try:
            found = _explained(classifier, sample, target, args)
        except (TypeError, ValueError, OSError) as error:
            failed += 1
            text = unlabelled_samples.say_failure(error, name)
            row = {"sample": name, "error": text}
        else:
            stem = pathlib.Path(name).stem.replace(":", "_")
            picture = args.output / f"{count}_{stem}{args.suffix}"
            found.plot(picture)
            row = {
                "sample": name,
                "target": found.target,
                "score": round(found.score, 6),
                "picture": str(picture),
            }
            if args.json:
                row |= {"method": found.method, "values": found.values.tolist()}
        if args.json:
            print(json.dumps(row, ensure_ascii=False))
        else:
            writer.writerow([row.get(column, "") for column in COLUMNS])
        sys.stdout.flush()
    say(f"{count} samples: {count - failed} explained, {failed} failed.")
    return SOME_FAILED if failed else OK


def _explained(classifier, sample, target, args):
    import keras_maelre

    if isinstance(sample, Exception):
        raise sample
    (found,) = keras_maelre.explain(
        classifier, [sample], target, args.method, args.batch_size
    )
    return found


def _target(name, classifier):
    """The class of a name; without names classes are known by their numbers."""
    names = classifier.class_names or tuple(map(str, range(classifier.num_classes)))
    if name is None or name in names:
        return None if name is None else names.index(name)
    raise ValueError(f"--target must be one of {', '.join(names)}. Received: {name}")
