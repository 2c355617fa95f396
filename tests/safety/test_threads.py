"""Many callers and many lengths: the same answers, and few shapes to compile."""

import concurrent.futures
import threading

import keras
import numpy as np
import pytest

from keras_maelre import MaelreClassifier
from keras_maelre.modalities.cut_padding import few_shapes
from tests.safety.small import NAMES, bytes_classifier, series, series_classifier

THREADS = 4


def as_arrays(answers):
    return np.array([[answer[name] for name in NAMES] for answer in answers])


def in_threads(model, parts, batch_size):
    """The answers to each part, from as many threads at the same moment."""
    barrier = threading.Barrier(THREADS)

    def ask(samples):
        barrier.wait()
        return as_arrays(model.predict_raw(samples, batch_size=batch_size))

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(ask, parts))


def test_threads_get_the_answers_of_one():
    model = series_classifier()
    parts = [series(12, seed=seed) for seed in range(THREADS)]
    expected = [as_arrays(model.predict_raw(part, batch_size=4)) for part in parts]
    for _ in range(3):
        for made, wanted in zip(in_threads(model, parts, 4), expected, strict=True):
            np.testing.assert_allclose(made, wanted, atol=1e-6)


def test_threads_that_ask_first():
    """Nothing has been compiled yet when the first of them come."""
    model = series_classifier()
    parts = [series(6, seed=seed) for seed in range(THREADS)]
    made = in_threads(model, parts, 4)
    for part, answers in zip(parts, made, strict=True):
        expected = as_arrays(model.predict_raw(part, batch_size=4))
        np.testing.assert_allclose(answers, expected, atol=1e-6)


def test_a_thread_with_a_bad_sample_disturbs_no_other():
    model = series_classifier()
    good = series(12)
    expected = as_arrays(model.predict_raw(good, batch_size=4))

    def ask(bad):
        if not bad:
            return as_arrays(model.predict_raw(good, batch_size=4))
        with pytest.raises(ValueError, match="sample 6"):
            model.predict_raw([*series(6), np.full((4, 2), np.inf)], batch_size=4)
        return expected

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        for made in pool.map(ask, [True, False] * THREADS):
            np.testing.assert_allclose(made, expected, atol=1e-6)


@pytest.mark.parametrize("make", [series_classifier, bytes_classifier])
def test_few_shapes_are_compiled(make, monkeypatch):
    """200 samples of random lengths up to 512: shapes grow with their logarithm."""
    model, shapes = make(length=512), []

    def noted(self, x):
        shapes.append(x.shape)
        return np.zeros((len(x), 3), "float32")

    monkeypatch.setattr(MaelreClassifier, "_forward", noted)
    lengths = np.random.default_rng(0).integers(1, 513, 200)
    generator = np.random.default_rng(1)
    samples = [generator.normal(size=(length, 2)) for length in lengths]
    if make is bytes_classifier:
        samples = ["x" * length for length in lengths]
    assert len(set(lengths.tolist())) > 100
    model.predict_raw(samples, batch_size=8)
    few = {few_shapes(length) for length in range(1, 513)}
    assert len(few) == 18
    assert {shape[1] for shape in shapes} <= few
    assert len(shapes) == 25 and len(set(shapes)) <= 18
    # One sample at a time, as a server gets them, makes no more.
    shapes.clear()
    for sample in samples:
        model.predict_raw([sample])
    assert len(shapes) == 200 and len(set(shapes)) <= 18


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="torch does not compile")
def test_what_is_left_over_is_of_few_sizes(monkeypatch):
    """The last batch of any number of samples is filled up."""
    model, shapes = series_classifier(), set()

    def noted(self, x):
        shapes.add(x.shape[0])
        return np.zeros((len(x), 3), "float32")

    monkeypatch.setattr(MaelreClassifier, "_forward", noted)
    for count in range(1, 40):
        assert len(model.predict_raw(series(count), batch_size=16)) == count
    assert shapes <= {1, 2, 3, 4, 6, 8, 12, 16}
