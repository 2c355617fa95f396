"""ImageNet, read image by image through TensorFlow Datasets."""

import importlib.util
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_maelre.datasets.classification_dataset import ClassificationDataset

FILES = ("ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar")
# The only format of TensorFlow Datasets that reads any image at once.
FORMAT = "array_record"
BLOCK = 256  # images in memory while their labels are read


def load_imagenet(data_dir=None, name="imagenet2012"):
    """Loads ImageNet: 1,281,167 training and 50,000 test images of 1000 classes.

    The first call prepares the data set: it converts the two archives, which must be
    in `<data_dir>/downloads/manual/`, to a TensorFlow data set (another 150 GB) in
    `<data_dir>`, and then reads it once to collect the labels. Later calls take
    seconds: images stay on disk until they are indexed.

    The test split is ImageNet's validation split, as its own test split has no
    labels.

    Needs `pip install "keras_maelre[data]"`.

    Args:
        data_dir: Path of the folder in which TensorFlow Datasets keeps its data, or
            `None` for its default, `~/tensorflow_datasets`.
        name: String, a data set of TensorFlow Datasets whose features are an `image`
            and a `label` and whose splits are `train` and `validation` or `test`, such
            as `"imagenette/160px-v2"`.

    Returns:
        A `ClassificationDataset` whose samples are `EncodedImages`: the contents of
        the image files, which `ImagePreprocessor` decodes.

    Raises:
        FileNotFoundError: If ImageNet has not been prepared and its archives are
            missing; the message says which files to put where.
        ImportError: If TensorFlow, TensorFlow Datasets or array_record is not
            installed.
        ValueError: If the data set was prepared in a format that cannot be indexed,
            or lacks a split or a feature.

    Example:

    ```python
    from keras_maelre.datasets import load_imagenet
    from keras_maelre.preprocessing import ImagePreprocessor

    try:
        data = load_imagenet()
        images = ImagePreprocessor()([data.x_train[i] for i in range(32)])
    except FileNotFoundError as error:
        print(error)  # which files to fetch, and where to put them
    ```

    Reference:
        Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge",
        arXiv 1409.0575.
    """
    for module in ("tensorflow", "tensorflow_datasets", "array_record"):
        if importlib.util.find_spec(module) is None:
            raise ImportError(
                f"Loading ImageNet needs the package {module}: "
                'pip install "keras_maelre[data]"'
            )
    import tensorflow_datasets as tfds

    builder = tfds.builder(name, data_dir=data_dir)
    if not builder.is_prepared():
        manual_dir = builder.data_dir_root / "downloads" / "manual"
        if builder.name == "imagenet2012":
            _find_files(manual_dir)
        builder = tfds.builder(name, data_dir=data_dir, file_format=FORMAT)
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(manual_dir=manual_dir)
        )
    formats = {known.value for known in builder.info.available_file_formats()}
    if FORMAT not in formats:
        raise ValueError(
            f"{builder.data_path} is stored as {', '.join(sorted(formats))}, which "
            f"cannot be indexed as {FORMAT} can. Pass another `data_dir` to prepare "
            "the data set again."
        )
    splits = builder.info.splits
    test = "validation" if "validation" in splits else "test"
    if "train" not in splits or test not in splits:
        raise ValueError(
            f"{builder.name} must have the splits train and validation or test. "
            f"Received: {', '.join(splits)}"
        )
    features = builder.info.features
    if not {"image", "label"} <= set(features):
        raise ValueError(
            f"{builder.name} must have the features image and label. "
            f"Received: {', '.join(features)}"
        )
    x_train, y_train = _read_split(tfds, builder, "train")
    x_test, y_test = _read_split(tfds, builder, test)
    return ClassificationDataset(
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        class_names=tuple(features["label"].names),
        name=builder.name,
    )


class EncodedImages(Sequence):
    """Image files of a data set of TensorFlow Datasets, read when they are indexed.

    An integer gives the `bytes` of one file. A slice, an array of integers or a mask
    gives another `EncodedImages` and reads nothing.

    Args:
        source: Random-access data source whose items are dictionaries with an
            undecoded `image`.
        indices: Integer array, which of its items; all of them if left out.
    """

    def __init__(self, source, indices=None):
        self.source = source
        self.indices = np.arange(len(source)) if indices is None else indices

    def __len__(self):
        return len(self.indices)

    def __getitem__(self, index):
        chosen = self.indices[index]
        if isinstance(chosen, np.ndarray):
            return EncodedImages(self.source, chosen)
        return self.source[int(chosen)]["image"]


def _find_files(manual_dir):
    missing = [name for name in FILES if not (manual_dir / name).exists()]
    if missing:
        raise FileNotFoundError(
            f"ImageNet's {' and '.join(missing)} must be in {manual_dir}\n"
            "Register at https://image-net.org/download-images and download, of "
            "ILSVRC 2012, the training images of tasks 1 and 2 (138 GB) and the "
            "validation images of all tasks (6.3 GB)."
        )


def _read_split(tfds, builder, split):
    source = builder.as_data_source(
        split, decoders={"image": tfds.decode.SkipDecoding()}
    )
    file = Path(builder.data_path) / f"labels_{split}.npy"
    try:
        labels = np.load(file, allow_pickle=False, mmap_mode="r")
        if labels.shape == (len(source),):
            return EncodedImages(source), np.array(labels)
    except (OSError, ValueError, EOFError):
        pass  # not there yet, or damaged: written anew below
    labels = np.empty(len(source), "int32")
    for start in range(0, len(source), BLOCK):
        block = range(start, min(start + BLOCK, len(source)))
        labels[block] = [item["label"] for item in source.__getitems__(list(block))]
    try:
        np.save(file, labels)
    except OSError as error:
        warnings.warn(
            f"The labels cannot be kept in {file} ({error}): every call will read "
            "through all images.",
            stacklevel=3,
        )
    return EncodedImages(source), labels
