import sys

import numpy as np
import pytest

from keras_maelre.preprocessing import read_sound

soundfile = pytest.importorskip("soundfile", reason="needs the extra [audio]")
TONE = 0.5 * np.sin(np.arange(4000) * 0.1)


@pytest.mark.parametrize(
    "suffix, tolerance", [(".wav", 1e-4), (".flac", 1e-4), (".ogg", 0.05)]
)
@pytest.mark.parametrize("as_path", [str, lambda path: path])
def test_reads_what_was_written(tmp_path, suffix, tolerance, as_path):
    path = tmp_path / f"tone{suffix}"
    soundfile.write(path, TONE, 8000)
    wave, rate = read_sound(as_path(path))
    assert rate == 8000
    assert wave.dtype == "float32" and wave.shape == TONE.shape
    np.testing.assert_allclose(wave, TONE, atol=tolerance)


def test_channels_are_averaged(tmp_path):
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.stack([TONE, np.zeros_like(TONE)], axis=1), 16000)
    wave, _ = read_sound(path)
    assert wave.shape == TONE.shape and wave.flags.c_contiguous
    np.testing.assert_allclose(wave, TONE / 2, atol=1e-4)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no sound file.*none\.wav"):
        read_sound(tmp_path / "none.wav")
    with pytest.raises(FileNotFoundError):
        read_sound(tmp_path)


def test_damaged_files_are_named(tmp_path):
    whole = tmp_path / "whole.flac"
    soundfile.write(whole, TONE, 16000)
    for name, content in {
        "nothing.wav": b"",
        "text.ogg": b"this is no sound" * 100,
        "cut.flac": whole.read_bytes()[:-1000],
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"{name}' is damaged"):
            read_sound(tmp_path / name)


@pytest.mark.parametrize(
    ("format", "endian"),
    [
        ("WAV", "LITTLE"),
        ("WAV", "BIG"),
        ("WAVEX", "LITTLE"),
        ("RF64", "LITTLE"),
        ("AIFF", "BIG"),
    ],
)
def test_a_file_that_was_cut_off_is_named(tmp_path, format, endian):
    path = tmp_path / "tone.wav"
    soundfile.write(path, TONE, 8000, "PCM_16", endian, format)
    assert read_sound(path)[0].shape == TONE.shape
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"tone\.wav' is cut off: \d+ bytes"):
        read_sound(path)


def test_a_wav_of_unknown_length_is_read(tmp_path):
    """As ffmpeg and sox write it into a pipe."""
    path = tmp_path / "piped.wav"
    soundfile.write(path, TONE, 8000)
    content = path.read_bytes()
    for size in (0xFFFFFFFF, 0x7FFFF000):
        length = content.index(b"data") + 4
        unknown = size.to_bytes(4, "little")
        path.write_bytes(content[:length] + unknown + content[length + 4 :])
        assert read_sound(path)[0].shape == TONE.shape


def test_file_without_samples_is_named(tmp_path):
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16000)
    with pytest.raises(ValueError, match=r"empty\.wav' holds no samples"):
        read_sound(tmp_path / "empty.wav")


def test_missing_soundfile_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(ImportError, match=r'pip install "keras_maelre\[audio\]"'):
        read_sound(tmp_path / "any.wav")
