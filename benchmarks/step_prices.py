"""What steps cost on one core of a processor, for trainings elsewhere of as many.

A GPU trains in minutes what a core would in hours, but other models suit it: what is
cheap there need not be cheap here. Prices are measured where the seconds are to count;
with them, `Recipe.fit` plans the steps that fit into a time limit, and takes as long as
it takes.
"""

import contextlib
import types
from unittest import mock

from cpu_budget import cpu_budget

from keras_maelre.training import time_budget, training_run


class Measured(Exception):
    """Ends a training once its steps have been timed."""


@contextlib.contextmanager
def measured_price():
    """Yields a dictionary that a training with a time limit fills, and then ends.

    It gets `step`, the CPU seconds of one training step, and `check`, those of one
    batch that is validated on.
    """
    price = {}

    def plan(classifier, batches, validation, seconds, epochs, forwards):
        def note(seconds, batches, step, check, epochs):
            parts = len(validation) + forwards
            price.update(step=round(step, 4), check=round(check / parts, 4))
            raise Measured

        with mock.patch.object(time_budget, "fit_into", note):
            time_budget.plan_in_time(
                classifier, batches, validation, seconds, epochs, forwards
            )

    with cpu_budget(), mock.patch.object(training_run, "plan_in_time", plan):
        with contextlib.suppress(Measured):
            yield price


@contextlib.contextmanager
def priced_budget(step, check):
    """Makes the `time_limit` of `Recipe.fit` one of steps that cost so much.

    Args:
        step: Float, seconds of a training step.
        check: Float, seconds of a batch that is validated on.
    """

    def plan(classifier, batches, validation, seconds, epochs, forwards):
        return time_budget.fit_into(
            seconds * time_budget.PLANNED_FRACTION,
            len(batches),
            step,
            check * (len(validation) + forwards),
            epochs,
        )

    still = types.SimpleNamespace(monotonic=lambda: 0.0)
    with (
        mock.patch.object(training_run, "plan_in_time", plan),
        mock.patch.object(time_budget, "time", still),
        mock.patch.object(training_run, "time", still),
    ):
        yield
