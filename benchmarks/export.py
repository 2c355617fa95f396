"""Exported files: which there are, how far from Keras they are, how long they take.

    KERAS_BACKEND=tensorflow OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/export.py
    KERAS_BACKEND=torch python benchmarks/export.py --modalities series --formats onnx

For every modality a tiny preset with random weights is exported from raw input to every
format. A row holds the largest difference of a probability from Keras, what is free in
the file, and the CPU time of one raw sample, from its array to its probabilities: in
the runtime, by `predict_raw`, and by a bare forward pass on the backend at the sample's
own length, prepared beforehand. Series and texts have a tenth of the longest.
"""

import argparse
import os
import pathlib
import statistics
import tempfile
import time

import environment
import keras
import numpy as np

import keras_maelre
from keras_maelre import preprocessing
from keras_maelre.deployment.formats import FORMATS
from keras_maelre.deployment.runtimes import open_file

MODALITIES = {
    "series": preprocessing.SeriesPreprocessor,
    "bytes": preprocessing.BytePreprocessor,
    "audio": preprocessing.AudioPreprocessor,
    "image": preprocessing.ImagePreprocessor,
}
WARMUP = 3
REPEATS = 20
PACKAGES = (
    "keras",
    "tensorflow",
    "jax",
    "torch",
    "onnxruntime",
    "ai-edge-litert",
    "openvino",
)


def classifier_of(modality):
    preprocessor = MODALITIES[modality].from_preset(f"tiny_{modality}")
    classifier = keras_maelre.MaelreClassifier.from_preset(
        f"tiny_{modality}", num_classes=10, preprocessor=preprocessor
    )
    generator = np.random.default_rng(0)
    for weight in classifier.weights:
        value = keras.ops.convert_to_numpy(weight)
        weight.assign(value + generator.normal(0, 0.02, value.shape))
    return classifier


def one_sample(modality):
    """A raw sample, and the same as the batch that a file takes."""
    generator = np.random.default_rng(1)
    if modality == "series":
        series = generator.normal(size=(375, 1)).astype("float32")
        return series, series[None]
    if modality == "bytes":
        text = ("It was the best of times. " * 16)[:409].encode()
        return text, np.frombuffer(text, "uint8").astype("int32")[None] + 1
    if modality == "audio":
        wave = generator.uniform(-0.3, 0.3, 160_000).astype("float32")
        return wave, wave[None]
    image = generator.integers(0, 256, (224, 224, 3), "uint8")
    return image, image[None]


def milliseconds(function):
    """The median time of the processor, which others on the machine do not change.

    It adds up over threads: let the process have one core.
    """
    for _ in range(WARMUP):
        function()
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return 1000 * statistics.median(times)


def bare_forward(classifier, sample):
    """A forward pass of the compiled function, at the sample's own length."""
    x = classifier.preprocessor([sample])
    kept = classifier.modality.kept(x)
    if kept is not None:
        x = x[:, : kept.sum()]
    return lambda: keras.Model.predict_on_batch(classifier, x)


def rows_of(modality, formats, folder):
    classifier = classifier_of(modality)
    sample, x = one_sample(modality)
    bare = milliseconds(bare_forward(classifier, sample))
    whole = milliseconds(lambda: classifier.predict_raw([sample]))
    yield modality, "Keras, bare forward pass", "", "", "", f"{bare:.1f}"
    yield modality, "Keras, `predict_raw`", "", "", "", f"{whole:.1f}"
    for format in formats:
        path = folder / f"{modality}{FORMATS[format].suffix}"
        try:
            result = keras_maelre.export(classifier, path, format)
        except (ImportError, RuntimeError) as error:
            yield modality, format, "fails", "", str(error).splitlines()[0], ""
            continue
        took, difference = "", "not run"
        if result.difference is not None:
            forward = open_file(path, format)
            took = f"{milliseconds(lambda forward=forward: forward(x)):.1f}"
            difference = f"{result.difference:.0e}"
        route = result.route.replace("in this process", "here")
        free = ", ".join(result.dynamic)
        yield modality, format, route, free, difference, took


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--modalities", nargs="+", default=list(MODALITIES))
    parser.add_argument("--formats", nargs="*", default=list(FORMATS))
    arguments = parser.parse_args()
    print("| modality | runs as | written by | free | difference | CPU ms a sample |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for modality in arguments.modalities:
            for row in rows_of(modality, arguments.formats, pathlib.Path(folder)):
                print(f"| {' | '.join(row)} |", flush=True)
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    print(f"\n{keras.backend.backend()}, {threads} thread(s) of Keras;", end=" ")
    print(environment.one_line(*PACKAGES))


if __name__ == "__main__":
    main()
