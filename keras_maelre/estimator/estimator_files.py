"""A fitted estimator on disk and in bytes.

A folder holds `estimator.json`, the parameters and classes, and beside it the preset of
the classifier in a folder of its own, whose name the file gives, and there, if further
features join those of the encoder, what they are made by. All are written anew and the
file is then renamed into place, in one step.
"""

import json
import os
import pathlib
import re
import shutil
import tempfile
import uuid

import keras
import numpy as np

from keras_maelre.estimator.extra_features_file import load_joined, save_joined
from keras_maelre.models import MaelreClassifier
from keras_maelre.version import __version__

FILE = "estimator.json"
PRESET = re.compile(r"preset_[0-9a-f]{32}")
SIMPLE = (str, bool, int, float, type(None))
# The file of extra features in a preset's folder; in the other one, what stands for a
# transformer.
JOINED, OBJECT = "joined_head.skops", "joined_head"


def save(estimator, path):
    """Writes a fitted estimator, in place of whatever estimator the folder holds."""
    folder = pathlib.Path(path)
    preset = f"preset_{uuid.uuid4().hex}"
    names = getattr(estimator, "feature_names_in_", None)
    text = json.dumps(
        {
            "version": __version__,
            "parameters": {
                name: _encoded_parameter(name, value)
                for name, value in estimator.get_params(deep=False).items()
            },
            "classes": _encoded(estimator.classes_.tolist(), "classes_"),
            "dtype": estimator.classes_.dtype.str,
            "n_features_in": getattr(estimator, "n_features_in_", None),
            "feature_names_in": None if names is None else names.tolist(),
            "history": _encoded(estimator.history_, "history_"),
            "preset": preset,
            "joined": estimator.joined_head_ is not None,
        },
        indent=2,
    )
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f"{preset}.json"
    try:
        estimator._classifier.save_to_preset(folder / preset)
        save_joined(estimator, folder / preset / JOINED)
        beside.write_text(text + "\n", encoding="utf-8")
        os.replace(beside, folder / FILE)
    except BaseException:
        shutil.rmtree(folder / preset, ignore_errors=True)
        beside.unlink(missing_ok=True)
        raise
    for other in folder.iterdir():
        if PRESET.fullmatch(other.name) and other.name != preset:
            shutil.rmtree(other)


def load(cls, path, trusted=()):
    """Returns the estimator that `save` wrote, as an instance of a class."""
    if isinstance(trusted, str):
        raise TypeError(
            "Argument `trusted` must be a sequence of names of types. Received: "
            f"trusted={trusted!r}"
        )
    folder = pathlib.Path(path)
    file = folder / FILE
    if not file.is_file():
        raise ValueError(
            "Argument `path` must be a folder that `MaelreEstimator.save` wrote, with "
            f"the file {FILE!r}. Received: path={str(path)!r}"
        )
    try:
        saved = json.loads(file.read_text(encoding="utf-8"))
        estimator = cls(
            **{name: _decoded(v) for name, v in saved["parameters"].items()}
        )
        estimator.classes_ = np.array(_decoded(saved["classes"]), saved["dtype"])
        estimator.history_ = _decoded(saved["history"])
        if saved["n_features_in"] is not None:
            estimator.n_features_in_ = int(saved["n_features_in"])
        if saved["feature_names_in"] is not None:
            estimator.feature_names_in_ = np.array(saved["feature_names_in"], object)
        if not PRESET.fullmatch(saved["preset"]):
            raise ValueError(f"{saved['preset']!r} is not the name of a preset")
        preset = folder / saved["preset"]
        of_objects = saved["parameters"].get("extra_features") == [OBJECT, None]
        joined = saved.get("joined", False)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"The file {str(file)!r} does not describe an estimator: {error}"
        ) from error
    estimator._classifier = MaelreClassifier.from_preset(preset)
    estimator.joined_head_ = estimator.comparison_ = None
    if joined or of_objects:
        extra, estimator.joined_head_ = load_joined(preset / JOINED, trusted)
        if of_objects:
            estimator.extra_features = extra
    if estimator._classifier.num_classes != len(estimator.classes_):
        raise ValueError(
            f"The file {str(file)!r} names {len(estimator.classes_)} classes, and its "
            f"classifier has {estimator._classifier.num_classes}."
        )
    return estimator


def to_bytes(classifier):
    """Returns a classifier as a dictionary from the names of files to their bytes."""
    with tempfile.TemporaryDirectory() as folder:
        classifier.save_to_preset(folder)
        return {path.name: path.read_bytes() for path in pathlib.Path(folder).iterdir()}


def from_bytes(files):
    """Returns the classifier that `to_bytes` was given."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (pathlib.Path(folder) / pathlib.Path(name).name).write_bytes(content)
        return MaelreClassifier.from_preset(folder)


def _encoded_parameter(name, value):
    if name == "extra_features" and not isinstance(value, (str, type(None))):
        return [OBJECT, None]
    return _encoded(value, name)


def _encoded(value, name):
    """Returns a value as JSON has it; what JSON lacks becomes a list with a tag."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, SIMPLE):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (list, tuple)):
        tag = "list" if isinstance(value, list) else "tuple"
        return [tag, [_encoded(part, name) for part in value]]
    if isinstance(value, dict):
        # Keys of JSON are strings, labels need not be.
        pairs = [[_encoded(k, name), _encoded(v, name)] for k, v in value.items()]
        return ["dict", pairs]
    if keras.saving.get_registered_name(type(value)) != type(value).__name__ or (
        isinstance(value, keras.layers.Layer)
    ):
        return ["keras", keras.saving.serialize_keras_object(value)]
    raise TypeError(
        f"Parameter `{name}` cannot be saved: it holds a {type(value).__name__}. "
        "Save the classifier alone, by `classifier_.save_to_preset`, or pickle the "
        "estimator."
    )


def _decoded(value):
    if isinstance(value, SIMPLE):
        return value
    tag, content = value
    if tag == "list":
        return [_decoded(part) for part in content]
    if tag == "tuple":
        return tuple(_decoded(part) for part in content)
    if tag == "dict":
        return {_decoded(key): _decoded(part) for key, part in content}
    if tag == OBJECT:
        return None
    if tag == "keras":
        return keras.saving.deserialize_keras_object(content)
    raise ValueError(f"{tag!r} is not a kind of value")
