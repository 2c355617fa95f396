"""What is compiled beforehand is all that single requests need."""

import keras
import numpy as np
import pytest

from keras_maelre.preprocessing import SeriesPreprocessor
from tests.models.tiny import tiny_classifier

LONGEST = 48


def series_classifier():
    model = tiny_classifier(
        "series",
        input_shape=(LONGEST, 1),
        depths=(1, 1, 1, 1),
        preprocessor=SeriesPreprocessor((LONGEST, 1)),
    )
    model.run_eagerly = False
    return model


class Compilations:
    """Counts what a backend compiles or traces for a classifier."""

    def __init__(self, classifier):
        self.classifier, self.count = classifier, 0
        if keras.backend.backend() == "jax":
            import jax

            jax.monitoring.register_event_duration_secs_listener(self._note)

    def _note(self, event, seconds, **kwargs):
        self.count += event == "/jax/core/compile/backend_compile_duration"

    def __call__(self):
        if keras.backend.backend() == "tensorflow":
            return self.classifier.predict_function.experimental_get_tracing_count()
        return self.count


def test_nothing_is_compiled_afterwards():
    classifier = series_classifier()
    compilations = Compilations(classifier)
    ready = classifier.warm_up([20, 30, 24, 48])
    assert ready == [(1, 24, 1), (1, 32, 1), (1, 48, 1)]
    before = compilations()
    if keras.backend.backend() == "tensorflow":
        assert 1 <= before <= 3
    elif keras.backend.backend() == "jax":
        assert before >= len(ready)
    generator = np.random.default_rng(0)
    for length in (*range(17, 25), *range(25, 49, 5)):
        classifier.predict_raw([generator.normal(size=length)])
    assert compilations() == before


def test_few_shapes_for_all_lengths():
    shapes = []
    classifier = series_classifier()
    classifier._forward = lambda x: shapes.append(x.shape)
    ready = classifier.warm_up(range(1, LONGEST + 1), batch_size=4)
    assert ready == shapes
    # Two for every doubling of the length.
    assert len(ready) <= 2 * np.log2(LONGEST) + 1
    assert ready[-1] == (4, LONGEST, 1)


def test_one_shape_of_images():
    classifier = tiny_classifier("image", depths=(1, 1, 1, 1))
    assert classifier.warm_up() == [(1, 24, 20, 3)]
    with pytest.raises(ValueError, match="`lengths`.*None elsewhere.*images"):
        classifier.warm_up([24])


def test_lengths_that_cannot_be():
    classifier = series_classifier()
    with pytest.raises(ValueError, match="`lengths` must hold integers.*None"):
        classifier.warm_up()
    with pytest.raises(ValueError, match="`lengths` must be an integer from 1 to 48"):
        classifier.warm_up([49])
