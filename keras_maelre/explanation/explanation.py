"""What an explanation of a sample holds, and its picture."""

import dataclasses

import numpy as np

from keras_maelre.checks import check_path
from keras_maelre.explanation.pictures import (
    draw_image,
    draw_series,
    draw_spectrogram,
)


@dataclasses.dataclass(frozen=True, eq=False)
class Explanation:
    """How much each unit of a sample speaks for a class.

    Returned by `keras_maelre.explain`. Positive relevance speaks for the class,
    negative against it.

    Args:
        values: Float64 array, the relevance of each unit. Of a series: `(length,
            channels)`, or `(length,)` where the sample that was passed was of rank 1.
            Of a sound: `(frames, mel)`. Of an image: `(height, width)`. Of text:
            `(characters,)` for models of bytes, `(tokens,)` for others.
        sample: The input that was explained, without its padding: an array, or of
            text the tuple of the strings of its units.
        target: Name of the class, or its number where the classifier has no
            `class_names`.
        score: Float, the log-odds of the class, `log(p / (1 - p))`.
        method: String, how the relevance was found.

    Example:

    ```python
    import numpy as np
    import keras_maelre

    classifier = keras_maelre.MaelreClassifier.from_preset(
        "tiny_image", input_shape=(32, 32, 3), num_classes=2
    )
    images = np.random.normal(size=(1, 32, 32, 3)).astype("float32")
    (found,) = keras_maelre.explain(classifier, images, method="rollout")
    found.values.shape  # (32, 32)
    found.plot("image.png")
    ```
    """

    values: np.ndarray
    sample: object
    target: object
    score: float
    method: str

    def plot(self, path=None):
        """Draws the sample and its relevance, red for the class and blue against it.

        Args:
            path: Optional path of a file to write; its suffix is the format, such as
                `.png`.

        Returns:
            A `matplotlib.figure.Figure`.

        Raises:
            ImportError: If matplotlib is not installed.
        """
        if path is not None:
            path = check_path("path", path)
        figure = self._draw(self._title())
        if path is not None:
            figure.savefig(path, dpi=120)
        return figure

    def _title(self):
        odds = f"log-odds {self.score:.2f}"
        return f"evidence for {self.target} ({odds}) by {self.method}"

    def _draw(self, title):
        raise NotImplementedError


class SeriesExplanation(Explanation):
    """An `Explanation` of a series, whose picture is its curves on colored ground."""

    def _draw(self, title):
        return draw_series(self.sample, self.values, title)


class SpectrogramExplanation(Explanation):
    """An `Explanation` of a spectrogram; its picture shows it above its relevance."""

    def _draw(self, title):
        return draw_spectrogram(self.sample, self.values, title)


class ImageExplanation(Explanation):
    """An `Explanation` of an image, whose picture lays relevance over it."""

    def _draw(self, title):
        return draw_image(self.sample, self.values, title)
