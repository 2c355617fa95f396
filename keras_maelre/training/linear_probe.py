"""A head that is fitted in seconds, without training the encoder."""

import dataclasses
import time
import warnings

import numpy as np

from keras_maelre.checks import check_choice, check_integer
from keras_maelre.models import pooling as poolings
from keras_maelre.models.check_classifier import check_classifier
from keras_maelre.models.predictions import probabilities
from keras_maelre.models.sample_batches import is_batches
from keras_maelre.models.targets import encode_targets
from keras_maelre.training.calibration import fit_temperature
from keras_maelre.training.thresholds import label_thresholds

METHODS = ("ridge", "logistic")
EPSILON = 1e-6
# The penalties that are tried, in units of the mean squared norm of a sample.
STRENGTHS = {
    "ridge": 10.0 ** np.arange(-5, 2.1, 0.5),
    "logistic": 10.0 ** np.arange(-5, 1.1, 1.0),
}
# Ridge regression of zeros and ones gives scores, of which these are logits about.
SCORES_TO_LOGITS = 10.0


@dataclasses.dataclass(frozen=True)
class ProbeReport:
    """What `linear_probe` chose, and how good it expects it to be.

    Attributes:
        method: String, `"ridge"` or `"logistic"`.
        strength: Float, the penalty of the squared weights.
        loss: Float, the mean cross-entropy of samples that were held out.
        accuracy: Float, the share of held-out samples that were classified correctly;
            of multi-label classifiers the share of correct decisions.
        scale: What the scores are multiplied by before they become probabilities: a
            float, of multi-label classifiers an array with a number for each label.
        folds: Integer, the parts that were held out in turn.
        samples: Integer.
        features: Integer, those that have weights.
        seconds: Float.
        thresholds: Of multi-label classifiers an array with the threshold of each
            label, tuned on the held-out samples for the highest F1 of each, of labels
            with fewer than 3 positives for the highest micro-F1 of all, which
            `classifier.thresholds` takes; `None` without positives to tune on, and of
            others.
        fold_accuracies: Float array of shape `(folds,)`, `accuracy` of each by itself.
    """

    method: str
    strength: float
    loss: float
    accuracy: float
    scale: float
    folds: int
    samples: int
    features: int
    seconds: float
    thresholds: np.ndarray | None
    fold_accuracies: np.ndarray

    def to_json(self):
        """Returns what `from_json` takes, of types that JSON has."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in vars(self).items()
        }

    @classmethod
    def from_json(cls, values):
        """Returns the report that `to_json` was called of."""
        return cls(
            **{
                name: np.array(value) if isinstance(value, list) else value
                for name, value in dict(values).items()
            }
        )

    def __str__(self):
        return (
            f"Linear probe ({self.method}, penalty {self.strength:.3g}) on "
            f"{self.features} features of {self.samples} samples: held-out accuracy "
            f"{self.accuracy:.4f}, loss {self.loss:.4f}, {self.folds} folds, "
            f"{self.seconds:.1f} s"
        )


def linear_probe(
    classifier,
    x,
    y,
    groups=None,
    sample_weight=None,
    method="ridge",
    folds=5,
    batch_size=32,
    seed=0,
    verbose=0,
):
    """Fits the head of a classifier to samples, and leaves the rest as it is.

    The features that the head sees are computed once, without augmentation, and
    standardised; a linear model is fitted to them, whose penalty is chosen by the
    cross-entropy of held-out parts of the samples. Its weights become those of the
    head: the classifier then predicts, is saved and trained on like any other. Its
    `temperature` becomes 1, since scores are calibrated on the held-out parts.

    A classifier with `pooling="blocks"` whose weights are new is a useful model after
    that, and a good start of training. If it reads tokens, and the mean of their
    embeddings predicts held-out samples better by itself, the weights of all other
    features become 0.

    Args:
        classifier: A `MaelreClassifier`, changed in place.
        x: Samples as `classifier.embed` takes them, in memory.
        y: Labels, as `classifier.fit` takes them.
        groups: Optional array of shape `(samples,)`: samples of one group, such as the
            windows of one recording, are held out together.
        sample_weight: Optional float array of shape `(samples,)`, above 0.
        method: `"ridge"`, least squares in closed form, or `"logistic"`, logistic
            regression, which is slower. The latter, and multi-label classifiers, need
            SciPy.
        folds: Integer of at least 2, the parts that are held out in turn.
        batch_size: Integer, how many samples the encoder sees at a time.
        seed: Integer, of the parts.
        verbose: 0 or 1. 1 shows a progress bar, and prints the report.

    Returns:
        A `ProbeReport`.

    Raises:
        ImportError: If SciPy is needed and not installed.
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is out of range, a label is unknown, or there are
            fewer than two groups.

    Example:

    ```python
    import numpy as np
    from keras_maelre import MaelreClassifier
    from keras_maelre.training import linear_probe

    classifier = MaelreClassifier.from_preset(
        "tiny_series", input_shape=(100, 1), num_classes=2, pooling="blocks"
    )
    y = np.arange(40) % 2
    x = np.random.normal(size=(40, 100, 1)) * (1 + y[:, None, None])
    print(linear_probe(classifier, x, y))
    classifier.predict_proba(x)
    ```
    """
    begin = time.monotonic()
    check_classifier(classifier)
    if is_batches(x) or not hasattr(x, "__len__"):
        raise TypeError(
            "Argument `x` must be a list or an array of samples. "
            f"Received: {type(x).__name__}"
        )
    check_choice("method", method, METHODS)
    folds = check_integer("folds", folds, low=2)
    seed = check_integer("seed", seed, low=0)
    for name, values in (
        ("y", y),
        ("groups", groups),
        ("sample_weight", sample_weight),
    ):
        if values is not None and len(values) != len(x):
            raise ValueError(
                f"Arguments `x` and `{name}` must have the same number of samples. "
                f"Received: {len(x)} and {len(values)}"
            )
    if getattr(classifier.head, "quantization_mode", None):
        raise ValueError("The head is quantized: probe the classifier before that.")
    multi_label = classifier.multi_label
    rows = encode_targets(
        y, classifier.num_classes, classifier.class_names, multi_label, rows=True
    )
    rows = rows.astype("float64")
    weights = np.ones(len(rows))
    if sample_weight is not None:
        weights = np.asarray(sample_weight, "float64")
        # Written so that NaN fails too.
        if weights.ndim != 1 or not np.all((weights > 0) & (weights < np.inf)):
            raise ValueError(
                "Argument `sample_weight` must hold a finite number above 0 for each "
                f"sample. Received: sample_weight={sample_weight!r}"
            )
    parts = assign_folds(rows, groups, folds, multi_label, seed)

    # === Features ===
    features = classifier.embed(x, batch_size=batch_size, verbose=verbose)
    features = features.astype("float64")
    mean, variance = features.mean(axis=0), features.var(axis=0)
    spread = np.sqrt(variance + EPSILON)
    features = (features - mean) / spread
    problem = rows, weights, method, multi_label
    held_out = [parts == part for part in range(parts.max() + 1)]
    summary, alone = poolings.summary_columns(classifier), False
    if summary is not None:
        # What new blocks make of words hides what the words tell.
        few, everything = (
            _choose_penalty(some, *problem, held_out[:1])
            for some in (features[:, summary], features)
        )
        alone = few.loss <= everything.loss
    seen = features[:, summary] if alone else features
    chosen = _choose_penalty(seen, *problem, held_out)

    # === The head ===
    scale, shift = chosen.calibration
    points, basis = chosen.points, chosen.basis
    ((kernel, bias),) = FITS[method](
        points, rows, weights, [chosen.strength], multi_label
    )
    if basis is not None:
        kernel = basis @ kernel
    kernel, bias = kernel * scale, bias * scale + shift
    if alone:
        whole = np.zeros((features.shape[1], kernel.shape[1]))
        whole[summary] = kernel
        kernel = whole
    if classifier.standardization is not None:
        classifier.standardization.set_statistics(mean, variance)
    else:
        kernel = kernel / spread[:, None]
        bias = bias - mean @ kernel
    classifier.head.kernel.assign(kernel)
    classifier.head.bias.assign(bias)
    classifier.temperature = 1.0

    right = _right(chosen.scores, rows, multi_label)
    in_folds = [np.average(right[out], weights=weights[out]) for out in held_out]
    report = ProbeReport(
        method,
        float(chosen.strength),
        float(chosen.loss),
        float(np.average(right, weights=weights)),
        scale if multi_label else float(scale),
        len(held_out),
        *seen.shape,
        time.monotonic() - begin,
        _thresholds(chosen.scores, rows) if multi_label else None,
        np.array(in_folds),
    )
    if verbose:
        print(report)
    return report


def assign_folds(rows, groups, folds, multi_label, seed):
    """Deals groups out to folds, class by class; returns the fold of each sample."""
    groups = np.arange(len(rows)) if groups is None else np.asarray(groups)
    _, first, groups = np.unique(groups, return_index=True, return_inverse=True)
    if len(first) < 2:
        raise ValueError(
            "A probe holds out parts of the samples: there must be at least two "
            f"samples, and two groups. Received: {len(first)}"
        )
    classes = np.zeros(len(first), int)
    if not multi_label:
        classes = np.argmax(rows[first], axis=1)
    order = np.random.default_rng(seed).permutation(len(first))
    order = order[np.argsort(classes[order], kind="stable")]
    fold_of_group = np.empty(len(first), int)
    fold_of_group[order] = np.arange(len(first)) % min(folds, len(first))
    return fold_of_group[groups]


@dataclasses.dataclass(frozen=True)
class _Penalty:
    """The penalty that held-out samples are told best with.

    Attributes:
        strength: Float.
        loss: Float, the mean cross-entropy of the samples that were held out.
        calibration: Tuple of scale and shift, which make logits of scores.
        scores: Array of shape `(held-out samples, classes)`, their logits.
        points: Array of shape `(samples, features)`, or what they are in `basis`.
        basis: Array of shape `(features, samples)`, or `None` for that of the features.
    """

    strength: float
    loss: float
    calibration: tuple
    scores: np.ndarray
    points: np.ndarray
    basis: np.ndarray | None


def _choose_penalty(features, rows, weights, method, multi_label, held_out):
    """Returns the `_Penalty` of features that parts of the samples are told best with.

    Args:
        held_out: List of boolean arrays, the samples to hold out in turn.
    """
    # Of fewer samples than features, the solution is a combination of samples.
    basis, points = None, features
    if len(features) < features.shape[1]:
        basis, points = _rotated(features)
    unit = np.sum(features**2) / len(features)
    strengths = STRENGTHS[method] * unit
    solved = [
        FITS[method](points[~out], rows[~out], weights[~out], strengths, multi_label)
        for out in held_out
    ]
    judged = np.any(held_out, axis=0)
    best = None
    # One strength at a time: of thousands of labels, the scores of all fill memory.
    for tried, fitted in zip(strengths, zip(*solved, strict=True), strict=True):
        found = np.empty(rows.shape)
        for out, (kernel, bias) in zip(held_out, fitted, strict=True):
            found[out] = points[out] @ kernel + bias
        found, truth = found[judged], rows[judged]
        scale, shift = _calibrate(found, truth, method, multi_label)
        found = scale * found + shift
        loss = _loss(found, truth, weights[judged], multi_label)
        if best is None or loss < best.loss:
            best = _Penalty(tried, loss, (scale, shift), found, points, basis)
    return best


def _rotated(features):
    """Returns an orthonormal basis of the samples, and the samples in it."""
    squares, vectors = np.linalg.eigh(features @ features.T)
    kept = squares > squares[-1] * 1e-12
    norms = np.sqrt(squares[kept])
    points = vectors[:, kept] * norms
    return features.T @ (vectors[:, kept] / norms), points


def _ridge(points, rows, weights, strengths, multi_label):
    """Least squares with a penalty of the squared weights, one for each strength."""
    share = weights / weights.sum()
    center, bias = share @ points, share @ rows
    root = np.sqrt(weights)[:, None]
    points, targets = root * (points - center), root * (rows - bias)
    if len(points) < points.shape[1]:
        squares, vectors = np.linalg.eigh(points @ points.T)
        left, right = points.T @ vectors, vectors.T @ targets
    else:
        squares, left = np.linalg.eigh(points.T @ points)
        right = left.T @ (points.T @ targets)
    squares = np.maximum(squares, 0.0)
    for strength in strengths:
        kernel = left @ (right / (squares + strength)[:, None])
        yield kernel, bias - center @ kernel


def _logistic(points, rows, weights, strengths, multi_label):
    """Logistic regression; each strength starts from what the one above it found."""
    shape = points.shape[1] + 1, rows.shape[1]
    found, start = {}, np.zeros(shape)
    for strength in sorted(strengths, reverse=True):

        def objective(flat, strength=strength):
            kernel, bias = flat.reshape(shape)[:-1], flat.reshape(shape)[-1]
            logits = points @ kernel + bias
            error = weights[:, None] * (probabilities(logits, multi_label) - rows)
            loss = np.sum(weights * _losses(logits, rows, multi_label))
            loss += 0.5 * strength * np.sum(kernel**2)
            slope = np.concatenate(
                [points.T @ error + strength * kernel, error.sum(axis=0)[None]]
            )
            return loss / len(points), slope.ravel() / len(points)

        start = _minimum(objective, start)
        found[strength] = start[:-1], start[-1]
    return [found[strength] for strength in strengths]


FITS = {"ridge": _ridge, "logistic": _logistic}


def _minimum(objective, start):
    try:
        from scipy.optimize import minimize
    except ImportError as error:
        raise ImportError(
            'SciPy is not installed: pip install "keras-maelre[sklearn]"'
        ) from error
    options = {"maxiter": 1000, "gtol": 1e-6, "ftol": 1e-12}
    found = minimize(
        objective, start.ravel(), jac=True, method="L-BFGS-B", options=options
    )
    return found.x.reshape(start.shape)


def _losses(logits, rows, multi_label):
    """The cross-entropy of each sample."""
    if multi_label:
        return np.sum(np.logaddexp(0.0, logits) - rows * logits, axis=1)
    logits = logits - logits.max(axis=1, keepdims=True)
    total = np.log(np.exp(logits).sum(axis=1))
    return rows.sum(axis=1) * total - np.sum(rows * logits, axis=1)


def _loss(logits, rows, weights, multi_label):
    mean = np.average(_losses(logits, rows, multi_label), weights=weights)
    return mean / rows.shape[1] if multi_label else mean


def _right(logits, rows, multi_label):
    if multi_label:
        return np.mean((logits > 0) == (rows > 0.5), axis=1)
    return np.argmax(logits, axis=1) == np.argmax(rows, axis=1)


def _thresholds(logits, rows):
    truth = rows > 0.5
    if not truth.any():
        return None
    return label_thresholds(truth, probabilities(logits, True))


def _calibrate(scores, rows, method, multi_label):
    """Returns the scale and shift that make logits of held-out scores."""
    usual = SCORES_TO_LOGITS if method == "ridge" else 1.0
    if multi_label:
        return _platt(usual * (scores - 0.5 * (method == "ridge")), rows, usual, method)
    with warnings.catch_warnings():
        # Where all are right, or all alike, any scale will do.
        warnings.simplefilter("ignore")
        temperature = fit_temperature(usual * scores, np.argmax(rows, axis=1))
    return usual / temperature, 0.0


def _platt(logits, rows, usual, method):
    """Scale and shift for each label, by Platt's smoothed targets."""
    positives = rows.sum(axis=0)
    negatives = len(rows) - positives
    high, low = (positives + 1) / (positives + 2), 1 / (negatives + 2)
    targets = low + (high - low) * rows

    def objective(flat):
        scale, shift = flat.reshape(2, -1)
        error = probabilities(scale * logits + shift, True) - targets
        loss = np.sum(_losses(scale * logits + shift, targets, True))
        slope = np.stack([np.sum(error * logits, axis=0), error.sum(axis=0)])
        return loss / len(rows), slope.ravel() / len(rows)

    start = np.stack([np.ones(rows.shape[1]), np.zeros(rows.shape[1])])
    scale, shift = _minimum(objective, start)
    if method == "ridge":
        shift = shift - 0.5 * usual * scale
    return usual * scale, shift
