"""Serve: answers of a trained classifier over HTTP.

    pip install "keras_maelre[serve,torch]"
    KERAS_BACKEND=torch python examples/serve.py runs/sounds --port 8000

    curl --data-binary @dog.wav localhost:8000/predict
    {"labels": ["dog"], "probabilities": {"dog": 0.93, "rain": 0.04, ...}}

The body of a request is one sample: the content of a sound or image file, a text in
UTF-8, or a series as JSON, a list of numbers or of lists with a number per channel.
What cannot be classified is answered with 422 and the reason, a body that is too large
with 413 before it is read to its end. `--concurrent` bounds the requests in flight;
those beyond get 503.
"""

import argparse
import io
import json

import fastapi
import numpy as np
from fastapi.concurrency import run_in_threadpool

import keras_maelre
from keras_maelre_cli.presets import load_classifier


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("preset", help="folder of a saved preset")
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument("--port", type=int, default=8000, help="default: %(default)s")
    parser.add_argument(
        "--megabytes", type=float, default=10.0, help="of a body, default: %(default)s"
    )
    parser.add_argument(
        "--concurrent", type=int, default=64, help="requests, default: %(default)s"
    )
    args = parser.parse_args()
    import uvicorn

    app = make_app(load_classifier(args.preset), max_bytes=int(args.megabytes * 1e6))
    uvicorn.run(app, host=args.host, port=args.port, limit_concurrency=args.concurrent)


def make_app(classifier, max_bytes):
    """Returns the application that answers for a classifier.

    Args:
        classifier: A `MaelreClassifier` with a preprocessor.
        max_bytes: Integer, the largest body that is accepted.

    Raises:
        ValueError: If the classifier has no preprocessor.
    """
    if classifier.preprocessor is None:
        raise ValueError("The classifier has no preprocessor: it takes no raw samples.")
    app = fastapi.FastAPI(title="keras_maelre", version=keras_maelre.__version__)

    def classify(body):
        sample = read_sample(body, classifier.modality.name)
        (answer,) = classifier.predict_raw([sample])
        return {"labels": answer.labels, "probabilities": answer}

    @app.get("/health")
    async def health():
        return {"modality": classifier.modality.name}

    @app.post("/predict")
    async def predict(request: fastapi.Request):
        body = await read_body(request, max_bytes)
        try:
            # Elsewhere, so that other requests can be read meanwhile.
            return await run_in_threadpool(classify, body)
        except (TypeError, ValueError, OSError) as error:
            reason = str(error).removeprefix("sample 0: ")
            reason = reason.replace("sample 0", "this sample")
            raise fastapi.HTTPException(422, reason) from error

    return app


async def read_body(request, max_bytes):
    """Returns the body of a request; one that is too large is not kept in memory."""
    refused = fastapi.HTTPException(413, f"A body has at most {max_bytes:,} bytes.")
    if int(request.headers.get("content-length", 0)) > max_bytes:
        raise refused
    parts, count = [], 0
    async for part in request.stream():
        count += len(part)
        if count > max_bytes:
            raise refused
        parts.append(part)
    if not count:
        raise fastapi.HTTPException(422, "The body is empty: it must be a sample.")
    return b"".join(parts)


def read_sample(body, modality):
    """Returns a body as what a preprocessor takes."""
    if modality in ("text", "bytes"):
        return body.decode("utf-8")
    if modality == "image":
        return body
    if modality == "series":
        return np.asarray(json.loads(body), "float64")
    import soundfile

    try:
        wave, rate = soundfile.read(io.BytesIO(body), dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise ValueError("The body is not a readable sound file.") from error
    return wave, rate


if __name__ == "__main__":
    main()
