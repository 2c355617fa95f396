"""Image tasks kept as one NumPy `.npz` archive."""

from pathlib import Path

import numpy as np

from keras_maelre.datasets.classification_dataset import ClassificationDataset
from keras_maelre.datasets.npz_archive import (
    as_mask,
    check_lengths,
    number_labels,
    read_arrays,
    read_names,
)

FILES = ("jpeg", "offset", "y", "is_test")
PIXELS = ("X", "y", "is_test")


def read_image_archive(path):
    """Reads an image classification task from a `.npz` archive.

    The archive holds the images in one of two forms:

    - `jpeg`, uint8, the contents of all files one after the other, and `offset`,
      the position where each begins and, last, where the last ends: one entry more
      than there are files. The files may be of any format that Pillow reads;
    - `X`, uint8, pixels of shape `(samples, height, width)` or
      `(samples, height, width, channels)` with 1, 3 or 4 channels.

    In either form `y` has the label of each image, and `is_test`, a boolean, whether
    it is for testing. `classes` may hold the names that the labels 0, 1, ... stand
    for. Without it, the distinct labels are numbered in sorted order. Arrays of other
    names are not read. Nothing in the archive is unpickled.

    Args:
        path: Path of the archive.

    Returns:
        A `ClassificationDataset`, named after the file. Its samples are lists of
        `bytes` for `jpeg`, and uint8 arrays of shape `(samples, height, width,
        channels)` for `X`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not an `.npz` archive or is damaged, lacks an array,
            or holds arrays that do not fit together.

    Example:

    ```python
    import numpy as np

    from keras_maelre.datasets import read_image_archive

    np.savez(
        "icons.npz",
        X=np.random.randint(256, size=(6, 32, 32, 3), dtype="uint8"),
        y=[0, 1, 0, 1, 0, 1],
        is_test=[False, False, False, False, True, True],
        classes=["cat", "dog"],
    )
    data = read_image_archive("icons.npz")
    ```
    """
    path = Path(path)
    arrays = read_arrays(path, (FILES, PIXELS), ("classes",))
    try:
        return _make_dataset(arrays, path.stem)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None


def _make_dataset(arrays, name):
    images = _pixels(arrays["X"]) if "X" in arrays else _files(arrays)
    y, is_test = arrays["y"], as_mask(arrays["is_test"])
    check_lengths(len(images), "images", y=y, is_test=is_test)
    if "classes" in arrays:
        class_names = read_names(arrays["classes"])
    else:
        class_names, (y,) = number_labels(y=y)

    def pick(chosen):
        if isinstance(images, np.ndarray):
            return images[chosen]
        return [images[i] for i in np.flatnonzero(chosen)]

    return ClassificationDataset(
        x_train=pick(~is_test),
        y_train=y[~is_test],
        x_test=pick(is_test),
        y_test=y[is_test],
        class_names=class_names,
        name=name,
    )


def _files(arrays):
    content, offset = arrays["jpeg"], arrays["offset"]
    if content.dtype != "uint8" or content.ndim != 1:
        raise ValueError(
            "`jpeg` must be a row of uint8. "
            f"Received: dtype {content.dtype}, shape {content.shape}"
        )
    if offset.dtype.kind not in "iu" or offset.ndim != 1 or len(offset) < 2:
        raise ValueError(
            "`offset` must be a row of two integers or more. "
            f"Received: dtype {offset.dtype}, shape {offset.shape}"
        )
    offset = offset.astype("int64")
    if offset[0] != 0 or offset[-1] != len(content) or (np.diff(offset) <= 0).any():
        raise ValueError(
            f"`offset` must rise from 0 to the {len(content)} bytes of `jpeg`. "
            f"Received: from {offset[0]} to {offset[-1]}, smallest step "
            f"{np.diff(offset).min()}"
        )
    content = content.tobytes()
    return [
        content[start:stop] for start, stop in zip(offset[:-1], offset[1:], strict=True)
    ]


def _pixels(images):
    if images.ndim == 3:
        images = images[..., None]
    if images.dtype != "uint8" or images.ndim != 4 or images.shape[-1] not in (1, 3, 4):
        raise ValueError(
            "`X` must be uint8 of shape (samples, height, width) or (samples, height, "
            "width, channels) with 1, 3 or 4 channels. "
            f"Received: dtype {images.dtype}, shape {images.shape}"
        )
    if 0 in images.shape:
        raise ValueError(f"`X` is empty. Received shape: {images.shape}")
    return images
