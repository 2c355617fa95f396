"""Damaged sound files are told from whole ones."""

import numpy as np
import pytest

from keras_maelre.datasets import check_sound

soundfile = pytest.importorskip("soundfile", reason="the extra [audio]")


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_a_whole_file_passes(suffix, tmp_path):
    path = tmp_path / f"sound.{suffix}"
    soundfile.write(path, np.sin(np.arange(2000) / 10), 16000)
    check_sound(path)


@pytest.mark.parametrize(
    "content, message",
    [(None, "missing"), (b"", "damaged"), (b"RIFF....WAVE", "damaged")],
)
def test_a_bad_file_is_named(content, message, tmp_path):
    path = tmp_path / "sound.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=f"sound.wav: {message}"):
        check_sound(path)


def test_a_file_without_samples_is_named(tmp_path):
    path = tmp_path / "empty.wav"
    soundfile.write(path, np.zeros(0), 16000)
    with pytest.raises(ValueError, match="empty.wav: holds no samples"):
        check_sound(path)


def test_a_file_that_was_cut_off_is_named(tmp_path):
    path = tmp_path / "sound.wav"
    soundfile.write(path, np.sin(np.arange(2000) / 10), 16000)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="sound.wav: cut off"):
        check_sound(path)
