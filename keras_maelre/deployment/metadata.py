"""What an exported file tells about itself."""

import json
import pathlib

import keras

from keras_maelre.version import __version__

METADATA_FILE = "metadata.json"
# Where a format has no place for it that its own tools read and write.
BESIDE = ("litert",)
INSIDE_FOLDER = ("saved_model",)


def describe(classifier, taken, batch, length, license):
    """Returns the facts that a user of the file needs, as a dictionary for JSON.

    Args:
        classifier: A `MaelreClassifier`.
        taken: The `FileInput`.
        batch: Integer or `None`.
        length: Integer or `None`.
        license: String or `None`.
    """
    first = taken.shape[0] if taken.shortest is None else length
    preprocessor = classifier.preprocessor
    config = None
    if preprocessor is not None:
        config = {"class": type(preprocessor).__name__, **preprocessor.get_config()}
    return {
        "software": f"keras_maelre {__version__} (Apache-2.0), keras {keras.version()}",
        "modality": classifier.modality.name,
        "input": {
            "name": taken.name,
            "dtype": taken.dtype,
            "shape": [batch, first, *taken.shape[1:]],
            "largest": list(taken.shape),
            "meaning": taken.meaning,
        },
        "output": {
            "name": "probabilities",
            "meaning": ("sigmoid" if classifier.multi_label else "softmax")
            + " of the logits divided by the temperature (classes)",
        },
        "class_names": classifier.class_names,
        "multi_label": classifier.multi_label,
        "thresholds": classifier.thresholds,
        "temperature": classifier.temperature,
        "preprocessor": config,
        "license": license,
    }


def as_strings(metadata):
    """The same with every value as a string: text as it is, the rest as JSON."""
    return {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in metadata.items()
    }


def write_beside(path, format, metadata):
    """Writes `metadata.json` into a folder, or a JSON file beside a file."""
    text = json.dumps(metadata, indent=2) + "\n"
    path = pathlib.Path(path)
    if format in INSIDE_FOLDER:
        (path / METADATA_FILE).write_text(text, encoding="utf-8")
    elif format in BESIDE:
        path.with_name(f"{path.name}.json").write_text(text, encoding="utf-8")
