"""The MosquitoSound task as arrays, through TensorFlow Datasets."""

import importlib.util

import numpy as np

from keras_maelre.datasets.classification_dataset import ClassificationDataset
from keras_maelre.datasets.series_arrays import checked_series

BATCH = 256


def load_mosquito_sound(data_dir=None):
    """Loads the MosquitoSound data set of the UCR/UEA archive.

    The first call parses the archive's two files, which must be in
    `<data_dir>/downloads/manual/`, and stores them as a TensorFlow data set in
    `<data_dir>`; later calls read that. The whole data set, 279,566 series of 3,750
    time steps, takes 4.2 GB of memory.

    Needs `pip install "keras_maelre[data]"`.

    Args:
        data_dir: Path of the folder in which TensorFlow Datasets keeps its
            data, or `None` for its default, `~/tensorflow_datasets`.

    Returns:
        A `ClassificationDataset`.

    Raises:
        FileNotFoundError: If the data set has not been prepared and its two files are
            missing; the message says which files to put where.
        ImportError: If TensorFlow or TensorFlow Datasets is not installed.
        ValueError: If a file is damaged or holds other series.

    Example:

    ```python
    from keras_maelre.datasets import load_mosquito_sound

    try:
        data = load_mosquito_sound()
    except FileNotFoundError as error:
        print(error)  # which files to fetch, and where to put them
    ```
    """
    for module in ("tensorflow", "tensorflow_datasets"):
        if importlib.util.find_spec(module) is None:
            raise ImportError(
                f"Loading MosquitoSound needs the package {module}: "
                'pip install "keras_maelre[data]"'
            )
    import tensorflow_datasets as tfds

    # Imported here only: the module defines, and so registers, the builder.
    from keras_maelre.datasets.mosquito_sound_builder import MosquitoSound, find_files

    builder = MosquitoSound(data_dir=data_dir)
    if not builder.is_prepared():
        manual_dir = builder.data_dir_root / "downloads" / "manual"
        find_files(manual_dir)
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(manual_dir=manual_dir)
        )
    x_train, y_train = _read_split(tfds, builder, "train")
    x_test, y_test = _read_split(tfds, builder, "test")
    x_train, x_test = checked_series(x_train, x_test)
    return ClassificationDataset(
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        class_names=tuple(builder.info.features["label"].names),
        sample_rate=builder.SAMPLE_RATE,
        name="MosquitoSound",
    )


def _read_split(tfds, builder, split):
    samples = builder.info.splits[split].num_examples
    x = np.empty((samples, *builder.info.features["series"].shape), "float32")
    y = np.empty(samples, "int32")
    start = 0
    for batch in tfds.as_numpy(builder.as_dataset(split=split, batch_size=BATCH)):
        stop = start + len(batch["label"])
        x[start:stop], y[start:stop] = batch["series"], batch["label"]
        start = stop
    return x, y
