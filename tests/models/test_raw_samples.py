"""From raw samples to named probabilities, before and after saving."""

import keras
import numpy as np
import pytest

from keras_maelre import MaelreClassifier
from keras_maelre.preprocessing import BytePreprocessor, SeriesPreprocessor
from tests.models.tiny import tiny_classifier

RNG = np.random.default_rng(0)
RAW = [RNG.normal(4, 2, (steps, 2)) for steps in (60, 33, 47)]
NAMES = ("calm", "breeze", "storm")


def classifier(**kwargs):
    preprocessor = SeriesPreprocessor((60, 2))
    return tiny_classifier(
        "series",
        input_shape=(60, 2),
        **{"preprocessor": preprocessor, "class_names": NAMES, **kwargs},
    )


def probabilities(answers, names=NAMES):
    return np.array([[answer[name] for name in names] for answer in answers])


def test_probabilities_are_those_of_the_logits():
    model = classifier()
    answers = model.predict_raw(RAW)
    logits = model.predict(model.preprocessor(RAW), verbose=0)
    expected = keras.ops.convert_to_numpy(keras.ops.softmax(logits))
    np.testing.assert_allclose(probabilities(answers), expected, atol=1e-6)
    for answer in answers:
        assert list(answer.values()) == sorted(answer.values(), reverse=True)


def test_multi_label_classes_have_a_probability_each():
    model = classifier(multi_label=True)
    logits = model.predict(model.preprocessor(RAW), verbose=0)
    expected = keras.ops.convert_to_numpy(keras.ops.sigmoid(logits))
    np.testing.assert_allclose(
        probabilities(model.predict_raw(RAW)), expected, atol=1e-6
    )


def test_batch_size_does_not_matter():
    model = classifier()
    np.testing.assert_allclose(
        probabilities(model.predict_raw(RAW, batch_size=1)),
        probabilities(model.predict_raw(RAW)),
        atol=1e-5,
    )


def test_classes_without_names_are_numbers():
    answer = classifier(class_names=None).predict_raw(RAW[:1])[0]
    assert sorted(answer) == [0, 1, 2]


@pytest.mark.parametrize("kind", ["preset", "keras"])
def test_saved_equals_loaded(kind, tmp_path):
    model = classifier(multi_label=True)
    if kind == "preset":
        model.save_to_preset(tmp_path / "preset")
        loaded = MaelreClassifier.from_preset(tmp_path / "preset")
    else:
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.class_names == NAMES and loaded.multi_label
    np.testing.assert_allclose(
        probabilities(loaded.predict_raw(RAW)),
        probabilities(model.predict_raw(RAW)),
        atol=1e-6,
    )


def test_a_saved_preprocessor_can_be_had_alone(tmp_path):
    classifier().save_to_preset(tmp_path)
    made = SeriesPreprocessor.from_preset(tmp_path, truncate=True)
    assert made.input_shape == (60, 2) and made.truncate
    with pytest.raises(ValueError, match="SeriesPreprocessor, not a Byte"):
        BytePreprocessor.from_preset(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="holds no preprocessor"):
        SeriesPreprocessor.from_preset(tmp_path)


def test_a_preset_loaded_for_another_length_prepares_that_length(tmp_path):
    classifier().save_to_preset(tmp_path)
    model = MaelreClassifier.from_preset(tmp_path, input_shape=(100, 2))
    assert model.preprocessor.input_shape == (100, 2)
    assert model.class_names == NAMES
    assert len(model.predict_raw([RNG.normal(size=(100, 2))])) == 1


def test_a_preset_loaded_for_other_classes_loses_their_names(tmp_path):
    classifier().save_to_preset(tmp_path)
    with pytest.warns(UserWarning, match="head is new"):
        model = MaelreClassifier.from_preset(tmp_path, num_classes=2)
    assert model.class_names is None
    with pytest.warns(UserWarning, match="head is new"):
        model = MaelreClassifier.from_preset(tmp_path, class_names=["yes", "no"])
    assert model.num_classes == 2 and model.class_names == ("yes", "no")


def test_without_preprocessor_it_says_so():
    with pytest.raises(ValueError, match="pass `preprocessor`"):
        classifier(preprocessor=None).predict_raw(RAW)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"class_names": ["a", "b"], "num_classes": 3}, ValueError, "3 distinct"),
        ({"class_names": ["a", "b", "b"]}, ValueError, "2 of them distinct"),
        ({"preprocessor": "tokens"}, TypeError, "keras_maelre.preprocessing"),
        ({"preprocessor": BytePreprocessor((60,))}, ValueError, "makes bytes inputs"),
        (
            {"preprocessor": SeriesPreprocessor((61, 2))},
            ValueError,
            r"\(60, 2\).*\(61, 2\)",
        ),
        (
            {"preprocessor": SeriesPreprocessor((60, 1))},
            ValueError,
            r"\(60, 2\).*\(60, 1\)",
        ),
    ],
)
def test_what_does_not_fit_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        classifier(**arguments)
