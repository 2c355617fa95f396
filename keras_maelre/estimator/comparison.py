"""The trained classifier beside what one would try first."""

import dataclasses
import time

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import RidgeClassifierCV
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from keras_maelre.estimator.extra_features import PENALTIES
from keras_maelre.estimator.mel_statistics import MelStatistics
from keras_maelre.estimator.mini_rocket import MiniRocket
from keras_maelre.estimator.tuned_labels import TunedLabels
from keras_maelre.models.predictions import decisions
from keras_maelre.models.sample_batches import take
from keras_maelre.training.linear_probe import assign_folds
from keras_maelre.training.thresholds import tune_thresholds


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A classifier and a simple tool, trained and validated on the same samples.

    The attribute `comparison_` of a fitted `MaelreEstimator`. Where that trains on all
    samples, since they are few, it is the linear probe before the training that is
    compared, in cross-validation.

    Args:
        tool: String, what the simple tool is.
        features: String, the expression that `extra_features` takes to join both.
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
    estimator = MaelreEstimator("series", epochs=2, random_state=0).fit(X, y)
    print(estimator.comparison_)
    estimator.comparison_.prefers_simple  # what the warning depends on
    ```
    """

    tool: str
    features: str
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


# Samples of folds that are compared: their standard error is .02, and each fold takes
# as long as a tool does.
ENOUGH_TO_JUDGE = 500
# What the tool of a modality is, and the expression of its features.
TOOLS = {
    "series": ("MiniRocket and ridge regression", "MiniRocket()"),
    "text": (
        "words by TF-IDF and a linear support vector machine",
        "TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)",
    ),
    "audio": (
        "statistics of mel bands and a support vector machine",
        "MelStatistics()",
    ),
}
TOOLS["bytes"] = TOOLS["text"]


def simple_tool(modality, multi_label=False, random_state=None):
    """Returns a pipeline of scikit-learn that takes seconds to fit.

    Args:
        modality: String.
        multi_label: Boolean.
        random_state: As in `MiniRocket`; of multi-label ones, of the samples to tune
            thresholds on.

    Returns:
        MiniRocket and ridge regression for series, TF-IDF of words and pairs of words
        and a linear support vector machine for texts, statistics of mel bands and a
        support vector machine for sounds; `None` for other modalities.

    Example:

    ```python
    import numpy as np
    from keras_maelre.estimator import simple_tool

    X, y = np.random.normal(size=(20, 100)), np.arange(20) % 2
    simple_tool("series").fit(X, y).predict(X)
    ```
    """
    if modality == "series":
        features = MiniRocket(random_state=random_state)
        return make_pipeline(features, StandardScaler(), RidgeClassifierCV(PENALTIES))
    if modality in ("text", "bytes"):
        features = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        linear = LinearSVC()
        if multi_label:
            linear = TunedLabels(linear, random_state)
        return make_pipeline(features, linear)
    if modality == "audio":
        machine = SVC(C=10.0)
        if multi_label:
            machine = TunedLabels(machine, random_state)
        return make_pipeline(MelStatistics(), StandardScaler(), machine)
    return None


def f1_across_halves(targets, probabilities, seed):
    """Returns the micro-F1 of decisions at thresholds that other samples chose.

    Args:
        targets: Array of zeros and ones, `(samples, labels)`, with some ones.
        probabilities: Float array of the same shape.
        seed: Integer, of the halves of the samples.
    """
    first = np.random.default_rng(seed).permutation(len(targets)) % 2 == 0
    decided = np.empty(targets.shape, bool)
    for half in (first, ~first):
        thresholds = None
        if targets[~half].any():
            others = targets[~half], probabilities[~half]
            thresholds = tune_thresholds(*others, per_label=True)
        decided[half] = decisions(probabilities[half], True, thresholds)
    return f1_score(targets, decided, average="micro", zero_division=0.0)


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
        *TOOLS[modality],
        samples=count,
        folds=folds,
        metric=metric,
        classifier=float(score),
        simple=float(simple),
        standard_error=float(np.sqrt(error)),
        seconds=time.monotonic() - begin,
    )
