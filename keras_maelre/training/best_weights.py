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

    Attributes:
        epoch: Integer, the best epoch, counted from 0; `None` before the first, and
            -1 if it is what `start` was told of.
        score: Float, its score.

    Example:

    ```python
    from keras_maelre.training import BestWeights

    best = BestWeights("val_accuracy")
    ```
    """

    def __init__(self, monitor, mode="max"):
        super().__init__()
        self.monitor, self.sign = monitor, {"max": 1, "min": -1}[mode]
        self.epoch = self.score = self.weights = None

    def start(self, score, weights):
        """Tells of weights before the training, which are kept if no epoch is as good.

        Args:
            score: Float.
            weights: List of arrays.
        """
        self.epoch, self.score, self.weights = -1, float(score), weights

    def on_epoch_end(self, epoch, logs=None):
        score = (logs or {}).get(self.monitor)
        if score is None:
            raise ValueError(
                f"BestWeights looks at {self.monitor!r}, which this training does not "
                f"have. Known are {sorted(logs or {})}."
            )
        if math.isnan(score):
            return
        # Of equals the later, which has trained longer.
        if self.score is None or self.sign * score >= self.sign * self.score:
            self.epoch, self.score = epoch, float(score)
            self.weights = [np.array(weight) for weight in self.model.get_weights()]

    def on_train_end(self, logs=None):
        if self.weights is not None:
            self.model.set_weights(self.weights)
