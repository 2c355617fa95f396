"""Types of arguments, for argparse."""

import argparse


def positive_integer(text):
    value = _number(int, "an integer", text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, received {text}")
    return value


def natural_number(text):
    value = _number(int, "an integer", text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must be at least 0, received {text}")
    return value


def positive_number(text):
    value = _number(float, "a number", text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be above 0, received {text}")
    return value


def fraction(text):
    value = _number(float, "a number", text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"must lie in [0, 1), received {text}")
    return value


def shape(text):
    return tuple(positive_integer(part) for part in text.split(","))


def _number(kind, name, text):
    try:
        return kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be {name}, received {text!r}") from None
