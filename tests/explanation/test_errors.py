"""Bad arguments: the right exception, naming what came and what is possible."""

import numpy as np
import pytest

from keras_maelre import explain
from keras_maelre.explanation import top_words
from keras_maelre.preprocessing import BytePreprocessor
from tests.models.tiny import random_input, tiny_classifier

X = random_input("series", 2)


@pytest.fixture(scope="module")
def series():
    return tiny_classifier("series", class_names=("a", "b", "c"))


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ((X, None, "lime"), ValueError, "`method`.*occlusion.*'lime'"),
        ((X, "d"), ValueError, "no class 'd'.*'a', 'b', 'c'"),
        ((X, 3), ValueError, "from 0 to 2. Received: 3"),
        ((X, -1), ValueError, "from 0 to 2. Received: -1"),
        ((X, 1.0), TypeError, "`target`.*1.0"),
        ((X, True), TypeError, "`target`.*True"),
        ((X, [0.5, 1]), TypeError, "`target`.*0.5"),
        ((X, ["a"]), ValueError, "1 classes for 2 samples"),
        ((X, None, "gradient", 0), ValueError, "`batch_size`.*0"),
        (("text",), TypeError, "list or an array.*str"),
        ((X[:, :, :1], "a"), ValueError, "expects inputs of shape.*sample 0|sample 0"),
        ((np.full_like(X, np.nan), "a"), ValueError, "nothing but padding in sample 0"),
    ],
)
def test_bad_arguments(series, arguments, error, message):
    with pytest.raises(error, match=message):
        explain(series, *arguments)


def test_not_a_classifier(series):
    with pytest.raises(TypeError, match="MaelreClassifier.*MaelreBackbone"):
        explain(series.backbone, X)


def test_names_where_there_are_none():
    with pytest.raises(ValueError, match="no class 'a'.*no `class_names`"):
        explain(tiny_classifier("series"), X, "a")


def test_a_bad_sample_is_named():
    model = tiny_classifier("bytes", preprocessor=BytePreprocessor((48,)))
    with pytest.raises(ValueError, match="sample 1"):
        explain(model, ["good", "x" * 60], 0, "gradient")


def test_weights_that_are_not_finite():
    model = tiny_classifier("series")
    model.head.bias.assign([np.nan, 0, 0])
    with pytest.raises(ValueError, match="not finite"):
        explain(model, X, 0)


def test_top_words_wants_text(series):
    with pytest.raises(TypeError, match="documents.*SeriesExplanation"):
        top_words(explain(series, X, 0, "gradient"))
    with pytest.raises(ValueError, match="none"):
        top_words([])
