"""How classifiers are trained: one object per task."""

import dataclasses
import json
import math

import keras

from keras_maelre import modalities
from keras_maelre.checks import check_flag, check_integer, check_number, check_rate
from keras_maelre.models.check_classifier import check_classifier
from keras_maelre.models.targets import encode_targets
from keras_maelre.training.adamw import AdamW
from keras_maelre.training.batches import AugmentedBatches, OrderedBatches, are_layers
from keras_maelre.training.layer_rates import layer_rates
from keras_maelre.training.multi_label_loss import ArticleLabelCrossentropy
from keras_maelre.training.multi_label_metrics import (
    ExampleBasedF1,
    LabelBasedF1,
    MicroF1,
)
from keras_maelre.training.schedule import WarmupCosine
from keras_maelre.training.tasks import SMALL, SMALL_TASKS, TASKS, small_series
from keras_maelre.training.training_run import run

# The paper prints none.
LEARNING_RATE = 3e-4


@dataclasses.dataclass
class Recipe:
    """Everything that a training consists of but the data and its length.

    Made by `recipe(task)`; every attribute can be set there by its name. `fit` applies
    all of it: optimizer, schedule, loss and metrics, batches with augmentation and
    mixing, dropout rates, averages, the choice of the best epoch, checkpoints.

    Args:
        task: String, the name of the modality.
        learning_rate: Float above 0, at the end of the warm-up, or `None` for 3e-4 in
            long trainings and up to twice that in short ones; see `rate`.
        warmup_fraction: Float in `[0, 1)`, the fraction of all steps over which the
            learning rate rises; then it falls as a cosine to 0.
        layer_decay: Float in `(0, 1]`, what the learning rate is multiplied by from
            each layer to the one before it; see `layer_rates`. Below 1 it suits
            classifiers that are trained already.
        weight_decay: Float, of all weights but biases, scales and offsets.
        global_clipnorm: Float above 0, the most that the norm of all gradients may be,
            or `None`. Under `tf.distribute` Keras clips those of each replica before
            their average.
        label_smoothing: Float in `[0, 1)`, of single-label classifiers.
        positive_weight: Float above 0, see `ArticleLabelCrossentropy`, of multi-label
            classifiers.
        ema: Boolean. Whether moving averages of the weights are validated and kept.
        ema_fraction: Float in `(0, 1]`, the fraction of all steps that the averages
            reach back over.
        balanced: Boolean. Whether classes are sampled alike, see `AugmentedBatches`.
        drop_path_rate: Float in `[0, 1)`, set on the classifier, of long trainings.
        dropout_rate: Float in `[0, 1)`, set on the classifier, of long trainings.
        restore_best_weights: Boolean. Whether the weights of the epoch that validated
            best are kept in the end, instead of the last.
        probe: Boolean. Whether the head is fitted by `linear_probe` before the
            training, and kept like that, fitted to all samples, if no epoch validates
            as well; without `restore_best_weights`, if the last does not. What the
            last must reach is the accuracy of the probe on the validation samples, or
            on those and the ones that it held out itself, if that is lower; of
            multi-label classifiers the score on the validation samples.
        augmentation: List of layers for `AugmentedBatches`, or a function from the
            classifier's `Modality` to one.
        mixing: As `augmentation`.
        full_regularization_steps: Integer, the length of training from which on every
            sample is augmented, every batch mixed, and the dropout rates are as given.
            In shorter trainings it is a fraction of the samples, batches and rates,
            `(steps / full_regularization_steps) ** 2`: few steps do not teach new
            weights what changes and what does not.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is out of range.

    Example:

    ```python
    import numpy as np
    from keras_maelre import MaelreClassifier
    from keras_maelre.training import recipe

    classifier = MaelreClassifier.from_preset(
        "tiny_series", input_shape=(100, 1), num_classes=2
    )
    x, y = np.random.normal(size=(40, 100, 1)), np.arange(40) % 2
    history = recipe("series").fit(classifier, x, y, epochs=2, batch_size=8)
    history.history["val_accuracy"]
    ```
    """

    task: str
    learning_rate: float | None = None
    warmup_fraction: float = 0.06  # 3 of 50 epochs
    layer_decay: float = 1.0
    weight_decay: float = 0.05
    global_clipnorm: float = 1.0
    label_smoothing: float = 0.1
    positive_weight: float = 1.0
    ema: bool = True
    ema_fraction: float = 0.02
    balanced: bool = False
    drop_path_rate: float = 0.1
    dropout_rate: float = 0.0
    restore_best_weights: bool = True
    probe: bool = False
    augmentation: list = dataclasses.field(default_factory=list)
    mixing: list = dataclasses.field(default_factory=list)
    full_regularization_steps: int = 2000

    few_steps_advice = (
        "use more epochs, smaller batches, or `small_data_recipe`, which begins with a "
        "linear probe"
    )

    def __post_init__(self):
        for name in ("learning_rate", "global_clipnorm", "positive_weight"):
            if name == "positive_weight" or getattr(self, name) is not None:
                setattr(self, name, check_number(name, getattr(self, name), above=0.0))
        for name in ("label_smoothing", "drop_path_rate", "dropout_rate"):
            setattr(self, name, check_rate(name, getattr(self, name)))
        self.warmup_fraction = check_rate("warmup_fraction", self.warmup_fraction)
        self.weight_decay = check_number("weight_decay", self.weight_decay)
        self.layer_decay = check_number(
            "layer_decay", self.layer_decay, above=0.0, high=1.0
        )
        self.ema_fraction = check_number(
            "ema_fraction", self.ema_fraction, above=0.0, high=1.0
        )
        self.full_regularization_steps = check_integer(
            "full_regularization_steps", self.full_regularization_steps
        )
        for name in ("ema", "balanced", "restore_best_weights", "probe"):
            setattr(self, name, check_flag(name, getattr(self, name)))
        for name in ("augmentation", "mixing"):
            layers = getattr(self, name)
            if callable(layers):
                continue
            if not are_layers(layers):
                raise TypeError(
                    f"Argument `{name}` must be a list of layers, or a function from a "
                    f"`Modality` to one. Received: {name}={layers!r}"
                )

    def __str__(self):
        """The recipe, with the layers that a classifier of its task trains with."""
        lines = [f"Recipe for {self.task}"]
        for name, value in vars(self).items():
            if name in ("augmentation", "mixing"):
                if callable(value):
                    value = value(modalities.get(self.task))
                value = _names(value)
            elif name == "learning_rate" and value is None:
                value = f"{self.rate(math.inf):g}, in short trainings up to "
                value += f"{self.rate(0):g}"
            if name != "task":
                lines.append(f"  {name:<20} {value}")
        return "\n".join(lines)

    def fit(
        self,
        classifier,
        x,
        y,
        validation_data=None,
        validation_split=0.1,
        groups=None,
        sample_weight=None,
        epochs=50,
        time_limit=None,
        batch_size=32,
        output=None,
        resume=False,
        callbacks=(),
        seed=0,
        workers=0,
        verbose="auto",
    ):
        """Trains a classifier by the whole of the recipe.

        What it prints is read from the classifier, its optimizer and its batches.

        Args:
            classifier: A `MaelreClassifier` of the recipe's modality.
            x: Raw samples if the classifier has a preprocessor, and otherwise an array
                of inputs: whatever `classifier.fit` takes that is in memory.
            y: Labels, as `classifier.fit` takes them.
            validation_data: Optional tuple `(x, y)` or `(x, y, sample_weight)`, to
                validate on after every epoch.
            validation_split: Float in `[0, 1)`, the fraction of the samples to validate
                on if there is no `validation_data`: whole groups, of every class where
                that is no more than twice the fraction.
            groups: Optional array of shape `(samples,)`: samples of one group, such as
                the windows of one recording, are all trained or all validated on.
            sample_weight: Optional float array of shape `(samples,)`.
            epochs: Integer, passes over the training samples; with `time_limit` the
                most there may be.
            time_limit: Optional number of seconds. Steps are timed first, and the
                schedule is made as long as fits: the learning rate ends at 0 in time.
            batch_size: Integer.
            output: Optional path of a folder. The state of the training is kept in its
                `checkpoint` after every epoch, and the classifier in `preset` at the
                end.
            resume: Boolean. Whether to go on with the training that `output` holds, if
                it does. It must be the same training: data and settings are checked.
            callbacks: List of Keras callbacks. They see the averaged weights.
            seed: Integer, of the split and the batches.
            workers: Integer, threads that make batches ahead.
            verbose: As in `keras.Model.fit`. 0 prints nothing at all.

        Returns:
            A `keras.callbacks.History` of all epochs, those before an interruption
            included. Its `best_epoch` is the one whose weights were kept, counted from
            0, or -1 for the probe, and `best_score` what that validated at; both are
            `None` if the last weights were kept without a comparison. Its `probe` is
            the `ProbeReport` of the probe before the training, or `None`.

        Raises:
            TypeError: If an argument is of the wrong type.
            ValueError: If an argument is out of range, a label is unknown, the
                classifier is of another modality, or a resumed training differs from
                the one that was started.

        Example:

        ```python
        import numpy as np
        from keras_maelre import MaelreClassifier
        from keras_maelre.preprocessing import SeriesPreprocessor
        from keras_maelre.training import recipe

        classifier = MaelreClassifier.from_preset(
            "tiny_series",
            class_names=["calm", "storm"],
            preprocessor=SeriesPreprocessor((100, 1)),
        )
        series = [np.random.normal(size=n) for n in range(60, 100)]
        labels = ["calm", "storm"] * 20
        recipe("series").fit(classifier, series, labels, epochs=2, output="my_run")
        ```
        """
        check_classifier(classifier)
        return run(
            self,
            classifier,
            x,
            y,
            validation_data=validation_data,
            validation_split=validation_split,
            groups=groups,
            sample_weight=sample_weight,
            epochs=epochs,
            time_limit=time_limit,
            batch_size=batch_size,
            output=output,
            resume=resume,
            callbacks=callbacks,
            seed=seed,
            workers=workers,
            verbose=verbose,
        )

    def compile(self, classifier, total_steps, **kwargs):
        """Compiles a classifier and sets its dropout rates, for a `fit` of your own.

        Args:
            classifier: A `MaelreClassifier` of the recipe's modality.
            total_steps: Integer, all steps of the training: the learning rate is 0
                after them, and `classifier.fit` refuses to go on.
            **kwargs: Other arguments of its `compile`, such as `jit_compile`.
        """
        if classifier.modality.name != self.task:
            raise ValueError(
                f"A recipe for {self.task} trains classifiers of that modality. "
                f"Received: a classifier of modality {classifier.modality.name!r}"
            )
        fraction = self.regularized_fraction(total_steps)
        classifier.backbone.set_dropout(
            fraction * self.dropout_rate, fraction * self.drop_path_rate
        )
        with classifier.strategy_scope():
            classifier.compile(
                optimizer=self.optimizer(classifier, total_steps),
                loss=self.loss(classifier.multi_label),
                metrics=self.metrics(classifier.multi_label),
                **kwargs,
            )

    def batches(self, classifier, x, y, total_steps=None, **kwargs):
        """Returns the batches to train on, for a `fit` of your own.

        Args:
            classifier: A `MaelreClassifier`.
            x: As in `fit`.
            y: As in `fit`.
            total_steps: Optional integer, all steps of the training, by which the
                fraction of augmented samples is chosen; by default all are augmented.
            **kwargs: Other arguments of `AugmentedBatches`.
        """
        return AugmentedBatches(
            x,
            self.labels(classifier, y),
            augmentation=self.layers("augmentation", classifier.modality),
            mixing=self.layers("mixing", classifier.modality),
            augmented_fraction=self.regularized_fraction(total_steps),
            balanced=self.balanced,
            **_common(classifier),
            **kwargs,
        )

    def ordered_batches(self, classifier, x, y, **kwargs):
        """Returns the batches to validate on, for a `fit` of your own.

        Args:
            classifier: A `MaelreClassifier`.
            x: As in `fit`.
            y: As in `fit`.
            **kwargs: Other arguments of `OrderedBatches`.
        """
        return OrderedBatches(
            x, self.labels(classifier, y), **_common(classifier), **kwargs
        )

    def layers(self, name, modality):
        """Returns the layers of `"augmentation"` or `"mixing"` for a modality."""
        layers = getattr(self, name)
        return list(layers(modality) if callable(layers) else layers)

    def rate(self, total_steps):
        """Returns the learning rate at the end of the warm-up.

        Where a recipe has none of its own, it is higher in trainings that are
        regularized in part: a cosine leaves half of it on average, and few steps have
        as far to go.
        """
        if self.learning_rate is not None:
            return self.learning_rate
        return LEARNING_RATE * (2 - self.regularized_fraction(total_steps))

    def regularized_fraction(self, total_steps):
        """Returns what fraction of samples, batches and rates a training changes by."""
        if total_steps is None:
            return 1.0
        return min(1.0, total_steps / self.full_regularization_steps) ** 2

    def labels(self, classifier, y):
        """Returns labels as integers, or as rows of numbers for each sample."""
        return encode_targets(
            y, classifier.num_classes, classifier.class_names, classifier.multi_label
        )

    def optimizer(self, classifier, total_steps):
        """Returns AdamW with the schedule, decay where it belongs, and averages."""
        rates, averages = None, {}
        if self.layer_decay < 1:
            rates = layer_rates(classifier, self.layer_decay)
        if self.ema:
            horizon = max(2.0, self.ema_fraction * total_steps)
            averages = {"use_ema": True, "ema_momentum": 1 - 1 / horizon}
        optimizer = AdamW(
            WarmupCosine(self.rate(total_steps), total_steps, self.warmup_fraction),
            weight_decay=self.weight_decay,
            global_clipnorm=self.global_clipnorm,
            rate_factors=rates,
            **averages,
        )
        optimizer.exclude_from_weight_decay(
            var_names=["bias", "gamma", "beta", "exponent"]
        )
        return optimizer

    def loss(self, multi_label=False):
        """Returns the cross-entropy of single-label or multi-label classifiers."""
        if multi_label:
            return ArticleLabelCrossentropy(
                positive_weight=self.positive_weight, from_logits=True
            )
        return keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=self.label_smoothing
        )

    def metrics(self, multi_label=False):
        """Returns accuracy, or micro-F1, EBF and MiF; the first chooses the epoch."""
        if multi_label:
            return [
                MicroF1(from_logits=True, name="micro_f1"),
                ExampleBasedF1(from_logits=True, name="ebf"),
                LabelBasedF1(from_logits=True, name="mif"),
            ]
        return [keras.metrics.CategoricalAccuracy(name="accuracy")]

    def monitored(self, classifier):
        """Returns the name of the score that chooses the epoch, and `"max"`."""
        return self.metrics(classifier.multi_label)[0].name, "max"

    def settings(self, classifier):
        """Returns what must be the same when a training is resumed, for JSON."""
        kinds = ("augmentation", "mixing")
        numbers = {n: v for n, v in vars(self).items() if n not in kinds}
        layers = {kind: self.layers(kind, classifier.modality) for kind in kinds}
        return {
            "recipe": numbers,
            **{kind: [_config_of(layer) for layer in layers[kind]] for kind in kinds},
        }

    def title(self, classifier):
        """Returns the first line of what is printed."""
        return f"Training of {classifier.name} by the recipe for {self.task}"

    def rows(self, batches):
        """Returns what is printed of the batches, by the names of the rows."""
        rows = {
            "sampling": "balanced" if batches.balanced else "each sample once",
            "augmentation": _names(batches.augmentation),
            "mixing": _names(batches.mixing),
        }
        fraction = batches.augmented_fraction
        if fraction < 1 and (batches.augmentation or batches.mixing):
            rows["changed"] = f"{fraction:.1%} of samples and batches: few steps"
        return rows


def _names(layers):
    return ", ".join(type(layer).__name__ for layer in layers) or "none"


def _config_of(layer):
    config = layer.get_config() if hasattr(layer, "get_config") else {}
    config.pop("name", None)
    return json.loads(json.dumps([type(layer).__name__, config], default=str))


def _common(classifier):
    return {
        "num_classes": classifier.num_classes,
        "preprocessor": classifier.preprocessor,
        "modality": classifier.modality,
    }


def recipe(task, **changes):
    """Returns how the paper trains a task.

    Args:
        task: String, the name of a modality: `"text"`, `"bytes"`, `"series"`,
            `"audio"`, `"image"`; or a `Modality` of your own, whose recipe has no
            augmentation unless it is given here.
        **changes: Attributes of `Recipe`, in place of the task's.

    Returns:
        A `Recipe`.

    Raises:
        ValueError: If the task is unknown or a number is out of range.
        TypeError: If a keyword is unknown.

    Example:

    ```python
    from keras_maelre.training import recipe

    print(recipe("series", learning_rate=1e-3, ema=False))
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        sections 4.1 to 4.4.
    """
    return _made(task, TASKS, {}, changes)


def small_data_recipe(task, pretrained=False, aligned=True, **changes):
    """Returns how to train on hundreds to thousands of samples, in minutes.

    Unlike those of the paper, these recipes begin with a linear probe, which is kept
    if training does not gain on it, train faster, and change samples less; those of
    sounds and images keep the last epoch, not the best. They suit a classifier with
    `pooling="blocks"`.

    Args:
        task: As in `recipe`.
        pretrained: Boolean, of series. Whether the encoder knows something already, as
            that of `"tiny_series_synthetic"` does: it is trained at a fifth of the
            rate, changes to samples are fewer, and the last epoch is kept, not the
            best, unless the probe is better.
        aligned: Boolean, of series. Whether a step means the same in all of them; if
            not, they are shifted in time, in place of windows of 80 to 100 %.
        **changes: Attributes of `Recipe`, in place of the task's.

    Returns:
        A `Recipe`.

    Raises:
        ValueError: If the task is unknown, a number is out of range, or what is for
            series is passed for another task.
        TypeError: If a keyword is unknown or an argument is of the wrong type.

    Example:

    ```python
    import numpy as np
    from keras_maelre import MaelreClassifier
    from keras_maelre.preprocessing import SeriesPreprocessor
    from keras_maelre.training import small_data_recipe

    classifier = MaelreClassifier.from_preset(
        "tiny_series",
        class_names=["calm", "storm"],
        pooling="blocks",
        preprocessor=SeriesPreprocessor((64, 2), resize=True, differences=True),
    )
    series = [np.random.normal(size=n) for n in range(60, 100)]
    labels = ["calm", "storm"] * 20
    small_data_recipe("series").fit(classifier, series, labels, epochs=2)
    ```
    """
    pretrained = check_flag("pretrained", pretrained)
    aligned = check_flag("aligned", aligned)
    tasks = {**SMALL_TASKS, "series": small_series(pretrained, aligned)}
    made = _made(task, tasks, SMALL, changes)
    if made.task != "series" and (pretrained or not aligned):
        raise ValueError(
            "Arguments `pretrained` and `aligned` are for series. Received: "
            f"pretrained={pretrained}, aligned={aligned} for task {made.task!r}"
        )
    return made


def _made(task, tasks, others, changes):
    """Returns the recipe of a task in a table; `others` are those of all others."""
    try:
        name = modalities.get(task).name
    except (TypeError, ValueError) as error:
        kind = ValueError if isinstance(task, str) else TypeError
        raise kind(
            f"Argument `task` must be one of {sorted(TASKS)}, or a `Modality`. "
            f"Received: task={task!r}"
        ) from error
    known = {field.name for field in dataclasses.fields(Recipe)} - {"task"}
    unknown = sorted(set(changes) - known)
    if unknown:
        raise TypeError(
            f"A recipe got an unknown keyword: {unknown[0]!r}. Known are "
            f"{sorted(known)}."
        )
    return Recipe(name, **{**tasks.get(name, others), **changes})
