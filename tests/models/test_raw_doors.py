"""`fit`, `evaluate` and `predict` take raw samples, in whatever they come."""

import keras
import numpy as np
import pytest

from keras_maelre import MaelreClassifier
from keras_maelre.preprocessing import BytePreprocessor, SeriesPreprocessor
from keras_maelre.training import OrderedBatches
from tests.models.tiny import FEW_STEPS, NUM_CLASSES, tiny_classifier

TEXTS = [f"{word} {'x' * i}" for i in range(4) for word in ("ham", "spam", "eggs")]
NAMES = ("eggs", "ham", "spam")
LABELS = [text.split()[0] for text in TEXTS]
INDICES = np.array([NAMES.index(label) for label in LABELS])
WEIGHTS = np.linspace(0.5, 2, 12)
DEPTHS = (1, 1, 1, 1)


def classifier(loss=None, **kwargs):
    keras.utils.set_random_seed(0)
    model = MaelreClassifier.from_preset(
        "tiny_bytes",
        width=8,
        depths=DEPTHS,
        class_names=NAMES,
        preprocessor=BytePreprocessor((16,)),
        **kwargs,
    )
    sparse = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss or sparse, **FEW_STEPS)
    return model


class Batches(keras.utils.PyDataset):
    """Raw batches of a user's own."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        chosen = slice(4 * index, 4 * index + 4)
        return TEXTS[chosen], LABELS[chosen]


def generator():
    for i in range(3):
        yield Batches()[i]


def tf_dataset():
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices((TEXTS, LABELS)).batch(4)


def data_loader():
    torch = pytest.importorskip("torch")
    return torch.utils.data.DataLoader(list(zip(TEXTS, LABELS, strict=True)), 4)


@pytest.fixture(scope="module")
def expected():
    """Weights after an epoch on inputs prepared by hand, in the order they have."""
    model = classifier()
    x = model.preprocessor(TEXTS)
    model.preprocessor = None
    model.fit(x, INDICES, batch_size=4, shuffle=False, verbose=0)
    loss = model.evaluate(x, INDICES, verbose=0)
    return model.get_weights(), loss, model.predict(x, verbose=0)


@pytest.mark.parametrize("source", [None, Batches, generator, tf_dataset, data_loader])
def test_raw_is_what_was_prepared_by_hand(source, expected):
    weights, loss, logits = expected
    model = classifier()
    if source is None:
        model.fit(TEXTS, LABELS, batch_size=4, shuffle=False, verbose=0)
        assert model.evaluate(TEXTS, LABELS, verbose=0) == pytest.approx(loss, rel=1e-4)
        np.testing.assert_allclose(
            model.predict(TEXTS, batch_size=4, verbose=0), logits, atol=1e-4
        )
    else:
        history = model.fit(
            source(), validation_data=source(), shuffle=False, verbose=0
        ).history
        assert history["val_loss"][0] == pytest.approx(loss, rel=1e-4)
        assert model.evaluate(source(), verbose=0) == pytest.approx(loss, rel=1e-4)
        np.testing.assert_allclose(
            model.predict(source(), verbose=0), logits, atol=1e-4
        )
    for one, other in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_single_batches(expected):
    _, _, logits = expected
    model = classifier()
    loss = model.test_on_batch(TEXTS, LABELS)
    assert model.train_on_batch(TEXTS, LABELS) == pytest.approx(loss, rel=1e-4)
    assert model.test_on_batch(TEXTS, LABELS) != pytest.approx(loss)
    assert model.predict_on_batch(TEXTS).shape == logits.shape


@pytest.mark.parametrize("labels", [LABELS, np.array(LABELS), INDICES, INDICES + 0.0])
def test_labels_of_every_kind(labels):
    model = classifier()
    loss = model.evaluate(TEXTS, INDICES, verbose=0)
    assert model.evaluate(TEXTS, labels, verbose=0) == pytest.approx(loss, rel=1e-5)
    model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    assert model.evaluate(TEXTS, labels, verbose=0) == pytest.approx(loss, rel=1e-5)
    rows = np.eye(3)[INDICES]
    assert model.evaluate(TEXTS, rows, verbose=0) == pytest.approx(loss, rel=1e-5)


def test_labels_of_multi_label_classifiers():
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model = classifier(loss, multi_label=True)
    collections = [["eggs", "ham"], [], {"spam"}] * 4
    rows = [[1, 1, 0], [0, 0, 0], [0, 0, 1]] * 4
    values = [
        model.evaluate(TEXTS, y, verbose=0) for y in (collections, rows, np.array(rows))
    ]
    assert values[0] == pytest.approx(values[1]) == pytest.approx(values[2])
    with pytest.raises(ValueError, match="collection of labels for each sample"):
        model.evaluate(TEXTS, LABELS)


def test_validation_of_raw_samples():
    model = classifier()
    history = model.fit(
        TEXTS, LABELS, validation_data=(TEXTS, LABELS, WEIGHTS), epochs=1, verbose=0
    ).history
    weighted = model.evaluate(TEXTS, LABELS, sample_weight=WEIGHTS, verbose=0)
    assert history["val_loss"][0] == pytest.approx(weighted, rel=1e-4)
    model = classifier()
    history = model.fit(
        TEXTS, LABELS, validation_split=0.25, epochs=1, verbose=0
    ).history
    last = model.evaluate(TEXTS[9:], LABELS[9:], verbose=0)
    assert history["val_loss"][0] == pytest.approx(last, rel=1e-4)


def test_epochs_are_shuffled():
    model = classifier()
    batches, _, _ = model._ready(TEXTS, LABELS, None, 4, shuffle=True)
    orders = []
    for _ in range(3):
        batches.on_epoch_begin()
        orders.append(batches.order.tolist())
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(12))
    assert len({tuple(order) for order in orders}) > 1
    with pytest.raises(ValueError, match="`sample_weight`.*12 samples"):
        model.fit(TEXTS, LABELS, sample_weight=WEIGHTS[:3])


class BadIds(keras.utils.PyDataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        return np.full((2, 8), 300), np.zeros(2, int)


def test_values_are_checked_in_batches_too():
    model = tiny_classifier("bytes")
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.raises(Exception, match=r"\[0, 257\).*300"):
        model.fit(BadIds(), verbose=0)


def test_logits_that_are_not_finite_are_an_error():
    model = tiny_classifier("series", dtype="mixed_float16")
    with pytest.raises(ValueError, match="2 samples have logits that are not finite"):
        model.predict(np.full((2, 50, 2), 1e30, "float32"), verbose=0)


def lengths_seen(model, samples, **kwargs):
    """The shapes that the model is given by `predict_proba`."""
    shapes = set()
    forward = model._forward

    def noted(x):
        shapes.add(x.shape)
        return forward(x)

    model._forward = noted
    result = model.predict_proba(samples, **kwargs)
    del model._forward
    return result, shapes


def ragged(count):
    generator = np.random.default_rng(1)
    return [generator.normal(size=n) for n in generator.integers(1, 200, count)]


def series_classifier():
    return tiny_classifier(
        "series",
        input_shape=(200, 1),
        depths=DEPTHS,
        preprocessor=SeriesPreprocessor((200, 1)),
    )


def test_any_number_of_samples_in_few_shapes():
    model = series_classifier()
    samples = ragged(75)
    result, shapes = lengths_seen(model, samples, batch_size=4)
    assert len({shape[1] for shape in shapes}) <= 16
    if keras.backend.backend() != "torch":
        assert {shape[0] for shape in shapes} <= {1, 2, 3, 4}
    alone = np.concatenate([model.predict_proba([sample]) for sample in samples[::15]])
    np.testing.assert_allclose(result[::15], alone, atol=1e-5)
    np.testing.assert_allclose(result.sum(axis=1), 1, atol=1e-9)


def test_samples_are_read_in_pools():
    """A generator is never ahead of the answers by more than a pool."""
    read = []

    def samples():
        for i, sample in enumerate(ragged(150)):
            read.append(i)
            yield sample

    model = series_classifier()
    stream = model._stream_probabilities(samples(), batch_size=2, verbose=0)
    first = next(stream)
    assert len(first) == 64 and len(read) <= 65
    assert len(first) + sum(len(rest) for rest in stream) == 150


def test_the_bad_sample_is_named():
    samples = ragged(80)
    samples[70] = np.array([1.0, np.inf])
    with pytest.raises(ValueError, match="sample 70"):
        series_classifier().predict_raw(samples, batch_size=8)


@pytest.mark.parametrize("samples", ["text", {"a": 1}, 5, None])
def test_what_is_not_a_list_of_samples(samples):
    with pytest.raises(TypeError, match="list or an array"):
        classifier().predict_raw(samples)


def test_no_samples_no_answers():
    model = series_classifier()
    assert model.predict_raw([]) == []
    assert model.predict_proba([]).shape == (0, NUM_CLASSES)
    with pytest.raises(ValueError, match="at least one sample"):
        model.predict([])
    model.preprocessor = None
    with pytest.raises(ValueError, match="at least one sample"):
        model.predict(np.zeros((0, 200, 1), "float32"))


def test_lengths_may_differ_after_batches_that_are_alike():
    """A backend may not fix the length that the first batches happen to have."""
    generator = np.random.default_rng(0)
    lengths = [100] * 8 + [20] * 4 + [170] * 4
    series = [generator.normal(size=n) for n in lengths]
    labels = np.arange(16) % NUM_CLASSES
    model = series_classifier()
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01), loss)
    model.fit(
        series,
        labels,
        batch_size=4,
        shuffle=False,
        validation_data=(series, labels),
        epochs=2,
        verbose=0,
    )
    ordered = OrderedBatches(
        series, labels, 3, 4, preprocessor=model.preprocessor, modality="series"
    )
    assert model.evaluate(ordered, verbose=0) == pytest.approx(
        model.evaluate(series, labels, batch_size=4, verbose=0), rel=1e-4
    )
    assert model.predict(series, batch_size=4, verbose=0).shape == (16, NUM_CLASSES)

    def batches():
        for i in range(0, 16, 4):
            yield series[i : i + 4], labels[i : i + 4]

    model.fit(batches(), verbose=0)
