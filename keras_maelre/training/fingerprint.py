"""Whether data are the same as before."""

import hashlib
import os

import numpy as np

# So many samples, evenly spread, are looked at as a whole.
LOOKED_AT = 256


def fingerprint(x, y, sample_weight=None):
    """Returns a short string that is another for other samples, labels or weights.

    Args:
        x: List or array of samples. All labels are hashed, and of the samples their
            number and the content of some: of files name and size.
        y: List or array of labels.
        sample_weight: Optional list or array of numbers.

    Example:

    ```python
    from keras_maelre.training.fingerprint import fingerprint

    fingerprint(["a", "b"], [0, 1]) == fingerprint(["a", "c"], [0, 1])  # False
    ```
    """
    digest = hashlib.sha256(f"{len(x)}".encode())
    for i in np.unique(np.linspace(0, len(x) - 1, LOOKED_AT).astype(int)):
        _add(digest, x[i])
    if isinstance(y, np.ndarray):
        _add(digest, y)
    else:
        for labels in y:
            _add(digest, labels)
    if sample_weight is not None:
        _add(digest, np.asarray(sample_weight, "float64"))
    return digest.hexdigest()[:16]


def _add(digest, value):
    if isinstance(value, (str, os.PathLike)):
        text = os.fspath(value)
        digest.update(text.encode("utf-8", "surrogatepass"))
        if len(text) < 4096 and "\0" not in text and os.path.isfile(text):
            digest.update(f"{os.path.getsize(text)}".encode())
    elif isinstance(value, bytes):
        digest.update(value)
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = value if isinstance(value, (list, tuple)) else sorted(map(str, value))
        for part in parts:
            _add(digest, part)
    else:
        array = np.ascontiguousarray(value)
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(
            repr(array.tolist()).encode() if array.dtype.hasobject else array.tobytes()
        )
    digest.update(b"\0")
