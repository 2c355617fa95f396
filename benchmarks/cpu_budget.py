"""A limit of time in seconds of the processor, whatever else the machine does."""

import contextlib
import time
import types
from unittest import mock

from keras_maelre.training import time_budget, training_run


@contextlib.contextmanager
def cpu_budget():
    """Makes the `time_limit` of `Recipe.fit` one of CPU seconds of this process.

    By the clock, a training would be shorter on a busier machine. Meant for one
    thread (`OMP_NUM_THREADS=1`): the seconds of all threads are added up.
    """
    clock = types.SimpleNamespace(monotonic=time.process_time)
    with (
        mock.patch.object(time_budget, "time", clock),
        mock.patch.object(training_run, "time", clock),
    ):
        yield
