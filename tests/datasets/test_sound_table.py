import numpy as np
import pytest

from keras_maelre.datasets import read_sound_table

soundfile = pytest.importorskip("soundfile", reason="needs the extra [audio]")
ESC_50 = """\
filename,fold,target,category,esc10,src_file,take
1-a.wav,1,0,dog,True,100032,A
1-b.wav,1,14,chirping_birds,False,100038,A
2-a.wav,2,14,chirping_birds,False,100210,A
3-a.wav,3,0,dog,True,100210,B
"""
FILES = ("1-a.wav", "1-b.wav", "2-a.wav", "3-a.wav")


def write(folder, text=ESC_50, audio="audio", files=FILES, table="meta/esc50.csv"):
    for name in files:
        path = folder / audio / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.zeros(1000), 16000)
    path = folder / table
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_reads_esc_50(tmp_path):
    data = read_sound_table(write(tmp_path), test_fold=1)
    audio = (tmp_path / "audio").resolve()
    assert data.class_names == ("chirping_birds", "dog")
    assert data.x_test == [str(audio / name) for name in FILES[:2]]
    assert data.y_test.tolist() == [1, 0]
    assert data.x_train == [str(audio / name) for name in FILES[2:]]
    assert data.y_train.tolist() == [0, 1]
    assert data.groups_train.tolist() == [2, 3]
    assert data.name == "esc50"


def test_highest_fold_is_the_default(tmp_path):
    data = read_sound_table(write(tmp_path))
    assert [path[-7:] for path in data.x_test] == ["3-a.wav"]
    assert data.groups_train.tolist() == [1, 1, 2]


@pytest.mark.parametrize("audio", ["audio", ".", "elsewhere"])
def test_other_column_names_and_folders(tmp_path, audio):
    text = "file,label,class_name,fold\n1-a.wav,7,dog,1\n2-a.wav,8,cat,2\n"
    table = write(tmp_path, text, audio=audio, table="index.csv")
    folder = tmp_path / "elsewhere" if audio == "elsewhere" else None
    data = read_sound_table(table, audio=folder)
    assert data.class_names == ("cat", "dog")
    assert data.y_train.tolist() == [1] and data.y_test.tolist() == [0]
    assert data.x_train[0] == str(tmp_path / audio / "1-a.wav")


def test_labels_alone_are_names(tmp_path):
    table = write(tmp_path, "file,label,fold\n1-a.wav,7,1\n2-a.wav,8,2\n")
    assert read_sound_table(table).class_names == ("7", "8")


def test_missing_and_damaged_files_are_refused_or_skipped(tmp_path):
    table = write(tmp_path, files=FILES[1:])
    (tmp_path / "audio" / FILES[2]).write_bytes(b"")
    with pytest.raises(FileNotFoundError, match=r"2 of the 4.*1-a\.wav: missing"):
        read_sound_table(table)
    data = read_sound_table(table, missing="skip")
    assert len(data.x_train) == 1 and data.groups_train.tolist() == [1]
    assert len(data.skipped) == 2 and "damaged" in data.skipped[1]
    with pytest.raises(ValueError, match="no file of the test split"):
        read_sound_table(table, test_fold=2, missing="skip")


@pytest.mark.parametrize(
    "text, message",
    [
        ("filename,fold\na.wav,1\n", "columns.*Received.*filename"),
        ("", "columns"),
        ("file,label,fold\n", "lists no files"),
        ("file,label,fold\na.wav,dog,first\n", "line 2 must hold.*first"),
        ("file,label,fold\na.wav,dog\n", "line 2 must hold"),
        ("file,label,fold\n,dog,1\n", "line 2 must hold"),
    ],
)
def test_damaged_tables_are_refused(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_sound_table(write(tmp_path, text))


@pytest.mark.parametrize(
    "content", [b"file,label,fold\n\xff.wav,dog,1\n", b"file,label,fold\na\rb,1,2\n"]
)
def test_damaged_text_names_the_table(tmp_path, content):
    table = write(tmp_path)
    table.write_bytes(content)
    with pytest.raises(ValueError, match="esc50.csv"):
        read_sound_table(table)


def test_bad_arguments_are_named(tmp_path):
    table = write(tmp_path)
    with pytest.raises(ValueError, match=r"`test_fold`.*\[1, 2, 3\].*test_fold=9"):
        read_sound_table(table, test_fold=9)
    with pytest.raises(FileNotFoundError, match="no folder.*none"):
        read_sound_table(table, audio=tmp_path / "none")
    with pytest.raises(FileNotFoundError, match=r"no table.*none\.csv"):
        read_sound_table(tmp_path / "none.csv")
    with pytest.raises(ValueError, match="`missing` must be one of .*'raise', 'skip'"):
        read_sound_table(table, missing=None)
    one_fold = write(tmp_path, "file,label,fold\n1-a.wav,dog,1\n", table="one.csv")
    with pytest.raises(ValueError, match="at least two folds"):
        read_sound_table(one_fold)
