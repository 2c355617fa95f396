"""Text as its UTF-8 bytes."""

import keras
import numpy as np

from keras_maelre.preprocessing.preprocessor import Preprocessor, as_samples

PADDING_ID = 0


@keras.saving.register_keras_serializable(package="keras_maelre")
class BytePreprocessor(Preprocessor):
    """Turns documents into the ids of their UTF-8 bytes; needs no vocabulary file.

    Byte `b` becomes the id `b + 1`; 0 pads to the full length. A document that is
    longer than that is an error, unless `truncate=True` cuts its end off.

    Args:
        input_shape: Tuple of one integer, the length in bytes. Defaults to that of
            the built-in presets, 4096.
        truncate: Boolean. Whether the end of a document that is too long is cut off.

    Call arguments:
        x: List of strings or `bytes`, none empty.
        y: Optional labels, passed through.
        sample_weight: Optional weights, passed through.

    Returns:
        An int32 array of shape `(samples, length)`, or a tuple with the labels and
        weights that were given.

    Raises:
        TypeError: If an argument is of the wrong type, or a document is neither a
            string nor `bytes`.
        ValueError: If a document is empty, not valid Unicode, or too long without
            `truncate`.

    Example:

    ```python
    from keras_maelre.preprocessing import BytePreprocessor

    preprocessor = BytePreprocessor.from_preset("tiny_bytes", input_shape=(512,))
    ids = preprocessor(["A short document.", "Ein kürzeres."])  # (2, 512)
    ```

    Reference:
        The tokens of "Long Range Arena" (arXiv 2011.04006), task Text.
    """

    modality = "bytes"
    axes = ("bytes",)
    dtype = "int32"
    padding_id = PADDING_ID

    def __init__(self, input_shape=(4096,), truncate=False):
        super().__init__(input_shape, truncate)

    def prepare(self, samples):
        documents = self._encoded(samples)
        ids = np.full((len(documents), *self.input_shape), PADDING_ID, self.dtype)
        for row, document in zip(ids, documents, strict=True):
            values = np.frombuffer(document[: len(row)], "uint8")
            row[: len(values)] = values.astype(self.dtype) + 1
        return ids

    def lengths(self, samples):
        lengths = [len(document) for document in self._encoded(samples)]
        return np.minimum(lengths, self.input_shape[0])

    def _encoded(self, samples):
        documents = [_encoded(text, i) for i, text in enumerate(check_texts(samples))]
        self.check_length([len(document) for document in documents], "bytes")
        return documents


def _encoded(text, index):
    try:
        return text.encode() if isinstance(text, str) else text
    except UnicodeEncodeError as error:
        raise ValueError(
            f"A document must fit UTF-8. Received: sample {index}: {error}"
        ) from error


def check_texts(samples):
    """Returns a list of documents, or raises if one is not text or is empty."""
    documents = as_samples(samples, "strings", single=(str, bytes))
    for i, text in enumerate(documents):
        if not isinstance(text, (str, bytes)):
            raise TypeError(
                "A document must be a string or bytes. "
                f"Received: {type(text).__name__} at sample {i}"
            )
        if not text.strip():
            raise ValueError(f"A document must not be empty. Received: sample {i}")
    return documents
