"""The model card of a preset: what is known of a model, in words and for a hub."""

import dataclasses
import json
import math
import platform

import keras

from keras_maelre.checks import check_number
from keras_maelre.version import __version__

# By this line a card is known for one that may be replaced.
MARK = "<!-- Written by keras_maelre, which replaces it when the preset is saved. -->"
# The tasks that the Hugging Face Hub has of its own.
PIPELINES = {
    "text": "text-classification",
    "bytes": "text-classification",
    "audio": "audio-classification",
    "image": "image-classification",
}
UNKNOWN = "Not stated."


@dataclasses.dataclass
class ModelCard:
    """What a model cannot tell of itself, for the README.md of its preset.

    `save_to_preset` adds what it reads from the model: modality, shapes, classes,
    weights, what is quantized or adapted, preprocessing, versions. Nothing is guessed:
    what is left out is called "Not stated".

    Args:
        data: String, what the model was trained on.
        scores: Dictionary from the names of splits to dictionaries of scores by name,
            as `{"test": {"accuracy": 0.91}}`.
        recipe: String, or a `keras_maelre.training.Recipe`, of the training.
        limits: String, what the model is not good for.
        license: String, the identifier of the license of the weights, as
            `"apache-2.0"`.
        tags: List of strings.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If a score is not a finite number.

    Example:

    ```python
    from keras_maelre import MaelreClassifier, ModelCard
    from keras_maelre.training import recipe

    classifier = MaelreClassifier.from_preset(
        "tiny_series", class_names=["calm", "storm"]
    )
    card = ModelCard(
        data="900 recordings of waves, one buoy, 2019 to 2021",
        scores={"test": {"accuracy": 0.91}, "validation": {"accuracy": 0.93}},
        recipe=recipe("series"),
        limits="Other buoys were not tried.",
        license="apache-2.0",
    )
    classifier.save_to_preset("waves", card=card)
    ```
    """

    data: str | None = None
    scores: dict = dataclasses.field(default_factory=dict)
    recipe: object = None
    limits: str | None = None
    license: str | None = None
    tags: list = dataclasses.field(default_factory=list)

    def __post_init__(self):
        for name in ("data", "limits", "license"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise TypeError(
                    f"Argument `{name}` must be a string. Received: {name}={value!r}"
                )
        tags = self.tags
        if not isinstance(tags, (list, tuple)) or not all(
            isinstance(tag, str) for tag in tags
        ):
            raise TypeError(
                f"Argument `tags` must be a list of strings. Received: tags={tags!r}"
            )
        fits = isinstance(self.scores, dict) and all(
            isinstance(split, str) and isinstance(scores, dict)
            for split, scores in self.scores.items()
        )
        if not fits:
            raise TypeError(
                "Argument `scores` must be a dictionary from the names of splits to "
                f"dictionaries of scores. Received: scores={self.scores!r}"
            )
        for split, scores in self.scores.items():
            for name, score in scores.items():
                check_number(f"scores[{split!r}][{name!r}]", score, low=-math.inf)


def write_card(model, card, weights_sha256):
    """Returns the text of a model card.

    Args:
        model: A `MaelreBackbone` or a `MaelreClassifier`.
        card: A `ModelCard`, or `None` if nothing is known but what the model tells.
        weights_sha256: String, the hash of the weights that are described.
    """
    card = ModelCard() if card is None else card
    sections = {
        "Model": _list(_facts(model)),
        "Data": card.data,
        "Scores": _scores(card.scores),
        "Recipe": card.recipe if card.recipe is None else _code(str(card.recipe)),
        "Limits": card.limits,
        "Versions": _list(
            {
                "keras_maelre": __version__,
                "Keras": f"{keras.version()} on {keras.backend.backend()}",
                "Python": platform.python_version(),
                "SHA-256 of the weights": f"`{weights_sha256}`",
            }
        ),
    }
    text = "\n\n".join(f"## {name}\n\n{s or UNKNOWN}" for name, s in sections.items())
    use = f'keras_maelre.{type(model).__name__}.from_preset("path")'
    if type(model).__module__.partition(".")[0] != "keras_maelre":
        use = f"{type(model).__name__}.from_preset({'path'!r})"
    return (
        f"{_header(model, card)}\n{MARK}\n\n# {type(model).__name__} for "
        f"{model.modality.name}\n\n{_code(use, 'python')}\n\n{text}\n"
    )


def _header(model, card):
    """The YAML that the Hugging Face Hub reads; strings of JSON are strings of YAML."""
    tags = dict.fromkeys(["keras_maelre", model.modality.name, *card.tags])
    lines = ["---", "library_name: keras"]
    if card.license is not None:
        lines.append(f"license: {json.dumps(card.license)}")
    if model.modality.name in PIPELINES and hasattr(model, "head"):
        lines.append(f"pipeline_tag: {PIPELINES[model.modality.name]}")
    lines += ["tags:", *(f"- {json.dumps(tag)}" for tag in tags), "---"]
    return "\n".join(lines)


def _facts(model):
    backbone = getattr(model, "backbone", model)
    facts = {
        "Modality": model.modality.name,
        "Input": f"{model.signal_shape}"
        + (", any length up to that" if model.modality.variable_length else ""),
        "Weights": f"{model.count_params():,}, {model.dtype_policy.name}",
        "Width and depths": f"{backbone.width}, {backbone.depths}",
        "Attention": ", ".join(backbone.attention_plan),
    }
    if hasattr(model, "head"):
        names = model.class_names
        # A card is read by people: not the names of thousands of labels.
        shown = "" if names is None else f": {', '.join(map(_plain, names[:50]))}"
        more = ", ..." if names is not None and len(names) > 50 else ""
        kind = "labels, any number of a sample" if model.multi_label else "classes"
        facts["Answers"] = f"{model.num_classes} {kind}{shown}{more}"
        preprocessor = model.preprocessor
        facts["Preprocessing"] = (
            "none: inputs of the model"
            if preprocessor is None
            else f"{type(preprocessor).__name__}, saved with the model"
        )
        if model.lora():
            facts["Adapted at low rank"] = f"{len(model.lora())} layers"
    modes = sorted(set(model.quantization().values()))
    if modes:
        count = len(model.quantization())
        facts["Quantized"] = f"{count} layers, {', '.join(modes)}"
    return facts


def _scores(scores):
    rows = [
        f"| {_plain(split)} | {_plain(name)} | {score:.4g} |"
        for split, entries in scores.items()
        for name, score in entries.items()
    ]
    return "\n".join(
        ["| split | score | value |", "|---|---|---|", *rows] if rows else []
    )


def _list(facts):
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())


def _code(text, language=""):
    return f"```{language}\n{text}\n```"


def _plain(name):
    """A name without what Markdown or HTML would take for its own."""
    name = " ".join(str(name).split())
    return "".join(f"&#{ord(c)};" if c in "|<>&*_`[]\\" else c for c in name)
