"""Images of any size and kind as normalized RGB images of one size."""

import importlib.util
import io
import os

import keras
import numpy as np

from keras_maelre.checks import check_integer, check_number
from keras_maelre.preprocessing.preprocessor import (
    Preprocessor,
    as_samples,
    refuse_masked,
)

# Mean and standard deviation of the colors of ImageNet, of values in [0, 1].
MEAN = (0.485, 0.456, 0.406)
STDDEV = (0.229, 0.224, 0.225)


@keras.saving.register_keras_serializable(package="keras_maelre")
class NormalizedImage(keras.layers.Normalization):
    """Normalizes images with values from 0 to 255.

    Made by `ImagePreprocessor.layer`. It is `keras.layers.Normalization`, and refuses
    NumPy arrays of another range: floats in `[0, 1]` would all become nearly black.
    Tensors are not looked at, so that the layer works in compiled models.

    Args:
        **kwargs: Arguments of `keras.layers.Normalization`.

    Call arguments:
        images: Tensor of shape `(batch, height, width, 3)`, uint8 or floats, with
            values from 0 to 255.

    Returns:
        A tensor of the shape of `images`.

    Raises:
        TypeError: If the input is a NumPy masked array.
        ValueError: If an array of floats does not hold values from 0 to 255.

    Example:

    ```python
    import numpy as np
    from keras_maelre.preprocessing import ImagePreprocessor

    pixels = np.random.randint(256, size=(2, 224, 224, 3), dtype="uint8")
    ImagePreprocessor().layer(pixels)
    ```
    """

    def __call__(self, images, *args, **kwargs):
        refuse_masked(images, "The input of NormalizedImage")
        if isinstance(images, np.ndarray) and images.dtype.kind == "f" and images.size:
            low, high = images.min(), images.max()
            # Written so that NaN fails too.
            if not (low >= 0 and high <= 255) or 0 < high <= 1:
                raise ValueError(
                    "Images of floats must hold values from 0 to 255. Received: values "
                    f"from {low:g} to {high:g}"
                    + (". Multiply them by 255." if 0 <= low and high <= 1 else "")
                )
        return super().__call__(images, *args, **kwargs)


@keras.saving.register_keras_serializable(package="keras_maelre")
class ImagePreprocessor(Preprocessor):
    """Turns image files and pixels of any size into normalized RGB images.

    An image is scaled by one factor in both directions, and its centre is cut out and
    normalized. The crop covers `crop_fraction` of the largest centred rectangle of the
    wanted proportions. Scaling is bicubic and antialiased. Details:

    - The orientation that a camera wrote into a file (EXIF) is applied.
    - Grey images get three equal channels; 16-bit grey is reduced to 8 bits.
    - Images with transparency are laid on `background`, white unless given.
    - Of an animation the first frame is taken.
    - Floats are rounded to the 256 levels that a file has.

    Needs `pip install "keras_maelre[image]"`.

    Args:
        input_shape: Tuple `(height, width, 3)`. Defaults to that of the built-in
            presets, `(224, 224, 3)`.
        mean: Three numbers, what is subtracted from red, green and blue, for
            values in `[0, 1]`. Defaults to the mean of ImageNet.
        stddev: Three positive numbers, what the difference is divided by. Defaults
            to the standard deviation of ImageNet.
        crop_fraction: Float in `(0, 1]`, the fraction of the largest possible crop, in
            height and in width, that is kept. 1 keeps all that fits.
        background: What shows through transparent pixels: `"white"`, `"black"`, or
            red, green and blue as three integers from 0 to 255.

    Call arguments:
        x: List of images, or an array of shape `(batch, height, width, channels)`.
            An image is the path of a file; or `bytes`, the whole content of one;
            or a `PIL.Image.Image`; or an array of shape `(height, width)` or
            `(height, width, channels)` with 1, 3 or 4 channels (grey, RGB, RGB and
            alpha), of uint8 or of floats in `[0, 1]`.
        y: Optional labels, passed through.
        sample_weight: Optional weights, passed through.

    Returns:
        A float32 array of shape `(batch, *input_shape)`, or a tuple with the labels
        and weights that were given.

    Raises:
        FileNotFoundError: If there is no file at a path.
        ImportError: If Pillow is not installed.
        TypeError: If an argument is of the wrong type, or a sample is none of the
            above.
        ValueError: If a file is damaged or not an image, or if an array is empty, of
            another shape, dtype or range. The message names the sample.

    Example:

    ```python
    import numpy as np
    from keras_maelre.preprocessing import ImagePreprocessor

    preprocessor = ImagePreprocessor.from_preset("tiny_image")
    photo = np.random.randint(256, size=(300, 400, 3), dtype="uint8")
    icon = np.random.randint(256, size=(32, 32), dtype="uint8")
    images = preprocessor([photo, icon])  # (2, 224, 224, 3)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder", arXiv 2507.19409,
        section 4.4.
    """

    modality = "image"
    axes = ("height", "width", "3")

    def __init__(
        self,
        input_shape=(224, 224, 3),
        mean=MEAN,
        stddev=STDDEV,
        crop_fraction=0.875,
        background="white",
    ):
        super().__init__(input_shape)
        if self.input_shape[-1] != 3:
            raise ValueError(
                "Argument `input_shape` of ImagePreprocessor must be (height, width, "
                f"3). Received: input_shape={input_shape!r}"
            )
        self.mean = _three_numbers("mean", mean)
        self.stddev = _three_numbers("stddev", stddev)
        if min(self.stddev) <= 0:
            raise ValueError(
                f"Argument `stddev` must be positive. Received: stddev={stddev!r}"
            )
        self.crop_fraction = check_number(
            "crop_fraction", crop_fraction, high=1.0, above=0.0
        )
        self.background = _checked_background(background)

    @property
    def layer(self):
        """The normalization alone, as a new Keras layer for use inside a model.

        It takes images of the right size, channels last, with values from 0 to 255
        (uint8 or floats), and returns them as this preprocessor does.
        """
        return NormalizedImage(
            mean=[255 * value for value in self.mean],
            variance=[(255 * value) ** 2 for value in self.stddev],
            dtype="float32",
        )

    def prepare(self, samples):
        height, width, _ = self.input_shape
        samples = _as_images(samples)
        pixels = np.empty((len(samples), *self.input_shape), "uint8")
        for i, sample in enumerate(samples):
            image = open_image(sample, f"sample {i}", self.background)
            pixels[i] = self._fit(image)
        # Rows, not triples: NumPy is slow where the last axis is short.
        scale = np.tile(1 / (255 * np.array(self.stddev)), width)
        offset = np.tile(-np.array(self.mean) / self.stddev, width)
        rows = pixels.reshape(len(samples), height, -1)
        images = np.multiply(rows, scale.astype(self.dtype), dtype=self.dtype)
        images += offset.astype(self.dtype)
        return images.reshape(pixels.shape)

    def _fit(self, image):
        from PIL import Image

        height, width, _ = self.input_shape
        factor = self.crop_fraction * min(image.width / width, image.height / height)
        # At least 0, also where rounding has it otherwise.
        left = max(0, (image.width - factor * width) / 2)
        top = max(0, (image.height - factor * height) / 2)
        return image.resize(
            (width, height),
            Image.Resampling.BICUBIC,
            # Scaled and cut in one: the filter sees the pixels around the box too.
            box=(left, top, image.width - left, image.height - top),
        )

    def get_config(self):
        return {
            "input_shape": self.input_shape,
            "mean": self.mean,
            "stddev": self.stddev,
            "crop_fraction": self.crop_fraction,
            "background": self.background,
        }


def open_image(sample, name, background="white"):
    """Returns one image of any kind as an upright RGB image of Pillow.

    Args:
        sample: Path, `bytes`, image of Pillow, or array; see `ImagePreprocessor`.
        name: String, what to call the sample in messages.
        background: Color behind transparent pixels, see `ImagePreprocessor`.

    Raises:
        ImportError: If Pillow is not installed.
        TypeError: If `sample` is none of these.
        ValueError: If it is damaged, empty, or of another shape, dtype or range.
        OSError: If the file cannot be opened.
    """
    if importlib.util.find_spec("PIL") is None:
        raise ImportError('Images need Pillow: pip install "keras_maelre[image]"')
    from PIL import Image, ImageOps, UnidentifiedImageError

    if isinstance(sample, (str, os.PathLike)):
        name = f"{name} ({os.fspath(sample)})"
        with open(sample, "rb") as file:
            sample = file.read()
    elif hasattr(sample, "__array__") and not isinstance(sample, Image.Image):
        sample = Image.fromarray(_as_pixels(np.asarray(sample), name))
    elif not isinstance(sample, (bytes, Image.Image)):
        raise TypeError(
            "An image must be a path, the bytes of a file, an image of Pillow or an "
            f"array. Received: {type(sample).__name__} as {name}"
        )
    try:
        if isinstance(sample, bytes):
            # The checksums of PNG, which decoding does not look at.
            Image.open(io.BytesIO(sample)).verify()
            sample = Image.open(io.BytesIO(sample))
        return _as_rgb(ImageOps.exif_transpose(sample), background)
    except UnidentifiedImageError as error:
        raise ValueError(
            f"{name} is not an image file, or of an unknown kind. Bytes must be the "
            "whole content of a file, not its path. It begins with "
            f"{sample[:16]!r}"
        ) from error
    except Exception as error:  # Decoders of broken files raise whatever they please.
        raise ValueError(
            f"{name} cannot be read as an image: {type(error).__name__}: {error}"
        ) from error


def _as_images(samples):
    """Returns a batch as a list of images, or raises if it is not a batch."""
    refuse_masked(samples, "The batch")
    if hasattr(samples, "__array__") and hasattr(samples, "shape"):
        samples = np.asarray(samples)
        if samples.dtype.kind not in "OSU" and samples.ndim != 4:
            raise ValueError(
                "An array of images must have shape (batch, height, width, channels). "
                f"Received: shape {samples.shape}. Put a single image in a list."
            )
    return as_samples(samples, "images", single=(str, bytes))


def _as_pixels(array, name):
    """Returns an array of one image as uint8, shape `(h, w)` or `(h, w, 3 | 4)`."""
    if array.size == 0:
        raise ValueError(f"An image is empty: {name} has shape {array.shape}.")
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[-1] in (1, 3, 4))):
        raise ValueError(
            "An image must have shape (height, width) or (height, width, 1, 3 or 4 "
            f"channels). Received: {name} of shape {array.shape}"
        )
    if array.shape[2:] == (1,):
        array = array[..., 0]
    if array.dtype == "uint8":
        return array
    if array.dtype.kind != "f":
        raise ValueError(
            "An image must hold uint8, or floats in [0, 1]. "
            f"Received: {name} of dtype {array.dtype}"
        )
    # Written so that NaN fails too.
    if not (array.min() >= 0 and array.max() <= 1):
        raise ValueError(
            "An image of floats must lie in [0, 1] (0 to 255 must be uint8). "
            f"Received: {name} with values from {array.min():g} to {array.max():g}"
        )
    return np.rint(255 * array.astype("float32")).astype("uint8")


def _as_rgb(image, background):
    from PIL import Image

    if 0 in image.size:
        raise ValueError("it is empty")
    if image.mode.startswith("I;16"):
        # `convert` would clip at 255.
        image = Image.fromarray((np.asarray(image) >> 8).astype("uint8"))
    elif image.mode in ("I", "F"):
        raise ValueError(f"the range of its values is unknown (mode {image.mode!r})")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        behind = Image.new("RGBA", image.size, background)
        image = Image.alpha_composite(behind, image)
    return image.convert("RGB")


def _three_numbers(name, values):
    numbers_ = np.asarray(values)
    if numbers_.shape != (3,) or not (
        numbers_.dtype.kind in "iuf" and np.isfinite(numbers_).all()
    ):
        raise ValueError(
            f"Argument `{name}` must hold three finite numbers, for red, green and "
            f"blue. Received: {name}={values!r}"
        )
    return tuple(float(value) for value in numbers_)


def _checked_background(background):
    if background in ("white", "black"):
        return background
    try:
        red, green, blue = background
        return tuple(
            check_integer(f"background[{i}]", value, 0, 255)
            for i, value in enumerate((red, green, blue))
        )
    except (TypeError, ValueError) as error:
        raise type(error)(
            "Argument `background` must be 'white', 'black' or three integers from 0 "
            f"to 255. Received: background={background!r}"
        ) from error
