"""Nested lists of digits, generated as those of Long Range Arena are."""

import random
import statistics

import numpy as np

from keras_maelre.checks import check_integer, check_number
from keras_maelre.datasets import ClassificationDataset

# One character for each symbol, so that a byte is a token.
OPERATORS = {
    "X": max,
    "N": min,
    "D": lambda values: int(statistics.median(values)),
    "S": lambda values: sum(values) % 10,
}
END = "]"
NESTED = 0.25  # the probability that an argument is a list and not a digit


def simulated_listops(
    samples=4000,
    shortest=500,
    longest=2000,
    max_depth=10,
    max_args=10,
    seed=0,
    test_fraction=0.1,
):
    """Generates expressions whose value, a digit, is the class.

    `X` is the largest of the arguments that follow up to `]`, `N` the smallest, `D`
    the median, rounded down, and `S` the sum modulo 10: `X29N47]0]` is 9. An argument
    is a digit, or with probability 1/4 another list; a list has 2 to `max_args` of
    them, and lists are nested up to `max_depth` deep, the innermost level being digits
    alone. Expressions of other lengths are thrown away.

    Args:
        samples: Integer, training and test expressions together.
        shortest: Integer, symbols of the shortest expression.
        longest: Integer, symbols of the longest.
        max_depth: Integer, at least 2.
        max_args: Integer, at least 2.
        seed: Integer; the same seed gives the same expressions.
        test_fraction: Float in (0, 1), the fraction that goes to the test split.

    Returns:
        A `ClassificationDataset` of strings with its `simulated` set.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is out of range, a split would be left without
            expressions, or none of so few symbols is long enough.

    Example:

    ```python
    from simulated import simulated_listops

    data = simulated_listops(samples=20, shortest=10, longest=50)
    print(data.x_train[0], data.y_train[0])
    ```

    Reference:
        Nangia and Bowman, "ListOps: A Diagnostic Dataset for Latent Tree Learning"
        (arXiv 1804.06028); "Long Range Arena" (arXiv 2011.04006), section 2.2.1, for
        lengths and depth.
    """
    samples = check_integer("samples", samples, low=2)
    max_depth = check_integer("max_depth", max_depth, low=2)
    max_args = check_integer("max_args", max_args, low=2)
    shortest = check_integer("shortest", shortest, low=4)
    longest = check_integer("longest", longest, low=shortest)
    test_fraction = check_number("test_fraction", test_fraction, above=0, below=1)
    test_samples = round(samples * test_fraction)
    if not 0 < test_samples < samples:
        raise ValueError(
            "`samples` and `test_fraction` must leave at least one training and one "
            f"test expression. Received: samples={samples}, "
            f"test_fraction={test_fraction}"
        )
    # Every argument of the longest expression is a list with as many as there may be.
    most = sum(
        (2 if depth < max_depth else 1) * max_args ** (depth - 1)
        for depth in range(1, max_depth + 1)
    )
    if most < shortest:
        raise ValueError(
            f"No expression of depth {max_depth} with {max_args} arguments has more "
            f"than {most} symbols. Received: shortest={shortest}"
        )
    generator = random.Random(seed)
    found = {}
    while len(found) < samples:
        text, value = _draw_list(generator, 1, max_depth, max_args, longest)
        if shortest <= len(text) <= longest:
            found[text] = value
    x, y = list(found), np.array(list(found.values()), "int32")
    return ClassificationDataset(
        x_train=x[test_samples:],
        y_train=y[test_samples:],
        x_test=x[:test_samples],
        y_test=y[:test_samples],
        class_names=tuple("0123456789"),
        name="simulated_listops",
        simulated=True,
    )


def _draw_list(generator, depth, max_depth, max_args, longest):
    """Draws a list; one that grows longer than `longest` is not finished."""
    operator = generator.choice("XNDS")
    texts, values, length = [], [], 2
    for _ in range(generator.randint(2, max_args)):
        if depth + 1 < max_depth and generator.random() < NESTED:
            text, value = _draw_list(generator, depth + 1, max_depth, max_args, longest)
        else:
            value = generator.randrange(10)
            text = str(value)
        texts.append(text)
        values.append(value)
        length += len(text)
        if length > longest:
            break
    return operator + "".join(texts) + END, OPERATORS[operator](values)
