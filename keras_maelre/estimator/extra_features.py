"""Further features beside those of the encoder, joined at the head."""

import warnings

import numpy as np
import scipy.sparse
import sklearn
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import RidgeClassifierCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from keras_maelre.estimator.simple_tools import PENALTIES, simple_features, takes_long
from keras_maelre.estimator.tuned_labels import f1_across_halves, tuned_thresholds
from keras_maelre.models.predictions import probabilities
from keras_maelre.models.sample_batches import take

# The penalty of ridge regression with a kernel, and the most samples that it learns: a
# kernel has the square of their number of entries.
KERNEL_PENALTY, MOST_OF_A_KERNEL = 0.3, 5000
EPSILON = 1e-7
# Scores lie between about -1 and 1; so many times of them, they are logits.
TO_LOGITS = 5.0
# How many samples would speak for weights of 1, beside those that are held out: of two
# or three alone, either part may look useless.
PRIOR_SAMPLES = 2.0
START = np.array([1.0, 1.0, 0.0])


class JoinedHead:
    """A model on further features, whose scores are added to the logits.

    A Dense layer on two sets of features is the sum of one on each. That of the encoder
    is trained already; here the other one is fitted, and how much each counts is chosen
    on samples that neither has seen.

    Sparse features are decided by a linear support vector machine, dense ones by ridge
    regression: of images, whose gradients say more together than one by one, with a
    Gaussian kernel.

    Args:
        transformer: A transformer of scikit-learn, from raw samples to features. It is
            cloned.
        modality: String, that of the samples.
        multi_label: Boolean.
        classes: Integer, their number.

    Attributes:
        weights: Array `(encoder, features, offset)`: the logits are `encoder` times
            those of the encoder, `features` times the scores, and the offset.
        thresholds: Array of shape `(classes,)`, what the probabilities of labels must
            exceed; `None` for 0.5, and of single-label ones.
        report: String, how good either and both are on samples that were held out.
    """

    def __init__(self, transformer, modality, multi_label, classes):
        self.transformer = transformer
        self.modality = modality
        self.multi_label = multi_label
        self.classes = classes
        self.fitted_transformer = self.machine = None
        self.weights = START
        self.thresholds = None
        self.report = "No samples were held out to tell how much they matter."

    def fit(self, samples, targets, sample_weight=None):
        """Fits transformer and model.

        Args:
            samples: List or array of raw samples.
            targets: Integers, or rows of zeros and ones.
            sample_weight: Optional array with a number for each sample.

        Returns:
            The features of the samples.
        """
        self.fitted_transformer = clone(self.transformer)
        features = self.fitted_transformer.fit_transform(samples, targets)
        self.learn(features, targets, sample_weight)
        return features

    def transform(self, samples):
        """Returns the features of samples."""
        return self.fitted_transformer.transform(samples)

    def learn(self, features, targets, sample_weight=None):
        """Fits the model to features.

        Args:
            features: Array or sparse matrix.
            targets: Integers, or rows of zeros and ones.
            sample_weight: Optional array with a number for each sample.
        """
        if scipy.sparse.issparse(features):
            machine = LinearSVC(random_state=0)
            # One for each label passes weights on only where it is told to.
            with (
                warnings.catch_warnings(),
                sklearn.config_context(enable_metadata_routing=self.multi_label),
            ):
                # A label may be that of all samples but the held-out ones.
                warnings.filterwarnings("ignore", "Label .* is present in all")
                if self.multi_label:
                    machine.set_fit_request(sample_weight=True)
                    machine = OneVsRestClassifier(machine)
                machine.fit(features, targets, sample_weight=sample_weight)
            if self.multi_label:
                for one in (machine.estimator, *machine.estimators_):
                    # What was told is of no use any more, and cannot be saved.
                    vars(one).pop("_metadata_request", None)
        else:
            ridge = RidgeClassifierCV(PENALTIES)
            if self.modality == "image" and len(features) <= MOST_OF_A_KERNEL:
                ridge = KernelRidge(alpha=KERNEL_PENALTY, kernel="rbf")
                targets = 2.0 * self._rows(targets) - 1
            machine = make_pipeline(StandardScaler(), ridge)
            weights = {f"{machine.steps[-1][0]}__sample_weight": sample_weight}
            machine.fit(features, targets, **weights)
        self.machine = machine

    def choose_weights(self, logits, features, targets, seed=0):
        """Chooses how much encoder and features count.

        Args:
            logits: Array of shape `(samples, classes)`, those of the encoder.
            features: Those of samples that were not trained on.
            targets: Integers, or rows of zeros and ones.
            seed: Integer, of the halves that decide on each other's thresholds where
                the samples are multi-label.
        """
        parts = np.stack([logits, self._scores(features)])
        rows = self._rows(targets)

        def loss(weights):
            found = np.clip(self._probabilities(parts, weights), EPSILON, 1 - EPSILON)
            missed = rows * np.log(found)
            if self.multi_label:
                missed = missed + (1 - rows) * np.log(1 - found)
            prior = PRIOR_SAMPLES * np.sum((weights - START) ** 2)
            return (prior - np.sum(missed)) / len(rows)

        bounds = [
            (0.0, None),
            (0.0, None),
            (None, None) if self.multi_label else (0, 0),
        ]
        self.weights = minimize(loss, START, method="L-BFGS-B", bounds=bounds).x

        def score(weights):
            found = self._probabilities(parts, weights)
            if self.multi_label:
                return f1_across_halves(targets, found, seed)
            return np.mean(found.argmax(axis=1) == targets)

        metric = "micro-F1" if self.multi_label else "accuracy"
        self.report = (
            f"On the {len(rows)} validation samples: {metric} {score([1, 0, 0]):.3f} "
            f"of the encoder, {score([0, 1, 0]):.3f} of the extra features, "
            f"{score(self.weights):.3f} of both, which count {self.weights[0]:.2f} "
            f"and {self.weights[1]:.2f}."
        )

    def predict_proba(self, logits, features):
        """Returns probabilities.

        Args:
            logits: Array of shape `(samples, classes)`, those of the encoder.
            features: What `transform` makes of the same samples.
        """
        parts = logits, self._scores(features)
        return self._probabilities(parts, self.weights)

    def _probabilities(self, parts, weights):
        encoder, features, offset = weights
        return probabilities(
            encoder * parts[0] + features * parts[1] + offset, self.multi_label
        )

    def _rows(self, targets):
        return targets if self.multi_label else np.eye(self.classes)[targets]

    def _scores(self, features):
        # That of a regression on rows is its answer.
        score = getattr(self.machine, "decision_function", self.machine.predict)
        scores = score(features)
        if scores.ndim == 1:  # of two classes, those of the second
            scores = np.stack([-scores, scores], axis=1) / 2
        return TO_LOGITS * scores


def features_to_join(estimator, count, seed):
    """Returns the transformer that makes the extra features, or `None`.

    Args:
        estimator: A `MaelreEstimator`.
        count: Integer, its training samples.
        seed: Integer.
    """
    extra = estimator.extra_features
    if not isinstance(extra, str):
        return extra
    if not takes_long(estimator.modality, count):
        return simple_features(estimator.modality, seed)
    if estimator.verbose:
        print(
            "No features of a simple tool join the encoder's: it would take many "
            f"minutes to learn {count} samples."
        )
    return None


def join(estimator, extra, classifier, everything, trained, held_out, seed):
    """Returns what joins a trained classifier, or `None` if samples do not allow it.

    Args:
        estimator: A `MaelreEstimator`.
        extra: What `features_to_join` returned.
        classifier: A `MaelreClassifier`. If it is multi-label, the held-out samples
            choose its thresholds.
        everything: Tuple of samples, targets and weights.
        trained: The same of those that the classifier was trained on.
        held_out: The same of others, or `None`.
        seed: Integer.

    Raises:
        ValueError: If `extra` is of the user's own, and does not fit the samples.
    """
    multi_label = classifier.multi_label
    joined = JoinedHead(extra, estimator.modality, multi_label, classifier.num_classes)
    try:
        features = joined.fit(*(everything if held_out is None else trained))
    except ValueError as error:
        if extra is estimator.extra_features:
            raise
        if estimator.verbose:
            print(f"No features of a simple tool join the encoder's: {error}")
        return None
    if held_out is not None:
        logits = classifier.predict(held_out[0], estimator.batch_size, verbose=0)
        others = joined.transform(held_out[0])
        joined.choose_weights(logits, others, held_out[1], seed)
        if estimator.verbose:
            print(joined.report)
        if multi_label:
            found = joined.predict_proba(logits, others)
            joined.thresholds = tuned_thresholds(held_out[1], found)
            # The classifier by itself decides otherwise.
            alone = probabilities(logits, multi_label)
            classifier.thresholds = tuned_thresholds(held_out[1], alone)
        if scipy.sparse.issparse(features):
            # Words of the held-out samples alone are words too.
            joined.fit(*everything)
        else:
            # What is dense is dear to make, and is there already.
            of_all = zip((features, *trained[1:]), (others, *held_out[1:]), strict=True)
            joined.learn(*(_both(*parts) for parts in of_all))
    return joined


def split_samples(samples, targets, weights, held_out):
    """Returns samples, targets and weights to train on, and those that are held out."""
    inside, outside = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    return (
        (take(samples, inside), targets[inside], _taken(weights, inside)),
        (take(samples, outside), targets[outside], _taken(weights, outside)),
    )


def _taken(weights, chosen):
    return None if weights is None else weights[chosen]


def _both(one, other):
    return None if one is None else np.concatenate([one, other])
