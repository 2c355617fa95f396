"""A trained classifier as a file of another runtime."""

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import warnings

import keras
import numpy as np

from keras_maelre.checks import check_flag, check_integer, check_path
from keras_maelre.deployment import job as jobs
from keras_maelre.deployment.file_input import file_input
from keras_maelre.deployment.formats import FORMATS, choose_backend
from keras_maelre.deployment.metadata import BESIDE, describe
from keras_maelre.models.check_classifier import check_classifier
from keras_maelre.models.predictions import probabilities

# What float32 may do to a probability; a layer computed in bfloat16 does tens of times
# as much.
TOLERANCE = 1e-4
# Lengths of the samples that a file is compared on, as parts of the longest.
PARTS = (0.6, 0.3, 1.0)


@dataclasses.dataclass(frozen=True)
class ExportResult:
    """What `export` wrote, and how.

    Args:
        path: String, the file or folder.
        format: String.
        route: String, the backend that wrote it, and where.
        input: String, name, dtype and shape of the input.
        dynamic: Tuple of strings: which of `"batch"` and `"length"` are free.
        difference: Float, the largest difference of a probability from Keras' own, or
            `None` if the file was not run.
        runtime: String, what ran the file, or why it was not run.

    Example:

    ```python
    from keras_maelre.deployment import ExportResult

    print(ExportResult("m.onnx", "onnx", "tensorflow", "x", ("batch",), 1e-7, "ORT"))
    ```
    """

    path: str
    format: str
    route: str
    input: str
    dynamic: tuple
    difference: float | None
    runtime: str

    def __str__(self):
        checked = f"not compared with Keras: {self.runtime}"
        if self.difference is not None:
            checked = f"within {self.difference:.1e} of Keras on {self.runtime}"
        return "\n".join(
            (
                f"{self.path} ({self.format})",
                f"  written by  {self.route}",
                f"  input       {self.input}",
                f"  free        {' and '.join(self.dynamic) or 'no dimension'}",
                f"  checked     {checked}",
            )
        )


def export(
    classifier,
    path,
    format="onnx",
    raw_input=True,
    batch=None,
    length=None,
    license=None,
):
    """Writes a classifier as a file that runs without Keras.

    The file turns raw samples into probabilities, after the temperature. Class names,
    preprocessing, thresholds, temperature and versions are in it: in the
    `metadata_props` of ONNX, the `rt_info` of OpenVINO, `metadata.json` within a
    SavedModel or `.pt2`; those of LiteRT lie beside it, in `NAME.tflite.json`. It
    computes in float32, whatever the dtype policy.

    Where the backend of this process cannot write the format, another process on one
    that can does it. Every file is run, on random samples of several lengths, and
    compared with the classifier: one that disagrees is not left behind.

    What the file takes with `raw_input=True`, in batches padded at the end:

    - series: `(batch, length, channels)`, padded with NaN;
    - audio: waves of one channel `(batch, samples)`, padded with NaN; longer ones are
      cut to the length of the model;
    - images: uint8 of the size of the model, `(batch, height, width, 3)`;
    - bytes: their values and 1, `(batch, length)`, padded with 0.

    Reading and scaling image files, resampling and BPE tokenization stay outside.

    Args:
        classifier: A `MaelreClassifier`.
        path: String or path to write: `NAME.onnx`, `NAME.tflite`, `NAME.pt2`,
            `NAME.xml` (OpenVINO, with its weights in `NAME.bin`), or the folder of a
            SavedModel. What is there is replaced.
        format: `"onnx"`, `"saved_model"`, `"litert"`, `"openvino"` or `"torch"`.
        raw_input: Boolean. Whether the file takes raw samples; otherwise it takes
            inputs of the model, as the preprocessor returns them.
        batch: Integer, samples of every batch, or `None` for any number.
        length: Integer, the length of every sample (of sounds with `raw_input` that of
            the wave), or `None` for any up to the longest.
        license: Optional string, the license of the weights, for the metadata.

    Returns:
        An `ExportResult`; printed, it says what was written, how, and how it was
        checked.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If the format is unknown, the path cannot be written or ends in
            another way, `batch` or `length` are impossible, or the preprocessing
            cannot be part of a file.
        ImportError: If what writes the format is not installed.
        RuntimeError: If the file could not be written, or disagrees with Keras.

    Example:

    ```python
    import keras_maelre
    from keras_maelre.preprocessing import SeriesPreprocessor

    classifier = keras_maelre.MaelreClassifier.from_preset(
        "tiny_series",
        width=8,
        depths=(1, 1, 1, 1),
        class_names=["calm", "storm"],
        preprocessor=SeriesPreprocessor((200, 1)),
    )
    result = keras_maelre.export(classifier, "storms.onnx")
    print(result)
    ```
    """
    # === Everything that can be wrong, before anything takes long ===
    check_classifier(classifier)
    path = check_path("path", path)
    backend = choose_backend(format)
    _check_place(path, format)
    taken = file_input(classifier, check_flag("raw_input", raw_input))
    if batch is not None:
        batch = check_integer("batch", batch)
    taken.check_length(length)
    if license is not None and not isinstance(license, str):
        raise TypeError(
            f"Argument `license` must be a string. Received: license={license!r}"
        )
    metadata = describe(classifier, taken, batch, length, license)
    with _folder_beside(path) as folder:
        # === The file ===
        preset = folder / "preset"
        classifier.save_to_preset(preset)
        written = folder / "file" / pathlib.Path(path).name
        written.parent.mkdir()
        job = jobs.Job(
            str(preset), format, str(written), raw_input, batch, length, metadata
        )
        samples, batches = _compared(taken, batch, length)
        present = keras.backend.backend()
        if backend == present:
            route = f"{backend}, in this process"
            outputs, runtime = _do_here(job, [x for x, _ in batches])
        else:
            route = f"{backend}, in a process of its own ({present} trained)"
            outputs, runtime = _do_elsewhere(job, batches, folder, backend)
        # === Its answers ===
        difference = None
        if outputs is None:
            warnings.warn(
                f"{path!r} was written, but not compared with Keras: {runtime}",
                stacklevel=2,
            )
        else:
            expected = _answers(classifier, preset, taken, samples)
            difference = _difference(outputs, batches, expected, format)
        _move(written, path, format)
    shape = [batch, *taken.shape]
    dynamic = ("batch",) if batch is None else ()
    if taken.shortest is not None:
        shape[1] = length
        dynamic += ("length",) if length is None else ()
    shown = ", ".join(
        name if size is None else str(size)
        for name, size in zip(["batch", "length", "", ""], shape, strict=False)
    )
    described = f"{taken.name}, {taken.dtype} of ({shown}): {taken.meaning}"
    return ExportResult(path, format, route, described, dynamic, difference, runtime)


# === The place ===


def _check_place(path, format):
    """Raises a ValueError unless a format can be written to a path."""
    suffix, place = FORMATS[format].suffix, pathlib.Path(path)
    message = f"Received: path={path!r}"
    if suffix and place.suffix != suffix:
        raise ValueError(
            f"Argument `path` must end in {suffix!r} for format={format!r}. {message}"
        )
    if suffix and place.is_dir():
        raise ValueError(f"Argument `path` must be that of a file. {message}")
    if not suffix and place.exists():
        mine = place.is_dir() and (
            (place / "saved_model.pb").is_file() or not any(place.iterdir())
        )
        if not mine:
            raise ValueError(
                "Argument `path` must be that of a new folder, or of a SavedModel to "
                f"replace. {message}"
            )


@contextlib.contextmanager
def _folder_beside(path):
    """A folder for a while, from where files are renamed into place in one step."""
    parent = pathlib.Path(path).absolute().parent
    try:
        folder = tempfile.TemporaryDirectory(prefix=".exporting-", dir=parent)
    except OSError as error:
        raise ValueError(
            "Argument `path` must lie in a folder that can be written to. "
            f"Received: path={path!r} ({error})"
        ) from error
    with folder as name:
        yield pathlib.Path(name)


def _move(written, path, format):
    """Renames a whole file into place, what belongs to it first."""
    path = pathlib.Path(path)
    if format == "openvino":
        os.replace(written.with_suffix(".bin"), path.with_suffix(".bin"))
    if format in BESIDE:
        name = f"{path.name}.json"
        os.replace(written.with_name(name), path.with_name(name))
    if not FORMATS[format].suffix and path.exists():
        # A folder cannot be replaced by another in one step.
        shutil.move(path, written.parent.parent / "former")
    os.replace(written, path)


# === The comparison ===


def _compared(taken, batch, length):
    """Returns samples, and batches of them with the places of their rows."""
    generator = np.random.default_rng(0)
    longest = taken.shape[0] if length is None else length
    count = len(PARTS) if batch is None else batch
    lengths = [longest] * count
    if taken.shortest is not None and taken.padding is not None:
        parts = [PARTS[i % len(PARTS)] for i in range(count)]
        lengths = [max(taken.shortest, int(part * longest)) for part in parts]
    samples = [
        taken.draw(generator, (n, *taken.shape[1:])).astype(taken.dtype)
        for n in lengths
    ]
    rows = list(range(count))
    batches = [(taken.batch(samples, longest), rows)]
    # One sample alone, or all without what padding they share.
    rows = [count // 2] if batch is None else rows
    free = taken.shortest is not None and length is None
    size = max(lengths[i] for i in rows) if free else longest
    if len(rows) < count or size < longest:
        batches.append((taken.batch([samples[i] for i in rows], size), rows))
    return samples, batches


def _answers(classifier, preset, taken, samples):
    """Returns Keras' own probabilities of samples."""
    exact = classifier.dtype_policy.compute_dtype == "float32"
    model = classifier if exact else jobs.load(preset)
    logits = model._forward(taken.prepare(samples))
    return probabilities(logits, model.multi_label, model.temperature)


def _difference(outputs, batches, expected, format):
    """Returns the largest difference, or raises a RuntimeError if it is too large."""
    differences = [
        float(np.max(np.abs(found - expected[rows])))
        for found, (_, rows) in zip(outputs, batches, strict=True)
    ]
    for difference, (x, _) in zip(differences, batches, strict=True):
        # Written so that NaN fails too.
        if not difference <= TOLERANCE:
            raise RuntimeError(
                f"The file of format={format!r} gives other probabilities than Keras: "
                f"they differ by up to {difference:.2g} on a batch of shape {x.shape}, "
                f"where {TOLERANCE:g} is possible. It was not kept."
            )
    return max(differences)


# === The work ===


def _do_here(job, batches):
    on_cpu = contextlib.nullcontext()
    if keras.backend.backend() == "torch":
        on_cpu = keras.device("cpu")  # A program keeps the device it was traced on.
    with on_cpu:
        try:
            jobs.write(job)
            return jobs.run(job.path, job.format, batches)
        except ImportError:
            raise
        except Exception as error:
            raise _failed(job, f"{type(error).__name__}: {error}") from error


def _do_elsewhere(job, batches, folder, backend):
    """Does a job in a fresh process on another backend, on the CPU."""
    text = json.dumps(dataclasses.asdict(job))
    (folder / "job.json").write_text(text, encoding="utf-8")
    np.savez(folder / jobs.BATCHES_FILE, *(x for x, _ in batches))
    package = pathlib.Path(__file__).parents[2]
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "PYTHONPATH": os.pathsep.join(
            [str(package), *filter(None, [os.environ.get("PYTHONPATH")])]
        ),
    }
    done = subprocess.run(
        [sys.executable, "-m", "keras_maelre.deployment", str(folder)],
        env=environment,
        capture_output=True,
        text=True,
    )
    answer = folder / jobs.ANSWER_FILE
    if not answer.is_file():
        last = done.stderr.strip().splitlines()[-1:] or [f"exit {done.returncode}"]
        raise _failed(job, last[0], backend)
    found = json.loads(answer.read_text(encoding="utf-8"))
    if found["error"]:
        raise _failed(job, found["error"], backend)
    outputs = folder / jobs.OUTPUTS_FILE
    if not outputs.is_file():
        return None, found["runtime"]
    with np.load(outputs) as file:
        return [file[name] for name in file.files], found["runtime"]


def _failed(job, reason, backend=None):
    backend = backend or keras.backend.backend()
    return RuntimeError(
        f"The classifier could not be written as format={job.format!r} on {backend}, "
        f"and nothing was left behind: {reason}"
    )
