"""Batches are a function of seed, epoch and index, and nothing is lost in them."""

import numpy as np
import pytest

from keras_maelre import augmentation
from keras_maelre.training import SeriesBatches

X = np.random.default_rng(0).normal(size=(10, 40, 1)).astype("float32")
Y = np.arange(10) % 3


def batches(**kwargs):
    layers = [augmentation.RandomRoll(rate=1.0), augmentation.Jitter(0.1, rate=1.0)]
    defaults = {"batch_size": 4, "augmentation": layers, "mixup_alpha": 0.2, "seed": 3}
    return SeriesBatches(X, Y, 3, **{**defaults, **kwargs})


def test_shapes_and_length():
    made = batches()
    assert len(made) == 2
    x, y = made[1]
    assert x.shape == (4, 40, 1) and y.shape == (4, 3)
    np.testing.assert_allclose(y.sum(axis=1), 1, atol=1e-6)
    assert len(batches(batch_size=100)) == 1


def test_a_batch_does_not_depend_on_what_was_drawn_before():
    straight = batches()
    for epoch in range(3):
        straight.begin_epoch(epoch)
        last = [straight[i] for i in range(len(straight))]
    resumed = batches()
    resumed.begin_epoch(2)
    for i in (1, 0):
        for got, expected in zip(resumed[i], last[i], strict=True):
            np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("change", ["seed", "epoch", "index"])
def test_batches_differ(change):
    one, other = batches(), batches(seed=4 if change == "seed" else 3)
    other.begin_epoch(1 if change == "epoch" else 0)
    index = 1 if change == "index" else 0
    assert np.abs(one[0][0] - other[index][0]).max() > 0.1


def test_without_augmentation_every_sample_comes_once():
    made = batches(augmentation=(), mixup_alpha=0.0, batch_size=5)
    seen = np.concatenate([made[i][0] for i in range(len(made))])
    normal = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)
    distance = np.abs(seen[:, None] - normal[None]).max(axis=(2, 3))
    assert sorted(distance.argmin(axis=1)) == list(range(10))
    assert distance.min(axis=1).max() < 1e-4
    labels = np.concatenate([made[i][1] for i in range(len(made))]).argmax(axis=1)
    np.testing.assert_array_equal(labels, Y[distance.argmin(axis=1)])


@pytest.mark.parametrize(
    "y, message",
    [
        (np.arange(10), r"labels in \[0, 3\).*label 3"),
        (np.full(10, -1), r"labels in \[0, 3\).*label -1"),
        (Y[:9], "same number of samples.*10 and 9"),
    ],
)
def test_bad_labels_raise(y, message):
    with pytest.raises(ValueError, match=message):
        SeriesBatches(X, y, 3)
