import re

import numpy as np
import pytest
from simulated import simulated_listops

FEW = {"samples": 60, "shortest": 20, "longest": 200}


@pytest.fixture(scope="module")
def data():
    return simulated_listops(**FEW)


def value_of(text):
    """Evaluates from the inside out: innermost lists are replaced by their digits."""
    while len(text) > 1:
        operator, digits = re.search(r"([XNDS])(\d+)\]", text).groups()
        numbers = sorted(int(digit) for digit in digits)
        half = len(numbers) // 2
        value = {
            "X": numbers[-1],
            "N": numbers[0],
            # Of an even count, the mean of the two in the middle, rounded down.
            "D": (numbers[half] + numbers[(len(numbers) - 1) // 2]) // 2,
            "S": sum(numbers) % 10,
        }[operator]
        text = text.replace(f"{operator}{digits}]", str(value), 1)
    return int(text)


def arguments_of(text):
    """The depth of the whole, and how many arguments each list has."""
    open_lists, counts, deepest = [], [], 0
    for symbol in text:
        if symbol == "]":
            counts.append(open_lists.pop())
        if open_lists and symbol != "]":
            open_lists[-1] += 1
        if symbol in "XNDS":
            open_lists.append(0)
            deepest = max(deepest, len(open_lists))
    assert not open_lists
    return deepest, counts


def test_the_reference_evaluator():
    assert [value_of(t) for t in ("X29N47]0]", "D1234]", "D9]", "SS99]5]")] == [
        9,
        2,
        9,
        3,
    ]


def test_labels_are_the_values(data):
    for text, label in zip(
        data.x_train + data.x_test, [*data.y_train, *data.y_test], strict=True
    ):
        assert value_of(text) == label
    assert data.simulated and data.class_names == tuple("0123456789")
    assert len(data.x_train) == 54 and len(data.x_test) == 6


def test_lengths_of_the_benchmark():
    data = simulated_listops(samples=20, seed=1)
    lengths = [len(text) for text in data.x_train + data.x_test]
    assert 500 <= min(lengths) and max(lengths) <= 2000 and np.ptp(lengths) > 500
    for text in data.x_train + data.x_test:
        depth, counts = arguments_of(text)
        assert depth <= 9 and 2 <= min(counts) and max(counts) <= 10


def test_depth_and_arguments_are_bounded():
    data = simulated_listops(**{**FEW, "longest": 40}, max_depth=3, max_args=5, seed=2)
    found = [arguments_of(text) for text in data.x_train]
    assert {depth for depth, _ in found} <= {1, 2}
    assert max(count for _, counts in found for count in counts) == 5


def test_every_operator_and_no_expression_twice(data):
    texts = data.x_train + data.x_test
    assert set("XNDS") <= set("".join(texts)) == set("XNDS]0123456789")
    assert len(set(texts)) == len(texts)


def test_seed(data):
    again, other = simulated_listops(**FEW), simulated_listops(**FEW, seed=1)
    assert data.x_train == again.x_train != other.x_train


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"samples": 1}, "samples"),
        ({"test_fraction": 0.001}, "test_fraction"),
        ({"longest": 10}, "longest"),
        ({"max_depth": 2, "max_args": 5}, "more than 7 symbols.*shortest=20"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        simulated_listops(**{**FEW, **arguments})
