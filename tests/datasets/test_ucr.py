import numpy as np
import pytest

from keras_maelre.datasets import read_ucr, ucr
from keras_maelre.datasets.ucr_file import UcrFile

HEADER = """\
# A description,
# of two lines
@problemName Toy
@timeStamps false
@missing false
@univariate true
@equalLength true
@seriesLength 3
@classLabel true 1 2 10
@data
"""
LOOSE_HEADER = "@classLabel true 1 2 10\n@data\n"
TRAIN = "0.5,-1e-3,2:10\n1,2,3:2\n"
TEST = "4,5,6:1\n"


def write_ts(folder, train=HEADER + TRAIN, test=HEADER + TEST, name="Toy"):
    (folder / f"{name}_TRAIN.ts").write_text(train)
    (folder / f"{name}_TEST.ts").write_text(test)
    return folder / f"{name}_TRAIN.ts"


def write_tsv(folder, train="1\t0.5\t1.5\n-1\t2\tNaN\n", test="1\t3\t4\n"):
    (folder / "Toy_TRAIN.tsv").write_text(train)
    (folder / "Toy_TEST.tsv").write_text(test)
    return folder / "Toy_TRAIN.tsv"


def test_ts_pair(tmp_path):
    data = read_ucr(write_ts(tmp_path))
    expected = np.array([[0.5, -1e-3, 2], [1, 2, 3]], "float32")
    np.testing.assert_array_equal(data.x_train[..., 0], expected)
    np.testing.assert_array_equal(data.x_test[..., 0], [[4, 5, 6]])
    assert data.class_names == ("1", "2", "10")  # by value, not by spelling
    assert data.y_train.tolist() == [2, 1]
    assert data.y_test.tolist() == [0]
    assert data.name == "Toy"
    assert data.groups_train is None and data.sample_rate is None


def test_tsv_pair_keeps_nan_as_padding(tmp_path):
    data = read_ucr(write_tsv(tmp_path))
    np.testing.assert_array_equal(data.x_train[..., 0], [[0.5, 1.5], [2, np.nan]])
    assert data.class_names == ("-1", "1")
    assert data.y_train.tolist() == [1, 0]


def test_either_file_or_the_folder_leads_to_the_pair(tmp_path):
    train = write_ts(tmp_path)
    arrays = [
        read_ucr(path).x_train
        for path in (train, str(train), tmp_path / "Toy_TEST.ts", tmp_path)
    ]
    for x in arrays[1:]:
        np.testing.assert_array_equal(x, arrays[0])


def test_values_and_labels_survive_a_round_trip(tmp_path):
    rng = np.random.default_rng(0)
    x = (
        rng.normal(size=(20, 7, 3)) * 10.0 ** rng.integers(-20, 20, (20, 1, 1))
    ).astype("float32")
    y = rng.integers(3, size=20)
    names = ["ae gypti", "Culex-p", "b2"]
    lines = [
        ":".join(",".join(map(str, channel)) for channel in sample.T)
        + f":{names[label].replace(' ', '_')}\n"
        for sample, label in zip(x, y, strict=True)
    ]
    header = "@classLabel true Culex-p ae_gypti b2\n@data\n"
    data = read_ucr(write_ts(tmp_path, header + "".join(lines), header + lines[0]))
    np.testing.assert_array_equal(data.x_train, x)
    assert data.class_names == ("Culex-p", "ae_gypti", "b2")
    assert data.y_train.tolist() == [[1, 0, 2][label] for label in y]


def test_short_series_are_padded_to_the_longest_of_both_files(tmp_path):
    data = read_ucr(
        write_ts(
            tmp_path,
            LOOSE_HEADER + "1,2:3,4:1\n5:6:2\n",
            LOOSE_HEADER + "1,2,3:4,5,6:10\n",
        )
    )
    nan = [np.nan, np.nan]
    expected = [[[1, 3], [2, 4], nan], [[5, 6], nan, nan]]
    np.testing.assert_array_equal(data.x_train, expected)
    assert data.x_test.shape == (1, 3, 2)


def test_question_mark_is_a_missing_value(tmp_path):
    data = read_ucr(write_ts(tmp_path, HEADER + "?,2,?:1\n"))
    np.testing.assert_array_equal(data.x_train[0, :, 0], [np.nan, 2, np.nan])


def test_value_missing_in_one_channel_only_is_refused(tmp_path):
    path = write_ts(tmp_path, LOOSE_HEADER + "1,2:3,4:1\n1,?:3,4:1\n")
    with pytest.raises(ValueError, match="Sample 1 of `x_train`.*some of its channels"):
        read_ucr(path)


def test_numeric_labels_are_one_class_however_they_are_written(tmp_path):
    data = read_ucr(write_tsv(tmp_path, "1\t1\n2\t2\n", "1.0000e+00\t3\n2.0\t4\n"))
    assert data.class_names == ("1", "2")
    assert data.y_test.tolist() == [0, 1]


@pytest.mark.parametrize(
    "labels",
    [
        ("10", "1_0"),
        ("10", "1E1"),
        ("1", "01"),
        ("9007199254740992", "9007199254740993"),
        ("0.1", "0.10000000000000000001"),
        ("1", "\u0661"),  # an Arabic digit
    ],
)
def test_labels_that_differ_are_different_classes(tmp_path, labels):
    lines = "".join(f"{label}\t{i}\n" for i, label in enumerate(labels))
    data = read_ucr(write_tsv(tmp_path, lines, lines.replace("\n", "0\n")))
    assert sorted(data.class_names) == sorted(labels)
    assert set(data.y_train) == {0, 1}
    names = [data.class_names[label] for label in data.y_test]
    assert names == list(labels)


@pytest.mark.parametrize(
    ("written", "name"),
    [("2.50", "2.5"), ("-0.0", "0"), ("+3", "3"), ("1e+05", "100000")],
)
def test_numbers_have_one_name(tmp_path, written, name):
    data = read_ucr(write_tsv(tmp_path, f"{written}\t1\na\t2\n", f"{name}\t3\n"))
    assert set(data.class_names) == {name, "a"}


def test_small_changes_on_a_large_offset_are_kept(tmp_path):
    train = "1\t1\t2\n2\t1700000010\t1700000020\n1\t3\t4\n"
    data = read_ucr(write_tsv(tmp_path, train, "1\t3\t5\n"))
    expected = [[1, 2], [1700000010, 1700000020], [3, 4]]
    np.testing.assert_array_equal(data.x_train[..., 0], expected)
    assert data.x_test.dtype == "float32"


def test_labels_are_sorted_by_spelling_unless_all_are_numbers(tmp_path):
    data = read_ucr(write_tsv(tmp_path, "10\t1\n9\t2\n", "b\t3\n"))
    assert data.class_names == ("10", "9", "b")


def test_blank_lines_line_ends_and_a_byte_order_mark_do_no_harm(tmp_path):
    text = "\ufeff" + (HEADER + "\n" + TRAIN + "\n").replace("\n", "\r\n")
    path = write_ts(tmp_path)
    path.write_bytes(text.encode())
    data = read_ucr(path)
    assert data.x_train.shape == (2, 3, 1)
    assert data.class_names == ("1", "2", "10")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1,2:1", "2 values instead of 3"),
        ("1,2,3,4:1", "4 values instead of 3"),
        ("1,x,3:1", "'x'"),
        ("1,,3:1", "could not convert"),
        ("1,2,:1", "could not convert"),
        ("1,2?,3:1", "could not convert"),
        ("1,2_0,3:1", "underscore"),
        ("1,inf,3:1", "infinite"),
        ("1,1e39,3:1", "infinite"),
        ("1,2,3:7", "label '7' is not one of those in the header: 1, 10, 2"),
        ("1,2,3:", "label is missing"),
        ("1,2,3", "no values before the label"),
        ("1,2,3:4,5,6:1", "2 channels instead of 1"),
        ("1,2,3:4,5:1", "different lengths"),
    ],
)
@pytest.mark.parametrize("split", ["TRAIN", "TEST"])
def test_damaged_ts_line_names_file_and_line(tmp_path, split, line, reason):
    write_ts(tmp_path, **{split.lower(): HEADER + "1,2,3:1\n" + line + "\n"})
    number = HEADER.count("\n") + 2
    with pytest.raises(ValueError, match=rf"Toy_{split}.ts, line {number}: .*{reason}"):
        read_ucr(tmp_path)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1\t2", "1 values instead of 2"),
        ("1\t2\tx", "'x'"),
        ("\t2\t3", "label is missing"),
        ("1 2 3", "no values"),
    ],
)
def test_damaged_tsv_line_names_file_and_line(tmp_path, line, reason):
    path = write_tsv(tmp_path, train=f"1\t2\t3\n\n{line}\n")
    with pytest.raises(ValueError, match=f"Toy_TRAIN.tsv, line 3: .*{reason}"):
        read_ucr(path)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("@timeStamps false", "@timeStamps true", "line 4: .*time stamps"),
        ("@classLabel true 1 2 10", "@classLabel false", "line 9: .*classLabel"),
        ("@classLabel true 1 2 10\n", "", "classLabel"),
        ("@seriesLength 3", "@seriesLength three", "line 8: .*seriesLength"),
        ("@data\n", "", "line 10: expected a header line, or @data"),
        ("@data\n" + TRAIN, "", "no line @data"),
        (TRAIN, "", "holds no series"),
    ],
)
def test_damaged_header_is_refused(tmp_path, old, new, reason):
    assert old in HEADER + TRAIN
    path = write_ts(tmp_path, (HEADER + TRAIN).replace(old, new))
    with pytest.raises(ValueError, match=f"Toy_TRAIN.ts.*{reason}"):
        read_ucr(path)


def test_header_line_without_a_word_is_passed_over(tmp_path):
    path = write_ts(tmp_path, HEADER.replace("@missing false", "@") + TRAIN)
    assert read_ucr(path).class_names == ("1", "2", "10")


def test_equal_length_holds_without_a_declared_length(tmp_path):
    header = HEADER.replace("@seriesLength 3\n", "")
    path = write_ts(tmp_path, header + "1,2,3:1\n1,2:1\n")
    with pytest.raises(ValueError, match="line 11: 2 values instead of 3"):
        read_ucr(path)


def test_channels_of_both_files_must_agree(tmp_path):
    path = write_ts(tmp_path, test=LOOSE_HEADER + "1,2,3:4,5,6:1\n")
    with pytest.raises(ValueError, match="channels.*1 and 2"):
        read_ucr(path)


def test_folder_must_hold_one_pair(tmp_path):
    with pytest.raises(ValueError, match="one pair.*none"):
        read_ucr(tmp_path)
    write_ts(tmp_path)
    write_ts(tmp_path, name="Other")
    with pytest.raises(ValueError, match=r"Other_TRAIN.ts, Toy_TRAIN.ts"):
        read_ucr(tmp_path)


def test_missing_half_of_a_pair_is_named(tmp_path):
    path = write_ts(tmp_path)
    (tmp_path / "Toy_TEST.ts").unlink()
    with pytest.raises(FileNotFoundError, match="Toy_TEST.ts"):
        read_ucr(path)


@pytest.mark.parametrize("name", ["Toy.ts", "Toy_VALID.ts", "Toy_TRAIN.csv"])
def test_other_names_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match=f"NAME_TRAIN or NAME_TEST.*{name}"):
        read_ucr(tmp_path / name)


def test_progress_is_shown_for_large_files_only(tmp_path, monkeypatch, capsys):
    path = write_ts(tmp_path)
    read_ucr(path)
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(ucr, "PROGRESS_SIZE", 10)
    read_ucr(path)
    shown = capsys.readouterr().out
    assert "Toy_TRAIN.ts" in shown and "2/2" in shown


def test_file_is_read_a_line_at_a_time(tmp_path):
    # The damaged last line is reached only after the lines before it came out.
    path = write_ts(tmp_path, HEADER + TRAIN + "broken\n")
    lines = iter(UcrFile(path))
    assert [next(lines)[1], next(lines)[1]] == ["10", "2"]
    with pytest.raises(ValueError, match="line 13"):
        next(lines)


def test_measure_counts_samples_length_and_channels(tmp_path):
    path = write_ts(tmp_path, LOOSE_HEADER + "1,2:3,4:1\n\n1,2,3:4,5,6:2\n")
    assert UcrFile(path).measure() == (2, 3, 2)
    assert UcrFile(write_tsv(tmp_path)).measure() == (2, 2, 1)
