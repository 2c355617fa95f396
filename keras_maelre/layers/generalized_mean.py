"""A mean of tokens between the average and the maximum."""

import math

import keras
from keras import ops

from keras_maelre.checks import check_number
from keras_maelre.layers.masking import check_mask, zero_masked


@keras.saving.register_keras_serializable(package="keras_maelre")
class GeneralizedMean(keras.layers.Layer):
    """The generalized mean of each channel over the tokens, with a trained exponent.

    `mean(x ** p) ** (1 / p)`: near the mean for an exponent of 1, near the maximum for
    a large one. A power needs positive numbers: what is below `epsilon` counts as
    `epsilon`, and has no gradient. The exponent is `1 + softplus` of a variable, which
    keeps it above 1 in training.

    Only tokens that the mask keeps count, so that padding does not affect the result.
    Where it keeps none, it is 0. Powers are taken of quotients by the largest value of
    a channel, in float32 at least, whatever the dtype policy: none overflows.

    Args:
        exponent: Float above 1, what training starts from.
        epsilon: Float above 0, the least value of a token that counts.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(batch, tokens, dim)` or `(batch, height, width,
            dim)`.
        mask: Optional boolean tensor of the shape of `x` without its last axis,
            `True` = keep.

    Returns:
        A tensor of shape `(batch, dim)`, without a mask.

    Raises:
        TypeError: If an argument is not a number.
        ValueError: If an argument is out of range, or the input has another rank.

    Example:

    ```python
    import keras

    import keras_maelre

    x = keras.random.normal((2, 900, 96))
    keras_maelre.layers.GeneralizedMean()(x).shape  # (2, 96)
    ```

    Reference:
        "Fine-tuning CNN Image Retrieval with No Human Annotation" (arXiv 1711.02512),
        section 3.2, equation 3, with one exponent for all channels.
    """

    def __init__(self, exponent=3.0, epsilon=1e-6, **kwargs):
        super().__init__(**kwargs)
        self.exponent = check_number("exponent", exponent, above=1.0)
        self.epsilon = check_number("epsilon", epsilon, above=0.0)
        self.supports_masking = True

    def build(self, input_shape):
        if len(input_shape) not in (3, 4) or input_shape[-1] is None:
            raise ValueError(
                "GeneralizedMean expects an input of shape (batch, tokens, dim) or "
                "(batch, height, width, dim) with a known dim. Received: input shape "
                f"{tuple(input_shape)}"
            )
        # The inverse of softplus, also of large exponents.
        excess = self.exponent - 1
        start = excess + math.log(-math.expm1(-excess))
        self.raw_exponent = self.add_weight(
            name="raw_exponent",
            shape=(),
            initializer=keras.initializers.Constant(start),
            autocast=False,
        )

    def call(self, x, mask=None):
        mask = check_mask(self, mask, x)
        x = ops.cast(x, keras.backend.result_type(x.dtype, "float32"))
        exponent = 1 + ops.softplus(ops.cast(self.raw_exponent, x.dtype))
        axes = tuple(range(1, len(x.shape) - 1))
        if mask is not None:
            # The least of values, so that no masked one is the largest.
            x = zero_masked(x, mask)
        logs = ops.log(ops.maximum(x, self.epsilon))
        largest = ops.stop_gradient(ops.max(logs, axis=axes, keepdims=True))
        powers = ops.exp(exponent * (logs - largest))
        largest = ops.squeeze(largest, axes)
        if mask is None:
            mean = ops.mean(powers, axis=axes)
            outputs = ops.exp(largest + ops.log(mean) / exponent)
            return ops.cast(outputs, self.compute_dtype)
        count = ops.sum(ops.cast(mask, x.dtype), axis=axes)
        count = ops.expand_dims(ops.maximum(count, 1.0), -1)
        any_kept = ops.any(mask, axis=axes)
        total = ops.sum(zero_masked(powers, mask), axis=axes)
        # Of no token: the logarithm of 1, in place of that of 0.
        none = ops.expand_dims(ops.logical_not(any_kept), -1)
        mean = total / count + ops.cast(none, x.dtype)
        outputs = ops.exp(largest + ops.log(mean) / exponent)
        return ops.cast(zero_masked(outputs, any_kept), self.compute_dtype)

    def compute_mask(self, x, previous_mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1])

    def get_config(self):
        return {
            **super().get_config(),
            "exponent": self.exponent,
            "epsilon": self.epsilon,
        }
