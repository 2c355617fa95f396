import sys

import numpy as np
import pytest

from keras_maelre.datasets import read_vggsound

soundfile = pytest.importorskip("soundfile", reason="needs the extra [audio]")
ROWS = [
    ("---g-f_I2yQ", 1, "people marching", "test"),
    ("--0PQM4-hqg", 30, "waterfall, burbling", "train"),
    ("-_x", 123, "people marching", "train"),
    ("abc", 0, "zebra", "train"),
]
FILES = ["a/---g-f_I2yQ_000001.wav", "b/c/--0PQM4-hqg_000030.flac"]
FILES += ["-_x_000123.ogg", "abc_000000.wav"]


def write(folder, rows=ROWS, files=FILES, text=None):
    lines = [
        f'{video},{start},"{label}",{split}'
        if "," in label
        else f"{video},{start},{label},{split}"
        for video, start, label, split in rows
    ]
    table = folder / "vggsound.csv"
    table.write_text("\n".join(lines) + "\n" if text is None else text)
    for name in files:
        path = folder / "clips" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.zeros(1000), 16000)
    (folder / "clips").mkdir(exist_ok=True)
    return table, folder / "clips"


def test_reads_splits_labels_and_paths(tmp_path):
    table, clips = write(tmp_path)
    data = read_vggsound(table, str(clips))
    assert data.class_names == ("people marching", "waterfall, burbling", "zebra")
    assert data.x_test == [str(clips / FILES[0])] and data.y_test.tolist() == [0]
    assert data.x_train == [str(clips / name) for name in FILES[1:]]
    assert data.y_train.tolist() == [1, 0, 2]
    assert not data.skipped and not data.simulated


def test_missing_and_damaged_clips_are_refused_or_skipped(tmp_path):
    table, clips = write(tmp_path, files=FILES[:3])
    (clips / FILES[1]).write_bytes(b"no sound")
    with pytest.raises(FileNotFoundError, match=r"2 of the 4.*hqg_000030\.flac: dam"):
        read_vggsound(table, clips)
    data = read_vggsound(table, clips, missing="skip")
    assert data.x_train == [str(clips / FILES[2])] and len(data.x_test) == 1
    assert len(data.class_names) == 3
    assert len(data.skipped) == 2 and "2 files were skipped" in data.describe()
    assert "--0PQM4-hqg_000030.flac: damaged" in data.skipped[0]
    assert "abc_000000" in data.skipped[1] and "missing" in data.skipped[1]


def test_clips_that_are_only_damaged_are_a_value_error(tmp_path):
    table, clips = write(tmp_path)
    soundfile.write(clips / FILES[0], np.zeros(0), 16000)
    with pytest.raises(ValueError, match="1 of the 4.*I2yQ.*holds no samples"):
        read_vggsound(table, clips)


def test_split_without_clips_is_refused(tmp_path):
    table, clips = write(tmp_path, files=FILES[1:])
    with pytest.raises(ValueError, match="no clip of the test split"):
        read_vggsound(table, clips, missing="skip")


def test_no_clip_at_all_is_refused(tmp_path):
    table, clips = write(tmp_path, files=())
    with pytest.raises(FileNotFoundError, match="4 of the 4"):
        read_vggsound(table, clips, missing="skip")


def test_two_files_of_a_clip_are_refused(tmp_path):
    table, clips = write(tmp_path, files=[*FILES, "again/abc_000000.flac"])
    with pytest.raises(ValueError, match=r"same clip.*abc_000000\.wav.*abc_000000"):
        read_vggsound(table, clips)


@pytest.mark.parametrize(
    "text, message",
    [
        ("a,1,dog,train\nb,one,dog,test\n", "line 2 must hold.*'one'"),
        ("a,1,dog,validation\n", "line 1 must hold.*validation"),
        ("a,1,big, dog,train\n", "line 1 must hold"),
        ("a,1,,train\n", "line 1 must hold"),
        ("\n\n", "is empty"),
    ],
)
def test_damaged_tables_are_refused(tmp_path, text, message):
    table, clips = write(tmp_path, text=text)
    with pytest.raises(ValueError, match=message):
        read_vggsound(table, clips)


def test_damaged_text_names_the_table(tmp_path):
    table, clips = write(tmp_path)
    table.write_bytes(b"\xff,1,dog,train\n")
    with pytest.raises(ValueError, match=r"vggsound\.csv is damaged"):
        read_vggsound(table, clips)


def test_missing_table_folder_and_choice_are_named(tmp_path):
    table, clips = write(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no table.*none\.csv"):
        read_vggsound(tmp_path / "none.csv", clips)
    with pytest.raises(FileNotFoundError, match="no folder.*none"):
        read_vggsound(table, tmp_path / "none")
    with pytest.raises(ValueError, match="`missing` must be one of .*'skip'.*'ignore'"):
        read_vggsound(table, clips, missing="ignore")


def test_missing_soundfile_names_the_command(tmp_path, monkeypatch):
    table, clips = write(tmp_path)
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(ImportError, match=r'pip install "keras_maelre\[audio\]"'):
        read_vggsound(table, clips)
