"""Exported files answer as Keras does, from raw samples on."""

import json

import keras
import numpy as np
import pytest

import keras_maelre
from keras_maelre.deployment.formats import FORMATS
from keras_maelre.deployment.runtimes import open_file
from tests.deployment.models import SUFFIXES, raw_classifier
from tests.models.tiny import random_input, randomize, tiny_classifier

BACKEND = keras.backend.backend()
# What this backend writes by itself in the least time.
QUICK = "torch" if BACKEND == "torch" else "onnx"

for format in FORMATS.values():
    pytest.importorskip(format.runtime, reason="the extra [export]")


def export(classifier, folder, format, **kwargs):
    path = folder / f"model{SUFFIXES[format]}"
    return path, keras_maelre.export(classifier, path, format, **kwargs)


def samples_of(modality, generator):
    """Raw samples of different lengths, as `predict_proba` takes them."""
    if modality == "series":
        return [
            (3 + 5 * generator.normal(size=(n, 2))).astype("float32")
            for n in (40, 17, 1)
        ]
    if modality == "bytes":
        return [b"What was said was said.", b"Not all of it.", b"x"]
    if modality == "audio":
        return [
            generator.uniform(-0.5, 0.5, n).astype("float32") for n in (600, 333, 50)
        ]
    return list(generator.integers(0, 256, (3, 24, 20, 3), "uint8"))


def as_batch(modality, samples, length):
    """One padded array, by the words of the documentation."""
    if modality == "image":
        return np.stack(samples)
    if modality == "bytes":
        samples = [
            np.frombuffer(sample, "uint8").astype("int32") + 1 for sample in samples
        ]
    fill = 0 if modality == "bytes" else np.nan
    x = np.full((len(samples), length, *samples[0].shape[1:]), fill, samples[0].dtype)
    for row, sample in zip(x, samples, strict=True):
        row[: len(sample)] = sample
    return x


def check_answers(modality, classifier, forward, longest):
    samples = samples_of(modality, np.random.default_rng(5))
    expected = classifier.predict_proba(samples)
    assert np.ptp(expected, axis=0).max() > 1e-3, "all samples are alike"
    for length in (max(map(len, samples)), longest):
        x = as_batch(modality, samples, length)
        np.testing.assert_allclose(forward(x), expected, atol=2e-5)
    for sample, row in zip(samples, expected, strict=True):
        x = as_batch(modality, [sample], len(sample))
        np.testing.assert_allclose(forward(x)[0], row, atol=2e-5)


LONGEST = {"series": 40, "bytes": 48, "audio": 50 + 20 * 31, "image": 24}


@pytest.mark.parametrize(
    "attention",
    [
        "linear",
        *(
            pytest.param(plan, marks=pytest.mark.slow)
            for plan in (
                ("window", "long_short", "focused", "dot"),
                ("performer", "nystrom", "conv", "linformer"),
                ("pool", "linear", "dot", "pool"),
            )
        ),
    ],
    ids=["linear", "others", "further", "pool"],
)
def test_any_batch_of_any_length(tmp_path, attention):
    """The quick one: padded batches, single samples, and the result that is told."""
    classifier = raw_classifier(
        "series", class_names=("a", "b", "c"), attention=attention, attention_window=5
    )
    path, result = export(classifier, tmp_path, QUICK)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert result.dynamic == ("batch", "length")
    assert result.difference < 1e-5
    present = "tensorflow" if BACKEND == "jax" else BACKEND
    assert result.route.startswith(present)
    assert ("of its own" in result.route) == (BACKEND == "jax")
    assert "batch and length" in str(result) and FORMATS[QUICK].runtime in str(result)
    forward = open_file(path, QUICK)
    check_answers("series", classifier, forward, 40)
    with pytest.raises(Exception, match="(?i)41|length|shape|guard"):
        forward(np.zeros((1, 41, 2), "float32"))


@pytest.mark.slow
@pytest.mark.parametrize("modality", sorted(LONGEST))
@pytest.mark.parametrize("format", sorted(FORMATS))
def test_every_format_of_every_modality(format, modality, tmp_path):
    classifier = raw_classifier(modality)
    path, result = export(classifier, tmp_path, format)
    free = ("batch",) if modality == "image" else ("batch", "length")
    assert result.dynamic == free
    check_answers(modality, classifier, open_file(path, format), LONGEST[modality])


@pytest.mark.slow
def test_kinds_on_grids(tmp_path):
    plan = ("axial", "conv", "dot", "linformer")
    classifier = raw_classifier("image", attention=plan, relative_positions=True)
    path, result = export(classifier, tmp_path, QUICK)
    assert result.dynamic == ("batch",)
    check_answers("image", classifier, open_file(path, QUICK), LONGEST["image"])


@pytest.mark.slow
@pytest.mark.parametrize("format", sorted(FORMATS))
def test_fixed_sizes(format, tmp_path):
    classifier = raw_classifier("series", multi_label=True)
    path, result = export(classifier, tmp_path, format, batch=2, length=32)
    assert result.dynamic == ()
    samples = samples_of("series", np.random.default_rng(0))[1:]
    outputs = open_file(path, format)(as_batch("series", samples, 32))
    expected = classifier.predict_proba(samples)
    np.testing.assert_allclose(outputs, expected, atol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("format", ["onnx", "torch"])
def test_inputs_of_the_model(format, tmp_path):
    """Text, and a model whose weights are in half precision and which has chunks."""
    classifier = raw_classifier("series", chunk_size=8, dtype="mixed_bfloat16")
    path, result = export(classifier, tmp_path, format, raw_input=False)
    assert result.difference < 1e-5
    text = randomize(tiny_classifier("text"))
    path, _ = export(text, tmp_path, format, raw_input=False)
    x = random_input("text")
    np.testing.assert_allclose(
        open_file(path, format)(x), text.predict_proba(x), atol=2e-5
    )


def metadata_of(path, format):
    """The metadata, read by the tools of each format."""
    if format == "onnx":
        import onnx

        found = {p.key: p.value for p in onnx.load(path).metadata_props}
    elif format == "openvino":
        import openvino

        info = openvino.Core().read_model(path).get_rt_info(["keras_maelre"])
        found = {key: value.value for key, value in info.astype(dict).items()}
    elif format == "torch":
        import torch

        found = {"metadata.json": ""}
        torch.export.load(path, extra_files=found)
        return json.loads(found["metadata.json"])
    else:
        beside = path / "metadata.json"
        if format == "litert":
            beside = path.with_name(f"{path.name}.json")
        return json.loads(beside.read_text())
    return {
        key: value if key in ("modality", "license", "software") else json.loads(value)
        for key, value in found.items()
    }


def check_metadata(format, folder):
    classifier = raw_classifier(
        "audio",
        class_names=("hum", "Ruf", "鳴"),
        multi_label=True,
        thresholds=(0.2, 0.5, 0.7),
    )
    path, _ = export(classifier, folder, format, license="CC BY 4.0", batch=1)
    found = metadata_of(path, format)
    assert found["class_names"] == ["hum", "Ruf", "鳴"]
    assert found["thresholds"] == [0.2, 0.5, 0.7]
    assert found["temperature"] == 1.7 and found["multi_label"] is True
    assert found["preprocessor"]["mean"] == -3.0
    assert found["preprocessor"]["sampling_rate"] == 2000
    assert found["license"] == "CC BY 4.0" and found["modality"] == "audio"
    assert found["input"]["shape"] == [1, None] and found["input"]["name"] == "wave"
    assert keras.version() in found["software"] and found["written_with"]


@pytest.mark.slow
@pytest.mark.parametrize("format", sorted(FORMATS))
def test_metadata(format, tmp_path):
    check_metadata(format, tmp_path)


@pytest.mark.compiles_long
def test_resized_series_with_their_differences(tmp_path):
    preprocessor = keras_maelre.preprocessing.SeriesPreprocessor(
        (24, 2), resize=True, differences=True
    )
    classifier = randomize(
        tiny_classifier("series", input_shape=(24, 2), preprocessor=preprocessor)
    )
    path, result = export(classifier, tmp_path, QUICK)
    assert result.dynamic == ("batch", "length") and result.difference < 1e-5
    forward = open_file(str(path), QUICK)
    generator = np.random.default_rng(0)
    for length in (10, 24, 57, 200):
        x = generator.normal(3, 2, (2, length, 1)).astype("float32")
        expected = classifier.predict_proba(x)
        np.testing.assert_allclose(forward(x), expected, atol=2e-5)
