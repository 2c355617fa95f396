"""The formats that a classifier can be exported to, and what each of them takes."""

import dataclasses
import importlib.util

import keras

from keras_maelre.checks import check_choice

INSTALL = 'pip install "keras_maelre[export]"'


@dataclasses.dataclass(frozen=True)
class Format:
    """One format.

    Args:
        suffix: String, how the name of its file ends; `""` for a folder.
        backends: Dictionary from the backends that can write it, the better first, to
            the packages that each needs beside itself.
        runtime: String, the package that runs it.
        distribution: String, the name that `runtime` is installed by.
    """

    suffix: str
    backends: dict
    runtime: str
    distribution: str


FORMATS = {
    "onnx": Format(
        ".onnx",
        {"tensorflow": ("tf2onnx",), "torch": ("onnx", "onnxscript")},
        "onnxruntime",
        "onnxruntime",
    ),
    "saved_model": Format("", {"tensorflow": ()}, "tensorflow", "tensorflow"),
    "litert": Format(".tflite", {"tensorflow": ()}, "ai_edge_litert", "ai-edge-litert"),
    "openvino": Format(
        ".xml",
        {"tensorflow": ("openvino",), "torch": ("openvino",)},
        "openvino",
        "openvino",
    ),
    "torch": Format(".pt2", {"torch": ()}, "torch", "torch"),
}


def choose_backend(name):
    """Returns the backend that is to write a format: the present one if it can.

    Args:
        name: String, one of `FORMATS`.

    Raises:
        ValueError: If the format is unknown.
        ImportError: If what writes it is not installed.
    """
    backends = FORMATS[check_choice("format", name, FORMATS)].backends
    present = keras.backend.backend()
    order = sorted(backends, key=lambda backend: backend != present)
    missing = {
        backend: [
            package
            for package in (backend, *backends[backend])
            if not is_installed(package)
        ]
        for backend in order
    }
    for backend in order:
        if not missing[backend]:
            return backend
    wanted = " or ".join(" and ".join(missing[backend]) for backend in order)
    raise ImportError(f"format={name!r} needs {wanted}: {INSTALL}")


def is_installed(package):
    return importlib.util.find_spec(package) is not None
