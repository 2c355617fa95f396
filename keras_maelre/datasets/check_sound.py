"""Telling damaged sound files from whole ones."""

import pathlib

from keras_maelre.datasets.sound_files import sound_fault


def check_sound(path):
    """Raises an error if a file is missing or holds no sound.

    Its header is read, not all of it. For the argument `check` of `read_folder`.

    Needs `pip install "keras_maelre[audio]"`.

    Args:
        path: Path of the file.

    Raises:
        ImportError: If soundfile is not installed.
        ValueError: If the file is missing, damaged, no sound file or without samples.

    Example:

    ```python
    import soundfile

    soundfile.write("dog.wav", np.random.uniform(-0.1, 0.1, 16000), 16000)
    check_sound("dog.wav")
    ```
    """
    fault = sound_fault(pathlib.Path(path))
    if fault is not None:
        raise ValueError(f"{path}: {fault}")
