"""Batches of samples of like length, cut to the longest."""

import keras
import numpy as np
import pytest

import keras_maelre
from keras_maelre.modalities import cut_padding
from keras_maelre.preprocessing import BytePreprocessor
from keras_maelre.training import AugmentedBatches, OrderedBatches


def documents(count=203, longest=300):
    generator = np.random.default_rng(0)
    lengths = generator.integers(1, longest, count)
    texts = ["".join(generator.choice(list("abc"), n)) for n in lengths]
    return texts, np.arange(count) % 3


@pytest.mark.parametrize(
    "longest, length", [(1, 1), (2, 2), (3, 3), (5, 6), (48, 48), (49, 64), (100, 100)]
)
def test_cut_to_few_lengths(longest, length):
    ids = np.zeros((3, 100), "int32")
    ids[0, :longest] = 5
    ids[1, 0] = 7
    cut = cut_padding(ids, "bytes")
    np.testing.assert_array_equal(cut, ids[:, :length])


def test_series_keep_steps_with_any_channel():
    series = np.full((2, 100, 2), np.nan, "float32")
    series[1, 40, 1] = 3
    assert cut_padding(series, "series").shape == (2, 48, 2)


def test_nothing_but_padding():
    assert cut_padding(np.zeros((2, 10), int), "bytes").shape == (2, 1)


def test_modalities_without_padding_are_not_cut():
    images = np.zeros((2, 4, 4, 3), "float32")
    assert cut_padding(images, "image") is images


def test_another_rank_and_another_modality_are_refused():
    with pytest.raises(ValueError, match=r"\(batch, bytes\).*\(2, 10, 3\)"):
        cut_padding(np.zeros((2, 10, 3), int), "bytes")
    with pytest.raises(ValueError, match="'smell'"):
        cut_padding(np.zeros((2, 10), int), "smell")


def test_lengths_group_samples_and_keep_labels():
    texts, labels = documents()
    preprocessor = BytePreprocessor((512,))
    kwargs = {"batch_size": 8, "preprocessor": preprocessor}
    batches = AugmentedBatches(
        texts,
        labels,
        3,
        lengths=[len(text) for text in texts],
        modality="bytes",
        **kwargs,
    )
    plain = AugmentedBatches(texts, labels, 3, **kwargs)
    seen, padding = [], []
    whole = preprocessor(texts)
    for i in range(len(batches)):
        x, y = batches[i]
        for row, label in zip(x, y, strict=True):
            row = np.pad(row, (0, 512 - len(row)))
            (found,) = np.flatnonzero((whole == row).all(axis=1))[:1]
            assert labels[found] == label.argmax()
            seen.append(found)
        padding.append(np.mean(x == 0))
        assert x.shape[1] < plain[i][0].shape[1]
    # Each sample at most once an epoch, and little padding.
    order = batches.order
    assert len(set(order)) == len(order) == len(texts) // 8 * 8
    assert np.mean(padding) < 0.35


def test_epochs_differ_and_repeat():
    texts, labels = documents()

    def batches():
        return AugmentedBatches(
            texts,
            labels,
            3,
            batch_size=8,
            preprocessor=BytePreprocessor((512,)),
            lengths=[len(text) for text in texts],
        )

    one, other = batches(), batches()
    first = one.order.copy()
    one.begin_epoch(3)
    assert (first != one.order).any()
    other.begin_epoch(3)
    np.testing.assert_array_equal(one.order, other.order)


def test_lengths_must_fit():
    with pytest.raises(ValueError, match="lengths"):
        AugmentedBatches(["a", "b"], [0, 1], 2, lengths=[1, 2, 3])


def test_model_predicts_the_same():
    texts, labels = documents(24)
    model = keras_maelre.MaelreClassifier.from_preset("tiny_bytes")
    kwargs = {"batch_size": 4, "preprocessor": BytePreprocessor((512,))}
    whole = model.predict(OrderedBatches(texts, labels, 3, **kwargs), verbose=0)
    cut = model.predict(
        OrderedBatches(texts, labels, 3, modality="bytes", **kwargs), verbose=0
    )
    assert keras.ops.shape(cut) == (24, 2)
    np.testing.assert_allclose(cut, whole, atol=1e-5)
