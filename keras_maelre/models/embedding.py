"""Features of samples, in NumPy."""

import threading

import keras
import numpy as np

from keras_maelre.checks import check_integer
from keras_maelre.modalities.cut_padding import few_shapes
from keras_maelre.models import pooling as poolings
from keras_maelre.models.predictions import check_outputs
from keras_maelre.models.sample_stream import stream_outputs


def embed(backbone, samples, preprocessor, pooled, scales, batch_size, verbose):
    """Returns the features of samples, see `MaelreBackbone.embed`.

    Args:
        backbone: A `MaelreBackbone`.
        samples: Iterable of raw samples, or without a preprocessor of inputs.
        preprocessor: See `MaelreClassifier`, or `None`.
        pooled: What `poolings.pool` takes, or a tuple of the blocks whose tokens
            are summarised beside the class token.
        scales: See `MaelreBackbone.embed`.
        batch_size: Integer.
        verbose: 0 or 1.
    """
    batch_size = check_integer("batch_size", batch_size)
    if not isinstance(pooled, (str, keras.layers.Layer)):
        pooled = _checked_blocks(pooled)
    scales = _checked_scales(scales, backbone.modality)
    if isinstance(samples, (str, bytes, dict)) or not hasattr(samples, "__iter__"):
        raise TypeError(
            "Argument `samples` must be an iterable of samples. "
            f"Received: {type(samples).__name__}. Put a single sample in a list."
        )
    if preprocessor is None:
        if keras.ops.is_tensor(samples):
            samples = keras.ops.convert_to_numpy(samples)
        preprocessor = np.stack
    embedder = embedder_of(backbone, pooled)

    def forward(x):
        backbone.check_inputs(x)
        parts = [_at_scale(embedder, backbone.modality, x, scale) for scale in scales]
        return np.concatenate(parts, axis=-1)

    made = list(
        stream_outputs(
            samples, preprocessor, backbone.modality, forward, batch_size, verbose
        )
    )
    if not made:
        return np.zeros((0, len(scales) * embedder.width), "float32")
    return check_outputs(np.concatenate(made), "features")


class Embedder:
    """A compiled function from inputs to features.

    Args:
        backbone: A `MaelreBackbone`.
        pooled: See `embed`.
    """

    def __init__(self, backbone, pooled):
        dtype = poolings.head_dtype(backbone.dtype_policy)
        pool = poolings.pool
        if isinstance(pooled, tuple):
            pool = poolings.block_statistics
        features = pool(backbone.output, pooled, dtype)
        self.model = keras.Model(backbone.input, features)
        self.width = features.shape[-1]
        self.weights = [weight.path for weight in backbone.weights]
        # The state that Keras keeps while it predicts is one per model.
        self._predicting = threading.Lock()

    def __call__(self, x):
        with self._predicting:
            features = self.model.predict_on_batch(x)
        wide = features.dtype == np.float64
        return np.asarray(features, "float64" if wide else "float32")


class _Embedders:
    """Those of a backbone: what they have compiled is kept between calls."""

    def __init__(self):
        self.made = {}


def embedder_of(backbone, pooled):
    """Returns the `Embedder` of a backbone, which keeps what it has compiled.

    Args:
        backbone: A `MaelreBackbone`.
        pooled: See `embed`.
    """
    if not hasattr(backbone, "_embedders"):
        backbone._embedders = _Embedders()
    made = backbone._embedders.made
    weights = [weight.path for weight in backbone.weights]
    # Quantisation and adapters change what layers consist of and compute.
    if pooled not in made or made[pooled].weights != weights:
        made[pooled] = Embedder(backbone, pooled)
    return made[pooled]


def _at_scale(embedder, modality, x, scale):
    """The mean features of windows that divide every sample into `scale` parts."""
    if scale == 1:
        return embedder(x)
    lengths = _lengths(x, modality)
    total = 0.0
    for index in range(scale):
        total = total + embedder(_windows(x, lengths, modality, scale, index))
    return total / np.float32(scale)


def _lengths(x, modality):
    kept = modality.kept(x)
    if kept is None:
        return np.full(len(x), x.shape[1])
    places = np.arange(1, x.shape[1] + 1)
    return np.maximum(1, np.max(kept * places, axis=1))


def _windows(x, lengths, modality, scale, index):
    """Window `index` of every sample, padded to the longest of them."""
    sizes = -(-lengths // scale)
    starts = index * lengths // scale
    width = min(few_shapes(int(sizes.max())), x.shape[1])
    places = starts[:, None] + np.arange(width)
    inside = np.arange(width) < sizes[:, None]
    made = x[np.arange(len(x))[:, None], np.minimum(places, x.shape[1] - 1)]
    if not inside.all():
        made[~inside] = getattr(modality, "padding_id", np.nan)
    return made


def _checked_blocks(blocks):
    fits = isinstance(blocks, (list, tuple))
    fits = fits and all(
        block in poolings.BLOCKS and not isinstance(block, bool) for block in blocks
    )
    if not fits or len(set(blocks)) < len(blocks):
        raise ValueError(
            f"Argument `blocks` must be a tuple of some of {poolings.BLOCKS}, each "
            f"once. Received: blocks={blocks!r}"
        )
    return tuple(int(block) for block in blocks)


def _checked_scales(scales, modality):
    if not isinstance(scales, (list, tuple)) or not scales:
        raise TypeError(
            "Argument `scales` must be a tuple of positive integers. "
            f"Received: scales={scales!r}"
        )
    scales = tuple(check_integer("scales", scale) for scale in scales)
    if not modality.variable_length and set(scales) != {1}:
        raise ValueError(
            "Argument `scales` other than (1,) needs a modality of variable length, "
            f"which {modality.name!r} is not. Received: scales={scales}"
        )
    return scales
