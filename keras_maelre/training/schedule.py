"""The learning rate over a training."""

import keras

from keras_maelre.checks import check_integer, check_number


@keras.saving.register_keras_serializable(package="keras_maelre")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly from 0, then falls as a cosine to 0 at the last step.

    `fit` of the models refuses to train further than `total_steps`.

    Args:
        learning_rate: Float above 0, the learning rate after the warm-up.
        total_steps: Integer, all steps of the training.
        warmup_fraction: Float in `[0, 1)`, the fraction of all steps that the learning
            rate rises over: at least one step.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is out of range.

    Example:

    ```python
    from keras_maelre.training import WarmupCosine

    schedule = WarmupCosine(1e-3, total_steps=1000, warmup_fraction=0.1)
    float(schedule(50)), float(schedule(100)), float(schedule(1000))  # 5e-4, 1e-3, 0
    ```

    Reference:
        "SGDR: Stochastic Gradient Descent with Warm Restarts" (arXiv 1608.03983),
        without the restarts.
    """

    def __init__(self, learning_rate, total_steps, warmup_fraction=0.06):
        super().__init__()
        self.learning_rate = check_number("learning_rate", learning_rate, above=0.0)
        self.total_steps = check_integer("total_steps", total_steps)
        self.warmup_fraction = check_number(
            "warmup_fraction", warmup_fraction, below=1.0
        )
        warmup = max(1, round(self.warmup_fraction * self.total_steps))
        self.cosine = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=0.0,
            warmup_target=self.learning_rate,
            warmup_steps=warmup,
            decay_steps=max(1, self.total_steps - warmup),
        )

    def __call__(self, step):
        return self.cosine(step)

    def get_config(self):
        return {
            "learning_rate": self.learning_rate,
            "total_steps": self.total_steps,
            "warmup_fraction": self.warmup_fraction,
        }
