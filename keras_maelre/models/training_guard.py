"""Stops trainings that cannot succeed."""

import math
import warnings

import keras


class TrainingGuard(keras.callbacks.Callback):
    """Refuses steps beyond the plan of a learning rate, and stops at a NaN loss.

    A schedule that falls to 0 over `total_steps` has nothing left for further steps:
    training would go on without learning. A loss that is not finite does not recover,
    since the weights hold its NaN. `fit` of the models adds this callback.

    Args:
        initial_epoch: Integer, the argument of `fit`.
    """

    def __init__(self, initial_epoch=0):
        super().__init__()
        self.initial_epoch = initial_epoch

    def on_train_begin(self, logs=None):
        total = _total_steps(self.model.optimizer)
        epochs = self.params["epochs"] - self.initial_epoch
        # A training that is resumed after its last epoch has nothing left to do.
        if total is None or epochs <= 0:
            return
        done = int(self.model.optimizer.iterations)
        steps = self.params.get("steps")
        wanted = None if steps is None else steps * epochs
        if done >= total or (wanted is not None and done + wanted > total):
            asked = "more" if wanted is None else f"{wanted}"
            raise ValueError(
                f"The learning rate falls to 0 after {total} steps, of which {done} "
                f"are done, and `fit` was asked for {asked}: compile the model with "
                "a schedule of as many steps as it will train."
            )

    def on_epoch_end(self, epoch, logs=None):
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            policy = self.model.dtype_policy.name
            advice = "a lower learning rate"
            if "float16" in policy and "bfloat16" not in policy:
                advice += ', or the policy "mixed_bfloat16" or "float32"'
            warnings.warn(
                f"Training stops: the loss of epoch {epoch + 1} is {float(loss)}. "
                f"Train again with {advice}.",
                stacklevel=2,
            )
            self.model.stop_training = True


def _total_steps(optimizer):
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    return getattr(getattr(optimizer, "_learning_rate", None), "total_steps", None)
