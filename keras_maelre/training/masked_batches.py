"""Batches of which a part is hidden."""

import numpy as np

from keras_maelre.models.batch_errors import keeps_errors
from keras_maelre.training.batches import AugmentedBatches, OrderedBatches


class MaskedBatches(AugmentedBatches):
    """Shuffled batches to pretrain on: every epoch hides other parts of a sample.

    Args:
        x: As in `AugmentedBatches`.
        masking: A `Masking`.
        **kwargs: Other arguments of `AugmentedBatches`.
    """

    free_targets = True

    def __init__(self, x, masking, **kwargs):
        super().__init__(x, np.zeros(len(x), int), 1, **kwargs)
        self.masking = masking

    def _make(self, epoch, order, index):
        chosen = order[index * self.batch_size : (index + 1) * self.batch_size]
        keys = [(self.seed, 0, epoch, i) for i in chosen]
        return self.masking(self.inputs[chosen], keys)


class OrderedMaskedBatches(OrderedBatches):
    """Batches to validate on, of which the same parts are hidden every time.

    Args:
        x: As in `OrderedBatches`.
        masking: A `Masking`.
        seed: Integer.
        **kwargs: Other arguments of `OrderedBatches`.
    """

    free_targets = True

    def __init__(self, x, masking, seed=0, **kwargs):
        super().__init__(x, np.zeros(len(x), int), 1, **kwargs)
        self.masking, self.seed = masking, seed

    @keeps_errors
    def __getitem__(self, index):
        start = index * self.batch_size
        chosen = np.arange(start, min(len(self.x), start + self.batch_size))
        keys = [(self.seed, 1, i) for i in chosen]
        return self.masking(self.inputs[chosen], keys)
