"""Standardization of pooled features."""

import keras
from keras import ops

from keras_maelre.checks import check_number

# Batches of fewer samples do not tell mean and variance.
FEWEST_SAMPLES = 8


@keras.saving.register_keras_serializable(package="keras_maelre")
class RunningStandardization(keras.layers.Layer):
    """Scales every feature to mean 0 and variance 1.

    In training by the statistics of the batch, through which gradients flow: were they
    taken for constants, a network could shift its features ahead of them, and the
    shift would carry what biases should learn. Batches of fewer than 8 samples, and
    inference, use running statistics: those of all samples so far, and after `horizon`
    samples a moving average. Recipes replace them by those of samples without
    augmentation whenever they validate, and in the end.

    Args:
        horizon: Number of at least 1, the samples that the moving average reaches
            back over.
        epsilon: Float above 0, added to the variance.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(batch, features)`.
        training: Boolean. Whether the statistics are updated.

    Returns:
        A tensor of the shape of `x`.

    Raises:
        TypeError: If an argument is not a number.
        ValueError: If an argument is out of range or the input has another rank.

    Example:

    ```python
    import keras

    import keras_maelre

    standardize = keras_maelre.layers.RunningStandardization()
    x = 5 + 3 * keras.random.normal((100, 8))
    y = standardize(x, training=True)
    keras.ops.std(y)  # 1.0
    ```

    Reference:
        "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
        Covariate Shift" (arXiv 1502.03167), section 3, without scale and offset.
    """

    def __init__(self, horizon=1000, epsilon=1e-6, **kwargs):
        super().__init__(**kwargs)
        self.horizon = check_number("horizon", horizon, low=1.0)
        self.epsilon = check_number("epsilon", epsilon, above=0.0)

    def build(self, input_shape):
        if len(input_shape) != 2 or input_shape[-1] is None:
            raise ValueError(
                "RunningStandardization expects an input of shape (batch, features) "
                "with a known number of features. Received: input shape "
                f"{tuple(input_shape)}"
            )
        for name, shape, initial in (
            ("mean", input_shape[-1:], "zeros"),
            ("variance", input_shape[-1:], "ones"),
            ("seen", (), "zeros"),
        ):
            weight = self.add_weight(
                name=name,
                shape=tuple(shape),
                initializer=initial,
                trainable=False,
                autocast=False,
                # Replicas see different samples.
                aggregation="mean",
            )
            setattr(self, name, weight)

    def call(self, x, training=False):
        # Squares would overflow float16.
        x = ops.cast(x, keras.backend.result_type(x.dtype, "float32"))
        mean, variance = (ops.cast(v, x.dtype) for v in (self.mean, self.variance))
        if training and self.trainable:
            running = self._updated(ops.stop_gradient(x), mean, variance)
            enough = ops.shape(x)[0] >= FEWEST_SAMPLES
            mean, variance = (
                ops.where(enough, of_batch, so_far)
                for of_batch, so_far in zip(
                    (ops.mean(x, axis=0), ops.var(x, axis=0)), running, strict=True
                )
            )
        outputs = (x - mean) * ops.rsqrt(variance + self.epsilon)
        return ops.cast(outputs, self.compute_dtype)

    def _updated(self, x, mean, variance):
        count = ops.cast(ops.shape(x)[0], x.dtype)
        seen = ops.cast(self.seen, x.dtype) + count
        share = count / ops.maximum(ops.minimum(seen, self.horizon), count)
        shift = ops.mean(x, axis=0) - mean
        # That of a mixture of what was and the batch: their means differ too.
        variance = (1 - share) * (variance + share * ops.square(shift))
        variance += share * ops.var(x, axis=0)
        mean += share * shift
        for weight, value in (
            (self.mean, mean),
            (self.variance, variance),
            (self.seen, ops.minimum(seen, self.horizon)),
        ):
            weight.assign(ops.cast(value, weight.dtype))
        return mean, variance

    def set_statistics(self, mean, variance):
        """Sets the statistics; further training starts from them.

        Args:
            mean: Float array of shape `(features,)`.
            variance: Float array of shape `(features,)`.
        """
        self.mean.assign(mean)
        self.variance.assign(variance)
        self.seen.assign(self.horizon)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "horizon": self.horizon,
            "epsilon": self.epsilon,
        }
