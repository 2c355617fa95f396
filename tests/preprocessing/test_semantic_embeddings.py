"""Tokens that occur in the same documents have similar embeddings."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfTransformer

from keras_maelre import MaelreClassifier
from keras_maelre.preprocessing import (
    BytePreprocessor,
    TextPreprocessor,
    semantic_embeddings,
)

pytest.importorskip("tokenizers", reason="the extra [text]")
ANIMALS = ["cat", "dog", "bird", "fish", "horse", "mouse"]
WEATHER = ["rain", "wind", "snow", "storm", "cloud", "sun"]


def documents(count=60, seed=0):
    rng = np.random.default_rng(seed)
    topics = [ANIMALS, WEATHER]
    return [" ".join(rng.choice(topics[i % 2], 8)) for i in range(count)]


@pytest.fixture(scope="module")
def preprocessor():
    return TextPreprocessor.from_documents(documents(), 400, input_shape=(32,))


def mean_of(table, preprocessor, texts):
    ids = preprocessor(texts)
    kept = ids != preprocessor.padding_id
    rows = zip(ids, kept, strict=True)
    return np.stack([table[row[inside]].mean(axis=0) for row, inside in rows])


def test_means_tell_unseen_documents_apart(preprocessor):
    table = semantic_embeddings(preprocessor, documents(), dim=8)
    assert table.shape == (preprocessor.vocabulary_size, 8)
    assert table.dtype == "float32"
    means = mean_of(table, preprocessor, documents(40, seed=1))
    means -= means.mean(axis=0)
    # The first direction after the mean is the topic.
    _, _, directions = np.linalg.svd(means, full_matrices=False)
    side = means @ directions[0] > 0
    assert len(set(side[::2])) == len(set(side[1::2])) == 1
    assert side[0] != side[1]


def test_the_components_are_those_of_tf_idf(preprocessor):
    texts = documents()
    table = semantic_embeddings(preprocessor, texts, dim=4).astype("float64")
    ids = preprocessor(texts)
    counts = np.stack(
        [np.bincount(row, minlength=preprocessor.vocabulary_size) for row in ids]
    )
    counts[:, preprocessor.padding_id] = 0
    weighting = TfidfTransformer(sublinear_tf=True)
    weighted = weighting.fit_transform(counts).toarray()
    # Computed in full, where the function draws random directions.
    _, _, rows = np.linalg.svd(weighted, full_matrices=False)
    found = table / weighting.idf_[:, None]
    found /= np.linalg.norm(found, axis=0)
    np.testing.assert_allclose(np.abs(np.sum(found.T * rows[:4], axis=1)), 1, atol=1e-4)


def test_spread_and_seed(preprocessor):
    texts = documents()
    table = semantic_embeddings(preprocessor, texts, dim=7, stddev=0.2)
    again = semantic_embeddings(preprocessor, texts, dim=7, stddev=0.2)
    np.testing.assert_array_equal(table, again)
    ids = preprocessor(texts)
    used = table[ids[ids != preprocessor.padding_id]]
    assert np.sqrt(np.mean(used**2)) == pytest.approx(0.2, rel=1e-3)
    other = semantic_embeddings(preprocessor, texts, dim=7, stddev=0.1)
    np.testing.assert_allclose(other, table / 2, rtol=1e-5)


@pytest.mark.parametrize("count, components", [(5, 1), (24, 3), (60, 7)])
def test_few_documents_give_few_columns(preprocessor, count, components):
    texts = documents(count)
    table = semantic_embeddings(preprocessor, texts, dim=16)
    assert table.shape[1] == 16
    # A token that is in no document has a random row where columns are random.
    counts = np.zeros(preprocessor.vocabulary_size)
    np.add.at(counts, preprocessor(texts), 1)
    (unused,) = np.nonzero(counts == 0)
    assert np.all(np.abs(table[unused, :components]) < 1e-6)
    assert np.all(np.std(table[unused, components:], axis=0) > 0.02)


def test_in_a_classifier(preprocessor):
    table = semantic_embeddings(preprocessor, documents(), dim=8)
    options = {"num_classes": 2, "width": 8, "depths": (1, 1, 1, 1)}
    options |= {"preprocessor": preprocessor, "token_embeddings": table}
    for trainable in (True, False):
        model = MaelreClassifier.from_preset(
            "tiny_text", **options, trainable_embeddings=trainable
        )
        variable = model.backbone.get_layer("stem").embedding.embeddings
        np.testing.assert_array_equal(variable.numpy(), table)
        assert variable.trainable == trainable


@pytest.mark.parametrize(
    "change, error, message",
    [
        ({"preprocessor": BytePreprocessor((32,))}, TypeError, "`preprocessor`.*Byte"),
        ({"documents": "one"}, TypeError, "str"),
        ({"documents": ["a", ""]}, ValueError, "empty.*sample 1"),
        ({"dim": 0}, ValueError, "`dim`.*0"),
        ({"stddev": 0.0}, ValueError, "`stddev`.*0"),
        ({"seed": -1}, ValueError, "`seed`.*-1"),
    ],
    ids=["preprocessor", "documents", "empty", "dim", "stddev", "seed"],
)
def test_errors(preprocessor, change, error, message):
    arguments = {"preprocessor": preprocessor, "documents": documents(4)}
    with pytest.raises(error, match=message):
        semantic_embeddings(**{**arguments, **change})


@pytest.mark.parametrize(
    "table, message",
    [
        (np.zeros(5), r"shape \(5,\)"),
        (np.zeros((5, 2), "int32"), "int32"),
        (np.full((5, 2), np.nan), "finite"),
        (np.zeros((5, 2)), "`vocabulary_size` is 5.*token table"),
    ],
    ids=["rank", "integers", "NaN", "rows"],
)
def test_tables_that_do_not_fit(preprocessor, table, message):
    with pytest.raises(ValueError, match=message):
        MaelreClassifier.from_preset(
            "tiny_text",
            num_classes=2,
            preprocessor=preprocessor,
            token_embeddings=table,
        )
