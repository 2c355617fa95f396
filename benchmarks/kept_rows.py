"""Rows of a table, kept on disk as they are measured."""

import json


def read_rows(path):
    """The rows that were measured before, or none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def write_rows(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=1) + "\n")
