import csv
import sys

import numpy as np
import pytest

from keras_maelre.datasets import read_table

ROWS = [
    {"text": "first, with a comma", "label": "b", "split": "train"},
    {"text": 'second "quoted"\nin two lines', "label": "a", "split": "test"},
    {"text": "drittes Grüße 日本", "label": "c", "split": "train"},
    {"text": "fourth", "label": "a", "split": "train"},
]


def write(path, rows=ROWS):
    if path.suffix == ".parquet":
        pyarrow = pytest.importorskip("pyarrow", reason="reads parquet")
        parquet = pytest.importorskip("pyarrow.parquet", reason="reads parquet")
        table = {name: [row[name] for row in rows] for name in rows[0]}
        parquet.write_table(pyarrow.table(table), path)
    else:
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return path


def changed(row, **cells):
    """The rows, with some cells of one of them changed."""
    rows = [dict(row) for row in ROWS]
    rows[row].update(cells)
    return rows


def unsplit(labels):
    return [{"text": f"text {i}", "label": k} for i, k in enumerate(labels)]


both_formats = pytest.mark.parametrize("suffix", [".csv", ".parquet"])


@both_formats
def test_what_the_file_holds(tmp_path, suffix):
    data = read_table(write(tmp_path / f"films{suffix}"))
    assert data.x_train == [ROWS[0]["text"], ROWS[2]["text"], ROWS[3]["text"]]
    assert data.x_test == [ROWS[1]["text"]]
    assert data.class_names == ("a", "b", "c")
    np.testing.assert_array_equal(data.y_train, [1, 2, 0])
    np.testing.assert_array_equal(data.y_test, [0])
    assert data.name == "films" and not data.simulated and not data.multi_label


@both_formats
def test_other_names(tmp_path, suffix):
    part = {"train": "fit", "test": "held out"}
    rows = [
        {"body": row["text"], "kind": row["label"], "part": part[row["split"]]}
        for row in ROWS
    ]
    path = str(write(tmp_path / f"films{suffix}", rows))
    names = {"text": "body", "label": "kind", "split": "part"}
    data = read_table(path, **names, train="fit", test="held out")
    assert data.x_test == [ROWS[1]["text"]] and len(data.x_train) == 3


@both_formats
@pytest.mark.parametrize("numbers", [(10, 9, 2), ("10", "9", "2")])
def test_numbers_are_sorted_by_value(tmp_path, suffix, numbers):
    rows = unsplit(numbers * 3)
    data = read_table(write(tmp_path / f"table{suffix}", rows))
    assert data.class_names == ("2", "9", "10")


@both_formats
def test_several_labels(tmp_path, suffix):
    labels = ["heart lung", "lung", "", " lung  brain heart "]
    rows = [{**row, "label": label} for row, label in zip(ROWS, labels, strict=True)]
    data = read_table(write(tmp_path / f"table{suffix}", rows), multi_label=True)
    assert data.multi_label and data.class_names == ("brain", "heart", "lung")
    np.testing.assert_array_equal(data.y_train, [[0, 1, 1], [0, 0, 0], [1, 1, 1]])
    np.testing.assert_array_equal(data.y_test, [[0, 0, 1]])
    single = read_table(write(tmp_path / f"single{suffix}"))
    assert "heart lung" not in single.class_names


def test_other_separator(tmp_path):
    rows = changed(0, label="left lung|heart")
    data = read_table(
        write(tmp_path / "table.csv", rows), multi_label=True, separator="|"
    )
    assert "left lung" in data.class_names and "heart" in data.class_names
    with pytest.raises(ValueError, match="`separator`"):
        read_table(tmp_path / "table.csv", multi_label=True, separator="")


def test_lists_of_labels(tmp_path):
    rows = [{**row, "label": [row["label"], "every one"]} for row in ROWS]
    data = read_table(write(tmp_path / "table.parquet", rows), multi_label=True)
    assert data.class_names == ("a", "b", "c", "every one")
    np.testing.assert_array_equal(data.y_test, [[1, 0, 0, 1]])


def test_binary_columns_are_decoded(tmp_path):
    rows = [{**row, "label": row["label"].encode()} for row in ROWS]
    data = read_table(write(tmp_path / "table.parquet", rows))
    assert data.class_names == ("a", "b", "c")


def test_a_list_is_not_one_class(tmp_path):
    rows = [{**row, "label": [row["label"]]} for row in ROWS]
    path = write(tmp_path / "table.parquet", rows)
    with pytest.raises(ValueError, match="row 1, column 'label'.*multi_label"):
        read_table(path)


# Drawing test documents.


@both_formats
def test_drawn_by_class(tmp_path, suffix):
    path = write(tmp_path / f"t{suffix}", unsplit(["a"] * 20 + ["b"] * 10 + ["c"] * 2))
    data = read_table(path)
    np.testing.assert_array_equal(np.bincount(data.y_test), [4, 2, 1])
    np.testing.assert_array_equal(np.bincount(data.y_train), [16, 8, 1])
    assert not set(data.x_train) & set(data.x_test)
    assert read_table(path).x_test == data.x_test
    assert read_table(path, seed=1).x_test != data.x_test
    assert len(read_table(path, test_fraction=0.5).x_test) == 16


def test_several_labels_are_drawn_from_all(tmp_path):
    path = write(tmp_path / "t.csv", unsplit(["a b", "b", "c a", "", "b c"] * 4))
    data = read_table(path, multi_label=True, test_fraction=0.25)
    assert data.y_test.shape == (5, 3) and data.y_train.shape == (15, 3)


def test_split_column_can_be_ignored(tmp_path):
    path = write(tmp_path / "t.csv", [dict(row) for row in ROWS * 5])
    assert len(read_table(path).x_test) == 5
    assert len(read_table(path, split=None, test_fraction=0.4).x_test) == 8


@pytest.mark.parametrize("share", [0, 1, -0.2])
def test_wrong_share(tmp_path, share):
    path = write(tmp_path / "t.csv", unsplit("aabb"))
    with pytest.raises(ValueError, match="test_fraction"):
        read_table(path, test_fraction=share)


# Wrong files.


@both_formats
@pytest.mark.parametrize(
    ("argument", "name"), [("text", "body"), ("label", "kind"), ("split", "part")]
)
def test_missing_column(tmp_path, suffix, argument, name):
    path = write(tmp_path / f"t{suffix}")
    with pytest.raises(ValueError, match=f"no column '{name}'.*`{argument}`.*'text'"):
        read_table(path, **{argument: name})


@both_formats
@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"text": ""}, "row 3, column 'text'.*''"),
        ({"text": " \n"}, "row 3, column 'text'"),
        ({"label": ""}, "row 3, column 'label'"),
        ({"split": "validation"}, "row 3, column 'split'.*'train'.*'validation'"),
        ({"split": ""}, "row 3, column 'split'"),
    ],
)
def test_wrong_cells(tmp_path, suffix, cells, message):
    path = write(tmp_path / f"t{suffix}", changed(2, **cells))
    with pytest.raises(ValueError, match=message):
        read_table(path)


@pytest.mark.parametrize("column", ["text", "label", "split"])
def test_missing_cells(tmp_path, column):
    path = write(tmp_path / "t.parquet", changed(2, **{column: None}))
    with pytest.raises(ValueError, match=f"row 3, column '{column}'"):
        read_table(path)


def test_texts_that_are_numbers(tmp_path):
    rows = [{"text": i, "label": i} for i in range(4)]
    with pytest.raises(ValueError, match="row 1, column 'text'.*0"):
        read_table(write(tmp_path / "t.parquet", rows))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no column 'text'"),
        (b"text,label\n", "no rows"),
        (b"text,label\na,b\nc\n", "row 2 has 1 cells instead of 2"),
        (b"text,label\na,b,c\n", "row 1 has 3 cells"),
        (b"text,label\na,b\n\nc,d\n", "row 2 has 0 cells"),
        (b'text,label\n"a,b\n', "damaged"),
        (b"text,label\n\xff,b\n", "damaged.*utf-8"),
        (b"text,text\na,b\n", "two columns of the same name"),
    ],
)
def test_damaged_csv(tmp_path, content, message):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_table(path)


def test_damaged_parquet(tmp_path):
    pytest.importorskip("pyarrow", reason="reads parquet")
    (tmp_path / "t.parquet").write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=r"t\.parquet is damaged"):
        read_table(tmp_path / "t.parquet")


@pytest.mark.parametrize("position", range(0, 1000, 13))
def test_parquet_with_flipped_bytes(tmp_path, position):
    """The table, another one, or an error that names the file; never a raw one."""
    path = write(tmp_path / "t.parquet")
    content = bytearray(path.read_bytes())
    content[position % len(content)] ^= 255
    path.write_bytes(content)
    try:
        read_table(path)
    except ValueError as error:
        assert "t.parquet" in str(error)


def test_byte_order_mark(tmp_path):
    write(tmp_path / "t.csv")
    content = (tmp_path / "t.csv").read_bytes()
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbf" + content)
    assert len(read_table(tmp_path / "t.csv").x_train) == 3


def test_long_documents(tmp_path):
    limit = csv.field_size_limit()
    text = "long " * 100_000
    data = read_table(write(tmp_path / "t.csv", changed(0, text=text)))
    assert data.x_train[0] == text
    assert csv.field_size_limit() == limit


@both_formats
def test_one_side_is_empty(tmp_path, suffix):
    rows = [{**row, "split": "train"} for row in ROWS]
    with pytest.raises(ValueError, match="no test documents"):
        read_table(write(tmp_path / f"t{suffix}", rows))


def test_no_label_anywhere(tmp_path):
    rows = [{**row, "label": ""} for row in ROWS]
    with pytest.raises(ValueError, match="'label'.*no row has a class"):
        read_table(write(tmp_path / "t.csv", rows), multi_label=True)


def test_other_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        read_table(tmp_path / "absent.csv")
    (tmp_path / "t.xlsx").write_bytes(b"")
    with pytest.raises(ValueError, match=r"\.csv or \.parquet.*t\.xlsx"):
        read_table(tmp_path / "t.xlsx")


def test_missing_pyarrow_names_the_command(tmp_path, monkeypatch):
    path = write(tmp_path / "t.parquet")
    for name in list(sys.modules):
        if name.partition(".")[0] == "pyarrow":
            monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match="pip install pyarrow"):
        read_table(path)
