"""What is hidden of an input, for a model to tell what was there."""

import math

import numpy as np

from keras_maelre.checks import check_integer, check_number
from keras_maelre.modalities import Tokens

# Of token ids and of signals. Bytes and tokens are hidden as often as the recipes drop
# them (`keras_maelre.augmentation.TokenDrop`); neighbors give less of a signal away.
FRACTIONS = {"bytes": 0.2, "text": 0.2}
FRACTION = 0.5
# About a word: a byte that is hidden alone can be read from the others.
SPANS = {"bytes": 6, "text": 1}
# What a run of hidden cells takes of a sequence, and of the shorter side of a grid.
SEQUENCE_SHARE, GRID_SHARE = 32, 8
# The samples whose values say what a model that has learned nothing can do.
LOOKED_AT = 256


class Masking:
    """Hides cells of prepared inputs, and returns what was in them.

    A cell is what the stem makes a token of: a step, an id, a patch of pixels. Runs of
    cells are hidden, squares of them on a grid. Of inputs with padding, hidden cells
    become padding, which no token attends to, so that the model sees what it would if
    they were missing; of others they become the mean of the data. What is hidden of a
    sample depends on its key and its own length alone.

    Args:
        backbone: A `MaelreBackbone`.
        fraction: Float in `(0, 1)`, how much of a sample is hidden, or `None` for the
            default of the modality.
        span: Integer, the side of a hidden run or square in cells, or `None`.
    """

    def __init__(self, backbone, fraction=None, span=None):
        modality = self.modality = backbone.modality
        self.is_tokens = isinstance(modality, Tokens)
        self.patch = _checked_patch(modality, backbone.signal_shape)
        if fraction is None:
            fraction = FRACTIONS.get(modality.name, FRACTION)
        self.fraction = check_number("mask_fraction", fraction, above=0.0, below=1.0)
        grid = self._grid(backbone.signal_shape)
        if span is None:
            share = SEQUENCE_SHARE if len(grid) == 1 else GRID_SHARE
            span = max(1, min(grid) // share)
            if self.is_tokens:
                span = SPANS.get(modality.name, 1)
        self.span = check_integer("mask_span", span)
        rest = backbone.signal_shape[len(self.patch) :]
        self.outputs = math.prod((*self.patch, *rest))
        if self.is_tokens:
            self.outputs = modality.vocabulary_size
        self.mean = self.deviation = self.guess = None

    def measure(self, x):
        """Takes mean and deviation of inputs, by which what is hidden is standardised.

        The attribute `guess` becomes the loss of a model that tells the mean, or the
        frequencies of ids, whatever it sees.

        Args:
            x: NumPy array, a batch of inputs.
        """
        kept = self._kept(x)
        if np.max(np.sum(kept, axis=tuple(range(1, kept.ndim)))) < 2:
            raise ValueError(
                "Pretraining hides a part of a sample and shows the rest: samples must "
                "be longer than one "
                f"{'id' if self.is_tokens else 'step or patch'}. Received: none that is"
            )
        if self.is_tokens:
            counts = np.bincount(x[self.modality.kept(x)])
            shares = counts[counts > 0] / counts.sum()
            self.guess = float(-np.sum(shares * np.log(shares)))
            return
        channels = self.modality.axes[-1] == "channels"
        axes = tuple(range(x.ndim - 1 if channels else x.ndim))
        self.mean = np.nanmean(x, axis=axes, dtype="float64")
        deviation = np.nanstd(x, axis=axes, dtype="float64")
        self.deviation = np.where(deviation > 0, deviation, 1.0)
        self.guess = float(np.nanmean(self._standardized(x) ** 2))

    def __call__(self, x, keys):
        """Hides a part of a batch.

        Args:
            x: NumPy array, a batch of inputs.
            keys: List of tuples of integers, one for each sample.

        Returns:
            Tuple of the inputs of a `MaskedModel`, what was hidden, and the weight of
            each cell: 1, or 0 where fewer are hidden than the batch has room for.
        """
        kept = self._kept(x)
        hidden = np.zeros(kept.shape, bool)
        for row, cells, key in zip(hidden, kept, keys, strict=True):
            grid = cells.shape
            if self.modality.variable_length:
                # Whatever the batch is padded to.
                used = np.flatnonzero(cells)
                grid = (int(used[-1]) + 1 if used.size else 0, *grid[1:])
            part = tuple(slice(n) for n in grid)
            row[part] = self._draw(grid, key) & cells[part]
        flat = hidden.reshape(len(x), -1)
        room = self._room(kept.shape[1:])
        # The hidden cells of each sample, in order, before the others.
        places = np.argsort(~flat, axis=1, kind="stable")[:, :room]
        weights = np.take_along_axis(flat, places, axis=1)
        places = np.where(weights, places, 0)
        was = self._cells(x)
        was = np.take_along_axis(
            was, places.reshape(*places.shape, *[1] * (was.ndim - 2)), 1
        )
        was[~weights] = 0
        inputs = {"inputs": self._blanked(x, hidden), "places": places.astype("int32")}
        return inputs, was, weights.astype("float32")

    def _grid(self, shape):
        return tuple(-(-n // p) for n, p in zip(shape, self.patch, strict=False))

    def _kept(self, x):
        """Which cells hold values, `(batch, *grid)`."""
        grid = self._grid(x.shape[1:])
        kept = self.modality.kept(x)
        if kept is None:
            return np.ones((len(x), *grid), bool)
        missing = grid[0] * self.patch[0] - kept.shape[1]
        kept = np.pad(kept, ((0, 0), (0, missing)))
        kept = kept.reshape(len(x), grid[0], -1).all(axis=-1)
        return np.broadcast_to(
            kept.reshape(*kept.shape, *[1] * (len(grid) - 1)), (len(x), *grid)
        )

    def _draw(self, grid, key):
        """Which cells of a sample are hidden: some of the squares that cover it."""
        if math.prod(grid) < 2:
            return np.zeros(grid, bool)
        generator = np.random.default_rng(key)
        # Of a sample that is shorter than a run, half is shown.
        spans = [min(self.span, -(-n // 2)) for n in grid]
        squares = [
            (np.arange(n) + generator.integers(span)) // span
            for n, span in zip(grid, spans, strict=True)
        ]
        shape = [index[-1] + 1 for index in squares]
        order = generator.permutation(math.prod(shape))
        chosen = np.zeros(math.prod(shape), bool)
        chosen[order[: self._count(math.prod(shape))]] = True
        return chosen.reshape(shape)[np.ix_(*squares)]

    def _count(self, squares):
        return min(max(1, round(self.fraction * squares)), max(1, squares - 1))

    def _room(self, grid):
        """The most cells that can be hidden of a sample of a size, one for each size.

        A number of its own for each batch would be compiled for anew.
        """
        squares = math.prod((n + 2 * self.span - 2) // self.span for n in grid)
        cells = self.span ** len(grid) * self._count(squares)
        return min(cells, math.prod(grid))

    def _cells(self, x):
        """What is in every cell: ids, `(batch, cells)`, or values behind them."""
        if self.is_tokens:
            return x.astype("int32")
        x = self._standardized(x)
        grid, axes = self._grid(x.shape[1:]), len(self.patch)
        missing = [
            (0, n * p - size)
            for n, p, size in zip(grid, self.patch, x.shape[1:], strict=False)
        ]
        # Patches that reach over the edge go on as they are at the edge.
        x = np.pad(x, [(0, 0), *missing, *[(0, 0)] * (x.ndim - 1 - axes)], mode="edge")
        pairs = [n for pair in zip(grid, self.patch, strict=True) for n in pair]
        x = x.reshape(len(x), *pairs, -1)
        order = [0, *range(1, 2 * axes, 2), *range(2, 2 * axes + 1, 2), 2 * axes + 1]
        return x.transpose(order).reshape(len(x), math.prod(grid), -1)

    def _standardized(self, x):
        return ((x - self.mean) / self.deviation).astype("float32")

    def _blanked(self, x, hidden):
        for axis, size in enumerate(self.patch, start=1):
            hidden = np.repeat(hidden, size, axis=axis)
        hidden = hidden[tuple(slice(n) for n in x.shape[: hidden.ndim])]
        blank = self.mean
        if self.modality.variable_length:
            blank = getattr(self.modality, "padding_id", np.nan)
        hidden = hidden.reshape(*hidden.shape, *[1] * (x.ndim - hidden.ndim))
        return np.where(hidden, blank, x).astype(self.modality.dtype)


def _checked_patch(modality, input_shape):
    """The attribute `patch` of a modality, if it is what the stem makes of an input."""
    patch = modality.patch
    name = type(modality).__name__
    if patch is None:
        raise ValueError(
            f"The modality {name} does not tell what its stem makes a token of: set "
            "its attribute `patch` to a tuple of how many values along the first axes "
            "of an input become one token, such as (4, 4) of images."
        )
    fits = isinstance(patch, tuple) and 0 < len(patch) <= len(input_shape)
    fits = fits and all(type(n) is int and n > 0 for n in patch)
    grid = modality.grid(input_shape)
    cells = fits and math.prod(
        -(-n // p) for n, p in zip(input_shape, patch, strict=False)
    )
    if not fits or cells != math.prod(grid):
        raise ValueError(
            f"The attribute `patch` of {name} must hold how many values along the "
            f"first of the axes {modality.axes} become one token. Received: "
            f"patch={patch!r}, and a stem that makes a grid of {grid} tokens of inputs "
            f"of shape {tuple(input_shape)}"
        )
    return patch
