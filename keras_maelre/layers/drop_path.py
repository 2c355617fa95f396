"""Stochastic depth."""

import keras

from keras_maelre.checks import check_rate


@keras.saving.register_keras_serializable(package="keras_maelre")
class DropPath(keras.layers.Dropout):
    """Drops the whole residual branch of randomly chosen samples (stochastic depth).

    It is `keras.layers.Dropout` with one draw per sample. The branches that stay are
    scaled up, so that the expected value is the same.

    Args:
        rate: Float in [0, 1), the share of samples whose branch is dropped. The
            attribute may be set later; functions compiled before keep the old rate.
        seed: Optional integer.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(batch, ...)`, the output of a residual branch.
        training: Boolean. Nothing is dropped unless it is `True`.

    Returns:
        A tensor of the shape of `x`.

    Raises:
        TypeError: If `rate` is not a number.
        ValueError: If `rate` lies outside [0, 1).

    Example:

    ```python
    import keras

    import keras_maelre

    branch = keras.random.normal((8, 100, 96))
    y = keras_maelre.layers.DropPath(rate=0.1)(branch, training=True)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 4.4; Huang et al., "Deep Networks with Stochastic Depth", 2016.
    """

    def __init__(self, rate=0.1, seed=None, **kwargs):
        # At rate 0 Keras would make no seed generator; but the rate may be set later.
        super().__init__(0.5, seed=seed, **kwargs)
        self.rate = check_rate("rate", rate)

    def call(self, x, training=False):
        if not training or not self.rate:
            return x
        return drop_samples(x, self.rate, self.seed_generator)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        config = super().get_config()
        # That follows from the rank of the input.
        del config["noise_shape"]
        return config


def drop_samples(x, rate, seed):
    """Dropout that keeps or drops a sample as a whole."""
    noise_shape = (None,) + (1,) * (len(x.shape) - 1)
    return keras.random.dropout(x, rate, noise_shape=noise_shape, seed=seed)
