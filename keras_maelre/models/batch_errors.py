"""The errors of batches, as they were raised.

What makes batches for TensorFlow runs within a pipeline of `tf.data`, which raises an
error of its own in place of a Python error, with the message of that one in its text.
"""

import collections
import contextlib
import functools
import sys

RAISED = collections.deque(maxlen=64)


def keeps_errors(function):
    """Decorates what makes batches, so that `original_errors` knows what it raised."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except Exception as error:
            RAISED.append(error)
            raise

    return call


@contextlib.contextmanager
def original_errors():
    """Raises the error of a batch where TensorFlow raises one that tells of it."""
    try:
        yield
    except Exception as error:
        tensorflow = sys.modules.get("tensorflow")
        if tensorflow is None or not isinstance(error, tensorflow.errors.OpError):
            raise
        # Other trainings, in other threads, may have raised theirs meanwhile.
        kept = [one for one in RAISED if str(one) and str(one) in error.message]
        if not kept:
            raise
        original = kept[-1]
    else:
        return
    RAISED.remove(original)
    raise original
