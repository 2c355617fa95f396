"""Explanations of text: words, colored pages."""

import html
import re

import numpy as np

from keras_maelre.checks import check_path
from keras_maelre.explanation.explanation import Explanation
from keras_maelre.explanation.pictures import symmetric, titled_figure

WORD = re.compile(r"\w+(?:['’-]\w+)*")
COLUMNS = 88
# The width of a letter of matplotlib's monospaced font, as a share of its size.
LETTER = 0.602


class TextExplanation(Explanation):
    """An `Explanation` of text; its picture is the text on colored ground.

    Args:
        values: Float64 array, the relevance of each unit.
        sample: Tuple of strings, the units; joined they are the text.
        target: See `Explanation`.
        score: See `Explanation`.
        method: See `Explanation`.

    Example:

    ```python
    import keras_maelre
    from keras_maelre.preprocessing import BytePreprocessor

    classifier = keras_maelre.MaelreClassifier.from_preset(
        "tiny_bytes", num_classes=2, preprocessor=BytePreprocessor((64,))
    )
    (found,) = keras_maelre.explain(classifier, ["Good news"], method="gradient")
    found.words()  # [("Good", 0.03), ("news", -0.01)]
    found.plot("news.html")
    ```
    """

    @property
    def text(self):
        """String, the text as far as the model saw it."""
        return "".join(self.sample)

    def words(self):
        """Returns the words of the text and their relevance.

        Returns:
            List of pairs `(word, relevance)`, in the order of the text. The relevance
            of a word is the sum over its units; a unit that is only in part in it
            counts in part.
        """
        per_letter = self._per_letter()
        return [
            (match.group(), float(per_letter[match.start() : match.end()].sum()))
            for match in WORD.finditer(self.text)
        ]

    def html(self):
        """Returns the text as HTML, each unit on the color of its relevance."""
        most = float(np.abs(self.values).max()) or 1.0
        spans = []
        for unit, value in zip(self.sample, self.values, strict=True):
            color = "214, 47, 39" if value > 0 else "49, 106, 180"
            strength = abs(value) / most
            spans.append(
                f'<span style="background: rgba({color}, {strength:.2f})" '
                f'title="{value:.4g}">{html.escape(unit)}</span>'
            )
        return (
            '<!DOCTYPE html>\n<html><head><meta charset="utf-8">'
            f"<title>{html.escape(self._title())}</title></head>\n"
            f"<body><p>{html.escape(self._title())}</p>\n"
            '<p style="font-family: monospace; white-space: pre-wrap">'
            f"{''.join(spans)}</p></body></html>\n"
        )

    def plot(self, path=None):
        """Draws the text on colors, red for the class and blue against it.

        Args:
            path: Optional path of a file to write. Its suffix is the format: `.html`
                for a page, or that of a picture, such as `.png`.

        Returns:
            A `matplotlib.figure.Figure`, or the page as a string if the suffix is
            `.html`.

        Raises:
            ImportError: If matplotlib is not installed and the format is not HTML.
        """
        if path is None or not check_path("path", path).endswith((".html", ".htm")):
            return super().plot(path)
        page = self.html()
        with open(path, "w", encoding="utf-8") as file:
            file.write(page)
        return page

    def _per_letter(self):
        sizes = [len(unit) for unit in self.sample]
        return np.repeat(self.values / np.maximum(sizes, 1), sizes)

    def _draw(self, title):
        """Draws words of a monospaced font on a grid of colored cells."""
        per_letter, lines = self._per_letter(), wrapped(self.text, COLUMNS)
        cells = np.zeros((len(lines), COLUMNS))
        for row, (start, end) in enumerate(lines):
            cells[row, : end - start] = per_letter[start:end]
        size, line = 9.0, 0.25  # of letters in points, of lines in inches
        text_width = COLUMNS * LETTER * size / 72
        width, text_height = text_width + 1.2, line * len(lines)
        height = text_height + 0.6
        figure = titled_figure(title, figsize=(width, height))
        # Cells must be as wide as the letters of the font.
        figure.set_layout_engine("none")
        bottom, share = 0.1 / height, text_height / height
        axes = figure.add_axes([0.1 / width, bottom, text_width / width, share])
        grid = axes.imshow(
            cells,
            aspect="auto",
            interpolation="nearest",
            extent=(0, COLUMNS, len(lines), 0),
            alpha=0.7,
            **symmetric(cells),
        )
        for row, (start, end) in enumerate(lines):
            for match in re.finditer(r"\S+", self.text[start:end]):
                axes.text(
                    match.start(),
                    row + 0.5,
                    match.group().replace("$", r"\$"),
                    family="monospace",
                    size=size,
                    va="center_baseline",
                )
        axes.set_axis_off()
        left = (text_width + 0.25) / width
        bar = figure.add_axes([left, bottom, 0.12 / width, share])
        figure.colorbar(grid, cax=bar, label="relevance")
        return figure


def wrapped(text, columns):
    """The starts and ends of the lines of a text of at most so many columns."""
    lines, start = [], 0
    for end in [*(m.end() for m in re.finditer("\n", text)), len(text)]:
        while end - start > columns:
            space = text.rfind(" ", start, start + columns) + 1
            cut = space if space > start else start + columns
            lines.append((start, cut))
            start = cut
        if end > start:
            lines.append((start, end))
        start = end
    return lines
