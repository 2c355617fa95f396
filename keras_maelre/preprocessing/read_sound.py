"""Sound files as arrays."""

import pathlib

import numpy as np

# What programs write that cannot know the length: ffmpeg 2^32 - 1, sox 2^31 - 2^12.
UNKNOWN_LENGTH = 0x7FFFF000


def read_sound(path):
    """Reads a sound file and mixes its channels down to one.

    A WAV, AIFF or FLAC file whose end is missing is an error. An OGG file whose end is
    missing reads as a shorter sound: the format does not tell its length.

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
    soundfile = import_soundfile()
    try:
        channels, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise ValueError(
            f"{str(path)!r} is damaged or not a readable sound file: {error}"
        ) from error
    wave = channels[:, 0] if channels.shape[1] == 1 else channels.mean(axis=1)
    return np.ascontiguousarray(wave), rate


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
    missing = missing_bytes(path)
    if missing:
        raise ValueError(
            f"The sound file {str(path)!r} is cut off: {missing} bytes of its samples "
            "are missing."
        )
    if not info.frames:
        raise ValueError(f"The sound file {str(path)!r} holds no samples.")
    return info.frames, info.samplerate


def missing_bytes(path):
    """How many bytes of its samples a WAV or AIFF file lacks, by its header.

    libsndfile reads such a file as a shorter sound.

    Args:
        path: Path of a file.

    Returns:
        Integer; 0 for files of other formats and of unknown length.
    """
    path = pathlib.Path(path)
    with open(path, "rb") as file:
        kind = file.read(12)[:4]
        order = "little" if kind in (b"RIFF", b"RF64", b"BW64") else "big"
        if order == "big" and kind not in (b"RIFX", b"FORM"):
            return 0
        long_size = None
        while len(header := file.read(8)) == 8:
            name, size = header[:4], int.from_bytes(header[4:], order)
            if name in (b"data", b"SSND"):
                if long_size is not None and size == 0xFFFFFFFF:
                    size = long_size
                elif size >= UNKNOWN_LENGTH:
                    return 0
                return max(0, size - (path.stat().st_size - file.tell()))
            if name == b"ds64" and kind != b"RIFF":
                # The sizes of a file above 4 GiB: of the whole, then of its samples.
                long_size = int.from_bytes(file.read(16)[8:], order)
                size -= 16
            file.seek(size + size % 2, 1)
    return 0


def import_soundfile():
    """Returns the module soundfile, or says how to install it."""
    try:
        import soundfile
    except ImportError as error:
        raise ImportError(
            'Reading sound files needs soundfile: pip install "keras_maelre[audio]"'
        ) from error
    return soundfile
