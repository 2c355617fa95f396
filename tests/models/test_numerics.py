"""Whole models against the float64 reference: all outputs, logits and gradients."""

import numpy as np
import pytest

from keras_maelre import MaelreBackbone, MaelreClassifier
from tests.references import maelre_numpy as reference
from tests.references import weights as variables_of
from tests.references.comparison import (
    assert_gradients_match,
    assert_values_match,
    randomise,
    to_arrays,
)
from tests.references.gradients import values

NUM_HEADS = (1, 2, 2, 4)
ATTENTION = ("linear", "linear", "dot", "dot")
OTHERS = ("window", "long_short", "focused", "dot")
TOKENS = {"vocabulary_size": 12, "embedding_dim": 6}
MODELS = {
    "text": {"input_shape": (40,), "padding_id": 1, **TOKENS},
    "bytes": {"input_shape": (40,), "padding_id": 0, **TOKENS},
    "series": {"input_shape": (40, 2)},
    "audio": {"input_shape": (26, 18)},
    "image": {"input_shape": (21, 30, 3)},
}


def make_inputs(modality):
    """Two inputs; those that may be shorter than the model are, and one is padded."""
    rng = np.random.default_rng(1)
    if modality in ("text", "bytes"):
        inputs = rng.integers(2, 12, size=(2, 37)).astype("int32")
        inputs[1, 18:] = MODELS[modality]["padding_id"]
    elif modality == "series":
        inputs = rng.normal(size=(2, 37, 2)).astype("float32")
        inputs[1, 18:] = np.nan
    else:
        shape = (2, *MODELS[modality]["input_shape"])
        inputs = rng.normal(size=shape).astype("float32")
    return inputs


def make_backbone(
    modality, merge="conv", feature_map="elu", attention=ATTENTION, window=32
):
    """A backbone and its reference `(inputs, weights) -> outputs, masks`."""
    model = MaelreBackbone(
        modality,
        width=4,
        depths=(1, 1, 2, 1),
        num_heads=NUM_HEADS,
        attention=attention,
        merge=merge,
        feature_map=feature_map,
        attention_window=window,
        **MODELS[modality],
    )
    randomise(model)

    def expected(inputs, weights):
        return reference.backbone(
            inputs,
            weights,
            modality,
            NUM_HEADS,
            attention,
            merge,
            reference.FEATURE_MAPS[feature_map],
            window,
        )

    return model, expected


@pytest.mark.parametrize(
    "modality,options",
    [
        ("text", {}),
        ("bytes", {"merge": "average", "feature_map": "relu"}),
        ("series", {"merge": "linear", "attention": ("linear",) * 4}),
        ("series", {"merge": "none", "feature_map": "softplus"}),
        ("audio", {"merge": "linear", "attention": ("dot", "linear") * 2}),
        ("image", {"merge": "max"}),
        ("series", {"merge": "residual"}),
        ("bytes", {"attention": OTHERS, "window": 3}),
        ("audio", {"attention": ("focused", "window", "long_short", "window")}),
    ],
)
def test_backbone_outputs(modality, options):
    model, expected_of = make_backbone(modality, **options)
    inputs = make_inputs(modality)
    weights = to_arrays(variables_of.backbone(model))
    expected, masks = expected_of(inputs, weights)
    outputs = values(model, inputs)
    assert set(outputs) == set(expected)
    for name, array in expected.items():
        # Tokens of audio and image come on their grid.
        flat = outputs[name].reshape(array.shape)
        assert_values_match(flat, array, valid=masks[name])


@pytest.mark.parametrize(
    "modality, options",
    [
        ("series", {}),
        ("image", {}),
        ("series", {"attention": OTHERS, "window": 2}),
    ],
)
def test_classifier_logits_and_gradients(modality, options):
    backbone, expected_of = make_backbone(modality, **options)
    model = MaelreClassifier(backbone, num_classes=3)
    randomise(model)

    def expected(inputs, weights):
        outputs, _ = expected_of(inputs, weights)
        return reference.dense(outputs["cls"], weights["head"])

    assert_gradients_match(
        model,
        make_inputs(modality),
        variables_of.classifier(model),
        expected,
        entries=2,
    )
