"""What all preprocessors share, tried on bytes."""

import json

import numpy as np
import pytest

from keras_maelre import MaelreClassifier
from keras_maelre.models.presets import PRESETS
from keras_maelre.preprocessing import (
    AudioPreprocessor,
    BytePreprocessor,
    ImagePreprocessor,
    SeriesPreprocessor,
    TextPreprocessor,
)
from tests.models.tiny import tiny_classifier

TEXTS = ["one", "Grüße", "three"]
SHAPE = (16,)


def test_samples_alone():
    ids = BytePreprocessor(SHAPE)(TEXTS)
    assert isinstance(ids, np.ndarray)


def test_labels_and_weights_pass_through():
    preprocessor = BytePreprocessor(SHAPE)
    y, weights = [0, 1, 0], np.ones(3)
    ids, labels = preprocessor(TEXTS, y)
    assert labels is y and ids.shape == (3, *SHAPE)
    ids, labels, passed = preprocessor(TEXTS, y, weights)
    assert labels is y and passed is weights and ids.shape == (3, *SHAPE)


def test_tf_data():
    tf = pytest.importorskip("tensorflow", reason="the extra [tensorflow]")
    preprocessor = BytePreprocessor(SHAPE)
    expected = preprocessor(TEXTS)
    dataset = tf.data.Dataset.from_tensor_slices((TEXTS, [0, 1, 0], [1.0, 2.0, 3.0]))
    dataset = dataset.batch(2).map(preprocessor)
    assert dataset.element_spec[0].shape.as_list() == [None, *SHAPE]
    assert dataset.element_spec[0].dtype == tf.int32
    batches = list(dataset.as_numpy_iterator())
    np.testing.assert_array_equal(np.concatenate([b[0] for b in batches]), expected)
    np.testing.assert_array_equal(np.concatenate([b[1] for b in batches]), [0, 1, 0])
    np.testing.assert_array_equal(np.concatenate([b[2] for b in batches]), [1, 2, 3])


def test_tf_data_of_samples_alone():
    tf = pytest.importorskip("tensorflow", reason="the extra [tensorflow]")
    preprocessor = BytePreprocessor(SHAPE)
    dataset = tf.data.Dataset.from_tensor_slices(TEXTS).batch(3).map(preprocessor)
    (ids,) = dataset.as_numpy_iterator()
    np.testing.assert_array_equal(ids, preprocessor(TEXTS))


def test_tf_data_says_which_sample_is_wrong():
    tf = pytest.importorskip("tensorflow", reason="the extra [tensorflow]")
    dataset = tf.data.Dataset.from_tensor_slices(["fine", "x" * 17]).batch(2)
    with pytest.raises(tf.errors.OpError, match="sample 1 with 17"):
        list(dataset.map(BytePreprocessor(SHAPE)))


def test_fits_what_tf_data_gives():
    tf = pytest.importorskip("tensorflow", reason="the extra [tensorflow]")
    classifier = tiny_classifier("bytes", input_shape=SHAPE)
    preprocessor = BytePreprocessor(SHAPE)
    dataset = tf.data.Dataset.from_tensor_slices(TEXTS).batch(3).map(preprocessor)
    np.testing.assert_allclose(
        classifier.predict(dataset, verbose=0),
        classifier.predict(preprocessor(TEXTS), verbose=0),
        atol=1e-5,
    )


@pytest.mark.parametrize("shape", [(), (4, 4), (0,), (-1,), (2.5,), (None,), "ab", 0])
def test_wrong_input_shape(shape):
    with pytest.raises(ValueError, match=r"`input_shape` must be \(bytes\)"):
        BytePreprocessor(shape)


def test_input_shape_as_a_number():
    assert BytePreprocessor(12).input_shape == (12,)
    assert BytePreprocessor((np.int64(12),)).get_config()["input_shape"] == (12,)


def masked_samples():
    masked = np.ma.masked_array(np.full(800, 0.5), np.arange(800) % 2)
    return {
        "bytes": np.ma.masked_array(["one", "two"], [True, False]),
        "text": np.ma.masked_array(["one", "two"], [True, False]),
        "series": [masked],
        "audio": [masked],
        "audio pair": [(masked, 16000)],
        "image": [masked.reshape(20, 40)],
        "images": masked.reshape(1, 20, 40, 1),
    }


@pytest.mark.parametrize("kind", masked_samples())
def test_masked_arrays_are_refused(kind):
    """Conversion would drop the mask, and what is under it would count."""
    from tests.preprocessing.test_text_preprocessor import MERGES, VOCABULARY

    preprocessor = {
        "bytes": BytePreprocessor,
        "text": lambda: TextPreprocessor(VOCABULARY, MERGES),
        "series": SeriesPreprocessor,
        "audio": AudioPreprocessor,
        "image": ImagePreprocessor,
    }[kind.split()[0].removesuffix("s" if kind == "images" else "")]()
    with pytest.raises(TypeError, match="must not be a NumPy masked array"):
        preprocessor(masked_samples()[kind])


@pytest.mark.parametrize("flag", ["no", 0, None])
@pytest.mark.parametrize(
    "kind", [BytePreprocessor, SeriesPreprocessor, AudioPreprocessor]
)
def test_flags_are_booleans(kind, flag):
    with pytest.raises(TypeError, match="`truncate` must be True or False"):
        kind(truncate=flag)


# Presets.


@pytest.mark.parametrize("preset", [name for name in PRESETS if "bytes" in name])
def test_built_in_presets(preset):
    preprocessor = BytePreprocessor.from_preset(preset)
    assert preprocessor.input_shape == PRESETS[preset]["input_shape"]
    assert not preprocessor.truncate


def test_keywords_replace_the_presets():
    preprocessor = BytePreprocessor.from_preset(
        "tiny_bytes", input_shape=(9,), truncate=True
    )
    assert preprocessor.input_shape == (9,) and preprocessor.truncate


def test_preset_of_another_modality():
    with pytest.raises(ValueError, match=r"bytes.*tiny_bytes.*'tiny_text'"):
        BytePreprocessor.from_preset("tiny_text")


def test_unknown_preset():
    with pytest.raises(ValueError, match="'huge_bytes'.*tiny_bytes"):
        BytePreprocessor.from_preset("huge_bytes")


def test_unknown_keyword():
    with pytest.raises(TypeError, match="lenght"):
        BytePreprocessor.from_preset("tiny_bytes", lenght=9)


def test_directory_of_a_classifier(tmp_path):
    preprocessor = BytePreprocessor(SHAPE, truncate=True)
    classifier = tiny_classifier("bytes", input_shape=SHAPE, preprocessor=preprocessor)
    classifier.save_to_preset(tmp_path)
    loaded = BytePreprocessor.from_preset(tmp_path)
    assert loaded.get_config() == preprocessor.get_config()
    assert not BytePreprocessor.from_preset(str(tmp_path), truncate=False).truncate
    with pytest.raises(TypeError, match="lenght"):
        BytePreprocessor.from_preset(tmp_path, lenght=9)
    assert type(MaelreClassifier.from_preset(tmp_path).preprocessor) is BytePreprocessor


def test_directory_without_a_preprocessor(tmp_path):
    with pytest.raises(ValueError, match="holds no preprocessor"):
        BytePreprocessor.from_preset(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match="holds no preprocessor"):
        BytePreprocessor.from_preset(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"config": {}}))
    with pytest.raises(ValueError, match="holds no preprocessor"):
        BytePreprocessor.from_preset(tmp_path)


def test_directory_of_a_classifier_without_a_preprocessor(tmp_path):
    tiny_classifier("bytes", input_shape=SHAPE).save_to_preset(tmp_path)
    with pytest.raises(ValueError, match="preprocessor"):
        BytePreprocessor.from_preset(tmp_path)


def test_directory_with_another_preprocessor(tmp_path):
    class Other(BytePreprocessor):
        pass

    tiny_classifier(
        "bytes", input_shape=SHAPE, preprocessor=BytePreprocessor(SHAPE)
    ).save_to_preset(tmp_path)
    with pytest.raises(ValueError, match="is a BytePreprocessor, not a Other"):
        Other.from_preset(tmp_path)
