"""Saved presets, as a command line names them."""

import pathlib

CONFIG_FILE = "config.json"


def preset_folder(path):
    """Returns the folder of a saved preset.

    Args:
        path: String, that folder, or the output of a training, which holds it.

    Raises:
        ValueError: If neither holds a preset.
    """
    for folder in (pathlib.Path(path), pathlib.Path(path) / "preset"):
        if (folder / CONFIG_FILE).is_file():
            return folder
    raise ValueError(
        f"{path} is not a saved preset: there is no {CONFIG_FILE} in it, nor in a "
        "folder `preset` in it"
    )


def load_classifier(path):
    """Returns the classifier of a saved preset that takes raw samples."""
    folder = preset_folder(path)
    import keras_maelre

    classifier = keras_maelre.MaelreClassifier.from_preset(folder)
    if classifier.preprocessor is None:
        raise ValueError(
            f"The preset {folder} was saved without a preprocessor: it takes no files"
        )
    return classifier
