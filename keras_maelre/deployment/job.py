"""Writing one file and running it, on the backend of the process that does it."""

import dataclasses
import importlib.metadata
import json
import pathlib
import traceback

import keras
import numpy as np

from keras_maelre.deployment.file_input import file_input, probability_model
from keras_maelre.deployment.formats import FORMATS, INSTALL, is_installed
from keras_maelre.deployment.metadata import write_beside
from keras_maelre.deployment.runtimes import open_file
from keras_maelre.deployment.writers import WRITERS
from keras_maelre.models import MaelreClassifier

BATCHES_FILE = "batches.npz"
OUTPUTS_FILE = "outputs.npz"
ANSWER_FILE = "answer.json"


@dataclasses.dataclass(frozen=True)
class Job:
    """What is to be written.

    Args:
        preset: String, the directory of a saved classifier.
        format: String, one of `FORMATS`.
        path: String, the file to write.
        raw_input: Boolean.
        batch: Integer or `None`.
        length: Integer or `None`.
        metadata: Dictionary.
    """

    preset: str
    format: str
    path: str
    raw_input: bool
    batch: int | None
    length: int | None
    metadata: dict


def load(preset):
    """Returns a saved classifier as files hold it: in float32, without chunks."""
    classifier = MaelreClassifier.from_preset(preset)
    changes = {}
    if classifier.dtype_policy.compute_dtype != "float32":
        changes["dtype"] = "float32"
    if classifier.backbone.chunk_size is not None:
        changes["chunk_size"] = None
    if changes:
        classifier = MaelreClassifier.from_preset(preset, **changes)
    return classifier


def write(job):
    """Writes the file of a job."""
    classifier = load(job.preset)
    taken = file_input(classifier, job.raw_input)
    model = probability_model(classifier, taken, job.batch, job.length)
    backend = keras.backend.backend()
    versions = {backend: importlib.metadata.version(backend)}
    for package in FORMATS[job.format].backends[backend]:
        versions[package] = importlib.metadata.version(package)
    metadata = {**job.metadata, "written_with": versions}
    WRITERS[backend](model, taken, job, metadata)
    write_beside(job.path, job.format, metadata)


def run(path, format, batches):
    """Runs an exported file.

    Args:
        path: String.
        format: String, one of `FORMATS`.
        batches: List of arrays.

    Returns:
        Tuple of the probabilities of each batch, or `None` if the runtime is not
        installed, and what ran it or why it was not run.
    """
    runtime, distribution = FORMATS[format].runtime, FORMATS[format].distribution
    if not is_installed(runtime):
        return None, f"{distribution} is not installed: {INSTALL}"
    forward = open_file(path, format)
    outputs = [np.asarray(forward(x)) for x in batches]
    return outputs, f"{distribution} {importlib.metadata.version(distribution)}"


def answer(folder):
    """Does the job that a folder holds, and leaves the answer beside it."""
    folder = pathlib.Path(folder)
    job = Job(**json.loads((folder / "job.json").read_text(encoding="utf-8")))
    found = {"runtime": None, "error": None}
    try:
        write(job)
        with np.load(folder / BATCHES_FILE) as file:
            batches = [file[name] for name in file.files]
        outputs, found["runtime"] = run(job.path, job.format, batches)
        if outputs is not None:
            np.savez(folder / OUTPUTS_FILE, *outputs)
    except Exception as error:  # Whatever a converter raises is told to who asked.
        traceback.print_exc()
        found["error"] = f"{type(error).__name__}: {error}"
    text = json.dumps(found)
    (folder / ANSWER_FILE).write_text(text, encoding="utf-8")
