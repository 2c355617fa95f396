"""Cutting off the padding that a batch shares."""

import numpy as np

from keras_maelre.modalities.registry import get


def cut_padding(x, modality):
    """Cuts the padding at the end that all samples of a batch share.

    What is left is rounded up to a power of two or to one and a half times one, so
    that backends which compile meet few shapes. A model's results do not change.

    Args:
        x: NumPy array, a batch of inputs of a model.
        modality: String or `Modality`, as `classifier.modality`.

    Returns:
        A view of `x`, not longer than it; `x` itself if the modality has no padding.

    Raises:
        ValueError: If `x` is not of the rank of the modality's inputs.

    Example:

    ```python
    import numpy as np
    from keras_maelre.modalities import cut_padding

    ids = np.pad(np.ones((2, 60), "int32"), ((0, 0), (0, 68)))
    cut_padding(ids, "bytes").shape  # (2, 64)
    ```
    """
    modality = get(modality)
    x = np.asarray(x)
    if x.ndim != len(modality.axes) + 1:
        raise ValueError(
            f"Argument `x` must be of shape (batch, {', '.join(modality.axes)}). "
            f"Received: shape {x.shape}"
        )
    kept = modality.kept(x) if modality.variable_length else None
    if kept is None:
        return x
    used = np.flatnonzero(kept.any(axis=0))
    return x[:, : few_shapes(int(used[-1]) + 1 if used.size else 1)]


def few_shapes(length):
    """Rounds up to a power of two, or to one and a half times one."""
    rounded = 1 << (length - 1).bit_length()
    return rounded * 3 // 4 if length <= rounded * 3 // 4 else rounded
