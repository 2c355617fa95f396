"""How each task is trained: one object per task."""

import dataclasses
import numbers

import keras

from keras_maelre import augmentation as augment
from keras_maelre.preprocessing import BytePreprocessor, TextPreprocessor
from keras_maelre.training.adamw import AdamW
from keras_maelre.training.multi_label_loss import ArticleLabelCrossentropy
from keras_maelre.training.multi_label_metrics import (
    ExampleBasedF1,
    LabelBasedF1,
    MicroF1,
)


def _series_augmentation():
    """A random mix of what the paper lists, and a random shift in time."""
    return [
        augment.RandomRoll(rate=1.0),
        # Flight tones differ in pitch by a few percent: time may not warp by more.
        augment.TimeWarp(stddev=0.02, rate=0.5),
        augment.MagnitudeWarp(stddev=0.3, rate=0.5),
        augment.Scaling(stddev=0.2, rate=0.5),
        augment.Jitter(stddev=(0.0, 0.3), rate=0.5),
        augment.RandomDrop(drop_fraction=0.1, segments=3, rate=0.5),
    ]


def _audio_augmentation():
    return [
        augment.SpectrogramRoll(),
        augment.FrequencyMask(),
        augment.TimeMask(),
        augment.SpectrogramNoise(),
    ]


# Keras' own layers for images do not all work in half precision.
FULL = {"dtype": "float32"}


def _image_augmentation():
    # Normalised pixels reach from -2.2 to 2.7. A factor of 0.1 turns by 36 degrees.
    return [
        augment.RandomResizedCrop(),
        keras.layers.RandomFlip("horizontal", **FULL),
        keras.layers.RandAugment(value_range=(-2.2, 2.7), factor=0.1, **FULL),
    ]


def _text_augmentation():
    return [augment.TokenDrop(TextPreprocessor.padding_id, drop_fraction=0.4)]


def _bytes_augmentation():
    # Runs of about a word: a byte that is missing alone can be read from the others.
    return [augment.TokenDrop(BytePreprocessor.padding_id, drop_fraction=0.2, span=6)]


def _no_mixing():
    return []


def _series_mixing():
    return [augment.SeriesMixUp(0.2)]


def _image_mixing():
    return [keras.layers.MixUp(0.8, **FULL), keras.layers.CutMix((1.0, 1.0), **FULL)]


# Thousands of documents are soon known by heart. Dropped tokens, dropout, averages and
# this weight and rate were tried together, on one set (examples/README.md).
DOCUMENTS = {
    "learning_rate": 5e-4,
    "multi_label": True,
    "positive_weight": 2.0,
    "label_smoothing": 0.0,
    "dropout_rate": 0.1,
    "mixing": _no_mixing,
}

# What differs from task to task; sections 4.1 to 4.4 of the paper in this order. Rates
# and shares that the paper does not print are ours.
TASKS = {
    "text": {**DOCUMENTS, "augmentation": _text_augmentation},
    "bytes": {**DOCUMENTS, "augmentation": _bytes_augmentation},
    "series": {"augmentation": _series_augmentation, "mixing": _series_mixing},
    "audio": {
        "balanced": True,
        "augmentation": _audio_augmentation,
        "mixing": _series_mixing,
    },
    "image": {"augmentation": _image_augmentation, "mixing": _image_mixing},
}


@dataclasses.dataclass
class Recipe:
    """Optimizer, schedule, loss, metrics, callbacks and augmentation of a task.

    Made by `recipe(task)`; every attribute can be set there by its name.

    Args:
        task: String, `"text"`, `"bytes"`, `"series"`, `"audio"` or `"image"`.
        steps_per_epoch: Integer, training steps of an epoch.
        epochs: Integer.
        learning_rate: Float, at the end of the warm-up.
        warmup_share: Float in [0, 1), the share of all steps over which the learning
            rate rises; then it falls as a cosine to 0.
        weight_decay: Float, of all weights but biases, scales and offsets.
        clipnorm: Float, the most that the norm of all gradients may be. Under
            `tf.distribute` Keras clips those of each replica before their average.
        label_smoothing: Float in [0, 1).
        multi_label: Boolean, whether a sample may have several labels.
        positive_weight: Float, of `ArticleLabelCrossentropy`.
        ema: Boolean, whether the weights in the end are moving averages.
        ema_share: Float, the share of all steps the averages reach back over.
        balanced: Boolean, whether classes are sampled alike, see `AugmentedBatches`.
        drop_path_rate: Float, for the classifier.
        dropout_rate: Float, for the classifier.
        augmentation: List of layers for `AugmentedBatches`.
        mixing: List of layers for `AugmentedBatches`.

    Example:

    ```python
    recipe = keras_maelre.training.recipe("series", steps_per_epoch=10, epochs=2)
    recipe.compile(classifier)
    print(recipe)
    ```
    """

    task: str
    steps_per_epoch: int
    epochs: int = 50
    learning_rate: float = 3e-4
    warmup_share: float = 0.06  # 3 of 50 epochs
    weight_decay: float = 0.05
    clipnorm: float = 1.0
    label_smoothing: float = 0.1
    multi_label: bool = False
    positive_weight: float = 1.0
    ema: bool = True
    ema_share: float = 0.02
    balanced: bool = False
    drop_path_rate: float = 0.1
    dropout_rate: float = 0.0
    augmentation: list = dataclasses.field(default_factory=list)
    mixing: list = dataclasses.field(default_factory=list)

    def __post_init__(self):
        for name in ("steps_per_epoch", "epochs"):
            value = getattr(self, name)
            if not isinstance(value, numbers.Integral) or value < 1:
                raise ValueError(
                    f"Argument `{name}` must be a positive integer. "
                    f"Received: {name}={value!r}"
                )

    @property
    def steps(self):
        """All training steps."""
        return self.epochs * self.steps_per_epoch

    def schedule(self):
        """The learning rate by step: linear warm-up, then cosine decay."""
        warmup = max(1, round(self.warmup_share * self.steps))
        return keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=0.0,
            warmup_target=self.learning_rate,
            warmup_steps=warmup,
            decay_steps=max(1, self.steps - warmup),
        )

    def optimizer(self):
        """AdamW with the schedule, weight decay where it belongs, and averages."""
        averages = {}
        if self.ema:
            horizon = max(2.0, self.ema_share * self.steps)
            averages = {"use_ema": True, "ema_momentum": 1 - 1 / horizon}
        optimizer = AdamW(
            self.schedule(),
            weight_decay=self.weight_decay,
            global_clipnorm=self.clipnorm,
            **averages,
        )
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        return optimizer

    def loss(self):
        """Cross-entropy of one-hot labels, or that of several labels a sample."""
        if self.multi_label:
            return ArticleLabelCrossentropy(
                positive_weight=self.positive_weight, from_logits=True
            )
        return keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=self.label_smoothing
        )

    def metrics(self):
        """Accuracy; EBF, MiF and micro-F1 where a sample may have several labels."""
        if self.multi_label:
            return [
                ExampleBasedF1(from_logits=True, name="ebf"),
                LabelBasedF1(from_logits=True, name="mif"),
                MicroF1(from_logits=True, name="micro_f1"),
            ]
        return [keras.metrics.CategoricalAccuracy(name="accuracy")]

    def callbacks(self):
        """The callbacks that the recipe needs."""
        return [keras.callbacks.SwapEMAWeights()] if self.ema else []

    def compile(self, classifier, **kwargs):
        """Compiles a classifier with all of this.

        Args:
            classifier: A `MaelreClassifier`.
            **kwargs: Other arguments of its `compile`, such as `jit_compile`.
        """
        classifier.compile(
            optimizer=self.optimizer(),
            loss=self.loss(),
            metrics=self.metrics(),
            **kwargs,
        )

    def __str__(self):
        def names(layers):
            return ", ".join(type(layer).__name__ for layer in layers) or "none"

        loss = self.loss()
        detail = f", smoothing {self.label_smoothing:g}"
        if self.multi_label:
            detail = f", positives weigh {self.positive_weight:g}"
        lines = [
            f"Recipe for {self.task}: {self.epochs} epochs of {self.steps_per_epoch} "
            "steps",
            f"  optimizer     AdamW, weight decay {self.weight_decay:g}, gradients "
            f"clipped to {self.clipnorm:g}",
            f"  learning rate warm-up to {self.learning_rate:g} over "
            f"{self.warmup_share:.0%}, cosine to 0",
            f"  loss          {type(loss).__name__}{detail}",
            f"  metrics       {', '.join(metric.name for metric in self.metrics())}",
            f"  averages      {f'over {self.ema_share:.0%}' if self.ema else 'none'}",
            f"  dropout       {self.dropout_rate:g}, drop path {self.drop_path_rate:g}",
            f"  sampling      {'balanced' if self.balanced else 'each sample once'}",
            f"  augmentation  {names(self.augmentation)}",
            f"  mixing        {names(self.mixing)}",
        ]
        return "\n".join(lines)


def recipe(task, steps_per_epoch, epochs=50, **changes):
    """Returns how the paper trains a task, ready to compile a classifier with.

    Args:
        task: String. `"text"` for tokens and `"bytes"` (several labels a document,
            `multi_label=False` for one), `"series"`, `"audio"` or `"image"`.
        steps_per_epoch: Integer, training steps of an epoch.
        epochs: Integer.
        **changes: Other attributes of `Recipe`, in place of the task's.

    Returns:
        A `Recipe`.

    Raises:
        ValueError: If the task is unknown or a number is out of range.
        TypeError: If a keyword is unknown.

    Example:

    ```python
    recipe = keras_maelre.training.recipe("series", steps_per_epoch=10, epochs=2)
    recipe.compile(classifier)
    print(recipe)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        sections 4.1 to 4.4.
    """
    if task not in TASKS:
        raise ValueError(
            f"Argument `task` must be one of {sorted(TASKS)}. Received: task={task!r}"
        )
    settings = {**TASKS[task], **changes}
    known = {field.name for field in dataclasses.fields(Recipe)}
    for name in changes:
        if name not in known:
            raise TypeError(
                f"recipe() got an unknown keyword: {name!r}. Known are {sorted(known)}."
            )
    for name in ("augmentation", "mixing"):
        if callable(settings[name]):
            settings[name] = settings[name]()
    return Recipe(task, steps_per_epoch, epochs, **settings)
