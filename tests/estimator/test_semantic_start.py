"""Token embeddings of documents: how wide, and of which documents."""

import numpy as np
import pytest

from keras_maelre.datasets import stratified_split
from keras_maelre.estimator import new_classifier
from keras_maelre.preprocessing import semantic_embeddings
from tests.estimator.small import documents, estimator


@pytest.mark.parametrize("count, dim", [(16, 3), (32, 4), (64, 5)])
def test_a_dimension_for_eight_documents_within_limits(monkeypatch, count, dim):
    monkeypatch.setattr(new_classifier, "SEMANTIC_DIM", 3)
    monkeypatch.setattr(new_classifier, "MOST_SEMANTIC_DIM", 5)
    X, y = documents(count + 4)
    held_out = np.arange(len(X)) < 4
    names, targets = np.unique(y, return_inverse=True)
    made = new_classifier.new_classifier(
        estimator("text"), X, names, False, targets, None, held_out, 0
    )[0]
    assert made.modality.embedding_dim == dim


@pytest.mark.parametrize("fraction", [0.25, 0.0])
def test_they_do_not_know_what_is_validated_on(monkeypatch, fraction):
    seen, seeds = [], []

    def embeddings(preprocessor, samples, dim, seed):
        seen.extend(samples)
        seeds.append(seed)
        return semantic_embeddings(preprocessor, samples, dim, seed=seed)

    monkeypatch.setattr(new_classifier, "semantic_embeddings", embeddings)
    X, y = documents(40)
    X = [f"{text} number{i}" for i, text in enumerate(X)]
    fitted = estimator("text", validation_fraction=fraction).fit(X, y)
    assert ("val_accuracy" in fitted.history_) == (fraction > 0)
    out = stratified_split(y, fraction, seed=seeds[0], every_class=False)
    assert seen == [text for text, held_out in zip(X, out, strict=True) if not held_out]
