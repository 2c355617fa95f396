import json

import keras
import numpy as np
import pytest
from keras import ops

from keras_maelre.augmentation import RandomResizedCrop

# Few shapes, since JAX compiles every operation anew for every shape.
MANY = (1500, 12, 20, 2)
FEW = (5, 12, 20, 2)


def crop(layer, images):
    return ops.convert_to_numpy(layer(images, training=True))


def random_images(shape=FEW):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def coordinates(batch, height, width):
    """Images whose two channels are the row and the column of each pixel."""
    grid = np.stack(np.indices((height, width)), -1) + 0.5
    return np.broadcast_to(grid, (batch, *grid.shape)).astype("float32").copy()


def corners(crops):
    """Top, left, height and width of crops of `coordinates`, in pixels.

    Of the middle only: near its edges an image has no pixel to interpolate with.
    """
    height, width = crops.shape[1:3]
    i, j = height // 2, width // 2
    step_y = crops[:, i, j, 0] - crops[:, i - 1, j, 0]
    step_x = crops[:, i, j, 1] - crops[:, i, j - 1, 1]
    top = crops[:, i, j, 0] - step_y * (i + 0.5)
    left = crops[:, i, j, 1] - step_x * (j + 0.5)
    return top, left, step_y * height, step_x * width


@pytest.mark.parametrize("training", [False, None])
def test_identity_unless_training(training):
    images = random_images()
    output = RandomResizedCrop()(images, training=training)
    np.testing.assert_array_equal(ops.convert_to_numpy(output), images)


def test_crops_are_upright_rectangles():
    crops = crop(RandomResizedCrop(seed=0), coordinates(*MANY[:3]))
    # Rows depend on the row alone, columns on the column, both evenly.
    np.testing.assert_allclose(
        crops[..., 0], np.repeat(crops[:, :, :1, 0], 20, 2), atol=1e-4
    )
    np.testing.assert_allclose(
        crops[..., 1], np.repeat(crops[:, :1, :, 1], 12, 1), atol=1e-4
    )
    top, left, height, width = corners(crops)
    rows = top[:, None] + height[:, None] * (np.arange(12) + 0.5) / 12
    np.testing.assert_allclose(crops[:, :, 0, 0], np.clip(rows, 0.5, 11.5), atol=1e-4)
    columns = left[:, None] + width[:, None] * (np.arange(20) + 0.5) / 20
    np.testing.assert_allclose(
        crops[:, 0, :, 1], np.clip(columns, 0.5, 19.5), atol=1e-4
    )


def test_area_stretch_and_place_are_drawn_as_asked():
    layer = RandomResizedCrop((0.2, 0.6), (0.5, 1.5), seed=0)
    top, left, height, width = corners(crop(layer, coordinates(*MANY[:3])))
    height, width = height / 12, width / 20
    top, left = top / 12 / (1 - height), left / 20 / (1 - width)
    # Uniform: the mean and the standard deviation, within four standard errors.
    for values, low, high in ((height * width, 0.2, 0.6), (top, 0, 1), (left, 0, 1)):
        assert values.min() > low - 1e-3 and values.max() < high + 1e-3
        error = 4 * (high - low) / np.sqrt(12 * 1500)
        np.testing.assert_allclose(values.mean(), (low + high) / 2, atol=error)
        np.testing.assert_allclose(values.std(), (high - low) / 12**0.5, atol=error)
    logarithm = np.log(width / height)
    assert np.log(0.5) - 1e-3 < logarithm.min() < np.log(0.5) + 0.1
    assert np.log(1.5) - 0.1 < logarithm.max() < np.log(1.5) + 1e-3
    drawn = np.stack([height * width, top, left, logarithm])
    assert np.abs(np.corrcoef(drawn) - np.eye(4)).max() < 0.12


def test_parts_fit_in_even_where_the_stretch_leaves_no_room():
    layer = RandomResizedCrop((0.9, 0.9), (0.1, 10.0), seed=0)
    top, left, height, width = corners(crop(layer, coordinates(*MANY[:3])))
    np.testing.assert_allclose(height * width, 0.9 * 240, rtol=1e-3)
    for start, size, limit in ((top, height, 12), (left, width, 20)):
        assert start.min() > -1e-3 and (start + size).max() < limit + 1e-3


def test_the_whole_image_is_the_image():
    images = random_images()
    output = crop(RandomResizedCrop((1.0, 1.0)), images)
    np.testing.assert_allclose(output, images, atol=1e-5)


def test_each_image_is_cropped_by_itself():
    images = np.repeat(random_images()[:1], 5, axis=0)
    output = crop(RandomResizedCrop(seed=0), images)
    assert len(np.unique(output.reshape(5, -1).round(4), axis=0)) == 5


def test_seed_fixes_the_sequence_of_outputs():
    images = random_images()
    one, other = RandomResizedCrop(seed=7), RandomResizedCrop(seed=7)
    first, second = crop(one, images), crop(one, images)
    np.testing.assert_array_equal(crop(other, images), first)
    np.testing.assert_array_equal(crop(other, images), second)
    assert np.any(first != second)


def test_config_round_trip():
    layer = RandomResizedCrop((0.3, 0.9), (0.8, 1.2), seed=5, name="cropped")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    clone = keras.saving.deserialize_keras_object(config)
    assert clone.get_config() == layer.get_config()
    images = random_images()
    np.testing.assert_array_equal(crop(clone, images), crop(layer, images))


def test_pixels_of_a_file_become_floats():
    images = np.random.default_rng(0).integers(256, size=(2, 8, 8, 3), dtype="uint8")
    output = crop(RandomResizedCrop((1.0, 1.0)), images)
    assert output.dtype == "float32"
    np.testing.assert_allclose(output, images, atol=1e-3)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_keeps_the_place(dtype):
    images = random_images((3, 300, 8, 1))
    whole = crop(RandomResizedCrop((0.2, 0.4), seed=0), images)
    output = RandomResizedCrop((0.2, 0.4), seed=0, dtype=dtype)(images, training=True)
    assert keras.backend.standardize_dtype(output.dtype) == dtype
    output = ops.convert_to_numpy(ops.cast(output, "float32"))
    # Rounding of values and weights; a pixel's width off would be about 1.
    np.testing.assert_allclose(
        output, whole, atol=0.005 if dtype == "float16" else 0.05
    )


def test_compiled_training_changes_and_evaluation_does_not():
    images = random_images()
    model = keras.Sequential(
        [
            keras.Input(FEW[1:]),
            RandomResizedCrop(seed=0),
            keras.layers.Dense(2, kernel_initializer="identity", use_bias=False),
        ]
    )
    compiles = keras.backend.backend() != "torch"
    model.compile("sgd", "mse", jit_compile=compiles)
    before = model.evaluate(images, images, verbose=0)
    np.testing.assert_allclose(before, 0.0, atol=1e-10)
    history = model.fit(images, images, batch_size=5, verbose=0).history
    assert history["loss"][0] > 1e-2


def test_symbolic_call_keeps_the_shape():
    layer = RandomResizedCrop()
    assert layer(keras.Input((None, None, 3))).shape == (None, None, None, 3)


@pytest.mark.parametrize(
    "settings, error, message",
    [
        ({"area_factor": (0.0, 1.0)}, ValueError, r"`area_factor\[0\]`.*\(0, 1\]"),
        ({"area_factor": (0.5, 1.1)}, ValueError, r"`area_factor\[1\]`.*\[0.5, 1\]"),
        ({"area_factor": (0.5, 0.4)}, ValueError, r"`area_factor\[1\]`.*\[0.5, 1\]"),
        ({"area_factor": 0.5}, ValueError, r"pair \(low, high\)"),
        ({"area_factor": ("a", 1)}, TypeError, r"`area_factor\[0\]` must be a fin"),
        ({"aspect_ratio_factor": (1.1, 2)}, ValueError, "must enclose 1.*1.1"),
        ({"aspect_ratio_factor": (0.5, 0.9)}, ValueError, "must enclose 1.*0.9"),
    ],
)
def test_bad_arguments_raise(settings, error, message):
    with pytest.raises(error, match=message):
        RandomResizedCrop(**settings)


def test_input_of_another_rank_raises():
    with pytest.raises(ValueError, match="expected ndim=4, found ndim=3"):
        RandomResizedCrop()(np.zeros((8, 8, 3), "float32"), training=True)
