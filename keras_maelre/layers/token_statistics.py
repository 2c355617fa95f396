"""Summaries of all tokens of a sample."""

import keras
from keras import ops

from keras_maelre.checks import check_number
from keras_maelre.layers.masking import check_mask, masked_mean, zero_masked

STATISTICS = ("mean", "deviation", "maximum", "minimum")


@keras.saving.register_keras_serializable(package="keras_maelre")
class TokenStatistics(keras.layers.Layer):
    """Mean, standard deviation, maximum and minimum of each channel over the tokens.

    Only tokens that the mask keeps count, so that padding does not affect the result.
    Where it keeps none, every statistic is 0.

    Sums are formed in float32 at least, whatever the dtype policy, and the variance
    from the differences to the mean: neither overflows or cancels where the values of
    the tokens are large. The deviation is `sqrt(variance + epsilon)`, which has a
    gradient where all tokens are alike too.

    Args:
        statistics: Sequence of strings, which of `"mean"`, `"deviation"`,
            `"maximum"` and `"minimum"`, in the order of the output.
        epsilon: Float above 0, added to the variance.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(batch, tokens, dim)` or `(batch, height, width,
            dim)`.
        mask: Optional boolean tensor of the shape of `x` without its last axis,
            `True` = keep.

    Returns:
        A tensor of shape `(batch, len(statistics) * dim)`, without a mask.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If a statistic is unknown or there twice, or the input has
            another rank.

    Example:

    ```python
    import keras

    import keras_maelre

    x = keras.random.normal((2, 900, 96))
    keras_maelre.layers.TokenStatistics()(x).shape  # (2, 384)
    keras_maelre.layers.TokenStatistics(["mean"])(x).shape  # (2, 96)
    ```
    """

    def __init__(self, statistics=STATISTICS, epsilon=1e-6, **kwargs):
        super().__init__(**kwargs)
        self.statistics = check_statistics(statistics)
        self.epsilon = check_number("epsilon", epsilon, above=0.0)
        self.supports_masking = True

    def build(self, input_shape):
        if len(input_shape) not in (3, 4) or input_shape[-1] is None:
            raise ValueError(
                "TokenStatistics expects an input of shape (batch, tokens, dim) or "
                "(batch, height, width, dim) with a known dim. Received: input shape "
                f"{tuple(input_shape)}"
            )

    def call(self, x, mask=None):
        mask = check_mask(self, mask, x)
        # Sums over thousands of tokens would overflow float16, and bfloat16 is coarse.
        x = ops.cast(x, keras.backend.result_type(x.dtype, "float32"))
        made = {"axes": tuple(range(1, len(x.shape) - 1)), "mask": mask}
        values = _mean_and_deviation(x, self.statistics, self.epsilon, **made)
        if "maximum" in self.statistics:
            values["maximum"] = _maximum(x, **made)
        if "minimum" in self.statistics:
            values["minimum"] = -_maximum(-x, **made)
        outputs = ops.concatenate([values[name] for name in self.statistics], axis=-1)
        return ops.cast(outputs, self.compute_dtype)

    def compute_mask(self, x, previous_mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], len(self.statistics) * input_shape[-1])

    def get_config(self):
        return {
            **super().get_config(),
            "statistics": self.statistics,
            "epsilon": self.epsilon,
        }


def check_statistics(statistics):
    """Returns the argument `statistics` as a tuple, or raises an error."""
    if isinstance(statistics, str) or not isinstance(statistics, (list, tuple)):
        raise TypeError(
            f"Argument `statistics` must be a list or tuple of {STATISTICS}. "
            f"Received: statistics={statistics!r}"
        )
    known = all(name in STATISTICS for name in statistics)
    if not statistics or not known or len(set(statistics)) < len(statistics):
        raise ValueError(
            f"Argument `statistics` must hold some of {STATISTICS}, each once. "
            f"Received: statistics={statistics!r}"
        )
    return tuple(statistics)


def _mean_and_deviation(x, statistics, epsilon, axes, mask):
    if not {"mean", "deviation"} & set(statistics):
        return {}
    mean = masked_mean(x, mask, axes)
    difference = zero_masked(x - mean, mask)
    variance = ops.squeeze(masked_mean(ops.square(difference), mask, axes), axes)
    deviation = ops.sqrt(variance + epsilon)
    if mask is not None:
        deviation = zero_masked(deviation, ops.any(mask, axis=axes))
    return {"mean": ops.squeeze(mean, axes), "deviation": deviation}


def _maximum(x, axes, mask):
    if mask is None:
        return ops.max(x, axis=axes)
    # A finite number: infinities would become NaN in gradients.
    lowest = ops.full_like(x, -3e38)
    highest = ops.max(ops.where(ops.expand_dims(mask, -1), x, lowest), axis=axes)
    return zero_masked(highest, ops.any(mask, axis=axes))
