"""Answers over HTTP, and refusals."""

import asyncio
import io
import pathlib
import tomllib

import numpy as np
import pytest
import soundfile
from PIL import Image

from keras_maelre import MaelreClassifier
from keras_maelre.preprocessing import (
    AudioPreprocessor,
    BytePreprocessor,
    ImagePreprocessor,
    SeriesPreprocessor,
)

fastapi = pytest.importorskip("fastapi", reason="the extra [serve]")
testclient = pytest.importorskip("fastapi.testclient")

import serve  # noqa: E402

ROOT = pathlib.Path(__file__).parent.parent.parent
SIZE = {"width": 16, "depths": (1, 1, 1, 1), "num_classes": 2}
PREPROCESSORS = {
    "bytes": BytePreprocessor((48,)),
    "series": SeriesPreprocessor((40, 1)),
    "audio": AudioPreprocessor((16, 32)),
    "image": ImagePreprocessor((16, 16, 3)),
}


def classifier_of(modality):
    return MaelreClassifier.from_preset(
        f"tiny_{modality}", preprocessor=PREPROCESSORS[modality], **SIZE
    )


def client(classifier, max_bytes=100_000):
    return testclient.TestClient(serve.make_app(classifier, max_bytes))


def samples():
    """A body for each modality, and the sample that it is."""
    generator = np.random.default_rng(0)
    wave, file = generator.integers(-999, 999, 1600).astype("int16"), io.BytesIO()
    soundfile.write(file, wave, 16000, format="wav")
    pixels = generator.integers(256, size=(20, 20, 3), dtype="uint8")
    picture = io.BytesIO()
    Image.fromarray(pixels).save(picture, "png")
    return {
        "bytes": ("fünf".encode(), "fünf"),
        "series": (b"[1, 2, 4.5, 3]", np.array([1, 2, 4.5, 3])),
        "audio": (file.getvalue(), wave),
        "image": (picture.getvalue(), pixels),
    }


@pytest.mark.parametrize("modality", PREPROCESSORS)
def test_an_answer_is_that_of_the_classifier(modality):
    classifier = classifier_of(modality)
    body, sample = samples()[modality]
    answer = client(classifier).post("/predict", content=body)
    assert answer.status_code == 200
    (wanted,) = classifier.predict_raw([sample])
    assert answer.json()["labels"] == list(wanted.labels)
    found = answer.json()["probabilities"]
    for name, probability in wanted.items():
        assert found[str(name)] == pytest.approx(probability, abs=1e-6)


@pytest.mark.parametrize(
    ("modality", "body", "reason"),
    [
        ("bytes", b"\xff\xfe", "utf-8"),
        ("bytes", b"too long " * 9, "longer than the 48 bytes of `input_shape`"),
        ("bytes", b"", "The body is empty"),
        ("series", b"[1, 2", "delimiter"),
        ("series", b'{"a": 1}', "float"),
        ("series", b"[[[1]]]", "shape"),
        ("audio", b"RIFF, or not", "not a readable sound file"),
        ("image", b"no image", "image"),
    ],
)
def test_bad_input_is_refused_with_the_reason(modality, body, reason):
    answer = client(classifier_of(modality)).post("/predict", content=body)
    assert answer.status_code == 422
    assert reason in answer.json()["detail"]


def test_a_large_body_is_refused_by_its_declared_length():
    headers = {"content-length": "2000000"}
    app = client(classifier_of("bytes"), max_bytes=5000)
    answer = app.post("/predict", content=b"x", headers=headers)
    assert answer.status_code == 413
    assert "at most 5,000 bytes" in answer.json()["detail"]


def test_no_more_of_a_large_body_is_read_than_is_allowed():
    taken = []

    class Endless:
        headers = {}

        async def stream(self):
            while True:
                taken.append(1000)
                yield b"x" * 1000

    with pytest.raises(fastapi.HTTPException) as refused:
        asyncio.run(serve.read_body(Endless(), max_bytes=5000))
    assert refused.value.status_code == 413
    assert sum(taken) == 6000


def test_a_classifier_without_preprocessor_is_refused():
    classifier = classifier_of("bytes")
    classifier.preprocessor = None
    with pytest.raises(ValueError, match="no preprocessor"):
        serve.make_app(classifier, 1000)


def test_the_container_is_made_of_what_there_is():
    lines = (ROOT / "examples" / "Dockerfile").read_text().splitlines()
    for line in lines:
        if line.startswith("COPY "):
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), line
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    arguments = dict(line.split()[1].split("=") for line in lines if "ARG " in line)
    extras = {"serve", arguments["BACKEND"], *arguments["EXTRAS"].split(",")}
    assert extras <= set(known["optional-dependencies"])
    assert '".[serve,$BACKEND,$EXTRAS]"' in "\n".join(lines)
