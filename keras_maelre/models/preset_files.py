"""A preset on disk: `config.json`, `model.weights.h5`, and a `README.md`.

A preset is replaced as a whole. Its weights and then its configuration are renamed into
place, each in one step; in between, the new configuration is there as
`config.json.next`. A configuration holds the hash of its weights, so that whoever loads
at that moment takes the pair that belongs together. The model card comes last, and
names that hash too: nothing is read from it.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import tempfile

import keras

from keras_maelre.checks import check_path
from keras_maelre.models import presets
from keras_maelre.models.hub import HF_SCHEME, fetch
from keras_maelre.models.model_card import MARK, ModelCard, write_card
from keras_maelre.models.preset_checks import (
    MALFORMED,
    check_finite,
    check_known,
    check_stored,
    describe_excess,
)

CONFIG_FILE = "config.json"
NEXT_CONFIG_FILE = "config.json.next"
WEIGHTS_FILE = "model.weights.h5"
CARD_FILE = "README.md"
# What is read of a preset.
FILES = (CONFIG_FILE, NEXT_CONFIG_FILE, WEIGHTS_FILE)
# How often a preset is copied that another process keeps saving.
ATTEMPTS = 20


def find_directory(preset):
    """Returns the local directory of a preset with weights, fetched if need be."""
    if preset in presets.PRETRAINED:
        return presets.FOLDER / preset
    if preset.startswith(HF_SCHEME):
        return fetch(preset, [CONFIG_FILE, WEIGHTS_FILE])
    directory = pathlib.Path(preset)
    if not directory.is_dir():
        raise ValueError(
            "Argument `preset` must be a built-in preset, a directory written by "
            f"`save_to_preset`, or an {HF_SCHEME} handle. Received: preset={preset!r}. "
            f"Built-in presets: {sorted(presets.BUILT_IN)}"
        )
    return directory


def is_built_in(preset):
    """Whether a name means an architecture; raises a ValueError if it means two."""
    if preset not in presets.BUILT_IN:
        return False
    if (pathlib.Path(preset) / CONFIG_FILE).is_file():
        raise ValueError(
            f"{preset!r} is both a built-in preset and a saved one in this directory: "
            f"write './{preset}' for the saved one, or rename it."
        )
    return preset in presets.PRESETS


def save(model, directory, card=None):
    """Writes a model, in place of whatever preset the directory holds."""
    if card is not None and not isinstance(card, ModelCard):
        raise TypeError(
            f"Argument `card` must be a ModelCard or None. Received: card={card!r}"
        )
    directory = check_path("preset_dir", directory)
    if directory.startswith(HF_SCHEME):
        raise ValueError(
            "`save_to_preset` writes to a local directory: "
            "`keras_maelre.push_to_hub` saves to a repository of the hub. "
            f"Received: preset_dir={directory!r}"
        )
    if directory in presets.BUILT_IN:
        raise ValueError(
            f"{directory!r} is the name of a built-in preset, which `from_preset` "
            f"would load in place of this directory: write './{directory}', or choose "
            "another name."
        )
    name = keras.saving.get_registered_name(type(model))
    if keras.saving.get_registered_object(name) is not type(model):
        raise ValueError(
            f"The class {type(model).__name__} could not be loaded again: register it "
            "with `@keras.saving.register_keras_serializable()`."
        )
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    has_other_readme = _has_other_readme(directory)
    if has_other_readme and card is not None:
        raise ValueError(
            f"The file {str(directory / CARD_FILE)!r} is not a model card that "
            "`save_to_preset` wrote, and is not replaced: move it, or leave `card` out."
        )
    with tempfile.TemporaryDirectory(prefix=".saving-", dir=directory) as beside:
        weights = pathlib.Path(beside) / WEIGHTS_FILE
        # The layers alone: an optimizer belongs to a training run, not to the model.
        keras.Model(model.inputs, model.outputs).save_weights(weights)
        config = {
            "keras_version": keras.version(),
            **keras.saving.serialize_keras_object(model),
            "weights_sha256": _hash(weights),
        }
        config.pop("compile_config", None)
        config.pop("build_config", None)
        text = json.dumps(config, indent=2) + "\n"
        written = pathlib.Path(beside) / CONFIG_FILE
        written.write_text(text, encoding="utf-8")
        readme = pathlib.Path(beside) / CARD_FILE
        readme.write_text(
            write_card(model, card, config["weights_sha256"]), encoding="utf-8"
        )
        if _next_config(directory) is not None:
            # An earlier save was stopped before its last step.
            os.replace(directory / NEXT_CONFIG_FILE, directory / CONFIG_FILE)
        os.replace(written, directory / NEXT_CONFIG_FILE)
        os.replace(weights, directory / WEIGHTS_FILE)
        os.replace(directory / NEXT_CONFIG_FILE, directory / CONFIG_FILE)
        if not has_other_readme:
            os.replace(readme, directory / CARD_FILE)


def _has_other_readme(directory):
    """Whether there is a README.md that is no model card of this package."""
    try:
        text = (directory / CARD_FILE).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return MARK not in text


def load(directory, model_class, load_weights=True):
    """Loads the model that `save` wrote, as it was.

    Args:
        directory: Path.
        model_class: The class that the model must be an instance of.
        load_weights: Boolean. Whether the weights are the saved ones, or new.
    """
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        if not (directory / name).is_file():
            raise ValueError(
                f"The preset directory {str(directory)!r} lacks the file {name!r}. "
                f"It holds: {sorted(path.name for path in directory.iterdir())}"
            )
    began = _stamp(directory)
    try:
        model = _load(directory, model_class, load_weights)
        if _stamp(directory) == began:
            return model
    except ValueError:
        if _stamp(directory) == began:
            raise
    # Another process saves meanwhile: what was there at one moment is read instead.
    with tempfile.TemporaryDirectory() as copy:
        _copy(directory, pathlib.Path(copy))
        return _load(pathlib.Path(copy), model_class, load_weights)


def _load(directory, model_class, load_weights):
    config = _read_config(directory)
    model = _build(config, directory, model_class)
    if load_weights:
        _fill(model, config, directory / WEIGHTS_FILE)
    return model


def _copy(directory, target):
    """Copies a preset between two steps of saving."""
    for _ in range(ATTEMPTS):
        stamp = _stamp(directory)
        for name, found in zip(FILES, stamp, strict=True):
            (target / name).unlink(missing_ok=True)
            if found is not None:
                with contextlib.suppress(FileNotFoundError):
                    shutil.copyfile(directory / name, target / name)
        if _stamp(directory) == stamp:
            return
    raise ValueError(
        f"The preset in {str(directory)!r} is saved more often than it can be read."
    )


def _stamp(directory):
    """Another value after every step of saving."""
    stamps = []
    for name in FILES:
        try:
            status = os.stat(directory / name)
            stamps.append((status.st_ino, status.st_mtime_ns, status.st_size))
        except FileNotFoundError:
            stamps.append(None)
    return stamps


def _build(config, directory, model_class):
    """Returns the model of a configuration, its weights new."""
    weights = directory / WEIGHTS_FILE
    try:
        cls = keras.saving.get_registered_object(config["registered_name"])
        if not (isinstance(cls, type) and issubclass(cls, model_class)):
            raise ValueError(
                f"registered_name is {config['registered_name']!r}, which is not the "
                "name of MaelreBackbone, MaelreClassifier, or a registered subclass"
            )
        excess = describe_excess(config["config"], weights.stat().st_size)
        if excess:
            raise _damaged(weights, f"{str(directory / CONFIG_FILE)!r} {excess}")
        return keras.saving.deserialize_keras_object(config)
    except _DamagedWeights:
        raise
    except MALFORMED as error:
        raise ValueError(
            f"The file {str(directory / CONFIG_FILE)!r} does not describe a MAELRE "
            f"model: {error}"
        ) from error


def _fill(model, config, weights):
    """Gives a model the weights that its configuration has the hash of."""
    try:
        if _hash(weights) != config["weights_sha256"]:
            raise ValueError("their hash is not the one that config.json holds")
        check_stored(model, weights)
        model.load_weights(weights)
        check_finite(model)
    except (OSError, RuntimeError, *MALFORMED) as error:
        raise _damaged(weights, error) from error


def read_preprocessor(directory):
    """Returns the preprocessor of a saved classifier."""
    try:
        config = _read_config(directory)["config"]["preprocessor"]
        return keras.saving.deserialize_keras_object(config)
    except (OSError, *MALFORMED) as error:
        raise ValueError(
            f"The directory {str(directory)!r} holds no preprocessor: {error}"
        ) from error


def _read_config(directory):
    """Returns the configuration that belongs to the weights."""
    path = directory / CONFIG_FILE
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError("it is not a JSON object")
        config = _next_config(directory) or config
        check_known(config)
    except (OSError, *MALFORMED) as error:
        raise ValueError(
            f"The file {str(path)!r} does not describe a MAELRE model: {error}"
        ) from error
    return config


def _next_config(directory):
    """Returns the next configuration if the weights are already those it belongs to.

    It is there when saving has stopped, or is, between two of its steps.
    """
    try:
        found = json.loads((directory / NEXT_CONFIG_FILE).read_text(encoding="utf-8"))
        fits = found["weights_sha256"] == _hash(directory / WEIGHTS_FILE)
    except (OSError, *MALFORMED):
        return None
    return found if fits else None


def _hash(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _DamagedWeights(ValueError):
    pass


def _damaged(path, reason):
    return _DamagedWeights(
        f"The weights in {str(path)!r} are damaged or belong to another model: {reason}"
    )
