"""The classifier as an estimator of scikit-learn."""

import contextlib
import random
import warnings

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import check_is_fitted

from keras_maelre.datasets import stratified_split
from keras_maelre.estimator import estimator_files
from keras_maelre.estimator.class_labels import as_indicator, read_labels
from keras_maelre.estimator.comparison import compare_with_simple_tool
from keras_maelre.estimator.default_preprocessor import warn_of_cuts
from keras_maelre.estimator.extra_features import (
    features_to_join,
    join,
    split_samples,
)
from keras_maelre.estimator.new_classifier import new_classifier
from keras_maelre.estimator.parameter_checks import (
    check_lengths,
    check_parameters,
    checked_weights,
)
from keras_maelre.estimator.raw_samples import raw_samples
from keras_maelre.estimator.series_alignment import are_aligned
from keras_maelre.estimator.tuned_labels import (
    FEWEST_TO_TUNE_ON,
    f1_across_halves,
    tuned_thresholds,
)
from keras_maelre.models import MaelreClassifier
from keras_maelre.models.predictions import decisions
from keras_maelre.models.presets import PRETRAINED
from keras_maelre.models.sample_batches import take
from keras_maelre.training import small_data_recipe

# By default.
STEPS, FEWEST_EPOCHS, MOST_EPOCHS = 1000, 5, 200
VALIDATION_FRACTION, FEWEST_TO_VALIDATE, FEWEST_OF_A_CLASS = 0.1, 100, 5


class MaelreEstimator(ClassifierMixin, BaseEstimator):
    """Classifies series, texts, sounds and images, as an estimator of scikit-learn.

    Raw samples go in, labels come out: the preprocessor, the model and its training
    are chosen by the modality and the data. It works in `cross_val_score`,
    `GridSearchCV`, `CalibratedClassifierCV` and `Pipeline`, and is cloned, copied and
    pickled like any other. Underneath are a `MaelreClassifier` with
    `pooling="blocks"`, which is the attribute `classifier_` of a fitted estimator, and
    `keras_maelre.training.small_data_recipe`: a linear probe, then training, of which
    the better by validation is kept. The features of a simple tool join those of the
    encoder at the end (`extra_features`).

    Series are given with their differences, and resized if a linear probe is better on
    them then: fewer steps are trained on faster. Those of one channel start from the
    pretrained `"tiny_series_synthetic"`, unless a probe on new weights is better. Where
    linear probes find that they are not aligned, they are shifted at random in training
    (`aligned`). Tokens of documents start with embeddings by
    `keras_maelre.preprocessing.semantic_embeddings`.

    Needs `pip install "keras_maelre[sklearn]"`.

    Args:
        modality: String: `"series"`, `"text"`, `"bytes"` (text without a vocabulary),
            `"audio"` or `"image"`.
        preset: `None` for `"tiny"`; a size (`"tiny"`, `"small"`, `"base"`, `"wide"`);
            the name of a built-in preset of the modality, such as `"tiny_series"`; or
            the directory or `hf://` handle of a saved preset, whose weights are trained
            further. Of series of one channel `None` tries `"tiny_series_synthetic"`
            first, and `"tiny"` means new weights.
        epochs: Integer, passes over the training samples; with `time_limit` the most
            there may be. `None` for as many as make a thousand steps, but at least 5
            and at most 200; with `time_limit` 200.
        time_limit: Optional number of seconds that the training may take. How much is
            trained then depends on the speed of the machine. The probes that choose how
            series go in come before it: seconds, of thousands of steps up to a minute.
        batch_size: Integer.
        learning_rate: Float above 0, or `None` for that of the recipe, which is lower
            for series from pretrained weights, saved ones included.
        class_weight: `None`; `"balanced"`, so that every class counts as much as the
            others; or a dictionary from labels to weights. Single-label only.
        random_state: Integer, `numpy.random.RandomState` or `None`. An integer gives
            the same result every time, on one backend and machine.
        validation_fraction: Float in `[0, 1)`, the fraction of the samples to validate
            on after every epoch, to keep the best weights: of every class where that is
            no more than twice the fraction. 0 trains on all, and keeps the last
            weights. `"auto"` is 0 for fewer than 100 samples, or fewer than 5 of a
            class on average: too few to do without some, which would tell little; and
            where `groups` are so few that one of each class is more than a fifth of all
            samples. For others it is 0.1. Of multi-label targets, a hundred validation
            samples or more choose the threshold of each label too, unless the probe is
            kept; `"auto"` takes no heed of their classes and groups.
        output: Optional path of a folder for checkpoints. If it holds this very
            training, interrupted, `fit` goes on with it. Needs an integer
            `random_state`.
        input_shape: Tuple of integers, the shape of one input of the model, such as
            `(length, channels)` of series, which are then neither resized nor given
            with their differences. By default the longest training sample decides, up
            to the length of the preset for texts, bytes and sounds; images are scaled
            to `(64, 64, 3)`. Ends of longer samples are cut off, with a warning.
        aligned: Boolean or `"auto"`, of series. Whether a step means the same in all of
            them, as in outlines that begin at one point; the steps of recordings of
            something that goes on do not. Series that are not aligned are trained on
            with random shifts in time. `"auto"` lets a linear probe on shifted samples
            decide.
        channels_first: Boolean. Whether series are `(channels, length)`, as in aeon,
            and arrays of images `(channels, height, width)`.
        preprocessor: Optional, one of `keras_maelre.preprocessing`, in place of the one
            that is made from the data.
        extra_features: `"auto"`, or a transformer of scikit-learn, from raw samples to
            features that join those of the encoder at the head. `"auto"` takes those of
            the simple tool (`keras_maelre.estimator.simple_tool`): words of documents,
            `MiniRocket()`, `MelStatistics()` or `ImageStatistics()`; or none of samples
            that the tool cannot take, and of more than 5000 that are not texts, which
            take it long. How much they count is chosen on the validation samples. They
            are made anew for every prediction, which of series then takes about three
            times as long. `classifier_`, which is what is exported and explained, is
            without them: `None` is for an estimator that decides as it does.
        recipe: Optional dictionary of what to change of the recipe, such as
            `{"augmentation": [], "probe": False}`; see `keras_maelre.training.Recipe`.
        compare: Boolean. Whether, where no further features join, a simple tool
            (`keras_maelre.estimator.simple_tool`) is fitted to the same samples, which
            takes seconds more, and a warning says so if it is better on the validation
            samples. Where `validation_fraction="auto"` keeps none, or fewer than 100
            favor the tool, it is compared with the linear probe in cross-validation,
            which tells too little of sounds, images and multi-label targets. Not of
            more than 5000 samples, fewer if they are multi-label, unless they are
            texts: the tool takes long.
        verbose: 0, 1 or 2: nothing, a progress bar, or a line per epoch.

    Attributes:
        classes_: Array of shape `(classes,)`, the labels, sorted. Of multi-label
            indicator matrices: the numbers, or names, of their columns.
        classifier_: The trained `MaelreClassifier`, with its preprocessor. Where extra
            features join, it is not what decides, and a warning says so.
        comparison_: A `keras_maelre.estimator.Comparison` with the simple tool, or
            `None`.
        joined_head_: What `extra_features` add to the logits, or `None`.
        history_: Dictionary from the names of losses and metrics to lists of their
            values, one per epoch.
        n_features_in_: Integer, the length of the series, if they came in an array.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is out of range, or samples and labels do not fit.

    Example:

    ```python
    import numpy as np
    from keras_maelre import MaelreEstimator

    generator = np.random.default_rng(0)
    X = [generator.normal(size=n) for n in generator.integers(60, 100, size=40)]
    y = ["calm", "storm"] * 20
    estimator = MaelreEstimator("series", epochs=2, random_state=0)
    estimator.fit(X, y).predict(X[:3])  # array of "calm" and "storm"
    estimator.save("my_estimator")
    MaelreEstimator.load("my_estimator").predict_proba(X[:3])  # (3, 2)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409).
    """

    def __init__(
        self,
        modality="series",
        *,
        preset=None,
        epochs=None,
        time_limit=None,
        batch_size=32,
        learning_rate=None,
        class_weight=None,
        random_state=None,
        validation_fraction="auto",
        output=None,
        input_shape=None,
        aligned="auto",
        channels_first=False,
        preprocessor=None,
        extra_features="auto",
        recipe=None,
        compare=True,
        verbose=0,
    ):
        self.modality = modality
        self.preset = preset
        self.epochs = epochs
        self.time_limit = time_limit
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.class_weight = class_weight
        self.random_state = random_state
        self.validation_fraction = validation_fraction
        self.output = output
        self.input_shape = input_shape
        self.aligned = aligned
        self.channels_first = channels_first
        self.preprocessor = preprocessor
        self.extra_features = extra_features
        self.recipe = recipe
        self.compare = compare
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None, groups=None):
        """Trains a new classifier.

        Args:
            X: Raw samples: a list, an array or a column of a table. Series: arrays of
                shape `(length,)` or `(length, channels)`, each of its own length; or
                one array of shape `(samples, length)` or `(samples, length,
                channels)`. Texts: strings. Sounds and images: paths, arrays and what
                else their preprocessors take.
            y: Labels of any one type, of shape `(samples,)`. Multi-label: zeros and
                ones of shape `(samples, classes)`, or a list of labels for each sample.
            sample_weight: Optional array of shape `(samples,)`, numbers of at least 0.
                A sample of weight 0 is left out.
            groups: Optional array of shape `(samples,)`: samples of one group, such as
                the windows of one recording, are all trained or all validated on.

        Returns:
            The estimator itself.
        """
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
        check_parameters(self)
        # What is wrong with it is told before anything is computed.
        self._recipe()
        samples = raw_samples(self, X, reset=True)
        classes, targets, multi_label = read_labels(y)
        check_lengths(X=samples, y=targets, sample_weight=sample_weight, groups=groups)
        if sample_weight is not None:
            weights = checked_weights(sample_weight)
            kept = np.flatnonzero(weights)
            samples, targets, weights = (
                take(samples, kept),
                targets[kept],
                weights[kept],
            )
            groups = None if groups is None else np.asarray(groups)[kept]
            if not multi_label:
                left, targets = np.unique(targets, return_inverse=True)
                classes = classes[left]
        else:
            weights = None
        if len(classes) < 2:
            raise ValueError(
                "Argument `y` must hold at least two classes of samples with a weight. "
                f"Received: {len(classes)} class ({classes.tolist()})"
            )
        weights = self._with_class_weight(weights, classes, targets, multi_label)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        with _seeded(seed):
            fraction = self._fraction(targets, multi_label, groups, seed)
            # As the recipe splits.
            out = stratified_split(targets, fraction, groups, seed, every_class=False)
            classifier, preset = new_classifier(
                self, samples, classes, multi_label, targets, groups, out, seed
            )
            if self.preprocessor is None:
                warn_of_cuts(classifier.preprocessor, samples)
            aligned = self._are_aligned(classifier, samples, targets, groups, seed)
            is_new = preset in MaelreClassifier.presets and preset not in PRETRAINED
            recipe = self._recipe(self.modality == "series" and not is_new, aligned)
            trained, held_out, known = (samples, targets, weights), None, groups
            extra = features_to_join(self, len(samples), seed)
            if extra is not None and out.any():
                trained, held_out = split_samples(samples, targets, weights, out)
                known = None if groups is None else np.asarray(groups)[~out]
            history = recipe.fit(
                classifier,
                *trained[:2],
                validation_data=held_out and held_out[:2],
                validation_split=fraction,
                groups=known,
                sample_weight=trained[2],
                epochs=self._count_epochs(len(samples) * (1 - fraction)),
                time_limit=self.time_limit,
                batch_size=self.batch_size,
                output=self.output,
                resume=self.output is not None,
                seed=seed,
                verbose=self.verbose,
            )
        self.joined_head_ = self.comparison_ = None
        if extra is not None:
            self.joined_head_ = join(
                self,
                extra,
                classifier,
                (samples, targets, weights),
                trained,
                held_out,
                seed,
            )
        if self.joined_head_ is None:
            score = history.best_score
            if multi_label and score is not None:
                x, y, _ = split_samples(samples, targets, None, out)[1]
                score = self._tuned(classifier, x, y, history, seed)
            if self.compare and (
                score is not None or self.validation_fraction == "auto"
            ):
                self.comparison_ = compare_with_simple_tool(
                    self.modality,
                    samples,
                    targets,
                    groups,
                    out,
                    score,
                    history.probe,
                    multi_label,
                    seed,
                    self.verbose,
                )
        self.classes_ = classes
        self._classifier = classifier
        self.history_ = history.history
        return self

    def predict_proba(self, X):
        """Returns the probability of every class.

        Args:
            X: Raw samples, as in `fit`.

        Returns:
            Float array of shape `(samples, classes)`, in the order of `classes_`. The
            rows sum to 1 unless the targets were multi-label.
        """
        check_is_fitted(self)
        samples = raw_samples(self, X, reset=False)
        if self.preprocessor is None:
            warn_of_cuts(self._classifier.preprocessor, samples)
        classifier, joined = self._classifier, self.joined_head_
        if joined is None:
            return classifier.predict_proba(samples, batch_size=self.batch_size)
        logits = classifier.predict(samples, self.batch_size, verbose=0)
        return joined.predict_proba(logits, joined.transform(samples))

    def predict(self, X):
        """Returns the label of every sample.

        Args:
            X: Raw samples, as in `fit`.

        Returns:
            Array of shape `(samples,)`, of the type that the labels had; or, if they
            were multi-label, integers 0 and 1 of shape `(samples, classes)`.
        """
        found, decides = self.predict_proba(X), self._classifier
        multi_label = decides.multi_label
        if self.joined_head_ is not None:
            decides = self.joined_head_
        decided = decisions(found, multi_label, decides.thresholds)
        if multi_label:
            return decided.astype(int)
        return self.classes_[np.argmax(decided, axis=1)]

    def score(self, X, y, sample_weight=None):
        """Returns the accuracy; of multi-label targets that of whole sets of labels.

        Args:
            X: Raw samples, as in `fit`.
            y: Labels, as in `fit`.
            sample_weight: Optional array of shape `(samples,)`.
        """
        check_is_fitted(self)
        if self._classifier.multi_label:
            y = as_indicator(y, self.classes_)
        return super().score(X, y, sample_weight)

    @property
    def classifier_(self):
        """The trained `MaelreClassifier`."""
        if "_classifier" not in vars(self):
            raise AttributeError(f"This {type(self).__name__} is not fitted yet.")
        if self.joined_head_ is not None:
            warnings.warn(
                "The attribute `classifier_` is without the extra features that join "
                f"it when the estimator decides. {self.joined_head_.report} An "
                "estimator with `extra_features=None` decides as its classifier does.",
                stacklevel=2,
            )
        return self._classifier

    # === Files ===

    def save(self, path):
        """Saves the fitted estimator to a folder.

        Whatever happens meanwhile, the folder holds a whole estimator: the old one or
        the new.

        Args:
            path: String or path of a folder. It is made if it is missing; an estimator
                in it is replaced.

        Raises:
            sklearn.exceptions.NotFittedError: If the estimator is not fitted.
            TypeError: If a parameter cannot be stored, such as a function.
        """
        check_is_fitted(self)
        estimator_files.save(self, path)

    @classmethod
    def load(cls, path, trusted=()):
        """Loads an estimator that `save` wrote, on any backend.

        Args:
            path: String or path of a folder.
            trusted: Sequence of strings, the full names of types that `extra_features`
                of your own consist of, such as `"my_package.MyFeatures"`: code of these
                runs when they are loaded. Those of scikit-learn and of this library
                need no mention.

        Raises:
            TypeError: If `trusted` is a string.
            ValueError: If the folder holds no estimator, a damaged one, or one of types
                that are not trusted.
        """
        return estimator_files.load(cls, path, trusted)

    def __getstate__(self):
        state = dict(super().__getstate__())
        if "_classifier" in state:
            state["_classifier"] = estimator_files.to_bytes(state["_classifier"])
        return state

    def __setstate__(self, state):
        if "_classifier" in state:
            classifier = estimator_files.from_bytes(state["_classifier"])
            state = {**state, "_classifier": classifier}
        super().__setstate__(state)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        is_series = self.modality == "series"
        tags.input_tags.two_d_array = is_series
        tags.input_tags.three_d_array = is_series
        tags.input_tags.string = not is_series
        tags.input_tags.allow_nan = is_series
        tags.classifier_tags.multi_label = True
        # Series are normalized one by one: columns of a table that mean different
        # things, as scikit-learn tests with, lose most of what they say.
        tags.classifier_tags.poor_score = True
        return tags

    # === What fit is made of ===

    def _are_aligned(self, classifier, samples, targets, groups, seed):
        """Returns `False` where samples are to be shifted in training."""
        if self.modality != "series" or "augmentation" in (self.recipe or {}):
            return True
        if self.aligned != "auto":
            return self.aligned
        return are_aligned(classifier, samples, targets, groups, seed, self.verbose)

    def _recipe(self, pretrained=False, aligned=True):
        changes = self.recipe
        if changes is None:
            changes = {}
        elif not isinstance(changes, dict):
            raise TypeError(
                "Argument `recipe` must be a dictionary of what to change of the "
                f"recipe. Received: recipe={changes!r}"
            )
        if self.learning_rate is not None:
            if "learning_rate" in changes:
                raise ValueError(
                    "Pass `learning_rate` or `recipe['learning_rate']`, not both. "
                    f"Received: {self.learning_rate!r} and {changes['learning_rate']!r}"
                )
            changes = {**changes, "learning_rate": self.learning_rate}
        if self.class_weight is not None and changes.get("balanced"):
            raise ValueError(
                "Pass `class_weight` or `recipe['balanced']`, not both: classes would "
                f"count twice. Received: class_weight={self.class_weight!r}"
            )
        return small_data_recipe(self.modality, pretrained, aligned, **changes)

    def _fraction(self, targets, multi_label, groups, seed):
        """Returns the fraction of the samples to validate on."""
        fraction = self.validation_fraction
        if fraction != "auto":
            return fraction
        fraction = VALIDATION_FRACTION if len(targets) >= FEWEST_TO_VALIDATE else 0.0
        if fraction and not multi_label:
            if len(targets) < FEWEST_OF_A_CLASS * len(np.unique(targets)):
                return 0.0
            if groups is not None:
                # Of three recordings of a class one is a third of it.
                out = stratified_split(targets, fraction, groups, seed)
                if out.mean() > 2 * fraction:
                    return 0.0
        return fraction

    def _tuned(self, classifier, samples, targets, history, seed):
        """Tunes thresholds on held-out samples, and returns the score on them."""
        if history.best_epoch == -1:
            # It has learned the held-out samples too, in the end.
            if history.probe.samples >= FEWEST_TO_TUNE_ON:
                classifier.thresholds = history.probe.thresholds
            return history.best_score
        found = classifier.predict_proba(samples, batch_size=self.batch_size)
        classifier.thresholds = tuned_thresholds(targets, found)
        if classifier.thresholds is not None:
            return f1_across_halves(targets, found, seed)
        return history.best_score

    def _count_epochs(self, trained):
        if self.epochs is not None:
            return self.epochs
        if self.time_limit is not None:
            return MOST_EPOCHS
        steps = max(1, int(trained / self.batch_size))
        return min(MOST_EPOCHS, max(FEWEST_EPOCHS, -(-STEPS // steps)))

    def _with_class_weight(self, weights, classes, targets, multi_label):
        """Returns the weights of samples, those of their classes included."""
        if self.class_weight is None:
            return weights
        if multi_label:
            raise ValueError(
                "Argument `class_weight` is for single-label targets; of multi-label "
                "ones `recipe={'balanced': True}` draws rare labels more often. "
                f"Received: class_weight={self.class_weight!r}"
            )
        of_classes = compute_sample_weight(self.class_weight, classes[targets])
        return of_classes if weights is None else weights * of_classes


@contextlib.contextmanager
def _seeded(seed):
    """Seeds what Keras draws the seeds of new layers from, and puts it back after."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
