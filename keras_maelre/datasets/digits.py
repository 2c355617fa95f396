"""The handwritten digits of scikit-learn."""

import importlib.util

import numpy as np

from keras_maelre.datasets.classification_dataset import ClassificationDataset
from keras_maelre.datasets.stratified_split import stratified_split

TEST_FRACTION = 0.25
LEVELS = 16  # the highest value of the original


def load_digits_images():
    """Loads 1,797 handwritten digits, 8x8 pixels, without a download.

    The data set is part of scikit-learn: digits by 13 people, white on black. Each
    pixel counts inked points from 0 to 16, here scaled to 0 to 255. A quarter of each
    class, always the same, is for testing. Who wrote which digit is not known, so the
    same person may have written training and test digits.

    Needs `pip install scikit-learn`.

    Returns:
        A `ClassificationDataset` of uint8 arrays of shape `(samples, 8, 8, 1)`.

    Raises:
        ImportError: If scikit-learn is not installed.

    Example:

    ```python
    from keras_maelre.datasets import load_digits_images
    from keras_maelre.preprocessing import ImagePreprocessor

    data = load_digits_images()
    preprocessor = ImagePreprocessor((32, 32, 3), crop_fraction=1.0)
    images = preprocessor(data.x_train[:100])  # (100, 32, 32, 3)
    ```

    Reference:
        Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
        Learning Repository, 1998.
    """
    if importlib.util.find_spec("sklearn") is None:
        raise ImportError("The digits need scikit-learn: pip install scikit-learn")
    from sklearn.datasets import load_digits

    digits = load_digits()
    x = np.rint(digits.images * (255 / LEVELS)).astype("uint8")[..., None]
    y = digits.target.astype("int32")
    is_test = stratified_split(y, TEST_FRACTION)
    return ClassificationDataset(
        x_train=x[~is_test],
        y_train=y[~is_test],
        x_test=x[is_test],
        y_test=y[is_test],
        class_names=tuple("0123456789"),
        name="digits",
    )
