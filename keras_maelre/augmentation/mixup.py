import keras
from keras import ops

from keras_maelre.augmentation.checks import check_number


@keras.saving.register_keras_serializable(package="keras_maelre")
class SeriesMixUp(keras.layers.Layer):
    """Mixes each time series and its label with those of a random partner.

    `keras.layers.MixUp` for time series: the partner is another sample of the
    batch, the weight comes from a Beta distribution. Active only in training.

    Padding (steps that are NaN in every channel) counts as zero where the partner
    is valid, and stays NaN where neither sample is valid.

    Args:
        alpha: Float, greater than 0 and at most 1. Both parameters of the Beta
            distribution; the smaller, the less the samples are mixed.
        seed: Optional integer, for a repeatable sequence of random draws.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Call arguments:
        series: Float tensor of shape `(batch, length, channels)`.
        labels: Tensor of shape `(batch, classes)`, one-hot or probabilities.
        training: Boolean. Nothing is changed unless it is `True`.

    Returns:
        A pair of tensors of the shapes of `series` and `labels`.

    Raises:
        TypeError: If `alpha` is not a number.
        ValueError: If `alpha` is out of its range, or if the rank of `series` is
            not 3 or that of `labels` not 2.

    Example:

    >>> series = np.random.normal(size=(4, 100, 1)).astype("float32")
    >>> labels = np.eye(4, dtype="float32")
    >>> mix_up = keras_maelre.augmentation.SeriesMixUp(0.2)
    >>> series, labels = mix_up(series, labels, training=True)

    Reference:
        "Modality Agnostic Efficient Long Range Encoder", arXiv 2507.19409,
        section 4.2, after Zhang et al., "mixup", arXiv 1710.09412.
    """

    def __init__(self, alpha=0.2, seed=None, **kwargs):
        # Labels keep their precision under a half precision policy.
        super().__init__(autocast=False, **kwargs)
        self.alpha = check_number("alpha", alpha, high=1.0)
        if self.alpha == 0.0:
            raise ValueError("`alpha` must be greater than 0. Received: alpha=0")
        self.seed = seed
        # It mixes labels only in the precision in which it draws the weights.
        self.mix_up = keras.layers.MixUp(alpha=self.alpha, seed=seed, dtype="float32")
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, series_shape, labels_shape):
        if len(labels_shape) != 2:
            raise ValueError(
                "`labels` must be one-hot, of shape (batch, classes). "
                f"Received: labels of shape {tuple(labels_shape)}"
            )

    def call(self, series, labels, training=None):
        series = ops.cast(series, self.compute_dtype)
        labels = ops.cast(labels, "float32")
        if not training:
            return series, labels
        padding = ops.all(ops.isnan(series), axis=-1, keepdims=True)
        known = ops.where(padding, 0.0, series)
        # Mixed like a channel, validity is above 0 where either sample is valid.
        valid = ops.cast(ops.logical_not(padding), self.compute_dtype)
        images = ops.concatenate([known, valid], axis=-1)[:, :, None]
        mixed = self.mix_up({"images": images, "labels": labels}, training=True)
        mixed_series = ops.cast(mixed["images"][:, :, 0], self.compute_dtype)
        mixed_series, valid = mixed_series[..., :-1], mixed_series[..., -1:]
        return ops.where(valid > 0, mixed_series, float("nan")), mixed["labels"]

    def get_config(self):
        return {**super().get_config(), "alpha": self.alpha, "seed": self.seed}
