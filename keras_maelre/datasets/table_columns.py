"""The columns of a table, whatever its format."""

import csv
from pathlib import Path

SUFFIXES = (".csv", ".parquet")
# The longest cell of a CSV file; the csv module's own limit is 131,072 characters.
LONGEST_CELL = 2**31 - 1


def read_columns(path):
    """Reads a table: UTF-8 with commas and a row of names, or Parquet.

    Args:
        path: Path of a `.csv` or `.parquet` file.

    Returns:
        Dictionary from the name of each column to the list of its cells: strings, or
        in Parquet whatever it holds.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If pyarrow is missing for a `.parquet` file.
        ValueError: If the file is of another kind or damaged.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}")
    if path.suffix not in SUFFIXES:
        raise ValueError(
            f"`path` must end in {' or '.join(SUFFIXES)}. Received: {path}"
        )
    return _read_csv(path) if path.suffix == ".csv" else _read_parquet(path)


def _read_csv(path):
    """Dictionary from column name to the list of its cells, strings."""
    previous = csv.field_size_limit(LONGEST_CELL)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            names = next(reader, [])
            columns = [[] for _ in names]
            for number, cells in enumerate(reader, start=1):
                if len(cells) != len(names):
                    raise ValueError(
                        f"row {number} has {len(cells)} cells instead of {len(names)}"
                    )
                for column, cell in zip(columns, cells, strict=True):
                    column.append(cell)
    except (ValueError, csv.Error) as error:  # among them text that is not UTF-8
        raise ValueError(f"{path} is damaged: {error}") from error
    finally:
        csv.field_size_limit(previous)
    if len(set(names)) < len(names):
        raise ValueError(f"{path} has two columns of the same name: {names}")
    return dict(zip(names, columns, strict=True))


def _read_parquet(path):
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(f"Reading {path} needs pyarrow: pip install pyarrow") from (
            error
        )
    try:
        table = pyarrow.parquet.read_table(path, page_checksum_verification=True)
        columns = table.to_pydict()
        return {
            name: [_decoded(cell) for cell in cells] for name, cells in columns.items()
        }
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error


def _decoded(cell):
    """Binary columns hold UTF-8 text."""
    if isinstance(cell, list):
        return [_decoded(part) for part in cell]
    return cell.decode() if isinstance(cell, bytes) else cell
