"""Of more documents, token embeddings are wider."""

import pytest

from keras_maelre.estimator import new_classifier
from tests.estimator.small import documents, estimator


@pytest.mark.parametrize("count, dim", [(16, 3), (32, 4), (64, 5)])
def test_a_dimension_for_eight_documents_within_limits(monkeypatch, count, dim):
    monkeypatch.setattr(new_classifier, "SEMANTIC_DIM", 3)
    monkeypatch.setattr(new_classifier, "MOST_SEMANTIC_DIM", 5)
    X, y = documents(count)
    made = new_classifier.new_classifier(
        estimator("text"), X, sorted(set(y)), False, (y == "winter") + 0, None, 0
    )[0]
    assert made.modality.embedding_dim == dim
