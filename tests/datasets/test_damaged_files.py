"""Damage of a text file gives other data or an error that names the file.

`tests/safety/test_fuzz_files.py` has the files with checksums.
"""

import functools
import json
import random

import pytest

from keras_maelre.datasets import read_meshup, read_table, read_ucr

HEADER = "@equalLength true\n@seriesLength 3\n@classLabel true 1 2\n@data\n"
TABLE = "text,label,split\n" + "".join(
    f"täxt {i},{i % 2},{'train' if i < 4 else 'test'}\n" for i in range(6)
)
ARTICLES = [{"pmid": str(i), "title": "T", "mesh": {"D": "Heart"}} for i in range(30)]


def write_ts(path):
    path.write_text(HEADER + "1,2,3:1\n2,3,4:2\n")
    test = path.with_name(path.name.replace("TRAIN", "TEST"))
    test.write_text(HEADER + "1,2,5:1\n2,3,6:2\n")


def write_tsv(path):
    path.write_text("1\t2\t3\n2\t3\t4\n")
    test = path.with_name(path.name.replace("TRAIN", "TEST"))
    test.write_text("1\t2\t5\n2\t3\t6\n")


def damaged(content, generator):
    """Cut off, or with one to three bytes replaced."""
    content = bytearray(content)
    if generator.random() < 0.25:
        return content[: generator.randrange(len(content))]
    for _ in range(generator.choice([1, 1, 3])):
        byte = generator.choice([0, 255, *b'0123456789,:"\n\t[]{}-e'])
        content[generator.randrange(len(content))] = byte
    return content


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("name", "write", "read"),
    [
        ("Toy_TRAIN.ts", write_ts, read_ucr),
        ("Toy_TRAIN.tsv", write_tsv, read_ucr),
        ("table.csv", lambda path: path.write_text(TABLE), read_table),
        (
            "corpus.json",
            lambda path: path.write_text(json.dumps({"articles": ARTICLES})),
            functools.partial(read_meshup, min_articles=2),
        ),
    ],
)
def test_damage_is_named(tmp_path, name, write, read):
    path = tmp_path / name
    write(path)
    read(path)
    whole, generator, errors = path.read_bytes(), random.Random(0), 0
    for _ in range(150):
        path.write_bytes(damaged(whole, generator))
        try:
            read(path)
        except ValueError as error:
            assert name in str(error)
            errors += 1
    assert errors > 20
