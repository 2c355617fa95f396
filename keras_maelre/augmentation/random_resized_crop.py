import keras
from keras import ops

from keras_maelre.checks import check_number


@keras.saving.register_keras_serializable(package="keras_maelre")
class RandomResizedCrop(keras.layers.Layer):
    """Crops a random part of each image and resizes it to the size of the image.

    The crop's fraction of the area and its aspect ratio are drawn for each image, the
    ratio from those at which a crop of that area fits in, and then its position,
    uniformly. Resizing is bilinear. Active only in training.

    For crops that are enlarged as little as possible, prepare the training images
    with `ImagePreprocessor(..., crop_fraction=1.0)`.

    Args:
        area_factor: Pair `(low, high)` of floats in `(0, 1]`, between which the
            fraction of the area is drawn uniformly.
        aspect_ratio_factor: Pair `(low, high)` of floats, `low` in `(0, 1]` and
            `high` at least 1. The aspect ratio of the crop, relative to the image's,
            is drawn between them, its logarithm uniformly.
        seed: Optional integer, for a repeatable sequence of random draws.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Call arguments:
        images: Tensor of shape `(batch, height, width, channels)`.
        training: Boolean. Nothing is changed unless it is `True`.

    Returns:
        A tensor of the shape of `images`, of the dtype of the layer.

    Raises:
        TypeError: If a factor does not hold numbers.
        ValueError: If a factor is out of its range, or if the input does not have
            rank 4.

    Example:

    >>> import numpy as np
    >>> from keras_maelre.augmentation import RandomResizedCrop
    >>> images = np.random.normal(size=(4, 32, 32, 3)).astype("float32")
    >>> layer = RandomResizedCrop(area_factor=(0.25, 1.0))
    >>> crops = layer(images, training=True)

    Reference:
        Szegedy et al., "Going Deeper with Convolutions", arXiv 1409.4842, section 6.
    """

    def __init__(
        self,
        area_factor=(0.08, 1.0),
        aspect_ratio_factor=(3 / 4, 4 / 3),
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.area_factor = _check_pair("area_factor", area_factor, high=1.0)
        self.aspect_ratio_factor = _check_pair(
            "aspect_ratio_factor", aspect_ratio_factor
        )
        if not self.aspect_ratio_factor[0] <= 1 <= self.aspect_ratio_factor[1]:
            # No other part fits in for every area.
            raise ValueError(
                "Argument `aspect_ratio_factor` must enclose 1. "
                f"Received: aspect_ratio_factor={aspect_ratio_factor!r}"
            )
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, images, training=None):
        images = ops.cast(images, self.compute_dtype)
        if not training:
            return images
        batch, height, width, _ = ops.shape(images)
        # Half precision cannot tell the places of hundreds of pixels apart.
        area, ratio, top, left = ops.split(
            keras.random.uniform((batch, 4), dtype="float32", seed=self.seed_generator),
            4,
            axis=1,
        )
        low, high = self.area_factor
        area = low + (high - low) * area
        # Neither side may exceed that of the image.
        low, high = self.aspect_ratio_factor
        low = ops.log(ops.maximum(low, area))
        high = ops.log(ops.minimum(high, 1 / area))
        ratio = ops.exp(low + (high - low) * ratio)

        rows = _interpolation(top, ops.sqrt(area / ratio), height)
        columns = _interpolation(left, ops.sqrt(area * ratio), width)
        rows = ops.cast(rows, self.compute_dtype)
        columns = ops.cast(columns, self.compute_dtype)
        images = ops.einsum("biy,byxc->bixc", rows, images)
        return ops.einsum("bjx,bixc->bijc", columns, images)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "area_factor": self.area_factor,
            "aspect_ratio_factor": self.aspect_ratio_factor,
            "seed": self.seed,
        }


def _interpolation(place, fraction, size):
    """Matrices that cut a part out of a line of pixels and stretch it to the whole.

    Args:
        place: Tensor of shape `(batch, 1)` in `[0, 1]`: of all places of the part,
            from the first to the last.
        fraction: Tensor of shape `(batch, 1)` in `(0, 1]`, the part's of the line.
        size: Integer, the pixels of the line.

    Returns:
        Tensor of shape `(batch, size, size)`, the weights of all pixels in each new
        one: at most two are not 0, and each row's sum is 1.
    """
    pixels = ops.arange(size, dtype="float32")
    last = ops.cast(size, "float32") - 1
    start = place * (1 - fraction) * (last + 1)
    middles = start + fraction * (pixels[None] + 0.5) - 0.5
    middles = ops.clip(middles, 0.0, last)
    distances = ops.abs(middles[:, :, None] - pixels[None, None])
    return ops.maximum(1 - distances, 0.0)


def _check_pair(name, value, high=float("inf")):
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError(
            f"Argument `{name}` must be a pair (low, high). Received: {name}={value!r}"
        )
    low = check_number(f"{name}[0]", value[0], above=0.0, high=high)
    return low, check_number(f"{name}[1]", value[1], low=low, high=high)
