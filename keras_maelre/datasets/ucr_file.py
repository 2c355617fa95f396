"""One text file of the UCR/UEA archive, parsed a line at a time."""

import decimal
import re
from pathlib import Path

import numpy as np

from keras_maelre.datasets.series_arrays import fits_float32

SUFFIXES = (".ts", ".tsv")
# Numbers as programs write them: the archive's files have the class 1 as "1", "1.0"
# and "1.0000e+00". "01", "1E1" and "1_0" are names.
NUMBER = re.compile(r"[+-]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-][0-9]{2,3})?")


class UcrFile:
    """A `.ts` or `.tsv` file of time series, read a line at a time.

    Iterating yields one pair per line, `(series, label)`: an array of shape
    `(length, channels)`, float32 unless that would erase what the series says (small
    changes on a large offset stay float64), and the label as a string. Labels that
    are plain decimal numbers of equal value are one class (`"1.0"` becomes `"1"`); all
    other labels are names, taken as they are written (`"01"` and `"1"` are two
    classes). Only the current line is in memory.

    - `.tsv`: the label, then the values, separated by tabs; every line has as
      many values, short series end in NaN.
    - `.ts`: a header of lines that start with `#` or `@`, up to `@data`; then
      the values of each channel separated by commas, the channels and, last,
      the label separated by colons; `?` marks a missing value. Time stamps are
      not supported.

    Args:
        path: Path of the file.

    Raises:
        ValueError: If the file has neither suffix, if its header is damaged, or, while
            iterating, if a line is damaged; the message names the file and the line
            number.

    Example:

    ```python
    from keras_maelre.datasets.ucr_file import UcrFile

    with open("Toy_TRAIN.tsv", "w") as file:
        file.write("1\\t0.5\\t0.25\\n2\\t0.125\\tNaN\\n")
    for series, label in UcrFile("Toy_TRAIN.tsv"):
        print(label, series.shape)
    ```
    """

    def __init__(self, path):
        self.path = Path(path)
        if self.path.suffix not in SUFFIXES:
            raise ValueError(
                f"A file of the UCR archive ends in {' or '.join(SUFFIXES)}. "
                f"Received: {self.path}"
            )
        self._header_lines = 0
        self._length = None  # that every series must have; None where free
        self._labels = None  # that the header declares; None where it is silent
        self._equal_length = self.path.suffix == ".tsv"
        if self.path.suffix == ".ts":
            self._read_header()

    def measure(self):
        """Counts, without parsing values, what an array for the file needs.

        Returns:
            A tuple `(samples, length, channels)`, with the longest length.
        """
        samples, length, channels = 0, 0, None
        for _, line in self._data_lines():
            samples += 1
            if self.path.suffix == ".ts":
                values = line.partition(b":")[0].count(b",") + 1
                channels = channels or line.count(b":")
            else:
                values, channels = line.count(b"\t"), 1
            length = max(length, values)
        if not samples:
            raise ValueError(f"{self.path} holds no series.")
        return samples, length, channels

    def __iter__(self):
        parse = self._parse_ts if self.path.suffix == ".ts" else self._parse_tsv
        length, channels = self._length, None
        for number, line in self._data_lines():
            try:
                columns, label = parse(line)
                series = np.stack(columns, axis=1)
                with np.errstate(over="ignore"):  # told apart as an infinity, by line
                    rounded = series.astype("float32")
                if np.isinf(rounded).any():
                    raise ValueError("a value is infinite or too large for float32")
                if fits_float32(series):
                    series = rounded
                label = _canonical_label(label.decode())
                if self._labels is not None and label not in self._labels:
                    raise ValueError(
                        f"the label {label!r} is not one of those in the header: "
                        f"{', '.join(sorted(self._labels))}"
                    )
                if length not in (None, len(series)):
                    raise ValueError(f"{len(series)} values instead of {length}")
                if channels not in (None, len(columns)):
                    raise ValueError(f"{len(columns)} channels instead of {channels}")
            except ValueError as error:
                raise self._error(number, error) from None
            channels = len(columns)
            if self._equal_length:
                length = len(series)
            yield series, label

    def _data_lines(self):
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                line = line.rstrip(b"\r\n")
                if number > self._header_lines and line.strip():
                    yield number, line

    def _parse_tsv(self, line):
        label, *values = line.split(b"\t")
        if not values:
            raise ValueError("there are no values after the label")
        return [_parse_values(values)], label

    def _parse_ts(self, line):
        *channels, label = line.split(b":")
        if not channels:
            raise ValueError("there are no values before the label")
        columns = [
            _parse_values(values.replace(b"?", b"nan").split(b","))
            for values in channels
        ]
        lengths = {len(column) for column in columns}
        if len(lengths) > 1:
            raise ValueError(f"its channels have different lengths: {sorted(lengths)}")
        return columns, label

    def _read_header(self):
        header = {}
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                line = line.decode("utf-8-sig", errors="replace").strip()
                if line.startswith("@"):
                    key, *words = line[1:].split() or [""]
                    header[key.lower()] = number, words
                    if key.lower() == "data":
                        break
                elif line and not line.startswith("#"):
                    raise self._error(number, "expected a header line, or @data first")
            else:
                raise ValueError(f"{self.path}: there is no line @data.")
        self._header_lines = number

        def is_true(key):
            _, words = header.get(key, (0, []))
            return bool(words) and words[0].lower() == "true"

        if is_true("timestamps"):
            number = header["timestamps"][0]
            raise self._error(number, "series with time stamps are not supported")
        if not is_true("classlabel"):
            number = header.get("classlabel", header["data"])[0]
            raise self._error(number, "only files with '@classLabel true' have classes")
        labels = header["classlabel"][1][1:]
        self._labels = {_canonical_label(label) for label in labels} or None
        self._equal_length = is_true("equallength")
        if self._equal_length and "serieslength" in header:
            number, words = header["serieslength"]
            if len(words) != 1 or not re.fullmatch("[0-9]{1,15}", words[0]):
                raise self._error(number, "@seriesLength must be an integer")
            self._length = int(words[0])

    def _error(self, number, reason):
        return ValueError(f"{self.path}, line {number}: {reason}.")


def label_value(label):
    """The exact value of a label that is a plain decimal number, else `None`."""
    return decimal.Decimal(label) if NUMBER.fullmatch(label) else None


def _canonical_label(text):
    text = text.strip()
    if not text:
        raise ValueError("the label is missing")
    value = label_value(text)
    if value is None:
        return text
    digits = f"{value:f}"
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    return "0" if digits in ("-0", "0") else digits.removeprefix("+")


def _parse_values(texts):
    # Python's own spelling of numbers, which no program writes into such files.
    if any(b"_" in text for text in texts):
        raise ValueError("a value holds an underscore")
    return np.array(texts, dtype="float64")
