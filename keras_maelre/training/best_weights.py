"""The weights of the epoch that validated best."""

import math

import keras
import numpy as np


class BestWeights(keras.callbacks.Callback):
    """Ends a training with the weights of its best epoch.

    Unlike `EarlyStopping`, it lets a training run to the end of its schedule; and
    `ResumableTraining` saves what it keeps.

    Args:
        monitor: String, the score to look at, as `"val_accuracy"`.
        mode: `"max"` or `"min"`.
        last_only: Boolean. Whether the last epoch alone is compared with what `start`
            was told of. The best of many epochs is the luckiest where the samples to
            validate on are few, while the rate of the last has fallen to 0.

    Attributes:
        epoch: Integer, the best epoch, counted from 0; `None` before the first, and
            -1 if it is what `start` was told of.
        score: Float, its score.
        needed: Float, the score from which on an epoch is kept; `None` before the
            first.

    Example:

    ```python
    from keras_maelre.training import BestWeights

    best = BestWeights("val_accuracy")
    ```
    """

    def __init__(self, monitor, mode="max", last_only=False):
        super().__init__()
        self.monitor, self.sign = monitor, {"max": 1, "min": -1}[mode]
        self.last_only = last_only
        self.epoch = self.score = self.weights = None
        self.needed = self._last = None

    def start(self, score, weights, needed=None):
        """Tells of weights before the training, which are kept if no epoch is as good.

        Args:
            score: Float.
            weights: List of arrays.
            needed: Float, the score from which on an epoch counts as good, or `None`
                for `score`.
        """
        self.epoch, self.score, self.weights = -1, float(score), weights
        self.needed = self.score if needed is None else float(needed)

    def on_epoch_end(self, epoch, logs=None):
        score = (logs or {}).get(self.monitor)
        if score is None:
            raise ValueError(
                f"BestWeights looks at {self.monitor!r}, which this training does not "
                f"have. Known are {sorted(logs or {})}."
            )
        if self.last_only:
            self._last = epoch, float(score)
        elif self._is_good(score):
            self.epoch, self.score = epoch, float(score)
            self.needed = self.score
            self.weights = [np.array(weight) for weight in self.model.get_weights()]

    def on_train_end(self, logs=None):
        if self._last is not None and self._is_good(self._last[1]):
            self.epoch, self.score = self._last
        elif self.weights is not None:
            self.model.set_weights(self.weights)

    def state(self):
        """What `restore` takes beside `weights`, as JSON can hold it."""
        return [self.epoch, self.score, self.needed, self._last]

    def restore(self, state, weights):
        """Takes up what was kept before an interruption.

        Args:
            state: List, what `state` returned.
            weights: List of arrays, or `None`.
        """
        self.epoch, self.score, self.needed, self._last = state
        self.weights = weights

    def _is_good(self, score):
        # Of equals the later, which has trained longer. What is not a number is not.
        return not math.isnan(score) and (
            self.needed is None or self.sign * score >= self.sign * self.needed
        )
