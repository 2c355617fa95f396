"""What `test_sequence_parallel.py` starts: a process with four simulated devices.

Prints as JSON what came of small models on one device and on several.
"""

import json
import re

import jax

jax.config.update("jax_num_cpu_devices", 4)

import keras  # noqa: E402
import numpy as np  # noqa: E402

from keras_maelre import MaelreBackbone, MaelreClassifier  # noqa: E402
from keras_maelre.training import SequenceParallel  # noqa: E402

SMALL = {
    "width": 16,
    "depths": (1, 1, 1, 1),
    "attention": ("linear",) * 2 + ("dot",) * 2,
}
TEXT = {"vocabulary_size": 30, "embedding_dim": 8, "padding_id": 0}


def build(modality, input_shape, **kwargs):
    keras.utils.set_random_seed(0)
    backbone = MaelreBackbone(modality, input_shape, **SMALL, **kwargs)
    classifier = MaelreClassifier(backbone, num_classes=5)
    classifier.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True))
    return classifier


def series(length):
    """Four series of unequal lengths, padded with NaN."""
    x = np.random.default_rng(0).normal(size=(4, length, 1)).astype("float32")
    for i, end in enumerate((length, 3 * length // 4, length - 1, 40)):
        x[i, end:] = np.nan
    return x


def token_ids(length):
    ids = np.random.default_rng(0).integers(1, 30, (4, length), "int32")
    ids[1, length // 3 :] = 0
    return ids


def series_logits(distribution, length):
    """The largest difference of logits, and what was compiled for the tokens."""
    x = series(length)
    expected = build("series", (length, 1)).predict(x, verbose=0)
    assert np.ptp(expected) > 0.1
    with distribution.scope():
        classifier = build("series", (length, 1))
        logits = classifier.predict(x, verbose=0)
        backbone = classifier.backbone
        weights = [v.value for v in backbone.trainable_variables]
        states = [v.value for v in backbone.non_trainable_variables]
        x = jax.device_put(x, distribution.get_data_layout(x.shape).backend_layout)

        @jax.jit
        def first_block(weights, x):
            return backbone.stateless_call(weights, states, x)[0]["block_1"]

        program = first_block.lower(weights, x).compile()
        tokens = program(weights, x)
    lines = program.as_text().splitlines()
    return {
        "difference": float(np.abs(logits - expected).max()),
        "tokens_by_device": [s.data.shape for s in tokens.addressable_shards],
        "summed": [
            line.split("metadata")[0] for line in lines if " all-reduce(" in line
        ],
        "whole": [
            line.strip()
            for line in lines
            if re.search(rf"\w\[4,({length}|{length + 1})[,\]]", line)
        ],
    }


def document_losses(distribution, length):
    """The losses of two steps of `fit`, with and without the distribution."""
    labels = np.eye(5, dtype="float32")[[0, 4, 2, 1]]

    def losses():
        classifier = build("text", (length,), **TEXT)
        history = classifier.fit(
            token_ids(length), labels, batch_size=4, epochs=2, verbose=0
        )
        return history.history["loss"]

    alone = losses()
    with distribution.scope():
        return {"alone": alone, "divided": losses()}


if __name__ == "__main__":
    devices = keras.distribution.list_devices()
    results = {
        # 1000 steps are no multiple of 2 devices and 64, what is merged.
        "series": series_logits(SequenceParallel(devices[:2]), 1000),
        "documents": document_losses(SequenceParallel(devices, batch_shards=2), 130),
    }
    print(json.dumps(results))
