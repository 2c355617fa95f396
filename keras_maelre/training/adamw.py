"""AdamW, in one pass over memory on torch."""

import keras

from keras_maelre.checks import check_number


@keras.saving.register_keras_serializable(package="keras_maelre")
class AdamW(keras.optimizers.AdamW):
    """`keras.optimizers.AdamW`, ten times as quick on torch on CPUs.

    The arguments and the steps are those of `keras.optimizers.AdamW`. On torch, that
    one makes a dozen passes over the weights, a quarter of the time of a training step
    of a base model in small batches; torch's own fused kernel makes one. On the other
    backends and on GPUs nothing changes.

    Args:
        *args: See `keras.optimizers.AdamW`.
        rate_factors: Optional dictionary from the paths of variables to what their
            learning rate is multiplied by, in their steps and in their weight decay;
            1 for others. See `keras_maelre.training.layer_rates`.
        **kwargs: See `keras.optimizers.AdamW`.

    Raises:
        TypeError: If `rate_factors` is of the wrong type.
        ValueError: If a factor is not above 0.

    Example:

    ```python
    classifier.compile(
        keras_maelre.training.AdamW(3e-4),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    ```

    Reference:
        "Decoupled Weight Decay Regularization" (arXiv 1711.05101).
    """

    def __init__(self, *args, rate_factors=None, **kwargs):
        super().__init__(*args, **kwargs)
        if rate_factors is not None:
            if not isinstance(rate_factors, dict):
                raise TypeError(
                    "Argument `rate_factors` must be a dictionary from paths to "
                    f"numbers. Received: rate_factors={rate_factors!r}"
                )
            rate_factors = {
                path: check_number(f"rate_factors[{path!r}]", factor, above=0.0)
                for path, factor in rate_factors.items()
            }
        self.rate_factors = rate_factors

    def build(self, variables):
        super().build(variables)
        factors = self.rate_factors or {}
        self._factors = [factors.get(variable.path, 1.0) for variable in variables]

    def _apply_weight_decay(self, variables):
        groups = {}
        for variable in variables:
            if self.weight_decay and self._use_weight_decay(variable):
                factor = self._factors[self._get_variable_index(variable)]
                groups.setdefault(factor, []).append(variable)
        decay = self.weight_decay
        try:
            for factor, group in groups.items():
                # It is only ever multiplied by the learning rate.
                self.weight_decay = decay * factor
                super()._apply_weight_decay(group)
        finally:
            self.weight_decay = decay

    def get_config(self):
        return {**super().get_config(), "rate_factors": self.rate_factors}

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        if self._factors[index] != 1.0:
            learning_rate = learning_rate * self._factors[index]
        fits = (
            keras.backend.backend() == "torch"
            and variable.value.device.type == "cpu"
            and gradient.dtype == variable.value.dtype
            and not self.amsgrad
        )
        if not fits:
            return super().update_step(gradient, variable, learning_rate)
        import torch

        step = float(keras.ops.convert_to_numpy(self.iterations)) + 1
        # Keras adds epsilon before the correction of the bias, torch after it.
        epsilon = self.epsilon / (1 - self.beta_2**step) ** 0.5
        # Weight decay is the base class's: it knows which variables are excluded.
        torch._fused_adam_(
            [variable.value.detach()],
            [gradient],
            [self._momentums[index].value.detach()],
            [self._velocities[index].value.detach()],
            [],
            [torch.tensor(step)],
            lr=float(learning_rate),
            beta1=self.beta_1,
            beta2=self.beta_2,
            weight_decay=0.0,
            eps=epsilon,
            amsgrad=False,
            maximize=False,
        )
