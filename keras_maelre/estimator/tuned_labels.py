"""Multi-label decisions at thresholds that other samples chose."""

import warnings

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split
from sklearn.multiclass import OneVsRestClassifier
from sklearn.utils.validation import check_is_fitted

from keras_maelre.models.predictions import decisions, probabilities
from keras_maelre.training.thresholds import label_thresholds, tune_thresholds

HELD_OUT = 0.2
# A label that a few of them have would be decided by chance.
FEWEST_TO_TUNE_ON = 100


class TunedLabels(ClassifierMixin, BaseEstimator):
    """One classifier for each label, and thresholds tuned on held-out samples.

    Of rare labels a support vector machine that minimizes errors predicts hardly any.
    A fifth of the samples tells at which thresholds micro-F1 is highest; then all are
    fitted to.

    Args:
        classifier: Classifier of scikit-learn with a `decision_function`.
        random_state: Integer, `numpy.random.RandomState` or `None`, of the samples to
            hold out.

    Attributes:
        classifiers_: The fitted `sklearn.multiclass.OneVsRestClassifier`.
        thresholds_: Array of shape `(labels,)`, of sigmoids of its decision function.

    Example:

    ```python
    import numpy as np
    from sklearn.svm import LinearSVC
    from keras_maelre.estimator.tuned_labels import TunedLabels

    X = np.random.normal(size=(60, 5))
    Y = (X[:, :3] > 1).astype(int)
    TunedLabels(LinearSVC(), random_state=0).fit(X, Y).predict(X)
    ```

    Reference:
        Lipton, Elkan & Naryanaswamy, "Optimal Thresholding of Classifiers to Maximize
        F1 Measure" (arXiv 1402.1892).
    """

    def __init__(self, classifier, random_state=None):
        self.classifier = classifier
        self.random_state = random_state

    def fit(self, X, y):
        """Fits a classifier for each label.

        Args:
            X: Array or sparse matrix of shape `(samples, features)`.
            y: Array of zeros and ones, `(samples, labels)`.

        Returns:
            The estimator itself.
        """
        y = np.asarray(y)
        learned, held_out = train_test_split(
            np.arange(len(y)), test_size=HELD_OUT, random_state=self.random_state
        )
        labels = OneVsRestClassifier(clone(self.classifier))
        self.thresholds_ = np.full(y.shape[1], 0.5)
        if y[held_out].any():
            with warnings.catch_warnings():
                # A rare one may be among the others alone.
                warnings.filterwarnings("ignore", "Label .* is present in all")
                self.classifiers_ = labels.fit(X[learned], y[learned])
            found = self.predict_proba(X[held_out])
            # Their own F1 would ask less of rare labels, which a fit to all
            # samples, more sure of itself, then finds everywhere.
            self.thresholds_ = tune_thresholds(y[held_out], found, per_label=True)
        self.classifiers_ = clone(labels).fit(X, y)
        return self

    def predict_proba(self, X):
        """Returns the sigmoid of the decision function, which is not calibrated."""
        check_is_fitted(self)
        scores = self.classifiers_.decision_function(X)
        return probabilities(np.asarray(scores).reshape(X.shape[0], -1), True)

    def predict(self, X):
        """Returns zeros and ones of shape `(samples, labels)`."""
        decided = decisions(self.predict_proba(X), True, self.thresholds_)
        return decided.astype(int)


def tuned_thresholds(targets, found):
    """Returns the thresholds of labels, or `None` of too few samples.

    Args:
        targets: Array of zeros and ones, `(samples, labels)`.
        found: Float array of the same shape, probabilities.
    """
    if len(targets) < FEWEST_TO_TUNE_ON or not np.any(targets):
        return None
    return label_thresholds(targets, found)


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
            thresholds = label_thresholds(targets[~half], probabilities[~half])
        decided[half] = decisions(probabilities[half], True, thresholds)
    return f1_score(targets, decided, average="micro", zero_division=0.0)
