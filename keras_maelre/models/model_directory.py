"""Files of a model as Hugging Face's libraries save it, read with care.

Such a directory may come from somebody else: what is read is bounded and checked, and
nothing in it is run.
"""

import json
import math
import pathlib

import numpy as np

# Larger by half than any tokenizer in use that is known to us.
MOST_BYTES = 64 * 2**20
# No vocabulary in use is larger by much; every id costs a row of a token table.
MOST_TOKENS = 2**20
MOST_VALUES = 2**31
# How libraries name the table that ids are looked up in.
TABLE_NAMES = (
    "word_embeddings.weight",
    "word_embedding.weight",
    "embed_tokens.weight",
    "tok_embeddings.weight",
    "token_embedding.weight",
    "wte.weight",
    "shared.weight",
)


def read_json(path):
    """Returns the object that a JSON file of a bounded size holds.

    Args:
        path: `pathlib.Path`.

    Raises:
        ValueError: If the file is too large, damaged, or holds something else.
    """
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise ValueError(
            f"The file {str(path)!r} has {size:,} bytes, and {MOST_BYTES:,} are the "
            "most that are read."
        )
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{str(path)!r} is not a valid JSON file: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"The file {str(path)!r} does not hold a JSON object.")
    return found


def read_declared(directory):
    """Returns `vocab_size` and `pad_token_id` of `config.json`, `None` for none."""
    path = pathlib.Path(directory) / "config.json"
    if not path.is_file():
        return None, None
    config = read_json(path)
    # Of models of text and something else.
    if isinstance(config.get("text_config"), dict):
        config = {**config["text_config"], **config}
    found = []
    for name in ("vocab_size", "pad_token_id"):
        value = config.get(name)
        if value is not None and (
            type(value) is not int or not 0 <= value <= MOST_TOKENS
        ):
            raise ValueError(
                f"`{name}` in {str(path)!r} must be an integer from 0 to "
                f"{MOST_TOKENS}. Received: {name}={value!r}"
            )
        found.append(value)
    return tuple(found)


def has_tables(directory):
    """Whether something is a directory that holds a `.safetensors` file."""
    directory = pathlib.Path(directory)
    return directory.is_dir() and any(directory.glob("*.safetensors"))


def read_token_table(directory, name=None):
    """Reads the table of token embeddings of a model.

    Args:
        directory: Path of a directory with one or more `.safetensors` files.
        name: Optional string, the name of the table in them. By default the one that
            is named as libraries name it.

    Returns:
        Float32 array of shape `(ids, dim)`.

    Raises:
        ImportError: If the package `safetensors` is not installed.
        ValueError: If a file is damaged, or the table missing, one of several, of
            another kind, or not finite.
    """
    try:
        import safetensors
    except ImportError as error:
        raise ImportError(
            "Reading a token table needs the package safetensors: "
            'pip install "keras_maelre[text]"'
        ) from error
    path = None
    try:
        found = {}
        for path in sorted(pathlib.Path(directory).glob("*.safetensors")):
            with safetensors.safe_open(path, framework="numpy") as file:
                for key in file.keys():
                    part = file.get_slice(key)
                    found[key] = path, tuple(part.get_shape()), part.get_dtype()
        key = _chosen(found, name, directory)
        path, shape, dtype = found[key]
        if len(shape) != 2 or not dtype.startswith(("F", "BF")):
            raise ValueError(
                f"The tensor {key!r} must be a table of floating-point numbers. "
                f"Received: shape {shape}, dtype {dtype}"
            )
        if not 2 <= shape[0] <= MOST_TOKENS or not 1 <= math.prod(shape) <= MOST_VALUES:
            raise ValueError(
                f"The tensor {key!r} must have from 2 to {MOST_TOKENS} rows. "
                f"Received: shape {shape}"
            )
        with safetensors.safe_open(path, framework="numpy") as file:
            table = np.asarray(file.get_tensor(key)).astype("float32")
    except (OSError, TypeError, safetensors.SafetensorError) as error:
        raise ValueError(
            f"The file {str(path)!r} cannot be read as safetensors: {error}"
        ) from error
    if not np.isfinite(table).all():
        raise ValueError(f"The tensor {key!r} holds values that are not finite.")
    return table


def _chosen(found, name, directory):
    """The name of the table among tensors, `{name: (path, shape, dtype)}`."""
    tables = sorted(key for key, (_, shape, _) in found.items() if len(shape) == 2)
    if name is not None:
        if name in found:
            return name
        raise ValueError(
            f"{str(directory)!r} holds no tensor {name!r}. It holds the tables "
            f"{_listed(tables)}"
        )
    known = [
        key for key in tables if any(f".{key}".endswith(f".{n}") for n in TABLE_NAMES)
    ]
    if len(known) == 1:
        return known[0]
    raise ValueError(
        f"{'Several tensors' if known else 'No tensor'} of {str(directory)!r} "
        f"{'are' if known else 'is'} named like a token table: pass "
        "`token_embeddings=(directory, name)`. Received: "
        f"{_listed(known or tables)}"
    )


def _listed(names, most=12):
    shown = ", ".join(repr(name) for name in names[:most]) or "none"
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
