"""What preprocessors of documents as token ids share."""

import numpy as np

from keras_maelre.preprocessing.preprocessor import Preprocessor


class EncodedText(Preprocessor):
    """Base of preprocessors that put special tokens around those of a document.

    A subclass has `padding_id`, the lists of ids `_before` and `_after`, and `_tokens`,
    which returns the token ids of documents without them.
    """

    modality = "text"
    axes = ("tokens",)
    dtype = "int32"

    @property
    def _around(self):
        """How many special tokens every document has."""
        return len(self._before) + len(self._after)

    def prepare(self, samples):
        tokens = self._tokens(samples)
        ids = np.full((len(tokens), *self.input_shape), self.padding_id, self.dtype)
        room = self.input_shape[0] - self._around
        for row, values in zip(ids, tokens, strict=True):
            values = [*self._before, *values[:room], *self._after]
            row[: len(values)] = values
        return ids

    def lengths(self, samples):
        # Tokens are all that there is to compute, so it costs as much as a call.
        lengths = [len(row) + self._around for row in self._tokens(samples)]
        return np.minimum(lengths, self.input_shape[0])
