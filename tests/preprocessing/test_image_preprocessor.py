import importlib.util
import io
import json
import pathlib

import keras
import numpy as np
import pytest
from keras import ops
from PIL import Image

from keras_maelre.preprocessing import ImagePreprocessor

MEAN, STDDEV = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def smooth(height, width, channels=3):
    """A photograph's stand-in: the same picture at any size."""
    y = (np.arange(height) + 0.5)[:, None, None] / height
    x = (np.arange(width) + 0.5)[None, :, None] / width
    waves = np.sin(4 * y + 2 * np.arange(channels)) * np.cos(5 * x)
    return np.rint(127.5 + 120 * waves).astype("uint8")


def encoded(image, format="PNG", **options):
    if not isinstance(image, Image.Image):
        image = Image.fromarray(image)
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def colours(images):
    """Undoes the normalisation: values from 0 to 255."""
    return 255 * (images * STDDEV + MEAN)


def unscaled(shape=(24, 32, 3)):
    """A preprocessor that leaves images of its own size as they are."""
    return ImagePreprocessor(shape, crop_fraction=1.0)


def test_every_kind_of_sample_gives_the_same(tmp_path):
    pixels = smooth(24, 32)
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(pixels))
    images = unscaled()(
        [
            str(path),
            path,
            path.read_bytes(),
            Image.open(path),
            pixels,
            (pixels / 255).astype("float32"),
            np.dstack([pixels, np.full((24, 32), 255, "uint8")]),
            ops.convert_to_tensor(pixels),
        ]
    )
    assert images.shape == (8, 24, 32, 3) and images.dtype == "float32"
    expected = (pixels / 255 - MEAN) / STDDEV
    for image in images:
        np.testing.assert_allclose(image, expected, atol=2e-6)
    # In one array, of NumPy or of the backend, or as paths in an array.
    for batch in (
        pixels[None],
        ops.convert_to_tensor(pixels[None]),
        np.array([str(path)]),
    ):
        np.testing.assert_array_equal(unscaled()(batch), images[:1])


def test_labels_and_weights_pass_through():
    images, y, weights = unscaled()([smooth(24, 32)], [3], [0.5])
    assert images.shape == (1, 24, 32, 3) and y == [3] and weights == [0.5]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP"])
def test_formats(format):
    pixels = smooth(24, 32)
    options = {"quality": 95} if format in ("JPEG", "WEBP") else {}
    image = unscaled()([encoded(pixels, format, **options)])[0]
    assert np.abs(colours(image) - pixels).mean() < 5


@pytest.mark.parametrize("size", [(24, 32), (48, 64), (61, 200), (300, 70), (9, 5)])
@pytest.mark.parametrize("crop_fraction", [1.0, 0.8])
def test_the_middle_is_scaled_without_distortion(size, crop_fraction):
    """Compared with where the cut pixels lie, worked out by hand."""
    height, width = size
    grid = np.stack(np.indices(size), -1)
    pixels = np.zeros((*size, 3), "uint8")
    step = 255 / max(size)
    pixels[..., :2] = np.rint(step * (grid + 0.5))
    image = colours(
        ImagePreprocessor((24, 32, 3), crop_fraction=crop_fraction)([pixels])[0]
    )
    factor = crop_fraction * min(height / 24, width / 32)
    rows = height / 2 + factor * (np.arange(24) - 11.5)
    columns = width / 2 + factor * (np.arange(32) - 15.5)
    # At the very edge the filter has pixels on one side only.
    tolerance = 1 + step * max(1, factor) / 2
    np.testing.assert_allclose(
        image[:, :, 0], np.repeat(step * rows[:, None], 32, 1), atol=tolerance
    )
    np.testing.assert_allclose(
        image[:, :, 1], np.repeat(step * columns[None], 24, 0), atol=tolerance
    )


def test_crop_fraction_keeps_that_fraction_of_the_middle():
    pixels = np.zeros((200, 200, 3), "uint8")
    pixels[20:180, 20:180] = 255
    inside = colours(ImagePreprocessor((50, 50, 3), crop_fraction=0.75)([pixels])[0])
    np.testing.assert_allclose(inside, 255, atol=1e-3)
    outside = colours(ImagePreprocessor((50, 50, 3), crop_fraction=1.0)([pixels])[0])
    np.testing.assert_allclose((outside > 128).mean(), 0.64, atol=0.01)


def test_scaling_down_is_antialiased():
    stripes = np.zeros((64, 256, 3), "uint8")
    stripes[:, ::2] = 255
    image = colours(ImagePreprocessor((16, 64, 3), crop_fraction=1.0)([stripes])[0])
    assert np.abs(image[:, 4:-4] - 127.5).max() < 10


def test_grey_gets_three_equal_channels():
    grey = smooth(24, 32, 1)
    images = colours(
        unscaled()([grey, grey[..., 0], encoded(grey[..., 0], "JPEG", quality=95)])
    )
    np.testing.assert_allclose(images[0], np.repeat(grey, 3, -1), atol=1e-3)
    np.testing.assert_array_equal(images[1], images[0])
    np.testing.assert_allclose(images[2], images[0], atol=4)


def test_sixteen_bits_are_scaled_not_clipped():
    grey = (257 * smooth(24, 32, 1)[..., 0].astype("uint16")).astype("uint16")
    image = colours(unscaled()([encoded(grey)]))[0]
    np.testing.assert_allclose(image[..., 0], grey / 257, atol=1)


def test_transparent_pixels_show_white():
    pixels = np.dstack([smooth(24, 32), np.full((24, 32), 255, "uint8")])
    pixels[:, :16, 3] = 0
    palette = Image.fromarray(pixels[..., :3]).quantize(16)
    palette.info["transparency"] = palette.getpixel((0, 0))
    images = colours(
        unscaled()([pixels, encoded(pixels), Image.fromarray(pixels), palette])
    )
    for image in images[:3]:
        np.testing.assert_allclose(image[:, :16], 255, atol=1e-3)
        np.testing.assert_allclose(image[:, 16:], pixels[:, 16:, :3], atol=1e-3)
    np.testing.assert_allclose(images[3][0, 0], 255, atol=1e-3)


@pytest.mark.parametrize(
    ("background", "shown"), [("black", (0, 0, 0)), ((10, 20, 30), (10, 20, 30))]
)
def test_transparent_pixels_show_the_background(background, shown):
    pixels = np.dstack([smooth(24, 32), np.full((24, 32), 255, "uint8")])
    pixels[:, :16, 3] = 0
    preprocessor = ImagePreprocessor(
        (24, 32, 3), crop_fraction=1.0, background=background
    )
    config = json.loads(json.dumps(preprocessor.get_config()))
    for made in (preprocessor, ImagePreprocessor.from_config(config)):
        image = colours(made([pixels]))[0]
        np.testing.assert_allclose(
            image[:, :16], np.tile(shown, (24, 16, 1)), atol=1e-3
        )
        np.testing.assert_allclose(image[:, 16:], pixels[:, 16:, :3], atol=1e-3)


def test_cmyk_becomes_rgb():
    pixels = smooth(24, 32)
    file = encoded(Image.fromarray(pixels).convert("CMYK"), "JPEG", quality=95)
    np.testing.assert_allclose(colours(unscaled()([file]))[0], pixels, atol=8)


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [(1, 0), (3, 2), (6, 3), (8, 1)],
)
def test_orientation_of_the_camera(orientation, turn):
    pixels = smooth(24, 32)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = encoded(pixels, "JPEG", quality=100, subsampling=0, exif=exif)
    upright = np.rot90(pixels, turn)
    image = colours(unscaled(upright.shape)([stored]))[0]
    np.testing.assert_allclose(image, upright, atol=4)


@pytest.mark.parametrize("form", ["uint8", "float32"])
def test_layer_is_the_arithmetic(form):
    preprocessor = ImagePreprocessor((24, 32, 3), (0.5, 0.4, 0.3), (0.2, 0.3, 0.4), 1.0)
    pixels = np.random.default_rng(0).integers(256, size=(2, 24, 32, 3), dtype="uint8")
    inputs = keras.Input((24, 32, 3), dtype=form)
    model = keras.Model(inputs, preprocessor.layer(inputs))
    output = ops.convert_to_numpy(model(pixels.astype(form)))
    np.testing.assert_allclose(output, preprocessor(pixels), atol=2e-6)
    assert output.dtype == "float32"


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (smooth(24, 32) / 255, "from 0 to 255.*Multiply them by 255"),
        (smooth(24, 32) - 128.0, "from 0 to 255.*values from -"),
        (300 * np.ones((24, 32, 3), "float32"), "values from 300 to 300"),
        (np.full((24, 32, 3), np.nan), "values from nan"),
    ],
)
def test_layer_refuses_arrays_of_another_range(images, message):
    with pytest.raises(ValueError, match=message):
        unscaled().layer(images[None])


def test_layer_takes_black_and_white():
    for value in (0.0, 255.0):
        pixels = np.full((1, 24, 32, 3), value, "float32")
        output = ops.convert_to_numpy(unscaled().layer(pixels))
        np.testing.assert_allclose(colours(output), value, atol=1e-3)


def test_lengths_of_images_do_not_differ():
    assert unscaled().lengths([GOOD]) is None


def test_layer_is_saved_with_a_model_and_keeps_its_precision(tmp_path):
    layer = ImagePreprocessor().layer
    pixels = smooth(24, 32)[None]
    model = keras.Sequential([keras.Input((None, None, 3), dtype="uint8"), layer])
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    output = ops.convert_to_numpy(again(pixels))
    np.testing.assert_allclose(output, unscaled()(pixels), atol=2e-6)
    assert layer.compute_dtype == "float32"


def test_preset_and_configuration():
    assert ImagePreprocessor.from_preset("base_image").input_shape == (224, 224, 3)
    preprocessor = ImagePreprocessor.from_preset(
        "tiny_image", input_shape=(32, 48, 3), mean=(0.5, 0.5, 0.5), crop_fraction=1
    )
    config = preprocessor.get_config()
    assert "truncate" not in config
    saved = json.loads(json.dumps(keras.saving.serialize_keras_object(preprocessor)))
    clone = keras.saving.deserialize_keras_object(saved)
    assert clone.get_config() == config
    pixels = smooth(50, 50)
    np.testing.assert_array_equal(clone([pixels]), preprocessor([pixels]))
    with pytest.raises(ValueError, match="prepares image.*'tiny_audio'"):
        ImagePreprocessor.from_preset("tiny_audio")


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (
            {"input_shape": (224, 224)},
            ValueError,
            r"\(height, width, 3\).*224",
        ),
        ({"input_shape": (224, 224, 1)}, ValueError, r"\(height, width, 3\).*224, 1"),
        ({"input_shape": (0, 224, 3)}, ValueError, "`input_shape`"),
        ({"mean": 0.5}, ValueError, "`mean` must hold three.*0.5"),
        ({"mean": (0.5, 0.5, np.nan)}, ValueError, "`mean`.*finite"),
        ({"stddev": (0.5, 0.5, 0.0)}, ValueError, "`stddev` must be positive"),
        ({"stddev": ("a", "b", "c")}, ValueError, "`stddev` must hold three"),
        ({"crop_fraction": 0.0}, ValueError, r"`crop_fraction`.*\(0, 1\].*0.0"),
        ({"crop_fraction": 1.5}, ValueError, "`crop_fraction`.*1.5"),
        ({"crop_fraction": "all"}, TypeError, "`crop_fraction`.*'all'"),
        ({"truncate": True}, TypeError, "truncate"),
        ({"background": "checkered"}, ValueError, "`background`.*'checkered'"),
        ({"background": (0, 0, 256)}, ValueError, "`background`.*256"),
        ({"background": (0.5, 0.5, 0.5)}, TypeError, "`background`.*0.5"),
        ({"background": None}, TypeError, "`background`.*None"),
    ],
)
def test_bad_arguments_raise(settings, error, message):
    with pytest.raises(error, match=message):
        ImagePreprocessor(**settings)


GOOD = smooth(24, 32)
JPEG = encoded(smooth(100, 100), "JPEG")


@pytest.mark.parametrize(
    ("sample", "error", "message"),
    [
        (JPEG[: len(JPEG) // 2], ValueError, "sample 1 .*truncated"),
        (encoded(GOOD)[:-40], ValueError, "sample 1 cannot be read"),
        (b"", ValueError, "sample 1 is not an image file"),
        (b"photo.jpg", ValueError, "sample 1 is not an image.*not its path.*photo.jpg"),
        (np.zeros((0, 5, 3), "uint8"), ValueError, r"empty: sample 1.*\(0, 5, 3\)"),
        (Image.new("RGB", (0, 5)), ValueError, "sample 1.*it is empty"),
        (np.zeros(5, "uint8"), ValueError, r"sample 1 of shape \(5,\)"),
        (np.zeros((3, 24, 32), "uint8"), ValueError, r"1 of shape \(3, 24, 32\)"),
        (np.zeros((1, 4, 4, 3), "uint8"), ValueError, "sample 1 of shape"),
        (np.zeros((4, 4, 3), "int64"), ValueError, "sample 1 of dtype int64"),
        (np.zeros((4, 4, 3), bool), ValueError, "sample 1 of dtype bool"),
        (GOOD.astype("float32"), ValueError, r"\[0, 1\].*sample 1 with values from"),
        (GOOD / 255.0 - 0.5, ValueError, "sample 1 with values from -0"),
        (np.full((4, 4), np.nan), ValueError, "sample 1 with values from nan"),
        (Image.new("F", (4, 4)), ValueError, "sample 1.*mode 'F'"),
        (None, TypeError, "NoneType as sample 1"),
        ([1, 2], TypeError, "list as sample 1"),
    ],
)
def test_bad_samples_are_named(sample, error, message):
    with pytest.raises(error, match=message):
        ImagePreprocessor((24, 32, 3))([GOOD, sample])


def test_bad_files_are_named(tmp_path):
    path = tmp_path / "half.jpg"
    path.write_bytes(JPEG[:-300])
    with pytest.raises(ValueError, match=r"sample 1 \(.*half.jpg\) cannot be read"):
        ImagePreprocessor()([GOOD, path])
    with pytest.raises(FileNotFoundError, match="absent.jpg"):
        ImagePreprocessor()([GOOD, tmp_path / "absent.jpg"])


def test_what_is_no_batch_is_refused(tmp_path):
    preprocessor = ImagePreprocessor()
    for single in (
        "photo.jpg",
        JPEG,
        pathlib.Path("photo.jpg"),
        Image.new("L", (4, 4)),
    ):
        with pytest.raises(TypeError, match="Put a single sample in a list"):
            preprocessor(single)
    # Neither one image nor grey ones: that would be a guess.
    with pytest.raises(ValueError, match=r"\(24, 32, 3\). Put a single image in a"):
        preprocessor(GOOD)
    with pytest.raises(ValueError, match="at least one sample"):
        preprocessor([])


def test_missing_extra_names_the_command(monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "PIL" else find_spec(name, *rest),
    )
    with pytest.raises(ImportError, match=r'pip install "keras_maelre\[image\]"'):
        ImagePreprocessor()([GOOD])


def test_in_a_pipeline_of_tensorflow(tmp_path):
    tf = pytest.importorskip("tensorflow", reason="this pipeline is TensorFlow's")
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(GOOD))
    preprocessor = unscaled()
    files = (
        tf.data.Dataset.from_tensor_slices(([str(path)] * 3, [0, 1, 2]))
        .map(lambda path, y: (tf.io.read_file(path), y))
        .batch(2)
        .map(preprocessor)
    )
    assert files.element_spec[0].shape == (None, 24, 32, 3)
    images, labels = zip(*files.as_numpy_iterator(), strict=True)
    expected = preprocessor([GOOD] * 3)
    np.testing.assert_array_equal(np.concatenate(images), expected)
    assert np.concatenate(labels).tolist() == [0, 1, 2]
    pixels = tf.data.Dataset.from_tensor_slices(GOOD[None]).batch(1).map(preprocessor)
    np.testing.assert_array_equal(next(pixels.as_numpy_iterator()), expected[:1])
