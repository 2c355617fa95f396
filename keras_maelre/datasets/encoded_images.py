"""Image tasks kept as one NumPy `.npz` archive."""

import zipfile
from pathlib import Path

import numpy as np

from keras_maelre.datasets.labelled_dataset import LabelledDataset

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
        A `LabelledDataset`, named after the file. Its samples are lists of `bytes`
        for `jpeg`, and uint8 arrays of shape `(samples, height, width, channels)`
        for `X`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no `.npz` archive, lacks an array, or holds arrays
            that do not fit together.

    Example:

    ```python
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
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is not a .npz archive (a zip file of NumPy arrays).")
    with np.load(path, allow_pickle=False) as archive:
        form = next((f for f in (FILES, PIXELS) if set(f) <= set(archive.files)), None)
        if form is None:
            raise ValueError(
                f"{path} must hold the arrays {', '.join(FILES)} or the arrays "
                f"{', '.join(PIXELS)}. Received: {', '.join(archive.files)}"
            )
        keys = form + (("classes",) if "classes" in archive else ())
        arrays = {key: _read(archive, key, path) for key in keys}
    try:
        images = _files(arrays) if form == FILES else _pixels(arrays["X"])
        return _split(images, arrays, path.stem)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _read(archive, key, path):
    # What a damaged or a pickled array raises.
    try:
        return archive[key]
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: array {key!r} cannot be read: {error}") from None


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


def _split(images, arrays, name):
    y, is_test = arrays["y"], arrays["is_test"]
    if y.shape != (len(images),) or is_test.shape != y.shape:
        raise ValueError(
            f"`y` and `is_test` must have one entry for each of the {len(images)} "
            f"images. Received: shapes {y.shape} and {is_test.shape}"
        )
    if is_test.dtype.kind not in "biu" or not np.isin(is_test, (0, 1)).all():
        raise ValueError(
            "`is_test` must hold booleans or the integers 0 and 1. "
            f"Received: dtype {is_test.dtype}"
        )
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise ValueError("a label of `y` is NaN or infinite")
    if "classes" in arrays:
        class_names = np.atleast_1d(arrays["classes"])
    else:
        class_names, y = np.unique(y, return_inverse=True)
    is_test = is_test.astype(bool)

    def pick(chosen):
        if isinstance(images, np.ndarray):
            return images[chosen]
        return [images[i] for i in np.flatnonzero(chosen)]

    return LabelledDataset(
        x_train=pick(~is_test),
        y_train=y[~is_test],
        x_test=pick(is_test),
        y_test=y[is_test],
        class_names=tuple(class_names),
        name=name,
    )
