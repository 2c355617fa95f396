"""Batches for training and for evaluation."""

import math
import threading

import keras
import numpy as np

# Batches of samples of like length are gathered from the samples of this many.
BATCHES_PER_POOL = 32
# Random numbers a batch may draw from one generator before the next batch's begin.
DRAWS_PER_BATCH = 64


class AugmentedBatches(keras.utils.PyDataset):
    """Shuffled, preprocessed, augmented and mixed batches of samples, for `fit`.

    Every batch is a function of `(seed, epoch, index)` alone, so that training that
    was interrupted goes on with the very batches it would have seen. That needs
    `shuffle=False` in `fit`: the samples are shuffled here, and `fit` would shuffle the
    order of the batches by a generator that an interruption resets.

    Args:
        x: Raw samples if there is a `preprocessor`: a list, or anything that can be
            indexed by an array of integers. Otherwise an array `(samples, ...)`.
        y: Integer array of shape `(samples,)`, in `[0, num_classes)`; or of shape
            `(samples, num_classes)`, ones for the labels of each sample.
        num_classes: Integer.
        batch_size: Integer. The last, smaller batch of an epoch is dropped if there is
            a full one: the samples left over differ from epoch to epoch.
        preprocessor: Optional, one of `keras_maelre.preprocessing`.
        augmentation: Sequence of Keras layers that change a batch in training.
        mixing: Sequence of `SeriesMixUp` (series and spectrograms),
            `keras.layers.MixUp` or `keras.layers.CutMix` (images), one of which,
            drawn at random, mixes the samples and labels of each batch.
        balanced: Boolean. Whether samples are drawn, with replacement, so that every
            class is as likely, instead of each sample once an epoch.
        lengths: Optional sequence of numbers, one per sample, of texts or series of
            unequal length, in any unit. A batch then holds samples of like length, and
            is cut to the longest (see `cut_padding`): faster, with the same results.
        seed: Integer.
        **kwargs: Arguments of `keras.utils.PyDataset`, such as `workers`.

    Raises:
        ValueError: If a label lies outside the classes, or lengths disagree.

    Example:

    ```python
    batches = AugmentedBatches(
        x, y, num_classes=6, augmentation=[Jitter(0.1)], mixing=[SeriesMixUp(0.2)]
    )
    callbacks = [batches.epoch_callback()]
    classifier.fit(batches, epochs=2, shuffle=False, callbacks=callbacks)
    ```

    Reference:
        Balanced sampling: "Modality Agnostic Efficient Long Range Encoder" (arXiv
        2507.19409), section 4.3, after Gong et al. (arXiv 2102.01243).
    """

    def __init__(
        self,
        x,
        y,
        num_classes,
        batch_size=32,
        preprocessor=None,
        augmentation=(),
        mixing=(),
        balanced=False,
        lengths=None,
        seed=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.x, self.y = x, _checked_labels(x, y, num_classes)
        self.num_classes = num_classes
        self.batch_size = min(batch_size, len(x))
        self.preprocessor = preprocessor
        self.augmentation = list(augmentation)
        self.mixing = list(mixing)
        self.chances = class_balance(self.y) if balanced else None
        self.lengths = _checked_lengths(lengths, x)
        self.seed = seed
        # Workers share the layers and their random generators.
        self.lock = threading.Lock()
        self.begin_epoch(0)

    def __len__(self):
        return len(self.x) // self.batch_size

    def begin_epoch(self, epoch):
        """Draws the order of the samples in an epoch."""
        self.epoch = epoch
        generator = np.random.default_rng([self.seed, epoch])
        count = len(self.x)
        if self.chances is None:
            self.order = generator.permutation(count)
        else:
            self.order = generator.choice(count, count, p=self.chances)
        if self.lengths is not None:
            self.order = _group_lengths(
                self.order, self.lengths, self.batch_size, generator
            )

    def epoch_callback(self):
        """The callback that tells these batches which epoch it is."""
        return keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: self.begin_epoch(epoch)
        )

    def __getitem__(self, index):
        chosen = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        x = _prepared(self.x, chosen, self.preprocessor, cut=self.lengths is not None)
        y = _label_rows(self.y[chosen], self.num_classes)
        if not self.augmentation and not self.mixing:
            return x, y
        draw = (self.epoch * len(self) + index) * DRAWS_PER_BATCH
        with self.lock:
            for i, layer in enumerate(self.augmentation):
                _rewind(layer, [self.seed, i], draw)
                x = layer(x, training=True)
            if self.mixing:
                generator = np.random.default_rng([self.seed, self.epoch, index])
                layer = self.mixing[generator.integers(len(self.mixing))]
                _rewind(layer, [self.seed, -1], draw)
                x, y = _mix(layer, x, y)
        return keras.ops.convert_to_numpy(x), keras.ops.convert_to_numpy(y)


class OrderedBatches(keras.utils.PyDataset):
    """Preprocessed batches in the order of the samples, for `evaluate` and `predict`.

    Only one batch is in memory at a time.

    Args:
        x: As in `AugmentedBatches`.
        y: As in `AugmentedBatches`.
        num_classes: Integer.
        batch_size: Integer. The last batch may be smaller.
        preprocessor: Optional, one of `keras_maelre.preprocessing`.
        cut: Boolean. Whether batches of texts or series are cut to the longest of each
            (see `cut_padding`).
        **kwargs: Arguments of `keras.utils.PyDataset`, such as `workers`.

    Raises:
        ValueError: If a label lies outside the classes, or lengths disagree.

    Example:

    ```python
    batches = OrderedBatches(x, y, num_classes=6)
    classifier.evaluate(batches)
    ```
    """

    def __init__(
        self,
        x,
        y,
        num_classes,
        batch_size=32,
        preprocessor=None,
        cut=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.x, self.y = x, _checked_labels(x, y, num_classes)
        self.num_classes = num_classes
        self.batch_size = batch_size
        self.preprocessor = preprocessor
        self.cut = cut

    def __len__(self):
        return -(-len(self.x) // self.batch_size)

    def __getitem__(self, index):
        stop = min(len(self.x), (index + 1) * self.batch_size)
        chosen = np.arange(index * self.batch_size, stop)
        x = _prepared(self.x, chosen, self.preprocessor, self.cut)
        return x, _label_rows(self.y[chosen], self.num_classes)


def cut_padding(x, padding_id=None):
    """Cuts the padding at the end that all samples of a batch share.

    What is left is rounded up to a power of two or to one and a half of one, so that
    backends which compile meet few shapes. A model's results do not change.

    Args:
        x: Integer array of shape `(batch, length)`, token ids; or float array of shape
            `(batch, length, channels)`, padded with steps that are NaN throughout.
        padding_id: Integer, the id that stands for no token. Needed of token ids.

    Returns:
        A view of `x`, not longer than it.

    Raises:
        ValueError: If `x` is neither.

    Example:

    ```python
    ids = np.pad(np.ones((2, 60), "int32"), ((0, 0), (0, 68)))
    cut_padding(ids, padding_id=0).shape  # (2, 64)
    ```
    """
    x = np.asarray(x)
    if x.ndim == 2 and padding_id is not None:
        kept = x != padding_id
    elif x.ndim == 3 and np.issubdtype(x.dtype, np.floating):
        kept = ~np.isnan(x).all(axis=-1)
    else:
        raise ValueError(
            "Padding is cut from token ids, (batch, length), with a `padding_id`, or "
            "from series, (batch, length, channels). "
            f"Received: shape {x.shape}, dtype {x.dtype}, padding_id={padding_id}"
        )
    used = np.flatnonzero(kept.any(axis=0))
    longest = int(used[-1]) + 1 if used.size else 1
    length = 2 ** math.ceil(math.log2(longest))
    if longest <= length * 3 // 4:
        length = length * 3 // 4
    return x[:, :length]


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


def _checked_labels(x, y, num_classes):
    y = np.asarray(y)
    if len(x) != len(y) or not len(x):
        raise ValueError(
            "Arguments `x` and `y` must have the same number of samples, at least "
            f"one. Received: {len(x)} and {len(y)}"
        )
    if y.ndim == 2:
        if y.shape[1] != num_classes or not np.isin(y, (0, 1)).all():
            raise ValueError(
                f"Argument `y` must hold zeros and ones for {num_classes} classes. "
                f"Received: shape {y.shape}, values from {y.min()} to {y.max()}"
            )
    elif y.min() < 0 or y.max() >= num_classes:
        bad = int(y[(y < 0) | (y >= num_classes)][0])
        raise ValueError(
            f"Argument `y` must hold labels in [0, {num_classes}). "
            f"Received: label {bad}"
        )
    return y


def _prepared(x, chosen, preprocessor, cut):
    samples = [x[i] for i in chosen] if isinstance(x, (list, tuple)) else x[chosen]
    batch = np.asarray(samples) if preprocessor is None else preprocessor(samples)
    if not cut:
        return batch
    return cut_padding(batch, getattr(preprocessor, "padding_id", None))


def _checked_lengths(lengths, x):
    if lengths is None:
        return None
    lengths = np.asarray(lengths)
    if lengths.shape != (len(x),):
        raise ValueError(
            f"Argument `lengths` must hold one number for each of {len(x)} samples. "
            f"Received: shape {lengths.shape}"
        )
    return lengths


def _group_lengths(order, lengths, batch_size, generator):
    """Sorts every pool of batches by length, then shuffles the batches of the epoch."""
    pool = BATCHES_PER_POOL * batch_size
    whole = len(order) // batch_size * batch_size
    parts = [order[i : min(i + pool, whole)] for i in range(0, whole, pool)]
    parts = [part[np.argsort(lengths[part], kind="stable")] for part in parts]
    batches = np.concatenate(parts).reshape(-1, batch_size)
    return generator.permutation(batches).reshape(-1)


def _label_rows(y, num_classes):
    return y.astype("float32") if y.ndim == 2 else np.eye(num_classes, dtype="f4")[y]


def _mix(layer, x, y):
    mixed = layer({"images": x, "labels": y}, training=True)
    return mixed["images"], mixed["labels"]


def _rewind(layer, key, draw):
    """Sets the random generators of a layer to the state they have after `draw`."""
    states = [v for v in layer.variables if v.name == "seed_generator_state"]
    for i, state in enumerate(states):
        entropy = [part % 2**32 for part in (*key, *([i] if i else []))]
        start = np.random.SeedSequence(entropy).generate_state(1)[0] >> 2
        state.assign(np.array([start, draw], "int64").astype("uint32"))
