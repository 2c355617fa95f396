"""Show what a saved preset is, without loading it."""

import json

from keras_maelre_cli.exit_codes import OK
from keras_maelre_cli.presets import CONFIG_FILE, preset_folder

EXAMPLE = "  keras-maelre info runs/sounds"
# What a configuration says otherwise, or what no reader looks for.
LEFT_OUT = ("name", "trainable", "dtype", "modality", "input_shape", "quantization")
CLASSES_SHOWN = 20


def add_arguments(parser):
    parser.add_argument("preset", metavar="PRESET", help="folder of a saved preset")
    parser.add_argument("--json", action="store_true", help="print the facts as JSON")


def run(args):
    folder = preset_folder(args.preset)
    facts = read_facts(folder)
    if args.json:
        print(json.dumps(facts, ensure_ascii=False))
        return OK
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name.replace('_', ' '):<{width}}  {_shown(value)}")
    return OK


def read_facts(folder):
    """Returns what the configuration of a preset says, as JSON has it.

    Args:
        folder: Path of a saved preset.

    Raises:
        ValueError: If its configuration is not that of a model.
    """
    file = folder / CONFIG_FILE
    try:
        saved = json.loads(file.read_text(encoding="utf-8"))
        config = saved["config"]
        backbone = config.get("backbone", {"config": config})["config"]
        facts = {
            "preset": str(folder),
            "class": saved["class_name"],
            "modality": _name(backbone["modality"]),
            "input_shape": backbone["input_shape"],
        }
        if "num_classes" in config:
            facts |= {
                "classes": config["class_names"] or config["num_classes"],
                **{
                    name: config[name]
                    for name in ("multi_label", "pooling", "temperature", "thresholds")
                },
                "preprocessor": _described(config["preprocessor"]),
            }
        facts |= {k: v for k, v in backbone.items() if k not in LEFT_OUT}
        quantized = {**backbone["quantization"], **config.get("quantization", {})}
        facts |= {
            "dtype": _name(backbone["dtype"], "name"),
            "quantized_layers": len(quantized),
            "keras_version": saved["keras_version"],
            "bytes": {p.name: p.stat().st_size for p in sorted(folder.iterdir())},
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{file} does not describe a model: {error!r}") from error
    return facts


def _name(node, key=None):
    """The name of a serialized object; of a modality, that of its class."""
    if isinstance(node, str):
        return node
    return node["config"][key] if key else node["class_name"].lower()


def _described(node):
    """A preprocessor as a dictionary of its class and arguments, without long ones."""
    if node is None:
        return None
    arguments = {
        name: value
        for name, value in node["config"].items()
        if len(json.dumps(value)) < 200
    }
    return {"class": node["class_name"], **arguments}


def _shown(value):
    if isinstance(value, dict):
        parts = dict(value)
        begin = parts.pop("class", None)
        inner = ", ".join(f"{name}={_shown(part)}" for name, part in parts.items())
        return f"{begin}({inner})" if begin else inner
    if isinstance(value, list):
        names = all(isinstance(part, str) for part in value)
        if not names or len(value) <= 4:
            return f"({', '.join(map(_shown, value))})"
        shown = ", ".join(value[:CLASSES_SHOWN])
        more = f" and {len(value) - CLASSES_SHOWN} more"
        return f"{len(value)}: " + shown + (more if len(value) > CLASSES_SHOWN else "")
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    return str(value)
