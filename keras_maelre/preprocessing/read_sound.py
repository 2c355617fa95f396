"""Sound files as arrays."""

import hashlib
import pathlib

import numpy as np

from keras_maelre.preprocessing.ogg_pages import ogg_fault
from keras_maelre.preprocessing.sound_header import flac_digest, header_fault

# Values that are decoded at once: what a damaged header promises is not allocated.
BLOCK = 2**22
# Bits of a sample in FLAC.
BITS = {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24}


def read_sound(path):
    """Reads a sound file and mixes its channels down to one.

    A WAV, AIFF or FLAC file whose end is missing or whose header contradicts itself is
    an error; so are a FLAC file whose samples are not those that it was made of, and an
    OGG file with a page that is damaged or missing. An MP3 file whose end is missing
    reads as a shorter sound.

    Args:
        path: String or path of a WAV, FLAC or OGG file, or of another format that
            libsndfile knows.

    Returns:
        A tuple `(wave, rate)`: a float32 array of shape `(samples,)` with values in
        `[-1, 1]`, and the integer sampling rate in Hz.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If soundfile is not installed.
        ValueError: If the file is empty, damaged, cut off, or not a sound file.

    Example:

    ```python
    import numpy as np
    import soundfile
    from keras_maelre.preprocessing import read_sound

    soundfile.write("tone.wav", np.sin(np.arange(16000) * 0.1), samplerate=16000)
    wave, rate = read_sound("tone.wav")
    ```
    """
    path = pathlib.Path(path)
    sound_info(path)  # for its checks
    fault = ogg_fault(path)
    if fault:
        raise ValueError(f"The sound file {str(path)!r} is {fault}.")
    soundfile = import_soundfile()
    try:
        with soundfile.SoundFile(path) as file:
            wave = _decode(file, flac_digest(path))
            return wave, file.samplerate
    except (soundfile.SoundFileError, ValueError) as error:
        raise ValueError(
            f"{str(path)!r} is damaged or not a readable sound file: {error}"
        ) from error


def _decode(file, digest):
    """Reads all of an open file, mixed down; a FLAC file must have the digest."""
    size = max(1, BLOCK // file.channels)
    bits, md5 = BITS.get(file.subtype), hashlib.md5(usedforsecurity=False)
    parts = []
    while len(block := file.read(size, dtype="float32", always_2d=True)):
        if digest and bits:
            md5.update(_as_integers(block, bits))
        parts.append(block[:, 0] if file.channels == 1 else block.mean(axis=1))
    if digest and bits and md5.digest() != digest:
        raise ValueError("its samples are not those that it was made of")
    if not parts:
        raise ValueError("it holds no samples")
    return np.concatenate(parts)


def _as_integers(block, bits):
    """The bytes of samples as FLAC counts them: each of `bits` bits, little endian."""
    integers = (block * np.float32(2 ** (bits - 1))).astype("<i4")
    return integers.view("uint8").reshape(-1, 4)[:, : bits // 8].tobytes()


def sound_info(path):
    """Reads the length of a sound file from its header.

    Args:
        path: String or path of a file, as in `read_sound`.

    Returns:
        A tuple of two integers, samples per channel and sampling rate in Hz.

    Raises:
        FileNotFoundError, ImportError, ValueError: As `read_sound`, as far as the
            header tells.
    """
    soundfile = import_soundfile()
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no sound file {str(path)!r}")
    try:
        info = soundfile.info(path)
    except soundfile.SoundFileError as error:
        raise ValueError(
            f"{str(path)!r} is damaged or not a readable sound file: {error}"
        ) from error
    fault = header_fault(path)
    if fault:
        raise ValueError(f"The sound file {str(path)!r} is {fault}.")
    if not info.frames:
        raise ValueError(f"The sound file {str(path)!r} holds no samples.")
    return info.frames, info.samplerate


def import_soundfile():
    """Returns the module soundfile, or says how to install it."""
    try:
        import soundfile
    except ImportError as error:
        raise ImportError(
            'Reading sound files needs soundfile: pip install "keras_maelre[audio]"'
        ) from error
    return soundfile
