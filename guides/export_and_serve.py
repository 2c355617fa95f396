# %% [markdown]
# # Out of Keras: exported files and a server
#
# A trained classifier leaves Keras as one file, with preprocessing and temperature inside,
# that other runtimes and other languages run. This guide exports one, runs it, times it beside
# Keras, and puts the classifier behind HTTP.
#
# - Needs: `pip install "keras_maelre[guides,export,serve]"` and a backend
# - Time: a minute on two cores
# - Data: simulated series of two kinds
# - Expect: an accuracy of 1, files that differ from Keras by 1e-6, and answers to one sample in
#   a few milliseconds

# %%
import http.client
import json
import threading
import time

import fastapi
import keras
import matplotlib.pyplot as plt
import numpy as np
import onnxruntime
import uvicorn

import keras_maelre
from keras_maelre import MaelreClassifier
from keras_maelre.preprocessing import SeriesPreprocessor
from keras_maelre.training import linear_probe

keras.utils.set_random_seed(0)
print(f"keras {keras.version()} on {keras.backend.backend()}")

# %% [markdown]
# ## A classifier
#
# **Simulated** series: calm ones, and ones with a storm somewhere in them. A linear probe is
# enough here; what follows is the same for any classifier with a preprocessor.


# %%
def weather(samples, seed):
    generator = np.random.default_rng(seed)
    series, labels = [], np.arange(samples) % 2
    for label in labels:
        steps = generator.integers(200, 301)
        x = generator.normal(0, 1, steps).cumsum() * 0.1
        if label:
            start = generator.integers(steps - 60)
            x[start : start + 60] += generator.normal(0, 2, 60)
        series.append(x.astype("float32"))
    return series, labels


x_train, y_train = weather(120, seed=0)
x_test, y_test = weather(60, seed=1)
classifier = MaelreClassifier.from_preset(
    "tiny_series",
    preprocessor=SeriesPreprocessor((300, 1)),
    class_names=["calm", "storm"],
    pooling="blocks",
)
linear_probe(classifier, x_train, y_train, verbose=0)
expected = classifier.predict_proba(x_test)
print(f"accuracy {np.mean(expected.argmax(axis=1) == y_test):.3f}")

# %% [markdown]
# ## Export
#
# The end of the file's name goes with the format. Before the file is kept, it is run on random
# samples and compared with Keras; where this backend cannot write the format, a process of its
# own on another one does, and the result says so.

# %%
results = {}
for format, name in (("onnx", "storms.onnx"), ("openvino", "storms.xml")):
    results[format] = keras_maelre.export(classifier, name, format)
    print(results[format])

# %% [markdown]
# ## Run the file
#
# Nothing of Keras is needed for this: any program with ONNX Runtime can do it. Raw series go
# in, padded with NaN to a common length; probabilities come out. Class names and what the input
# means are in the file's metadata.

# %%
session = onnxruntime.InferenceSession(
    "storms.onnx", providers=["CPUExecutionProvider"]
)
(taken,) = session.get_inputs()
metadata = session.get_modelmeta().custom_metadata_map
print(taken.name, taken.shape, "->", session.get_outputs()[0].name)
for key, value in sorted(metadata.items()):
    print(f"  {key}: {value[:70]}")


def batch_of(series):
    batch = np.full((len(series), max(map(len, series)), 1), np.nan, "float32")
    for row, values in zip(batch, series, strict=True):
        row[: len(values), 0] = values
    return batch


(found,) = session.run(None, {taken.name: batch_of(x_test)})
difference = np.abs(found - expected).max()
print("the exported file predicts the same:", bool(difference < 1e-4))

# %% [markdown]
# ## One sample at a time
#
# A service answers one request after another. `predict_raw` is made for that: it cuts the
# padding, keeps what it compiled, and `warm_up` compiles before the first request comes.

# %%
classifier.warm_up([200, 300])
ways = {
    "predict (Keras)": lambda x: classifier.predict([x], verbose=0),
    "predict_raw": lambda x: classifier.predict_raw([x]),
    "ONNX Runtime": lambda x: session.run(None, {taken.name: x[None, :, None]}),
}
times = {}
for name, answer in ways.items():
    taken_each = []
    for x in x_test[:20]:
        begin = time.perf_counter()
        answer(x)
        taken_each.append(1000 * (time.perf_counter() - begin))
    times[name] = np.array(taken_each)
    print(f"{name:16} median {np.median(taken_each):.1f} ms")

figure, axes = plt.subplots(figsize=(6, 2.2), layout="constrained")
for row, values in enumerate(times.values()):
    axes.scatter(values, np.full(len(values), row), s=12, alpha=0.6)
axes.set(yticks=range(len(times)), yticklabels=times, ylim=(2.5, -0.5))
axes.set(xlabel="milliseconds for one series", xlim=(0, None))
plt.show()

# %% [markdown]
# *Each dot is one request. For a model this small, most of what Keras takes is its own work
# around the layers.*
#
# ## Behind HTTP
#
# A server needs few lines of FastAPI. That of the repository, `examples/serve.py`, has more:
# it takes every modality, answers what cannot be classified with status 422 and the reason,
# and bounds the size of bodies and the requests in flight; `examples/Dockerfile` puts it into
# a container.

# %%
app = fastapi.FastAPI()


@app.post("/predict")
def predict(series: list[float]):
    (answer,) = classifier.predict_raw([np.array(series)])
    return {"labels": answer.labels, "probabilities": answer}


config = uvicorn.Config(app, port=0, log_level="error")
server = uvicorn.Server(config)
thread = threading.Thread(target=server.run, daemon=True)
thread.start()
while not server.started:
    time.sleep(0.05)
port = server.servers[0].sockets[0].getsockname()[1]

right = 0
for x, label in zip(x_test, y_test, strict=True):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"content-type": "application/json"}
    connection.request("POST", "/predict", json.dumps(x.tolist()), headers)
    answer = json.loads(connection.getresponse().read())
    right += answer["labels"] == [classifier.class_names[label]]
print(f"{len(x_test)} requests answered, {right} of them right; the last: {answer}")
server.should_exit = True
thread.join()

# %% [markdown]
# ## What next
#
# - All formats, and who writes them: [export and serve](../docs/howto/serving.md).
# - Time and differences of each format, and the server under load:
#   [benchmarks](../benchmarks/README.md#exportpy-files-for-other-runtimes).
# - From a shell: `keras-maelre export PRESET FILE` ([command
#   line](../docs/howto/command_line.md)).
