"""Batches made ready for a model, whatever they are given as."""

import copy
import sys
import types
import weakref

import keras
import numpy as np

from keras_maelre.models.batch_errors import keeps_errors
from keras_maelre.models.sample_stream import located

# `fit` hands the validation batches that it was given to `evaluate`, which must know.
PREPARED = weakref.WeakSet()


class SampleBatches(keras.utils.PyDataset):
    """Samples in memory, preprocessed batch by batch.

    Args:
        samples: List, tuple, or array that can be indexed by an array of integers.
        prepare: Function of `(x, y, sample_weight)` of a batch, to what `fit` takes.
        y: Optional labels: list or array.
        sample_weight: Optional array.
        batch_size: Integer.
        shuffle: Boolean. Whether every epoch has an order of its own.
    """

    # What `fit` gets from here has been prepared.
    yields_model_inputs = True

    def __init__(
        self, samples, prepare, y=None, sample_weight=None, batch_size=32, shuffle=False
    ):
        super().__init__()
        for name, values in (("y", y), ("sample_weight", sample_weight)):
            if values is not None and len(values) != len(samples):
                raise ValueError(
                    f"Arguments `x` and `{name}` must have the same number of samples. "
                    f"Received: {len(samples)} and {len(values)}"
                )
        if not len(samples):
            raise ValueError("There must be at least one sample. Received: none")
        self.samples, self.prepare = samples, prepare
        self.y, self.sample_weight = y, sample_weight
        self.batch_size, self.shuffle = batch_size, shuffle
        self.order = np.arange(len(samples))

    def __len__(self):
        return -(-len(self.order) // self.batch_size)

    def on_epoch_begin(self):
        if self.shuffle:
            # Keras' `set_random_seed` seeds this generator too.
            self.order = np.random.permutation(len(self.order))

    @keeps_errors
    def __getitem__(self, index):
        chosen = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        samples = take(self.samples, chosen)
        try:
            return self.prepare(
                samples,
                None if self.y is None else take(self.y, chosen),
                None
                if self.sample_weight is None
                else take(self.sample_weight, chosen),
            )
        except (TypeError, ValueError, OSError):
            # Tells the place of a bad sample among all, if it is a sample.
            located(self.prepare, samples, 0, chosen)
            raise


class PreparedBatches(keras.utils.PyDataset):
    """The batches of another `PyDataset`, made ready for a model."""

    def __init__(self, batches, prepare):
        super().__init__(
            workers=batches.workers,
            use_multiprocessing=batches.use_multiprocessing,
            max_queue_size=batches.max_queue_size,
        )
        self.batches, self.prepare = batches, prepare

    @property
    def num_batches(self):
        return self.batches.num_batches

    @keeps_errors
    def __getitem__(self, index):
        return prepare_batch(self.batches[index], self.prepare)

    def on_epoch_begin(self):
        self.batches.on_epoch_begin()

    def on_epoch_end(self):
        self.batches.on_epoch_end()


class PreparedCollation:
    """The `collate_fn` of a `DataLoader`, with what a model needs after it."""

    def __init__(self, collate, prepare):
        self.collate, self.prepare = collate, prepare

    def __call__(self, samples):
        import torch

        batch = prepare_batch(self.collate(samples), self.prepare)
        # On every backend Keras takes for granted that a DataLoader yields tensors.
        return keras.tree.map_structure(torch.as_tensor, batch)


def is_batches(x):
    """Whether `x` yields batches, rather than being samples."""
    return (
        isinstance(x, (keras.utils.PyDataset, types.GeneratorType))
        or is_tf_dataset(x)
        or is_data_loader(x)
    )


def prepared(batches, prepare, prepare_symbolic):
    """Returns batches of raw samples as batches for a model.

    Args:
        batches: `PyDataset`, generator, `tf.data.Dataset` or torch `DataLoader`.
        prepare: Function of `(x, y, sample_weight)` of NumPy arrays or lists.
        prepare_symbolic: The same for the symbolic tensors of `tf.data`.
    """
    if getattr(batches, "yields_model_inputs", False) or batches in PREPARED:
        return batches
    if isinstance(batches, keras.utils.PyDataset):
        made = PreparedBatches(batches, prepare)
    elif isinstance(batches, types.GeneratorType):
        made = (prepare_batch(batch, prepare) for batch in batches)
    elif is_tf_dataset(batches):
        made = batches.map(
            lambda *batch: prepare_batch(batch, prepare_symbolic),
            num_parallel_calls=1,
        )
    else:
        made = copy.copy(batches)
        made.collate_fn = PreparedCollation(made.collate_fn, prepare)
    PREPARED.add(made)
    return made


def with_free_lengths(batches):
    """Returns batches of this package as what takes batches of any length.

    On TensorFlow, Keras would fix the length that the first two batches happen to
    share, and stop at the first batch of another.
    """
    if keras.backend.backend() != "tensorflow":
        return batches
    if not getattr(batches, "yields_model_inputs", False):
        return batches
    import tensorflow as tf

    def epoch():
        batches.on_epoch_begin()
        for index in range(len(batches)):
            yield batches[index]
        batches.on_epoch_end()

    first = batches[0]
    x, *rest = first if isinstance(first, tuple) else (first,)

    def spec(part, free):
        return keras.tree.map_structure(
            lambda value: tf.TensorSpec(
                (*(None,) * free, *value.shape[free:]), value.dtype
            ),
            part,
        )

    # Targets are one for each sample, or for each of its places.
    free = 2 if getattr(batches, "free_targets", False) else 1
    signature = spec(x, 2)
    if isinstance(first, tuple):
        signature = (signature, *(spec(part, free) for part in rest))
    made = tf.data.Dataset.from_generator(epoch, output_signature=signature)
    made = made.apply(tf.data.experimental.assert_cardinality(len(batches)))
    made = made.prefetch(tf.data.AUTOTUNE)
    PREPARED.add(made)
    return made


@keeps_errors
def prepare_batch(batch, prepare):
    """Applies a function of `(x, y, sample_weight)` to a batch as Keras packs it."""
    if not isinstance(batch, (tuple, list)):
        batch = (batch,)
    return prepare(*batch)


def take(values, chosen):
    """Elements of a list or an array by an array of integers."""
    if isinstance(values, (list, tuple)):
        return [values[i] for i in chosen]
    if hasattr(values, "iloc"):
        return values.iloc[chosen].to_numpy()
    return values[chosen]


def one_per_sample(name, values, x):
    """Returns numbers as an array of one for each sample, or `None` for `None`."""
    if values is None:
        return None
    values = np.asarray(values)
    if values.shape != (len(x),) or values.dtype.kind not in "iuf":
        raise ValueError(
            f"Argument `{name}` must hold one number for each of {len(x)} samples. "
            f"Received: shape {values.shape}, dtype {values.dtype}"
        )
    if not np.isfinite(values).all() or values.min() < 0:
        raise ValueError(
            f"Argument `{name}` must hold finite numbers of at least 0. "
            f"Received: values from {values.min()} to {values.max()}"
        )
    return values


def is_tf_dataset(x):
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and isinstance(x, tensorflow.data.Dataset)


def is_data_loader(x):
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.utils.data.DataLoader)
