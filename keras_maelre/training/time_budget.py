"""Trainings that end in time."""

import functools
import math
import statistics
import time

import keras

from keras_maelre.training.kept_state import kept_state

# What a training is planned to take of the time that it has: steps differ.
PLANNED_FRACTION = 0.85
TIMED_STEPS = 3


def plan_in_time(classifier, batches, validation, seconds, epochs, forwards):
    """Times some steps of a compiled classifier, and returns how many fit.

    The classifier has the weights and random states again that it had before.

    Args:
        classifier: A compiled `MaelreClassifier`.
        batches: `PyDataset` to train on.
        validation: `PyDataset` to validate on, or `None`.
        seconds: Float, the time that is left.
        epochs: Integer, the most epochs.
        forwards: Integer, batches of each epoch that are neither trained nor validated
            on, but looked at.

    Returns:
        Dictionary with the integers `epochs` and `steps_per_epoch`.
    """
    begin = time.monotonic()
    # Batches hold inputs of the model: the raw door of the classifier is stepped over.
    train = functools.partial(keras.Model.train_on_batch, classifier)
    test = functools.partial(keras.Model.test_on_batch, classifier)
    check = 0.0
    with kept_state(classifier):
        once, step = _timed(batches, train)
        if validation is not None:
            once_more, each = _timed(validation, test)
            once += once_more
            check = each * (len(validation) + forwards)
    left = seconds - (time.monotonic() - begin) - once
    left *= PLANNED_FRACTION
    return fit_into(left, len(batches), step, check, epochs)


def fit_into(seconds, batches, step, check, epochs):
    """Returns how many epochs of how many steps take no more than some time.

    Args:
        seconds: Float, the time.
        batches: Integer, the batches of a whole epoch.
        step: Float, seconds of a training step.
        check: Float, seconds of a validation.
        epochs: Integer, the most epochs.
    """
    whole = batches * step + check
    if seconds >= epochs * whole:
        return {"epochs": epochs, "steps_per_epoch": batches}
    plans = []
    # Of 1.7 epochs two shorter ones are made: no time is left over. But 16.3 epochs of
    # three steps are 16 and not 17 of two.
    for count in (math.floor(seconds / whole), math.ceil(seconds / whole)):
        count = max(count, 1)
        steps = int((seconds / count - check) / step)
        plans.append((count, min(max(steps, 1), batches)))
    count, steps = max(plans, key=math.prod)
    return {"epochs": count, "steps_per_epoch": steps}


class StopInTime(keras.callbacks.Callback):
    """Stops a training that takes longer than was planned, and says so.

    Args:
        deadline: Float, a time of `time.monotonic()`.
    """

    def __init__(self, deadline):
        super().__init__()
        self.deadline = deadline

    def on_train_batch_end(self, batch, logs=None):
        if time.monotonic() > self.deadline and not self.model.stop_training:
            print("The time is up before the last step: training stops here.")
            self.model.stop_training = True


def _timed(batches, function):
    """Returns the seconds that come once, and those of every step.

    Once all samples are prepared that are kept from then on, and backends compile:
    again, for the schedule that fits.
    """
    preparing, seconds = [], []
    for i in range(1 + TIMED_STEPS):
        begin = time.monotonic()
        batches[i % len(batches)]
        prepared = time.monotonic()
        # What is not kept takes as long again, and belongs to a step.
        batch = batches[i % len(batches)]
        again = time.monotonic() - prepared
        function(*batch)
        seconds.append(time.monotonic() - prepared)
        preparing.append(max(0.0, prepared - begin - again))
    usual = statistics.median(seconds[1:])
    compiling = max(0.0, seconds[0] - usual)
    left = max(0, len(batches) - len(preparing))
    return compiling + left * statistics.median(preparing), usual
