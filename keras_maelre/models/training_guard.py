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
        if total is None or epochs <= 0:
            return
        # `int` does not read what `tf.distribute` makes of it.
        done = int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))
        # Of data whose number is unknown, at least one step is wanted.
        wanted = epochs * (self.params.get("steps") or 1)
        if done + wanted > total:
            raise ValueError(
                f"The learning rate falls to 0 after {total} steps. Received: {done} "
                f"steps that are done, and {wanted} that `fit` was asked for. Compile "
                "the classifier for as many steps as it will train."
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


def inner_optimizer(optimizer):
    """Returns the optimizer within the one that scales the loss of mixed float16."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def _total_steps(optimizer):
    schedule = getattr(inner_optimizer(optimizer), "_learning_rate", None)
    return getattr(schedule, "total_steps", None)
