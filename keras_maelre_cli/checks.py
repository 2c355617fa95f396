"""Show versions, and which backends and optional packages are installed."""

import importlib.metadata
import importlib.util
import os
import platform

from keras_maelre_cli.exit_codes import OK, SOME_FAILED
from keras_maelre_cli.progress import to_stderr

EXAMPLE = "  keras-maelre checks"
BACKENDS = ("tensorflow", "jax", "torch")
# What is imported by the name of a package, and the extra that brings it.
EXTRAS = {
    "sklearn": ("scikit-learn", "sklearn"),
    "soundfile": ("soundfile", "audio"),
    "soxr": ("soxr", "audio"),
    "PIL": ("pillow", "image"),
    "tokenizers": ("tokenizers", "text"),
    "keras_hub": ("keras-hub", "text"),
    "pyarrow": ("pyarrow", "data"),
    "matplotlib": ("matplotlib", "examples"),
    "huggingface_hub": ("huggingface_hub", "hub"),
    "onnx": ("onnx", "export"),
    "onnxruntime": ("onnxruntime", "export"),
    "onnxscript": ("onnxscript", "export"),
    "tf2onnx": ("tf2onnx", "export"),
    "ai_edge_litert": ("ai-edge-litert", "export"),
    "openvino": ("openvino", "export"),
    "fastapi": ("fastapi", "serve"),
}


def add_arguments(parser):
    pass


def run(args):
    print(f"python             {platform.python_version()}, {platform.platform()}")
    for name in ("keras-maelre", "keras", "numpy", "h5py"):
        print(f"{name:<17}  {_version(name)}")
    print("backends")
    for name in BACKENDS:
        print(f"  {name:<15}  {_installed(name, name, name)}")
    print("optional packages")
    for module, (package, extra) in EXTRAS.items():
        print(f"  {package:<15}  {_installed(module, package, extra)}")
    chosen = os.environ.get("KERAS_BACKEND")
    print(f"KERAS_BACKEND      {chosen or 'is not set'}")
    try:
        with to_stderr():
            import keras

            import keras_maelre  # noqa: F401
    except ImportError as error:
        print(f"keras_maelre cannot be imported: {error}")
        return SOME_FAILED
    print(f"keras_maelre runs on {keras.backend.backend()}")
    return OK


def _installed(module, package, extra):
    if importlib.util.find_spec(module) is None:
        return f'not installed: pip install "keras_maelre[{extra}]"'
    return _version(package)


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version"
