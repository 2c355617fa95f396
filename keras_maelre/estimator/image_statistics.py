"""Features of images that need no training."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from keras_maelre.checks import check_integer
from keras_maelre.preprocessing import ImagePreprocessor

# Images whose gradients are in memory at a time.
CHUNK = 64
# Cells of gradients along a side, and bins of their orientations over 180 degrees.
CELLS, ORIENTATIONS = 8, 9
# Parts along a side whose colors are told apart, and levels of each color.
PARTS, LEVELS = 4, 4
# No orientation counts for more of a block, and what is darker than noise for nothing.
MOST_OF_A_BLOCK, EPSILON = 0.2, 2.5e-4


class ImageStatistics(TransformerMixin, BaseEstimator):
    """Histograms of oriented gradients and of colors.

    A support vector machine on these features is what one would try first on a few
    thousand images; as `extra_features` of a `MaelreEstimator` they join what the
    encoder sees.

    The histograms are those of 8 by 8 cells, normalized in blocks of 2 by 2 cells.
    Colors are told by their means and standard deviations in 4 by 4 parts, and by the
    square roots of the shares of 64 colors of the whole image.

    Needs `pip install "keras_maelre[sklearn,image]"`.

    Args:
        size: Integer, a multiple of 8: the pixels of a side to which images are
            scaled. Their center is looked at if they are not square.

    Raises (when it transforms):
        TypeError: If an argument or `X` is of the wrong type.
        ValueError: If an argument is out of range, or an image is damaged.

    Example:

    ```python
    import numpy as np
    from keras_maelre.estimator import ImageStatistics

    images = np.random.randint(256, size=(2, 96, 128, 3), dtype="uint8")
    ImageStatistics().fit_transform(images).shape  # (2, 1924)
    ```

    Reference:
        Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection"
        (CVPR 2005), sections 3 and 6.
    """

    def __init__(self, size=128):
        self.size = size

    def fit(self, X, y=None):
        """Checks the arguments: nothing is learned.

        Args:
            X: Images, as `ImagePreprocessor` takes them.
            y: Ignored.
        """
        self._preprocessor()
        return self

    def transform(self, X):
        """Returns the statistics.

        Args:
            X: Images, as `ImagePreprocessor` takes them.

        Returns:
            Float array of shape `(samples, 1924)`.
        """
        preprocessor, images = self._preprocessor(), list(X)
        rows = []
        for begin in range(0, len(images), CHUNK):
            pixels = preprocessor(images[begin : begin + CHUNK])
            parts = [_gradients(pixels), _colors_of_parts(pixels), _colors(pixels)]
            rows.append(np.concatenate(parts, axis=1))
        return np.concatenate(rows)

    def _preprocessor(self):
        size = check_integer("size", self.size, low=2 * CELLS)
        if size % CELLS:
            raise ValueError(
                f"Argument `size` must be a multiple of {CELLS}. Received: size={size}"
            )
        return ImagePreprocessor(
            (size, size, 3), mean=(0, 0, 0), stddev=(1, 1, 1), crop_fraction=1.0
        )


def _gradients(pixels):
    """Returns normalized histograms of the orientations of gradients."""
    down, right = np.gradient(pixels, axis=(1, 2))
    length = np.hypot(down, right)
    # The color that changes most speaks for its pixel.
    strongest = np.argmax(length, axis=-1, keepdims=True)
    down, right, length = (
        np.take_along_axis(part, strongest, axis=-1)[..., 0]
        for part in (down, right, length)
    )
    # A gradient counts in the two bins next to it.
    place = np.arctan2(down, right) % np.pi * (ORIENTATIONS / np.pi)
    below = np.floor(place)
    share = place - below
    count, size, _ = length.shape
    cell = np.arange(size) // (size // CELLS)
    image = np.arange(count)[:, None, None] * CELLS
    cells = ((image + cell[:, None]) * CELLS + cell) * ORIENTATIONS
    bins = below.astype(int)
    shape = (count, CELLS, CELLS, ORIENTATIONS)
    histograms = sum(
        np.bincount(
            (cells + (bins + step) % ORIENTATIONS).ravel(),
            (length * weight).ravel(),
            minlength=np.prod(shape),
        )
        for step, weight in ((0, 1 - share), (1, share))
    ).reshape(shape)
    blocks = np.concatenate(
        [
            histograms[:, top : CELLS - 1 + top, left : CELLS - 1 + left]
            for top in (0, 1)
            for left in (0, 1)
        ],
        axis=-1,
    )
    blocks = _unit(np.minimum(_unit(blocks), MOST_OF_A_BLOCK))
    return blocks.reshape(count, -1).astype("float32")


def _unit(blocks):
    return blocks / np.sqrt(np.sum(blocks**2, axis=-1, keepdims=True) + EPSILON)


def _colors_of_parts(pixels):
    """Returns mean and standard deviation of each color in each part."""
    count, size, _, colors = pixels.shape
    shape = (count, PARTS, size // PARTS, PARTS, size // PARTS, colors)
    parts = pixels.reshape(shape)
    moments = [parts.mean(axis=(2, 4)), parts.std(axis=(2, 4))]
    return np.concatenate(moments, axis=-1).reshape(count, -1)


def _colors(pixels):
    """Returns square roots of the shares of colors in each image."""
    levels = np.minimum((pixels * LEVELS).astype(int), LEVELS - 1)
    colors = levels @ LEVELS ** np.arange(3)
    shares = [np.bincount(row.ravel(), minlength=LEVELS**3) for row in colors]
    return np.sqrt(np.array(shares, "float32") / colors[0].size)
