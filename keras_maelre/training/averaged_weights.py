"""Moving averages of the weights, wherever a training is looked at."""

import contextlib

import keras
import numpy as np

from keras_maelre.models.training_guard import inner_optimizer


class AveragedWeights(keras.callbacks.Callback):
    """Shows the averaged weights to validation and to every later callback.

    The optimizer must have `use_ema=True`. While a model is validated, and between two
    epochs, it holds the averages; while it trains, the weights that are trained. Put
    this callback before those that keep weights (`ModelCheckpoint`, `EarlyStopping`):
    they then keep what was validated. Trained to the end or stopped early, the model
    ends with the averages.

    Raises:
        ValueError: If the optimizer of the model keeps no averages.

    Example:

    ```python
    import keras
    from keras_maelre.training import AveragedWeights

    stopping = keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True)
    callbacks = [AveragedWeights(), stopping]
    ```
    """

    def __init__(self):
        super().__init__()
        self._trained = None  # the weights that are trained, while averages are shown

    def on_train_begin(self, logs=None):
        optimizer = inner_optimizer(self.model.optimizer)
        if not getattr(optimizer, "use_ema", False):
            raise ValueError(
                "AveragedWeights needs an optimizer with `use_ema=True`. "
                f"Received: {optimizer!r}"
            )
        self._trained = None

    def on_epoch_begin(self, epoch, logs=None):
        self._show_trained()

    def on_epoch_end(self, epoch, logs=None):
        self._show_averages()

    def on_train_end(self, logs=None):
        # A training that was resumed after its last epoch has seen none of the above.
        if inner_optimizer(self.model.optimizer).built:
            self._show_averages()

    def on_test_begin(self, logs=None):
        self._show_averages()

    def on_test_end(self, logs=None):
        self._show_trained()

    @contextlib.contextmanager
    def trained_weights(self):
        """Within this context the model holds the weights that are trained."""
        averaged = self._trained is not None
        self._show_trained()
        try:
            yield
        finally:
            if averaged:
                self._show_averages()

    def _show_averages(self):
        if self._trained is not None:
            return
        variables, averages = self._pairs()
        self._trained = [_copy(variable) for variable in variables]
        for variable, average in zip(variables, averages, strict=True):
            variable.assign(_copy(average))

    def _show_trained(self):
        if self._trained is None:
            return
        variables, _ = self._pairs()
        for variable, value in zip(variables, self._trained, strict=True):
            variable.assign(value)
        self._trained = None

    def _pairs(self):
        optimizer = inner_optimizer(self.model.optimizer)
        return (
            optimizer._trainable_variables,
            optimizer._model_variables_moving_average,
        )


def _copy(variable):
    """The value of a variable, which does not change or go away with it."""
    return np.array(keras.ops.convert_to_numpy(variable))
