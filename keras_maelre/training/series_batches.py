"""Batches of augmented time series."""

import keras
import numpy as np

from keras_maelre.augmentation import SeriesMixUp
from keras_maelre.preprocessing import ZNormalize

# Random numbers a batch may draw from one generator before the next batch's begin.
DRAWS_PER_BATCH = 64


class SeriesBatches(keras.utils.PyDataset):
    """Shuffled, normalised, augmented batches of time series, for `fit`.

    Every batch is a function of `(seed, epoch, index)` alone, so that training that
    was interrupted goes on with the very batches it would have seen. That needs
    `shuffle=False` in `fit`: the samples are shuffled here, and `fit` would shuffle the
    order of the batches by a generator that an interruption resets.

    Args:
        x: Float array of shape `(samples, length, channels)`; time steps that are NaN
            in every channel are padding.
        y: Integer array of shape `(samples,)`, in `[0, num_classes)`.
        num_classes: Integer.
        batch_size: Integer. The last, smaller batch of an epoch is dropped if there is
            a full one: the samples left over differ from epoch to epoch.
        augmentation: Sequence of layers of `keras_maelre.augmentation`.
        mixup_alpha: Float, of `SeriesMixUp`; 0 for none.
        seed: Integer.
        **kwargs: Arguments of `keras.utils.PyDataset`.

    Raises:
        ValueError: If a label lies outside the classes, or lengths disagree.

    Example:

    ```python
    batches = SeriesBatches(x, y, 6, augmentation=[Jitter(0.1)], mixup_alpha=0.2)
    callbacks = [batches.epoch_callback()]
    classifier.fit(batches, epochs=2, shuffle=False, callbacks=callbacks)
    ```
    """

    def __init__(
        self,
        x,
        y,
        num_classes,
        batch_size=32,
        augmentation=(),
        mixup_alpha=0.0,
        seed=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        x, y = np.asarray(x), np.asarray(y)
        if len(x) != len(y) or not len(x):
            raise ValueError(
                "Arguments `x` and `y` must have the same number of samples, at least "
                f"one. Received: {len(x)} and {len(y)}"
            )
        if y.min() < 0 or y.max() >= num_classes:
            bad = int(y[(y < 0) | (y >= num_classes)][0])
            raise ValueError(
                f"Argument `y` must hold labels in [0, {num_classes}). "
                f"Received: label {bad}"
            )
        self.x, self.y = x, y
        self.num_classes = num_classes
        self.batch_size = min(batch_size, len(x))
        self.normalize = ZNormalize()
        self.augmentation = list(augmentation)
        self.mixup = SeriesMixUp(mixup_alpha, seed=seed) if mixup_alpha else None
        self.seed = seed
        self.begin_epoch(0)

    def __len__(self):
        return len(self.x) // self.batch_size

    def begin_epoch(self, epoch):
        """Draws the order of the samples in an epoch."""
        self.epoch = epoch
        self.order = np.random.default_rng([self.seed, epoch]).permutation(len(self.x))

    def epoch_callback(self):
        """The callback that tells these batches which epoch it is."""
        return keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: self.begin_epoch(epoch)
        )

    def __getitem__(self, index):
        chosen = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        x = self.normalize(self.x[chosen])
        y = np.eye(self.num_classes, dtype="float32")[self.y[chosen]]
        draw = (self.epoch * len(self) + index) * DRAWS_PER_BATCH
        for i, layer in enumerate(self.augmentation):
            _rewind(layer.seed_generator, [self.seed, i], draw)
            x = layer(x, training=True)
        if self.mixup is not None:
            _rewind(self.mixup.mix_up.generator, [self.seed, -1], draw)
            x, y = self.mixup(x, y, training=True)
        return keras.ops.convert_to_numpy(x), keras.ops.convert_to_numpy(y)


def _rewind(generator, key, draw):
    """Sets a seed generator to the state it has after `draw` draws."""
    entropy = [part % 2**32 for part in key]
    start = np.random.SeedSequence(entropy).generate_state(1)[0] >> 2
    generator.state.assign(np.array([start, draw], "int64").astype("uint32"))
