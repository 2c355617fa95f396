"""Sound files as arrays."""

import pathlib

import numpy as np


def read_sound(path):
    """Reads a sound file and mixes its channels down to one.

    A WAV or OGG file whose end was lost reads as a shorter sound: the formats do not
    tell.

    Args:
        path: String or path of a WAV, FLAC or OGG file, or of another format that
            libsndfile knows.

    Returns:
        A tuple `(wave, rate)`: a float32 array of shape `(samples,)` with values in
        `[-1, 1]`, and the integer sampling rate in Hz.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If soundfile is not installed.
        ValueError: If the file is empty, damaged, or no sound.

    Example:

    ```python
    import soundfile

    soundfile.write("tone.wav", np.sin(np.arange(16000) * 0.1), samplerate=16000)
    wave, rate = keras_maelre.preprocessing.read_sound("tone.wav")
    ```
    """
    soundfile = import_soundfile()
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no sound file {str(path)!r}")
    try:
        channels, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise ValueError(
            f"{str(path)!r} is damaged or no sound file that can be read: {error}"
        ) from error
    if not len(channels):
        raise ValueError(f"The sound file {str(path)!r} holds no samples.")
    wave = channels[:, 0] if channels.shape[1] == 1 else channels.mean(axis=1)
    return np.ascontiguousarray(wave), rate


def import_soundfile():
    """Returns the module soundfile, or says how to install it."""
    try:
        import soundfile
    except ImportError as error:
        raise ImportError(
            'Reading sound files needs soundfile: pip install "keras_maelre[audio]"'
        ) from error
    return soundfile
