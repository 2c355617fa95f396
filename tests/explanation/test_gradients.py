"""Gradients on every backend against differences of the float64 reference."""

import numpy as np
import pytest

from keras_maelre import MaelreBackbone, MaelreClassifier, explain
from keras_maelre.explanation.explain import prepared_subject
from keras_maelre.explanation.score_gradient import ScoreGradient
from keras_maelre.explanation.scores import numpy_log_odds
from tests.models.tiny import random_input, randomize, tiny_classifier
from tests.references import maelre_numpy as reference
from tests.references import weights as variables_of
from tests.references.comparison import randomise, to_arrays
from tests.references.gradients import numeric_gradient, numeric_slope

HEADS = (1, 2, 2, 4)
ATTENTION = ("linear", "linear", "dot", "dot")
SHAPES = {"series": (40, 2), "audio": (26, 18), "image": (21, 30, 3), "bytes": (40,)}


@pytest.mark.parametrize(
    "modality, multi_label",
    [("series", True), *((modality, False) for modality in sorted(SHAPES))],
)
def test_gradient_of_the_score(modality, multi_label):
    """With respect to inputs, and to the embeddings of tokens."""
    small = {"vocabulary_size": 12, "embedding_dim": 6} if modality == "bytes" else {}
    backbone = MaelreBackbone(
        modality,
        input_shape=SHAPES[modality],
        width=4,
        depths=(1, 1, 1, 1),
        num_heads=HEADS,
        attention=ATTENTION,
        **small,
    )
    model = MaelreClassifier(backbone, 3, multi_label=multi_label, temperature=1.7)
    randomise(model)
    weights = to_arrays(variables_of.classifier(model))
    rng = np.random.default_rng(1)
    if modality == "bytes":
        sample = rng.permutation(np.arange(1, 12)).astype("int32")
        sample = np.concatenate([sample, np.zeros(6, "int32")])
    else:
        sample = rng.normal(size=SHAPES[modality]).astype("float32")
        if modality == "series":
            sample[30:] = np.nan
    subject = prepared_subject(model, sample, 0)
    gradient_of = ScoreGradient(model)
    point, _ = gradient_of.ends(subject)
    score, gradient = gradient_of(point, subject, 1)

    array = point.astype("float64")

    def expected():
        if modality == "bytes":
            # Each id occurs once: its row of the table is its embedding.
            table = weights["stem"]["embeddings"]
            table[subject.x[0, :11]] = array[0, :11]
            inputs = subject.x
        else:
            inputs = array
        outputs, _ = reference.backbone(
            inputs, weights, modality, HEADS, ATTENTION, "conv", reference.elu_plus_one
        )
        logits = reference.dense(outputs["cls"], weights["head"]) / 1.7
        return numpy_log_odds(logits, 1, multi_label)[0]

    np.testing.assert_allclose(score, expected(), rtol=1e-5, atol=1e-5)
    active = np.broadcast_to(
        subject.active.reshape(
            1, *subject.active.shape, *(1,) * (array.ndim - subject.active.ndim - 1)
        ),
        array.shape,
    )
    largest = np.abs(gradient).max()
    chosen = rng.permutation(np.flatnonzero(active))[:6]
    np.testing.assert_allclose(
        gradient.flat[chosen],
        numeric_gradient(expected, array, chosen),
        rtol=0,
        atol=1e-4 * largest,
    )
    direction = np.where(active, rng.normal(size=array.shape), 0) / array.size**0.5
    np.testing.assert_allclose(
        np.sum(gradient * direction),
        numeric_slope(expected, array, direction),
        rtol=0,
        atol=1e-4 * largest,
    )
    assert not gradient[~active].any()


@pytest.mark.parametrize(
    "modality, pooling",
    [
        ("series", "cls"),
        pytest.param("series", "mean", marks=pytest.mark.compiles_long),
        pytest.param("bytes", "blocks", marks=pytest.mark.compiles_long),
        pytest.param("image", "cls", marks=pytest.mark.compiles_long),
    ],
)
def test_integrated_gradients_are_complete(modality, pooling):
    """They sum to the difference between the scores of sample and baseline."""
    small = {"depths": (1, 1, 1, 1), "pooling": pooling}
    model = randomize(tiny_classifier(modality, **small))
    sample = random_input(modality, 1)[0]
    subject = prepared_subject(model, sample, 0)
    gradient_of = ScoreGradient(model)
    point, difference = gradient_of.ends(subject)
    (score,), _ = gradient_of(point, subject, 2)
    (baseline,), _ = gradient_of(point - difference, subject, 2)
    (found,) = explain(model, [sample], 2, "integrated_gradients")
    assert abs(score - baseline) > 0.02, "there is nothing to sum to"
    np.testing.assert_allclose(found.score, score, atol=1e-5)
    np.testing.assert_allclose(
        found.values.sum(), score - baseline, rtol=0.02, atol=1e-4
    )
