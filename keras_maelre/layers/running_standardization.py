"""Standardization that does not depend on the batch."""

import keras
from keras import ops

from keras_maelre.checks import check_number


@keras.saving.register_keras_serializable(package="keras_maelre")
class RunningStandardization(keras.layers.Layer):
    """Scales every feature to mean 0 and variance 1 by what training has seen.

    Unlike `keras.layers.BatchNormalization`, training and inference use the same
    statistics: batches of one or two samples are as good as large ones, and a model
    computes in training what it does afterwards. Every training step first updates the
    statistics: they are those of all samples so far, and after `horizon` samples a
    moving average. Without training the layer passes its input on.

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
            mean, variance = self._updated(x, mean, variance)
        outputs = (x - mean) * ops.rsqrt(variance + self.epsilon)
        return ops.cast(outputs, self.compute_dtype)

    def _updated(self, x, mean, variance):
        x = ops.stop_gradient(x)
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
