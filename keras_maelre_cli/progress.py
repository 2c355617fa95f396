"""Progress on standard error, results on standard output."""

import contextlib
import sys


def to_stderr():
    """Sends to standard error what is printed meanwhile, such as Keras' progress."""
    return contextlib.redirect_stdout(sys.stderr)


def say(text):
    """Prints what is not a result."""
    print(text, file=sys.stderr, flush=True)


def is_watched():
    """Whether a person sees standard error, so that progress bars make sense."""
    return sys.stderr.isatty()
