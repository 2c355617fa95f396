import keras
from keras import ops

from keras_maelre.checks import check_number


@keras.saving.register_keras_serializable(package="keras_maelre")
class SeriesMixUp(keras.layers.Layer):
    """Mixes each time series and its labels with those of a random partner.

    `keras.layers.MixUp` for time series: the partner is another sample of the
    batch, the weight comes from a Beta distribution. Active only in training.

    Padding (steps that are NaN in every channel) counts as zero where the partner
    is valid, and stays NaN where neither sample is valid.

    Args:
        alpha: Float in `(0, 1]`, both parameters of the Beta distribution. The
            smaller, the less the samples are mixed.
        seed: Optional integer, for a repeatable sequence of random draws.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Call arguments:
        inputs: Dictionary with `"series"` (or `"images"`, as for Keras' layer), a
            float tensor of shape `(batch, length, channels)`, and `"labels"`, a
            tensor of shape `(batch, classes)`, one-hot, multi-hot or probabilities.
        training: Boolean. Nothing is changed unless it is `True`.

    Returns:
        A dictionary with the same keys, of tensors of the same shapes.

    Raises:
        TypeError: If `alpha` is not a number, or the input is not such a dictionary.
        ValueError: If `alpha` is out of its range, or if the series are not of rank 3
            or the labels not of rank 2.

    Example:

    >>> import numpy as np
    >>> from keras_maelre.augmentation import SeriesMixUp
    >>> series = np.random.normal(size=(4, 100, 1)).astype("float32")
    >>> labels = np.eye(4, dtype="float32")
    >>> mixed = SeriesMixUp(0.2)({"series": series, "labels": labels}, training=True)
    >>> mixed["series"].shape, mixed["labels"].shape
    ((4, 100, 1), (4, 4))

    Reference:
        "Modality Agnostic Efficient Long Range Encoder", arXiv 2507.19409,
        section 4.2, after Zhang et al., "mixup", arXiv 1710.09412.
    """

    def __init__(self, alpha=0.2, seed=None, **kwargs):
        # Labels keep their precision under a half precision policy.
        super().__init__(autocast=False, **kwargs)
        self.alpha = check_number("alpha", alpha, above=0.0, high=1.0)
        self.seed = seed
        # It mixes labels only in the precision in which it draws the weights.
        self.mix_up = keras.layers.MixUp(alpha=self.alpha, seed=seed, dtype="float32")

    def build(self, input_shape):
        pass

    def call(self, inputs, training=None):
        key = _checked_key(inputs)
        series = ops.cast(inputs[key], self.compute_dtype)
        labels = ops.cast(inputs["labels"], "float32")
        if not training:
            return {key: series, "labels": labels}
        padding = ops.all(ops.isnan(series), axis=-1, keepdims=True)
        known = ops.where(padding, 0.0, series)
        # Mixed like a channel, validity is above 0 where either sample is valid.
        valid = ops.cast(ops.logical_not(padding), self.compute_dtype)
        images = ops.concatenate([known, valid], axis=-1)[:, :, None]
        mixed = self.mix_up({"images": images, "labels": labels}, training=True)
        series = ops.cast(mixed["images"][:, :, 0], self.compute_dtype)
        series, valid = series[..., :-1], series[..., -1:]
        series = ops.where(valid > 0, series, float("nan"))
        return {key: series, "labels": mixed["labels"]}

    def get_config(self):
        return {**super().get_config(), "alpha": self.alpha, "seed": self.seed}


def _checked_key(inputs):
    """Returns the key of the series in a batch, or raises unless it is a batch."""
    keys = set(inputs) if isinstance(inputs, dict) else None
    if keys not in ({"series", "labels"}, {"images", "labels"}):
        raise TypeError(
            'SeriesMixUp is called on a dictionary {"series": ..., "labels": ...}. '
            f"Received: {type(inputs).__name__ if keys is None else sorted(keys)}"
        )
    (key,) = keys - {"labels"}
    series, labels = tuple(inputs[key].shape), tuple(inputs["labels"].shape)
    if len(series) != 3:
        raise ValueError(
            f'`inputs["{key}"]` must have shape (batch, length, channels). '
            f"Received: shape {series}"
        )
    if len(labels) != 2:
        raise ValueError(
            '`inputs["labels"]` must have shape (batch, classes), one-hot or '
            f"multi-hot. Received: shape {labels}"
        )
    return key
