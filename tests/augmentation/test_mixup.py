import json

import keras
import numpy as np
import pytest
from keras import ops

from keras_maelre.augmentation import SeriesMixUp

# One class per sample: a mixed label is the row of weights of its series.
LABELS = np.eye(16, dtype="float32")


def random_series():
    return np.random.default_rng(0).normal(size=(16, 30, 2)).astype("float32")


def mix(layer, series, labels=LABELS, key="series", training=True):
    mixed = layer({key: series, "labels": labels}, training=training)
    assert set(mixed) == {key, "labels"}
    return ops.convert_to_numpy(mixed[key]), ops.convert_to_numpy(mixed["labels"])


@pytest.mark.parametrize("training", [False, None])
def test_identity_unless_training(training):
    series = random_series()
    series[3, 20:] = np.nan
    output, labels = mix(SeriesMixUp(), series, training=training)
    np.testing.assert_array_equal(output, series)
    np.testing.assert_array_equal(labels, LABELS)


def test_series_and_labels_are_mixed_with_the_same_weights():
    series = random_series()
    output, weights = mix(SeriesMixUp(1.0, seed=0), series)
    assert np.all(weights >= 0) and np.all((weights > 0).sum(axis=1) <= 2)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-6)
    assert (weights.max(axis=1) < 0.95).sum() > 4
    expected = np.einsum("ij,jtc->itc", weights, series)
    np.testing.assert_allclose(output, expected, atol=1e-5)


def test_padding_is_zero_for_a_valid_partner_and_stays_for_none():
    series = random_series()
    for sample, length in zip(series, range(0, 32, 2), strict=True):
        sample[length:] = np.nan
    output, weights = mix(SeriesMixUp(1.0, seed=0), series)
    padding = np.isnan(series[..., 0]).astype("float32")
    valid = weights @ (1 - padding) > 0
    np.testing.assert_array_equal(~np.isnan(output), np.stack([valid] * 2, -1))
    expected = np.einsum("ij,jtc->itc", weights, np.nan_to_num(series))
    np.testing.assert_allclose(np.nan_to_num(output), expected, atol=1e-5)
    assert np.any(valid > (1 - padding))


def test_seed_fixes_the_sequence_of_outputs():
    one, other = SeriesMixUp(1.0, seed=3), SeriesMixUp(1.0, seed=3)
    first, second = mix(one, random_series()), mix(one, random_series())
    np.testing.assert_array_equal(mix(other, random_series())[0], first[0])
    np.testing.assert_array_equal(mix(other, random_series())[1], second[1])
    assert np.any(first[1] != second[1])


def test_config_round_trip():
    layer = SeriesMixUp(0.4, seed=5, name="mixed")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    clone = keras.saving.deserialize_keras_object(config)
    assert clone.get_config() == layer.get_config()
    np.testing.assert_array_equal(
        mix(clone, random_series())[0], mix(layer, random_series())[0]
    )


@pytest.mark.parametrize("labels_dtype", ["int32", "float32", "float64"])
def test_half_precision_leaves_labels_whole(labels_dtype):
    layer = SeriesMixUp(1.0, seed=0, dtype="mixed_float16")
    series, weights = mix(layer, random_series(), LABELS.astype(labels_dtype))
    assert series.dtype == "float16" and weights.dtype == "float32"
    expected = np.einsum("ij,jtc->itc", weights, random_series())
    np.testing.assert_allclose(series, expected, atol=4e-3)


@pytest.mark.parametrize(
    "alpha, error, message",
    [
        (0.0, ValueError, r"`alpha` must be a finite number in \(0, 1\].*0.0"),
        (-1.0, ValueError, r"`alpha` must be a finite number in \(0, 1\].*-1.0"),
        (2, ValueError, r"`alpha` must be a finite number in \(0, 1\].*2"),
        ("much", TypeError, "`alpha` must be a finite number.*'much'"),
    ],
)
def test_bad_alpha_raises(alpha, error, message):
    with pytest.raises(error, match=message):
        SeriesMixUp(alpha)


def test_images_are_the_key_of_keras():
    series = mix(SeriesMixUp(1.0, seed=0), random_series())
    images = mix(SeriesMixUp(1.0, seed=0), random_series(), key="images")
    np.testing.assert_array_equal(images[0], series[0])
    np.testing.assert_array_equal(images[1], series[1])


def test_in_a_tf_data_pipeline():
    tf = pytest.importorskip("tensorflow", reason="the extra [tensorflow]")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("tf.data traces layers of its own backend alone")
    layer = SeriesMixUp(1.0, seed=0)
    batch = {"series": random_series(), "labels": LABELS}
    dataset = tf.data.Dataset.from_tensor_slices(batch).batch(16)
    (made,) = dataset.map(lambda batch: layer(batch, training=True))
    expected = np.einsum("ij,jtc->itc", made["labels"].numpy(), random_series())
    np.testing.assert_allclose(made["series"].numpy(), expected, atol=1e-5)


@pytest.mark.parametrize(
    "inputs, error, message",
    [
        (
            {"series": random_series()[..., 0], "labels": LABELS},
            ValueError,
            r"series.*\(batch, length, channels\).*\(16, 30\)",
        ),
        (
            {"series": random_series(), "labels": np.arange(16)},
            ValueError,
            r"labels.*\(batch, classes\).*\(16,\)",
        ),
        (random_series(), TypeError, "dictionary.*series.*Received"),
        ({"series": random_series()}, TypeError, r"dictionary.*\['series'\]"),
        ({"x": random_series(), "labels": LABELS}, TypeError, r"\['labels', 'x'\]"),
    ],
)
def test_other_inputs_raise(inputs, error, message):
    with pytest.raises(error, match=message):
        SeriesMixUp()(inputs, training=True)
