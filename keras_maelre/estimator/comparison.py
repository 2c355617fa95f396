"""The trained classifier beside what one would try first."""

import dataclasses
import time
import warnings

import numpy as np
from sklearn.metrics import f1_score

from keras_maelre.estimator.extra_features import split_samples
from keras_maelre.estimator.simple_tools import (
    STATISTICS,
    TOOLS,
    simple_tool,
    takes_long,
)
from keras_maelre.models.sample_batches import take
from keras_maelre.training.linear_probe import assign_folds


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A classifier and a simple tool, trained and validated on the same samples.

    The attribute `comparison_` of a fitted `MaelreEstimator` that no extra features
    join. Where that trains on all samples, since they are few, it is the linear probe
    before the training that is compared, in cross-validation.

    Args:
        tool: String, what the simple tool is.
        samples: Integer, how many were validated on.
        folds: Integer, those of the cross-validation that were compared; 0 of
            validation samples.
        metric: String, `"accuracy"`, or `"micro-F1"` of multi-label targets.
        classifier: Float, the score of the classifier, whose best epoch was chosen on
            the same samples, which flatters it; or of the probe. Multi-label decisions
            on either half of the samples are by thresholds tuned on the other half.
        simple: Float, the score of the simple tool.
        standard_error: Float, of the difference of the two scores, after Agresti and
            Caffo (The American Statistician 54(4), 2000).
        seconds: Float, what the simple tool took.

    Example:

    ```python
    import numpy as np
    from keras_maelre import MaelreEstimator

    X, y = np.random.normal(size=(40, 100)), np.arange(40) % 2
    X[y == 1] *= np.linspace(0, 2, 100)
    estimator = MaelreEstimator(
        "series", extra_features=None, epochs=2, random_state=0
    ).fit(X, y)
    print(estimator.comparison_)
    estimator.comparison_.prefers_simple  # what the warning depends on
    ```
    """

    tool: str
    samples: int
    folds: int
    metric: str
    classifier: float
    simple: float
    standard_error: float
    seconds: float

    @property
    def prefers_simple(self):
        """Whether the simple tool is better by more than a standard error.

        One right and one wrong answer are added to those of either: of a few samples
        alone nothing follows.
        """
        shrunk = self.samples / (self.samples + 2)
        return shrunk * (self.simple - self.classifier) > self.standard_error

    def __str__(self):
        where, what = f"On the {self.samples} validation samples", self.metric
        if self.folds:
            where = f"In {self.folds} folds of {self.samples} samples"
            what = f"{self.metric} of the linear probe"
        return (
            f"{where}: {what} {self.classifier:.3f}; {self.tool} {self.simple:.3f} in "
            f"{self.seconds:.0f} s; standard error of the difference "
            f"{self.standard_error:.3f}."
        )


# Of fewer validation samples a probe's folds tell more about a simple tool.
ENOUGH_TO_COMPARE = 100
# Samples of folds that are compared: their standard error is .02, and each fold takes
# as long as a tool does.
ENOUGH_TO_JUDGE = 500
# A probe tells little of these: the blocks learn most in training.
LEARNED_IN_TRAINING = ("audio", "image")


def compare_with_simple_tool(
    modality,
    samples,
    targets,
    groups,
    held_out,
    score,
    probe,
    multi_label,
    seed,
    verbose,
):
    """Compares on what was held out, or, if that is too little, in a probe's folds.

    It warns if the tool is better.

    Args:
        modality: String.
        samples: List or array of raw samples.
        targets: Integers, or rows of zeros and ones.
        groups: Optional array with the group of each sample.
        held_out: Array of booleans: the samples that were validated on.
        score: Float, the score of the classifier on them; `None` if there are none.
        probe: A `ProbeReport` of the samples that were trained on, or of all; or
            `None`.
        multi_label: Boolean.
        seed: Integer, of the probe and of the tool.
        verbose: Integer. The comparison is printed unless it is 0.

    Returns:
        A `Comparison`, or `None` if nothing tells how good the classifier is, or there
        is no tool that can take the samples, or so many of them.
    """
    if modality not in TOOLS:
        return None
    if _takes_long(modality, targets):
        if verbose:
            print(
                "Not compared with a simple tool, which would take many minutes to "
                f"learn {len(targets)} samples."
            )
        return None
    found = None
    if score is not None:
        parts = split_samples(samples, targets, None, held_out)
        found = _told(verbose, compare, modality, *parts, score, multi_label, seed)
        if found is None or not _may_be_chance(found):
            return found
    if not (probe is None or multi_label or modality in LEARNED_IN_TRAINING):
        # One that is kept has seen the held-out ones, too.
        everything = probe.samples == len(samples)
        kept = np.flatnonzero(everything | ~held_out)
        in_folds = _told(
            verbose,
            compare_in_folds,
            modality,
            take(samples, kept),
            targets[kept],
            None if groups is None else np.asarray(groups)[kept],
            probe,
            seed,
        )
        if found is None or (in_folds is not None and in_folds.prefers_simple):
            return in_folds
    return found


def _takes_long(modality, targets):
    """Whether a tool takes many minutes."""
    machines = 1  # Each of many labels has a kernel machine of its own.
    if targets.ndim == 2 and modality in STATISTICS:
        machines = targets.shape[1]
    return takes_long(modality, len(targets) * machines**0.5)


def _may_be_chance(found):
    """Whether few samples favor a tool, by no more than a standard error."""
    favored = found.simple >= found.classifier and not found.prefers_simple
    return favored and found.samples < ENOUGH_TO_COMPARE


def _told(verbose, function, modality, *arguments):
    """Returns what a function finds, and says it."""
    try:
        found = function(modality, *arguments)
    except ValueError as error:
        if verbose:
            print(f"Not compared with a simple tool: {error}")
        return None
    if verbose:
        print(found)
    if found.prefers_simple:
        warnings.warn(
            f"{found} Use the simple tool, "
            f"`keras_maelre.estimator.simple_tool({modality!r})`, or join its "
            "features to the encoder's by `extra_features='auto'`.",
            stacklevel=4,
        )
    return found


def compare(modality, trained, held_out, score, multi_label, seed):
    """Fits the simple tool, and scores it beside a classifier on validation samples.

    Args:
        modality: String, one of `TOOLS`.
        trained: Tuple that begins with the samples and targets that the classifier was
            trained on.
        held_out: The same of those that it was validated on.
        score: Float, the classifier's score on them.
        multi_label: Boolean.
        seed: Integer.

    Returns:
        A `Comparison`.

    Raises:
        ValueError: If the tool cannot take the samples, such as series of fewer than
            nine steps.
    """
    begin = time.monotonic()
    samples, targets = held_out[:2]
    answer = simple_tool(modality, multi_label, seed).fit(*trained[:2]).predict(samples)
    if multi_label:
        simple = f1_score(targets, answer, average="micro", zero_division=0.0)
    else:
        simple = np.mean(answer == targets)
    metric = "micro-F1" if multi_label else "accuracy"
    return _comparison(modality, len(targets), 0, metric, score, simple, begin)


def compare_in_folds(modality, samples, targets, groups, probe, seed):
    """Fits the simple tool to the folds of a linear probe, and scores it beside that.

    Of many samples, one or two folds are enough to judge by.

    Args:
        modality: String, one of `TOOLS`.
        samples: List or array of raw samples.
        targets: Array of integers, their classes.
        groups: Optional array with the group of each sample.
        probe: A `ProbeReport` of the same samples, groups and seed.
        seed: Integer.

    Returns:
        A `Comparison`.

    Raises:
        ValueError: As in `compare`, or if a fold leaves a single class to learn from.
    """
    begin = time.monotonic()
    rows = np.eye(targets.max() + 1)[targets]
    folds = assign_folds(rows, groups, probe.folds, False, seed)
    right = []
    for fold in range(probe.folds):
        learned, judged = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        tool = simple_tool(modality, random_state=seed)
        tool.fit(take(samples, learned), targets[learned])
        right.append(tool.predict(take(samples, judged)) == targets[judged])
        if sum(map(len, right)) >= ENOUGH_TO_JUDGE:
            break
    sizes = [len(part) for part in right]
    known = probe.fold_accuracies[: len(right)]
    return _comparison(
        modality,
        sum(sizes),
        len(right),
        "accuracy",
        np.average(known, weights=sizes),
        np.mean(np.concatenate(right)),
        begin,
    )


def _comparison(modality, count, folds, metric, score, simple, begin):
    # As of independent samples: both see the same, which makes the error smaller.
    shares = [(share * count + 1) / (count + 2) for share in (score, simple)]
    error = sum(share * (1 - share) for share in shares) / (count + 2)
    return Comparison(
        TOOLS[modality],
        samples=count,
        folds=folds,
        metric=metric,
        classifier=float(score),
        simple=float(simple),
        standard_error=float(np.sqrt(error)),
        seconds=time.monotonic() - begin,
    )
