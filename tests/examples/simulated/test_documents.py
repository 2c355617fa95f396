import numpy as np
import pytest
from simulated import simulated_documents
from simulated.documents import (
    FILLERS,
    LONGEST,
    MENTIONS,
    SHORTEST,
    TOPICS,
)


@pytest.fixture(scope="module")
def data():
    return simulated_documents(samples=300)


def words_of(document):
    return [word.strip(".").lower() for word in document.split()]


def test_form(data):
    assert data.simulated and "SIMULATED" in data.describe()
    assert data.class_names == tuple(TOPICS)
    assert data.y_train.shape == (201, 6) and data.y_test.shape == (99, 6)
    y = np.concatenate([data.y_train, data.y_test])
    assert set(y.sum(axis=1)) == {1, 2, 3}
    assert (y.mean(axis=0) > 0.2).all()
    assert len(set(data.x_train + data.x_test)) == 300


def test_lengths(data):
    lengths = [len(document.encode()) for document in data.x_train + data.x_test]
    assert SHORTEST <= min(lengths) and max(lengths) <= LONGEST
    assert np.ptp(lengths) > 200


def test_words_of_topics_are_their_own():
    words = [word for topic in TOPICS.values() for word in topic.split()]
    assert len(set(words)) == len(words) and not set(words) & set(FILLERS)


def test_mentions_tell_the_labels(data):
    for document, labels in zip(data.x_train, data.y_train, strict=True):
        words = words_of(document)
        for topic, label in zip(TOPICS.values(), labels, strict=True):
            places = [i for i, word in enumerate(words) if word in topic.split()]
            if label:
                assert MENTIONS[0] <= len(places) <= MENTIONS[1]
                # Scattered: from the beginning to the end.
                assert places[0] < len(words) / 3 < 2 * len(words) / 3 < places[-1]
            else:
                assert len(places) <= 1
    assert set(words) <= set(FILLERS) | set(" ".join(TOPICS.values()).split())


def test_absent_topics_are_mentioned_at_times(data):
    strays = 0
    for document, labels in zip(data.x_train, data.y_train, strict=True):
        words = set(words_of(document))
        for topic, label in zip(TOPICS.values(), labels, strict=True):
            strays += not label and bool(words & set(topic.split()))
    absent = (data.y_train == 0).sum()
    assert 0.15 < strays / absent < 0.35


def test_seed():
    first = simulated_documents(samples=10, seed=3)
    again = simulated_documents(samples=10, seed=3)
    other = simulated_documents(samples=10, seed=4)
    assert first.x_train == again.x_train
    np.testing.assert_array_equal(first.y_train, again.y_train)
    assert first.x_train != other.x_train


def test_test_fraction():
    data = simulated_documents(samples=10, test_fraction=0.2)
    assert len(data.x_test) == 2 and len(data.x_train) == 8


@pytest.mark.parametrize(
    "arguments", [(1,), (10, 0, 0.0), (10, 0, 1.0), (10, 0, 0.01), (0,), (-5,)]
)
def test_a_split_without_documents(arguments):
    with pytest.raises(ValueError, match="samples=|test_fraction="):
        simulated_documents(*arguments)


def test_samples_of_another_type():
    with pytest.raises(TypeError, match="`samples`.*2.5"):
        simulated_documents(2.5)
