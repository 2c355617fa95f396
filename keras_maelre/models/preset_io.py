"""Building models from presets, saving them as presets."""

import json
import pathlib
import warnings

import h5py
import keras

from keras_maelre.models import presets
from keras_maelre.models.token_embeddings import load_token_embeddings
from keras_maelre.models.transfer import named_weights, transfer_weights

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.weights.h5"
HF_SCHEME = "hf://"
# What a classifier has and a backbone has not.
HEAD_ARGUMENTS = ("num_classes", "preprocessor", "class_names", "multi_label")
REGISTERED_NAMES = (
    "keras_maelre>MaelreBackbone",
    "keras_maelre>MaelreClassifier",
)


class _ClassProperty:
    def __init__(self, function):
        self.function = function

    def __get__(self, instance, owner):
        return self.function(owner)


class PresetIO:
    """`from_preset`, `save_to_preset` and `presets` of the two models."""

    @_ClassProperty
    def presets(cls):
        """Dictionary of the built-in presets: description, parameters, input shape."""
        keys = ("description", "parameters", "input_shape")
        return {
            name: {key: preset[key] for key in keys}
            for name, preset in presets.PRESETS.items()
        }

    @classmethod
    def from_preset(cls, preset, token_embeddings=None, **kwargs):
        """Builds a model from a built-in preset, or loads a saved one.

        A built-in preset is an architecture: its weights are new and must be
        trained. A directory written by `save_to_preset` brings its weights.

        Args:
            preset: String. A name in `presets`, a directory written by
                `save_to_preset` on any backend, or `"hf://user/repository"`, which
                is fetched by huggingface_hub.
            token_embeddings: Optional string, of text models: a RoBERTa preset of
                keras-hub (`"roberta_base_en"`) or a local directory of one. Its
                token table is copied and frozen, as the paper has it, unless
                `trainable_embeddings=True` is passed too. Otherwise a built-in
                preset's table is new and trainable.
            **kwargs: What to change: `num_classes`, `class_names`, `preprocessor` and
                `multi_label` (classifier), `dtype`, `attention`, `merge`,
                `feature_map`, `input_shape` (another length or size: positions are
                resampled), `dropout_rate`, `drop_path_rate`, `remat`, `name`, and the
                other arguments of the constructor. `class_names` alone sets
                `num_classes` too. A saved classifier loaded with other classes gets
                a new head, and a warning says so.

        Returns:
            A model of the class that this is called on. From a saved classifier,
            `MaelreBackbone.from_preset` takes the backbone; from a saved backbone,
            `MaelreClassifier.from_preset` needs `num_classes`.

        Raises:
            ValueError: If the preset is unknown or damaged, or if saved weights do
                not fit what was changed.
            TypeError: If a keyword is unknown.

        Example:

        ```python
        model = keras_maelre.MaelreClassifier.from_preset("base_audio", num_classes=10)
        model.save_to_preset("my_model")
        model = keras_maelre.MaelreClassifier.from_preset("my_model")
        ```
        """
        if not isinstance(preset, (str, pathlib.Path)):
            raise TypeError(
                f"Argument `preset` must be a string. Received: preset={preset!r}"
            )
        if token_embeddings is not None:
            kwargs = {"trainable_embeddings": False, **kwargs}
        _check_keywords(cls, kwargs)
        if kwargs.get("class_names") is not None:
            kwargs = {"num_classes": len(kwargs["class_names"]), **kwargs}
        if str(preset) in presets.PRESETS:
            entry = presets.PRESETS[str(preset)]
            arguments = {"num_classes": entry["num_classes"], **entry["config"]}
            model = cls._from_arguments({**arguments, **kwargs})
        else:
            directory = find_directory(str(preset))
            model = _adapt(cls, load_directory(directory), kwargs)
        if token_embeddings is not None:
            load_token_embeddings(getattr(model, "backbone", model), token_embeddings)
        return model

    def save_to_preset(self, preset_dir):
        """Saves configuration and weights to a directory, to be loaded anywhere.

        Args:
            preset_dir: String or path. The directory is made if it is missing; a
                preset in it is overwritten.

        Example:

        ```python
        classifier.save_to_preset("my_model")
        ```
        """
        preset_dir = pathlib.Path(preset_dir)
        preset_dir.mkdir(parents=True, exist_ok=True)
        config = {
            "keras_version": keras.version(),
            **keras.saving.serialize_keras_object(self),
        }
        # What `compile` was given belongs to a training run, not to the model.
        config.pop("compile_config", None)
        config.pop("build_config", None)
        (preset_dir / CONFIG_FILE).write_text(json.dumps(config, indent=2) + "\n")
        _save_weights_alone(self, preset_dir / WEIGHTS_FILE)


def _save_weights_alone(model, path):
    """Saves the weights of a model without the state of its optimizer."""
    optimizer, model.optimizer = getattr(model, "optimizer", None), None
    try:
        model.save_weights(path)
    finally:
        model.optimizer = optimizer


def _check_keywords(cls, kwargs):
    known = cls._argument_names()
    for name in kwargs:
        if name not in known:
            raise TypeError(
                f"{cls.__name__}.from_preset got an unknown keyword: {name!r}. "
                f"Known are {sorted(known)}."
            )


def find_directory(preset):
    """Returns the local directory of a saved preset."""
    if preset.startswith(HF_SCHEME):
        try:
            import huggingface_hub
        except ImportError as error:
            raise ImportError(
                f"The preset {preset!r} is fetched by huggingface_hub: "
                "pip install huggingface_hub"
            ) from error
        repository = preset[len(HF_SCHEME) :]
        return pathlib.Path(huggingface_hub.snapshot_download(repository))
    directory = pathlib.Path(preset)
    if not directory.is_dir():
        raise ValueError(
            "Argument `preset` must be a built-in preset, a directory written by "
            f"`save_to_preset`, or an {HF_SCHEME} handle. Received: preset={preset!r}. "
            f"Built-in presets: {sorted(presets.PRESETS)}"
        )
    return directory


def load_directory(directory):
    """Loads the model that `save_to_preset` wrote, as it was."""
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        if not (directory / name).is_file():
            raise ValueError(
                f"The preset directory {str(directory)!r} lacks the file {name!r}. "
                f"It holds: {sorted(path.name for path in directory.iterdir())}"
            )
    try:
        config = json.loads((directory / CONFIG_FILE).read_text())
        if config["registered_name"] not in REGISTERED_NAMES:
            raise ValueError(
                f"registered_name is {config['registered_name']!r}, not one of "
                f"{REGISTERED_NAMES}"
            )
        model = keras.saving.deserialize_keras_object(config)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"The file {str(directory / CONFIG_FILE)!r} does not describe a MAELRE "
            f"model: {error}"
        ) from error
    try:
        model.load_weights(directory / WEIGHTS_FILE)
        _check_none_is_left(model, directory / WEIGHTS_FILE)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            f"The weights in {str(directory / WEIGHTS_FILE)!r} are damaged or belong "
            f"to another model: {error}"
        ) from error
    return model


def _check_none_is_left(model, path):
    """Raises a ValueError if a file has weights that the model has no place for.

    Keras reads what the model asks for and ignores the rest.
    """
    stored = []

    def note(name, item):
        if isinstance(item, h5py.Dataset) and "seed_generator" not in name:
            stored.append(name)

    with h5py.File(path) as file:
        file.visititems(note)
    if len(stored) != len(model.weights):
        raise ValueError(
            f"the file holds {len(stored)} weights, the model {len(model.weights)}"
        )


def _adapt(cls, source, kwargs):
    """Gives a loaded model the class and the arguments that were asked for."""
    if not kwargs:
        if isinstance(source, cls):
            return source
        if hasattr(source, "backbone"):
            return source.backbone
    arguments = source._arguments()
    # A model that was loaded to be changed need not keep the name it had.
    arguments.pop("name", None)
    if isinstance(kwargs.get("input_shape"), int):
        kwargs = {**kwargs, "input_shape": (kwargs["input_shape"],)}
    if "num_classes" in cls._argument_names():
        if "num_classes" not in {**arguments, **kwargs}:
            raise ValueError(
                "The preset holds a backbone without a head: argument `num_classes` "
                "is needed."
            )
        if kwargs.get("num_classes", arguments.get("num_classes")) != arguments.get(
            "num_classes"
        ):
            arguments.pop("class_names", None)
        saved = arguments.get("preprocessor")
        if saved is not None and "input_shape" in kwargs:
            config = {**saved.get_config(), "input_shape": kwargs["input_shape"]}
            arguments["preprocessor"] = type(saved).from_config(config)
    else:
        for name in HEAD_ARGUMENTS:
            arguments.pop(name, None)
    target = cls._from_arguments({**arguments, **kwargs})
    source_backbone = getattr(source, "backbone", source)
    target_backbone = getattr(target, "backbone", target)
    report = transfer_weights(source_backbone, target_backbone)
    unused = named_weights(source_backbone).keys() - named_weights(target_backbone)
    misfits = [*report.left, *(f"{name} is not used" for name in sorted(unused))]
    if misfits:
        raise ValueError(
            "The saved weights do not fit what was changed "
            f"({', '.join(sorted(kwargs))}): {'; '.join(misfits)}"
        )
    adapted = [line for line in report.adapted if "position" not in line]
    if adapted:
        raise ValueError(
            "The saved weights do not fit what was changed "
            f"({', '.join(sorted(kwargs))}). `keras_maelre.transfer_weights` can adapt "
            f"them: {'; '.join(adapted)}"
        )
    if hasattr(target, "head"):
        _keep_head(source, target)
    if "trainable" not in kwargs and not source_backbone.trainable:
        target_backbone.trainable = False
    return target


def _keep_head(source, target):
    saved = getattr(source, "num_classes", None)
    if saved == target.num_classes:
        target.head.set_weights(source.head.get_weights())
    else:
        warnings.warn(
            f"The preset has {saved or 'no'} classes and {target.num_classes} were "
            "asked for: the head is new and must be trained.",
            stacklevel=4,
        )
