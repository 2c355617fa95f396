"""Batches are a function of seed, epoch and index, and nothing is lost in them."""

import keras
import numpy as np
import pytest

import keras_maelre
from keras_maelre import augmentation
from keras_maelre.preprocessing import BytePreprocessor, SeriesPreprocessor
from keras_maelre.training import AugmentedBatches, OrderedBatches
from tests.models.tiny import FEW_STEPS

X = np.random.default_rng(0).normal(size=(10, 40, 1)).astype("float32")
Y = np.arange(10) % 3
IMAGES = np.random.default_rng(1).normal(size=(10, 8, 8, 3)).astype("float32")


def batches(x=X, y=Y, **kwargs):
    layers = [augmentation.RandomRoll(rate=1.0), augmentation.Jitter(0.1, rate=1.0)]
    defaults = {
        "batch_size": 4,
        "augmentation": layers,
        "mixing": [augmentation.SeriesMixUp(0.2)],
        "seed": 3,
    }
    return AugmentedBatches(x, y, 3, **{**defaults, **kwargs})


def image_batches(**kwargs):
    layers = [
        keras.layers.RandomFlip("horizontal"),
        keras.layers.RandAugment(value_range=(-3, 3), num_ops=2),
    ]
    mixing = [keras.layers.MixUp(0.8), keras.layers.CutMix(1.0)]
    return batches(IMAGES, augmentation=layers, mixing=mixing, **kwargs)


def test_shapes_and_length():
    made = batches()
    assert len(made) == 2
    x, y = made[1]
    assert x.shape == (4, 40, 1) and y.shape == (4, 3)
    np.testing.assert_allclose(y.sum(axis=1), 1, atol=1e-6)
    assert len(batches(batch_size=100)) == 1


@pytest.mark.parametrize("fraction", [0.0, 0.3, 1.0])
def test_a_fraction_of_samples_and_batches_is_changed(fraction):
    mixing = [augmentation.SeriesMixUp(1.0)]
    made = batches(augmented_fraction=fraction, mixing=mixing)
    changed, mixed, total = 0, 0, 0
    for epoch in range(40):
        made.begin_epoch(epoch)
        for index in range(len(made)):
            given = made.inputs[made.order[index * 4 :][:4]]
            x, _, _ = made._make(epoch, made.order, index)
            changed += np.any(x != given, axis=(1, 2)).sum()
            mixed += np.any(made[index][0] != x)
            total += 1
    # Three standard errors; one of 24 orders mixes each of 4 samples with itself.
    error = 3 * np.sqrt(fraction * (1 - fraction) / (4 * total))
    assert abs(changed / (4 * total) - fraction) <= error
    error = 3 * np.sqrt(fraction * (1 - fraction) / total)
    assert abs(mixed / total - fraction) <= error + 0.1 * fraction


def test_augmentation_of_a_fraction_keeps_shapes():
    halve = keras.layers.AveragePooling1D(2)
    with pytest.raises(ValueError, match="must keep their shape.*40.*20"):
        batches(augmentation=[halve], augmented_fraction=0.5)[0]


@pytest.mark.parametrize("make", [batches, image_batches])
def test_a_batch_does_not_depend_on_what_was_drawn_before(make):
    straight = make()
    for epoch in range(3):
        straight.begin_epoch(epoch)
        last = [straight[i] for i in range(len(straight))]
    resumed = make()
    resumed.begin_epoch(2)
    for i in (1, 0):
        for got, expected in zip(resumed[i], last[i], strict=True):
            np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("make", [batches, image_batches])
@pytest.mark.parametrize("change", ["seed", "epoch", "index"])
def test_batches_differ(make, change):
    one, other = make(), make(seed=4 if change == "seed" else 3)
    other.begin_epoch(1 if change == "epoch" else 0)
    index = 1 if change == "index" else 0
    assert np.abs(one[0][0] - other[index][0]).max() > 0.1


def test_every_kind_of_mixing_is_drawn():
    """CutMix leaves pixels as they are, MixUp leaves hardly any."""
    mixing = [keras.layers.MixUp(1.0), keras.layers.CutMix(1.0)]
    made = batches(IMAGES, augmentation=(), mixing=mixing, batch_size=10)
    untouched = []
    for epoch in range(12):
        made.begin_epoch(epoch)
        pixels = made[0][0].reshape(-1, 1)
        known = np.sort(IMAGES.ravel())
        near = known[np.clip(np.searchsorted(known, pixels), 0, len(known) - 1)]
        untouched.append(np.mean(np.abs(near - pixels) < 1e-6))
    assert min(untouched) < 0.3 and max(untouched) > 0.99


def sorted_samples(made):
    seen = np.concatenate([made[i][0] for i in range(len(made))])
    labels = np.concatenate([made[i][1] for i in range(len(made))]).argmax(axis=1)
    order = np.argsort(seen[:, 0, 0])
    return seen[order], labels[order]


def test_without_augmentation_every_sample_comes_once():
    made = batches(augmentation=(), mixing=(), batch_size=5)
    order = np.argsort(X[:, 0, 0])
    seen, labels = sorted_samples(made)
    np.testing.assert_array_equal(seen, X[order])
    np.testing.assert_array_equal(labels, Y[order])


@pytest.mark.parametrize("preprocessor", [None, SeriesPreprocessor((40, 1))])
def test_ordered_batches_keep_order_and_the_rest(preprocessor):
    made = OrderedBatches(X, Y, 3, batch_size=4, preprocessor=preprocessor)
    parts = [made[i] for i in range(len(made))]
    assert [len(x) for x, _ in parts] == [4, 4, 2]
    expected = X if preprocessor is None else preprocessor(X)
    # Sums over other batches may be rounded in another order.
    seen = np.concatenate([x for x, _ in parts])
    np.testing.assert_allclose(seen, expected, atol=1e-6)
    labels = np.concatenate([y for _, y in parts])
    np.testing.assert_array_equal(labels, np.eye(3)[Y])


def test_raw_samples_are_prepared():
    texts = [f"document number {i}" for i in range(10)]
    preprocessor = BytePreprocessor((24,))
    plain = {"augmentation": (), "mixing": (), "preprocessor": preprocessor}
    made = batches(texts, **plain)
    made.begin_epoch(5)
    chosen = made.order[:4]
    np.testing.assert_array_equal(made[0][0], preprocessor([texts[i] for i in chosen]))


def test_balanced_sampling_makes_classes_alike():
    y = np.repeat([0, 1, 2], [900, 90, 10])
    x = np.zeros((1000, 2, 1), "float32")
    made = batches(x, y, augmentation=(), mixing=(), balanced=True, batch_size=1000)
    counts = made[0][1].sum(axis=0)
    assert counts.min() > 270 and counts.max() < 400, counts  # 4 deviations
    rows = np.eye(3, dtype=int)[y]
    several = batches(
        x, rows, augmentation=(), mixing=(), balanced=True, batch_size=1000
    )
    np.testing.assert_array_equal(several[0][1], made[0][1])


def test_multi_label_rows():
    y = np.array([[1, 1, 0], [0, 0, 0]] * 5)
    made = batches(X, y, augmentation=(), mixing=(), batch_size=10)
    np.testing.assert_array_equal(made[0][1], y[made.order])


@pytest.mark.parametrize(
    "y, message",
    [
        (np.arange(10), r"labels in \[0, 3\).*label 3"),
        (np.full(10, -1), r"labels in \[0, 3\).*label -1"),
        (Y[:9], "same number of samples.*10 and 9"),
        (np.zeros((10, 4), int), r"\(samples, 3\).*\(10, 4\)"),
        (np.full((10, 3), 2), r"lie in \[0, 1\].*2"),
    ],
)
@pytest.mark.parametrize("kind", [AugmentedBatches, OrderedBatches])
def test_bad_labels_raise(kind, y, message):
    with pytest.raises(ValueError, match=message):
        kind(X, y, 3)


def test_nothing_to_balance():
    with pytest.raises(ValueError, match="No sample has a label"):
        batches(X, np.zeros((10, 3), int), balanced=True)


def test_threads_make_the_same_batches():
    alone, ahead = batches(), batches(workers=3)
    # One epoch in fifty went wrong where threads shared a generator.
    for epoch in np.random.default_rng(0).permutation(100):
        alone.begin_epoch(epoch)
        ahead.begin_epoch(epoch)
        for index in range(len(alone)):
            for one, other in zip(alone[index], ahead[index], strict=True):
                np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("workers", [0, 3])
def test_fit_sees_every_batch_of_every_epoch_once(workers):
    """Told by the classifier which epoch it is, with nothing wired by hand."""
    made = batches(workers=workers, batch_size=2)
    seen = []
    make = made._make

    def noted(epoch, order, index):
        seen.append((epoch, index))
        return make(epoch, order, index)

    made._make = noted
    model = keras_maelre.MaelreClassifier.from_preset(
        "tiny_series", num_classes=3, input_shape=(40, 1), width=8
    )
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, **FEW_STEPS)
    model.fit(made, epochs=4, initial_epoch=1, verbose=0)
    # A backend may look at a first batch to build the model, or begin an epoch twice.
    assert set(seen) >= {(epoch, index) for epoch in (1, 2, 3) for index in range(5)}
    assert made.epoch == 3 and made.told


def test_another_model_gets_epochs_of_its_own_counting():
    made = batches(batch_size=5)
    first = made.order.copy()
    made.on_epoch_begin()  # as a backend that builds a model does
    assert made[0] and (made.order == first).all()
    made.on_epoch_begin()
    assert made.epoch == 0
    for index in range(len(made)):
        made[index]
    made.on_epoch_begin()
    assert made.epoch == 1 and (made.order != first).any()


def test_weights_follow_the_samples_that_are_mixed():
    """A sample without weight leaves no trace in the labels of a mixture."""
    weight = np.where(Y == 0, 0.0, 2.0)
    made = batches(augmentation=(), sample_weight=weight, batch_size=10)
    _, y, w = made[0]
    np.testing.assert_allclose(y[w > 0][:, 0], 0, atol=1e-6)
    np.testing.assert_allclose(y[w > 0].sum(axis=1), 1, atol=1e-5)
    assert 0 <= w.min() <= w.max() <= 2 + 1e-5
    plain = batches(augmentation=(), mixing=(), sample_weight=weight, batch_size=10)
    np.testing.assert_array_equal(plain[0][2], weight[plain.order])


def test_an_epoch_may_have_fewer_steps():
    made = batches(batch_size=2, steps_per_epoch=2)
    assert len(made) == 2
    with pytest.raises(ValueError, match="index"):
        made[2]
    with pytest.raises(ValueError, match="`steps_per_epoch`.*1 to 5.*6"):
        batches(batch_size=2, steps_per_epoch=6)
