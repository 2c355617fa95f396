import importlib.util

import numpy as np
import pytest

from keras_maelre.datasets import load_digits_images
from keras_maelre.preprocessing import ImagePreprocessor

sklearn_datasets = pytest.importorskip("sklearn.datasets")


def test_holds_every_digit_once():
    data = load_digits_images()
    original = sklearn_datasets.load_digits()
    x = np.concatenate([data.x_train, data.x_test])[..., 0]
    y = np.concatenate([data.y_train, data.y_test])
    assert x.dtype == "uint8" and x.shape == (1797, 8, 8) and x.max() == 255
    ours = sorted((*image.ravel(), label) for image, label in zip(x, y, strict=True))
    expected = np.rint(original.images * 255 / 16).astype(int).reshape(1797, -1)
    theirs = sorted((*i, t) for i, t in zip(expected, original.target, strict=True))
    assert ours == theirs


def test_split_is_fixed_and_even():
    data, again = load_digits_images(), load_digits_images()
    np.testing.assert_array_equal(data.x_test, again.x_test)
    counts = np.bincount(data.y_train), np.bincount(data.y_test)
    assert np.abs(counts[1] / (counts[0] + counts[1]) - 0.25).max() < 0.005
    assert data.class_names == tuple("0123456789") and data.name == "digits"
    assert not data.simulated


def test_images_are_apart_by_class():
    """Nearest training image: a wrong label or a shuffled pixel would show."""
    data = load_digits_images()
    train, test = (
        np.reshape(x, (len(x), -1)).astype("float32")
        for x in (data.x_train, data.x_test)
    )
    distances = (test**2).sum(1)[:, None] - 2 * test @ train.T + (train**2).sum(1)
    assert np.mean(data.y_train[distances.argmin(1)] == data.y_test) > 0.97


def test_preprocessor_takes_them():
    data = load_digits_images()
    images = ImagePreprocessor((16, 16, 3), crop_fraction=1.0)(data.x_test[:3])
    assert images.shape == (3, 16, 16, 3)


def test_missing_package_names_the_command(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None)
    with pytest.raises(ImportError, match="pip install scikit-learn"):
        load_digits_images()
