"""Batches for training and for evaluation."""

import collections
import concurrent.futures
import threading

import keras
import numpy as np

from keras_maelre.checks import check_flag, check_integer, check_number
from keras_maelre.modalities import get
from keras_maelre.models.batch_errors import keeps_errors
from keras_maelre.models.sample_batches import one_per_sample
from keras_maelre.models.targets import encode_targets
from keras_maelre.training.prepared_inputs import PreparedInputs

# Batches of samples of like length are gathered from the samples of this many.
BATCHES_PER_POOL = 32
# Random numbers a batch may draw from one generator before the next batch's begin.
DRAWS_PER_BATCH = 64


class AugmentedBatches(keras.utils.PyDataset):
    """Shuffled, preprocessed, augmented and mixed batches of samples, for `fit`.

    Every batch is a function of `(seed, epoch, index)` alone, so that training that was
    interrupted goes on with the very batches it would have seen. `fit` of a
    `MaelreClassifier` tells which epoch it is; in `fit` of another model, epochs are
    counted from 0, and `shuffle` must be `False`.

    Args:
        x: Raw samples if there is a `preprocessor`: a list, or anything that can be
            indexed by an array of integers. Otherwise an array `(samples, ...)`.
        y: Labels: integers in `[0, num_classes)`, of shape `(samples,)`; or of shape
            `(samples, num_classes)`, ones for the labels of each sample.
        num_classes: Integer.
        batch_size: Integer. The last, smaller batch of an epoch is dropped if there is
            a full one: the samples left over differ from epoch to epoch.
        preprocessor: Optional, one of `keras_maelre.preprocessing`.
        augmentation: Sequence of Keras layers that change a batch in training.
        mixing: Sequence of `SeriesMixUp` (series and spectrograms),
            `keras.layers.MixUp` or `keras.layers.CutMix` (images), one of which,
            drawn at random, mixes the samples and labels of each batch.
        augmented_fraction: Float in `[0, 1]`, the chance of a sample to be augmented
            and of a batch to be mixed; the others stay as they are.
        balanced: Boolean. Whether samples are drawn, with replacement, so that every
            class is as likely, instead of each sample once an epoch.
        lengths: Optional sequence of numbers, one per sample, of texts or series of
            unequal length, in any unit. A batch then holds samples of like length.
        modality: Optional string or `Modality`, whose batches are cut to their longest
            sample (see `keras_maelre.modalities.cut_padding`): faster, with the same
            results.
        sample_weight: Optional float array of shape `(samples,)`.
        steps_per_epoch: Optional integer, how many of its batches an epoch has; by
            default all.
        seed: Integer.
        workers: Integer, how many threads make batches ahead. 0: none.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If a label lies outside the classes, or lengths disagree.

    Example:

    ```python
    import numpy as np
    from keras_maelre import MaelreClassifier, augmentation, training

    x, y = np.random.normal(size=(12, 100, 1)), np.arange(12) % 3
    batches = training.AugmentedBatches(
        x, y, num_classes=3, batch_size=4, augmentation=[augmentation.Jitter(0.1)]
    )
    classifier = MaelreClassifier.from_preset("tiny_series", num_classes=3)
    classifier.compile("adamw", keras.losses.CategoricalCrossentropy(True))
    classifier.fit(batches, epochs=2)
    ```

    Reference:
        Balanced sampling: "Modality Agnostic Efficient Long Range Encoder" (arXiv
        2507.19409), section 4.3, after Gong et al. (arXiv 2102.01243).
    """

    yields_model_inputs = True

    def __init__(
        self,
        x,
        y,
        num_classes,
        batch_size=32,
        preprocessor=None,
        augmentation=(),
        mixing=(),
        augmented_fraction=1.0,
        balanced=False,
        lengths=None,
        modality=None,
        sample_weight=None,
        steps_per_epoch=None,
        seed=0,
        workers=0,
    ):
        # Keras' own workers would begin an epoch before they are told which it is.
        super().__init__(workers=1)
        self.x, self.y = x, checked_labels(x, y, num_classes)
        self.num_classes = num_classes
        self.batch_size = min(check_integer("batch_size", batch_size), len(x))
        self.preprocessor = _checked_preprocessor(preprocessor)
        for name, layers in (("augmentation", augmentation), ("mixing", mixing)):
            if not are_layers(layers):
                raise TypeError(
                    f"Argument `{name}` must be a list of layers. "
                    f"Received: {name}={layers!r}"
                )
        self.augmentation = list(augmentation)
        self.mixing = list(mixing)
        self.augmented_fraction = check_number(
            "augmented_fraction", augmented_fraction, low=0.0, high=1.0
        )
        self.balanced = check_flag("balanced", balanced)
        self.chances = class_balance(self.y) if self.balanced else None
        self.lengths = one_per_sample("lengths", lengths, x)
        self.modality = None if modality is None else get(modality)
        self.inputs = PreparedInputs(x, self.preprocessor, self.modality)
        self.sample_weight = one_per_sample("sample_weight", sample_weight, x)
        self.seed = check_integer("seed", seed, low=0)
        self.steps = len(x) // self.batch_size
        if steps_per_epoch is not None:
            self.steps = check_integer(
                "steps_per_epoch", steps_per_epoch, 1, self.steps
            )
        self.lock = threading.Lock()
        self.ahead = workers = check_integer("workers", workers, low=0)
        self.threads = (
            concurrent.futures.ThreadPoolExecutor(workers) if workers else None
        )
        self.told = False
        self._start(0)

    def __len__(self):
        return self.steps

    def begin_epoch(self, epoch):
        """Says which epoch the batches are of; `fit` of a classifier does it."""
        self.told = True
        self._start(check_integer("epoch", epoch, low=0))

    def on_epoch_begin(self):
        # Keras may look at the first batch, to build a model, before the first epoch.
        if not self.told and self.delivered:
            self._start(self.epoch + 1)

    def _start(self, epoch):
        generator = np.random.default_rng([self.seed, epoch])
        count = len(self.x)
        if self.chances is None:
            order = generator.permutation(count)
        else:
            order = generator.choice(count, count, p=self.chances)
        if self.lengths is not None:
            order = _group_lengths(order, self.lengths, self.batch_size, generator)
        self.epoch, self.order = epoch, order
        self.delivered = False
        self.pending = collections.OrderedDict()

    @keeps_errors
    def __getitem__(self, index):
        index = check_integer("index", index, 0, len(self) - 1)
        epoch, order = self.epoch, self.order
        if self.threads is None:
            batch = self._make(epoch, order, index)
        else:
            pending = self.pending
            for i in range(index, min(index + self.ahead + 1, len(self))):
                if i not in pending:
                    pending[i] = self.threads.submit(self._make, epoch, order, i)
            batch = pending.pop(index).result()
        batch = self._mix(epoch, index, *batch)
        if index == len(self) - 1:
            self.delivered = True
        return batch

    def _make(self, epoch, order, index):
        chosen = order[index * self.batch_size : (index + 1) * self.batch_size]
        x = self.inputs[chosen]
        y = label_rows(self.y[chosen], self.num_classes)
        weight = None if self.sample_weight is None else self.sample_weight[chosen]
        draws = np.random.default_rng([self.seed, epoch, index, 1])
        changed = draws.random(len(chosen)) < self.augmented_fraction
        if self.augmentation and changed.any():
            x = self._augment(epoch, index, x, changed)
        return keras.ops.convert_to_numpy(x), y, weight

    def _augment(self, epoch, index, x, changed):
        given = x
        # Threads share the layers and their random generators.
        with self.lock:
            for i, layer in enumerate(self.augmentation):
                _rewind(layer, [self.seed, i], self._draw(epoch, index))
                x = layer(x, training=True)
        if changed.all():
            return x
        x = keras.ops.convert_to_numpy(x)
        if x.shape != given.shape:
            raise ValueError(
                "Augmentation of a fraction of the samples must keep their shape. "
                f"Received: shape {given.shape}, made {x.shape}"
            )
        rows = changed.reshape(-1, *[1] * (x.ndim - 1))
        return np.where(rows, x, np.asarray(given, x.dtype))

    def _mix(self, epoch, index, x, y, weight):
        """Mixes a batch, in the thread that asks for it.

        Keras draws the beta numbers of its `MixUp` on torch from the one generator of
        the process, from which dropout draws in training: another thread's draws
        between would change either.
        """
        if self.mixing:
            generator = np.random.default_rng([self.seed, epoch, index])
            layer = self.mixing[generator.integers(len(self.mixing))]
            if generator.random() < self.augmented_fraction:
                _rewind(layer, [self.seed, -1], self._draw(epoch, index))
                x, y, weight = _mixed(layer, x, y, weight)
        return (x, y) if weight is None else (x, y, weight)

    def _draw(self, epoch, index):
        return (epoch * len(self) + index) * DRAWS_PER_BATCH


class OrderedBatches(keras.utils.PyDataset):
    """Preprocessed batches in the order of the samples, for `evaluate` and `predict`.

    Only one batch is in memory at a time.

    Args:
        x: As in `AugmentedBatches`.
        y: As in `AugmentedBatches`.
        num_classes: Integer.
        batch_size: Integer. The last batch may be smaller.
        preprocessor: Optional, one of `keras_maelre.preprocessing`.
        modality: As in `AugmentedBatches`.
        sample_weight: Optional float array of shape `(samples,)`.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If a label lies outside the classes, or lengths disagree.

    Example:

    ```python
    import numpy as np
    from keras_maelre import training

    x, y = np.random.normal(size=(12, 100, 1)), np.arange(12) % 3
    batches = training.OrderedBatches(x, y, num_classes=3, batch_size=5)
    len(batches)  # 3
    ```
    """

    yields_model_inputs = True

    def __init__(
        self,
        x,
        y,
        num_classes,
        batch_size=32,
        preprocessor=None,
        modality=None,
        sample_weight=None,
    ):
        super().__init__(workers=1)
        self.x, self.y = x, checked_labels(x, y, num_classes)
        self.num_classes = num_classes
        self.batch_size = check_integer("batch_size", batch_size)
        self.preprocessor = _checked_preprocessor(preprocessor)
        self.modality = None if modality is None else get(modality)
        self.inputs = PreparedInputs(x, self.preprocessor, self.modality)
        self.sample_weight = one_per_sample("sample_weight", sample_weight, x)

    def __len__(self):
        return -(-len(self.x) // self.batch_size)

    @keeps_errors
    def __getitem__(self, index):
        index = check_integer("index", index, 0, len(self) - 1)
        stop = min(len(self.x), (index + 1) * self.batch_size)
        chosen = np.arange(index * self.batch_size, stop)
        x = self.inputs[chosen]
        y = label_rows(self.y[chosen], self.num_classes)
        if self.sample_weight is None:
            return x, y
        return x, y, self.sample_weight[chosen]


def are_layers(layers):
    """Whether an argument is a list of what can be called."""
    return isinstance(layers, (list, tuple)) and all(map(callable, layers))


def class_balance(y):
    """The chance of every sample that makes all classes as likely as each other.

    Args:
        y: Integer array of shape `(samples,)`, classes; or `(samples, classes)` of
            zeros and ones, where a sample has the sum of its labels' chances.

    Returns:
        Float array of shape `(samples,)` with the sum 1.
    """
    if y.ndim == 1:
        chances = 1 / np.bincount(y)[y]
    else:
        chances = y @ (1 / np.maximum(y.sum(axis=0), 1))
    if not chances.any():
        raise ValueError("No sample has a label: they cannot be balanced.")
    return chances / chances.sum()


def checked_labels(x, y, num_classes):
    """Returns labels as integers or rows of numbers, one for each sample."""
    if len(x) != len(y) or not len(x):
        raise ValueError(
            "Arguments `x` and `y` must have the same number of samples, at least "
            f"one. Received: {len(x)} and {len(y)}"
        )
    return encode_targets(y, num_classes, multi_label=np.ndim(y) == 2)


def _checked_preprocessor(preprocessor):
    if preprocessor is not None and not callable(preprocessor):
        raise TypeError(
            "Argument `preprocessor` must be one of `keras_maelre.preprocessing`. "
            f"Received: preprocessor={preprocessor!r}"
        )
    return preprocessor


def label_rows(y, num_classes):
    """Returns labels as float rows, one for each sample."""
    return y.astype("float32") if y.ndim == 2 else np.eye(num_classes, dtype="f4")[y]


def _group_lengths(order, lengths, batch_size, generator):
    """Sorts every pool of batches by length, then shuffles the batches of the epoch."""
    pool = BATCHES_PER_POOL * batch_size
    whole = len(order) // batch_size * batch_size
    parts = [order[i : min(i + pool, whole)] for i in range(0, whole, pool)]
    parts = [part[np.argsort(lengths[part], kind="stable")] for part in parts]
    batches = np.concatenate(parts).reshape(-1, batch_size)
    return generator.permutation(batches).reshape(-1)


def _mixed(layer, x, y, weight):
    if weight is not None:
        # Labels count as much as the samples that they are mixed from.
        y = np.concatenate([y * weight[:, None], weight[:, None]], axis=1)
    mixed = layer({"images": x, "labels": y}, training=True)
    x, y = (keras.ops.convert_to_numpy(mixed[key]) for key in ("images", "labels"))
    if weight is not None:
        y, weight = y[:, :-1], y[:, -1]
        y = y / np.maximum(weight, np.finfo("float32").tiny)[:, None]
    return x, y, weight


def _rewind(layer, key, draw):
    """Sets the random generators of a layer to the state they have after `draw`."""
    states = [v for v in layer.variables if v.name == "seed_generator_state"]
    for i, state in enumerate(states):
        entropy = [part % 2**32 for part in (*key, *([i] if i else []))]
        start = np.random.SeedSequence(entropy).generate_state(1)[0] >> 2
        state.assign(np.array([start, draw], "int64").astype("uint32"))
