"""Classify files, folders, tables or paths from standard input."""

import contextlib
import csv
import itertools
import json
import sys

from keras_maelre_cli import samples as unlabelled_samples
from keras_maelre_cli.common_arguments import add_batch_size
from keras_maelre_cli.exit_codes import OK, SOME_FAILED
from keras_maelre_cli.presets import load_classifier
from keras_maelre_cli.progress import is_watched, say, to_stderr

EXAMPLE = """\
  keras-maelre predict runs/sounds recordings > answers.csv
  find recordings -name '*.wav' | keras-maelre predict runs/sounds - --json"""
BATCHES_AT_ONCE = 8
__doc__ += f"""

{unlabelled_samples.HELP}
A row of the answers has the sample, its label and that label's probability; or, where
the sample could not be classified, the error. Labels of a multi-label classifier, and
their probabilities, are separated by semicolons."""


def add_arguments(parser):
    parser.add_argument("preset", metavar="PRESET", help="folder of a saved preset")
    unlabelled_samples.add_arguments(parser)
    parser.add_argument(
        "--probabilities",
        action="store_true",
        help="add a column with the probability of each class",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="write a line of JSON for each sample, all probabilities in it",
    )
    parser.add_argument(
        "--output", metavar="FILE", help="where to write, default: standard output"
    )
    add_batch_size(parser)


def run(args):
    with to_stderr():
        classifier = load_classifier(args.preset)
    samples = unlabelled_samples.read_samples(args, classifier.modality.name)
    count = failed = cut = 0
    with _opened(args.output) as file:
        writer = _JsonLines(file) if args.json else _Table(file, classifier, args)
        while pool := list(
            itertools.islice(samples, BATCHES_AT_ONCE * args.batch_size)
        ):
            answers = _answers(classifier, pool, args.batch_size)
            for (name, _), (answer, is_cut) in zip(pool, answers, strict=True):
                cut += is_cut
                if isinstance(answer, Exception):
                    failed += 1
                    answer = unlabelled_samples.say_failure(answer, name)
                writer.write(name, answer)
            file.flush()
            count += len(pool)
            if is_watched():
                print(f"{count} samples ...", end="\r", file=sys.stderr, flush=True)
    if cut:
        preprocessor = classifier.preprocessor
        say(
            f"warning: the ends of {cut} samples were cut off: the input of the model "
            f"has {preprocessor.input_shape[0]} {preprocessor.axes[0]}"
        )
    say(f"{count} samples: {count - failed} classified, {failed} failed.")
    return SOME_FAILED if failed else OK


def _answers(classifier, pool, batch_size):
    """Returns an answer or an error for each sample, and whether its end was cut."""
    good = [i for i, (_, sample) in enumerate(pool) if not _is_error(sample)]
    answers = [(sample, False) for _, sample in pool]
    found = _classify(classifier, [pool[i][1] for i in good], batch_size)
    for i, answer in zip(good, found, strict=True):
        answers[i] = answer
    return answers


def _classify(classifier, samples, batch_size):
    """Classifies samples; those among which one is bad in halves."""
    if not samples:
        return []
    try:
        answers = classifier.predict_raw(samples, batch_size)
        return list(zip(answers, _cuts(classifier, samples), strict=True))
    except (TypeError, ValueError, OSError) as error:
        if len(samples) == 1:
            return [(error, False)]
    half = len(samples) // 2
    return [
        *_classify(classifier, samples[:half], batch_size),
        *_classify(classifier, samples[half:], batch_size),
    ]


def _cuts(classifier, samples):
    from keras_maelre.preprocessing.preprocessor import uncut_lengths

    preprocessor = classifier.preprocessor
    if not getattr(preprocessor, "truncate", False):
        return [False] * len(samples)
    limit = preprocessor.input_shape[0]
    return [bool(n > limit) for n in uncut_lengths(preprocessor, samples)]


def _is_error(sample):
    return isinstance(sample, Exception)


@contextlib.contextmanager
def _opened(path):
    if path is None:
        yield sys.stdout
        return
    with open(path, "w", encoding="utf-8", newline="") as file:
        yield file


class _JsonLines:
    def __init__(self, file):
        self.file = file

    def write(self, name, answer):
        line = {"sample": name}
        if isinstance(answer, str):
            line["error"] = answer
        else:
            line |= {"labels": answer.labels, "probabilities": answer}
        self.file.write(json.dumps(line, ensure_ascii=False) + "\n")


class _Table:
    def __init__(self, file, classifier, args):
        self.writer = csv.writer(file, lineterminator="\n")
        self.classes = ()
        if args.probabilities:
            classes = range(classifier.num_classes)
            self.classes = tuple(classifier.class_names or classes)
        self.writer.writerow(["sample", "label", "probability", "error", *self.classes])

    def write(self, name, answer):
        if isinstance(answer, str):
            row = [name, "", "", answer, *("" for _ in self.classes)]
        else:
            label = ";".join(map(str, answer.labels))
            probability = ";".join(f"{answer[label]:.6g}" for label in answer.labels)
            all_of_them = (f"{answer[name]:.6g}" for name in self.classes)
            row = [name, label, probability, "", *all_of_them]
        self.writer.writerow(row)
