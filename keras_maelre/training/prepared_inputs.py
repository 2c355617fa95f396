"""Inputs of a model, prepared once instead of in every epoch."""

import math

import numpy as np

from keras_maelre.modalities import cut_padding
from keras_maelre.models.sample_batches import take
from keras_maelre.models.sample_stream import located

# What preprocessed samples may take of the memory; more are prepared in every epoch.
KEPT_BYTES = 2**30


class PreparedInputs:
    """Samples as inputs of a model, indexed by arrays of integers.

    What a preprocessor makes of a sample is kept, if that of all samples fits into
    `KEPT_BYTES`: decoding images and taking spectrograms costs more than training a
    tiny model on them. Samples are prepared one by one, so that the numbers do not
    depend on which came together.

    Args:
        x: Raw samples, a list or an array.
        preprocessor: Optional, one of `keras_maelre.preprocessing`.
        modality: Optional `Modality`, whose batches are cut to their longest sample.
    """

    def __init__(self, x, preprocessor=None, modality=None):
        self.x, self.preprocessor, self.modality = x, preprocessor, modality
        self.rows, self.known = None, np.zeros(len(x), bool)

    def __getitem__(self, chosen):
        if self.preprocessor is None:
            batch = np.asarray(take(self.x, chosen))
        elif self._fits():
            for i in chosen[~self.known[chosen]]:
                self._keep(i, self._prepare([i])[0])
            batch = self.rows[chosen]
        else:
            batch = self._prepare(chosen)
        return batch if self.modality is None else cut_padding(batch, self.modality)

    def _fits(self):
        # Whoever writes a preprocessor of their own need not tell its shape.
        shape = getattr(self.preprocessor, "input_shape", None)
        if shape is None:
            return False
        size = np.dtype(getattr(self.preprocessor, "dtype", "float32")).itemsize
        return len(self.x) * math.prod(shape) * size <= KEPT_BYTES

    def _prepare(self, chosen):
        return located(self.preprocessor, take(self.x, chosen), 0, chosen)

    def _keep(self, i, row):
        if self.rows is None:
            self.rows = np.zeros((len(self.x), *row.shape), row.dtype)
        self.rows[i] = row
        self.known[i] = True
