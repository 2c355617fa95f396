"""Features of scikit-learn's transformers join those of the encoder."""

import pickle
import re
import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import FunctionTransformer

from keras_maelre import MaelreEstimator
from keras_maelre.estimator import (
    ImageStatistics,
    MelStatistics,
    MiniRocket,
    simple_tools,
)
from keras_maelre.estimator.extra_features import JoinedHead
from tests.estimator.small import documents, estimator, ragged, tones, waves

pytestmark = pytest.mark.compiles_long


class Answer(TransformerMixin, BaseEstimator):
    """Features that know the class of a series, and nothing else."""

    def fit(self, X, y=None):
        self.fitted_ = len(X)
        return self

    def transform(self, X):
        return np.array([[row[0], -row[0]] for row in X])


class Noise(Answer):
    def transform(self, X):
        return np.random.default_rng(len(X)).normal(size=(len(X), 50))


def marked(count=40, seed=0):
    """Noise, whose first step says the class."""
    generator = np.random.default_rng(seed)
    X, y = generator.normal(size=(count, 24)), np.arange(count) % 2
    X[:, 0] = 100 * y
    return X, np.where(y, "one", "other")


def test_features_that_know_decide(capsys):
    X, y = marked()
    plain = estimator(epochs=1, preprocessor=None, verbose=1)
    fitted = clone(plain).set_params(extra_features=Answer()).fit(X, y)
    unseen, labels = marked(30, seed=1)
    assert fitted.score(unseen, labels) == 1
    encoder, features, _ = fitted.joined_head_.weights
    assert features > encoder
    assert "4 validation samples" in capsys.readouterr().out


def test_features_that_know_nothing_count_little():
    X, y = waves(80)
    options = {"epochs": 10, "validation_fraction": 0.3}
    fitted = estimator(extra_features=Noise(), **options).fit(X, y)
    unseen, labels = waves(60, seed=1)
    alone = estimator(**options).fit(X, y).score(unseen, labels)
    assert fitted.score(unseen, labels) >= alone - 0.1


@pytest.mark.parametrize("multi_label", [False, True])
def test_words_beside_tokens(multi_label):
    X, y = documents(40)
    if multi_label:
        y = [[label, "weather"] if i % 3 else [label] for i, label in enumerate(y)]
    fitted = estimator("text", extra_features=TfidfVectorizer()).fit(X, y)
    assert fitted.predict_proba(X).shape == (40, 3 if multi_label else 2)
    unseen, labels = documents(20, seed=1)
    if not multi_label:
        assert fitted.score(unseen, labels) == 1
        np.testing.assert_allclose(fitted.predict_proba(unseen).sum(axis=1), 1)
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_allclose(
        copy.predict_proba(unseen), fitted.predict_proba(unseen), atol=1e-6
    )


def sounds(count):
    return tones(count), np.where(np.arange(count) % 2, "high", "low")


def pictures(count):
    X = np.random.default_rng(0).integers(128, size=(count, 16, 16, 3), dtype="uint8")
    X[1::2] += 100
    return X, np.where(np.arange(count) % 2, "light", "dark")


SIGNALS = {
    "series": (ragged, MiniRocket),
    "text": (documents, TfidfVectorizer),
    "audio": (sounds, MelStatistics),
    "image": (pictures, ImageStatistics),
}


@pytest.mark.parametrize("modality", SIGNALS)
def test_features_of_the_simple_tool_join_and_are_saved(modality, tmp_path):
    make, kind = SIGNALS[modality]
    X, y = make(16)
    # By default.
    options = {"preset": "tiny", "epochs": 1, "batch_size": 8, "random_state": 0}
    fitted = MaelreEstimator(modality, validation_fraction=0.1, **options).fit(X, y)
    assert isinstance(fitted.joined_head_.fitted_transformer, kind)
    found = fitted.predict_proba(X)
    fitted.save(tmp_path / "saved")
    loaded = MaelreEstimator.load(tmp_path / "saved")
    assert loaded.extra_features == "auto"
    np.testing.assert_allclose(loaded.predict_proba(X), found, atol=1e-6)
    # Not those of the encoder alone, of which one is warned.
    with pytest.warns(UserWarning, match="`classifier_` is without.*On the [24] valid"):
        alone = loaded.classifier_.predict_proba(X)
    assert np.abs(np.log(alone) - np.log(found)).max() > 0.1
    loaded.save(tmp_path / "saved")
    again = MaelreEstimator.load(tmp_path / "saved")
    np.testing.assert_allclose(again.predict_proba(X), found, atol=1e-6)


@pytest.mark.parametrize("verbose", [0, 1])
def test_what_the_tool_cannot_take_is_not_joined(verbose, capsys):
    """Series of fewer than nine steps; unlike a transformer that one asks for."""
    X, y = waves(16, length=8)
    fitted = estimator(extra_features="auto", verbose=verbose).fit(X, y)
    assert fitted.joined_head_ is None
    told = "No features of a simple tool join"
    assert (told in capsys.readouterr().out) == bool(verbose)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        alone = fitted.classifier_.predict_proba(X)
    np.testing.assert_array_equal(fitted.predict_proba(X), alone)
    with pytest.raises(ValueError, match="at least 9"):
        estimator(extra_features=MiniRocket(84)).fit(X, y)


@pytest.mark.parametrize("modality, joins", [("series", False), ("bytes", True)])
def test_the_tool_does_not_join_many_samples(modality, joins, monkeypatch, capsys):
    """It takes long, but of texts."""
    monkeypatch.setattr(simple_tools, "MOST_TO_LEARN", 15)
    X, y = SIGNALS["text" if modality == "bytes" else modality][0](16)
    fitted = estimator(modality, extra_features="auto", verbose=1).fit(X, y)
    assert (fitted.joined_head_ is not None) == joins
    assert ("many minutes" in capsys.readouterr().out) != joins


def test_gaps_and_bytes_of_any_encoding_are_taken():
    X, y = waves(16)
    fitted = estimator(extra_features="auto").fit(X, y)
    X[:, 5:8] = np.nan
    assert np.all(np.isfinite(fitted.predict_proba(X)))
    X, y = documents(16)
    fitted = estimator("bytes", extra_features="auto").fit(X, y)
    assert np.all(np.isfinite(fitted.predict_proba([b"\xff\xfe sun"])))


def test_a_label_of_all_samples_or_of_none_is_saved(tmp_path):
    X, y = documents(16)
    rows = np.stack([y == "summer", y != "", y == ""], axis=1).astype(int)
    fitted = estimator("bytes", extra_features="auto").fit(X, rows)
    fitted.save(tmp_path)
    loaded = MaelreEstimator.load(tmp_path)
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
    assert fitted.predict(X)[:, 1].all() and not fitted.predict(X)[:, 2].any()


def test_types_of_ones_own_are_loaded_if_they_are_trusted(tmp_path):
    X, y = waves(16)
    fitted = estimator(extra_features=Answer()).fit(X, y)
    fitted.save(tmp_path)
    name = f"{Answer.__module__}.Answer"
    with pytest.raises(ValueError, match=rf"not trusted: \['{name}'\].*`trusted`"):
        MaelreEstimator.load(tmp_path)
    with pytest.raises(TypeError, match="`trusted` must be a sequence"):
        MaelreEstimator.load(tmp_path, trusted=name)
    loaded = MaelreEstimator.load(tmp_path, trusted=[name])
    assert isinstance(loaded.extra_features, Answer)
    assert not hasattr(loaded.extra_features, "fitted_")
    np.testing.assert_allclose(
        loaded.predict_proba(X), fitted.predict_proba(X), atol=1e-6
    )
    for file in tmp_path.glob("*/joined_head.skops"):
        file.write_bytes(b"damaged")
    with pytest.raises(ValueError, match="does not hold the extra features"):
        MaelreEstimator.load(tmp_path, trusted=[name])


def test_the_parameter_is_saved_as_it_is_not_as_it_was(tmp_path):
    """It may have been set after the training."""
    X, y = waves(16)
    plain = estimator().fit(X, y).set_params(extra_features=MiniRocket(840))
    plain.save(tmp_path / "plain")
    loaded = MaelreEstimator.load(tmp_path / "plain")
    assert loaded.joined_head_ is None and loaded.extra_features.n_features == 840
    joined = clone(plain).set_params(extra_features=MiniRocket(84)).fit(X, y)
    joined.set_params(extra_features=None).save(tmp_path / "joined")
    loaded = MaelreEstimator.load(tmp_path / "joined")
    assert loaded.extra_features is None
    np.testing.assert_allclose(
        loaded.predict_proba(X), joined.predict_proba(X), atol=1e-6
    )


def test_functions_without_a_name_cannot_be_saved(tmp_path):
    X, y = waves(16)
    made = FunctionTransformer(lambda rows: np.array([row[:4] for row in rows]))
    fitted = estimator(extra_features=made).fit(X, y)
    with pytest.raises(TypeError, match="`extra_features` cannot be saved.*pickle"):
        fitted.save(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("multi_label", [False, True])
def test_a_kernel_decides_images(multi_label):
    """Classes that differ in what two features say together, not in either."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(200, 2))
    targets = (X[:, 0] * X[:, 1] > 0).astype(int)
    rows = np.eye(2, dtype=int)[targets]
    same = FunctionTransformer()
    found = {}
    for modality in ("series", "image"):
        joined = JoinedHead(same, modality, multi_label, classes=2)
        joined.fit(X[:150], rows[:150] if multi_label else targets[:150])
        made = joined.predict_proba(np.zeros((50, 2)), joined.transform(X[150:]))
        found[modality] = np.mean(made.argmax(axis=1) == targets[150:])
    assert found["image"] > 0.9 and found["series"] < 0.7


def test_without_validation_both_count_alike():
    X, y = ragged(20)
    fitted = estimator(extra_features=MiniRocket(84), validation_fraction=0.0)
    fitted.fit(X, y)
    np.testing.assert_array_equal(fitted.joined_head_.weights, [1, 1, 0])
    assert fitted.joined_head_.fitted_transformer.length_ == max(map(len, X))


def test_groups_and_weights(monkeypatch):
    X, y = waves(24)
    learned = []

    def learn(self, features, targets, sample_weight):
        learned.append((np.sort(features[:, 0]), np.sort(sample_weight)))
        learn_it(self, features, targets, sample_weight)

    learn_it = JoinedHead.learn
    monkeypatch.setattr(JoinedHead, "learn", learn)
    fitted = estimator(extra_features=Answer(), validation_fraction=0.3)
    fitted.fit(X, y, sample_weight=np.arange(24), groups=np.arange(24) // 4)
    # Some, then all but the sample of weight 0, which is left out.
    some, everything = learned
    assert len(some[0]) == fitted.joined_head_.fitted_transformer.fitted_ < 23
    np.testing.assert_array_equal(everything[0], np.sort(X[1:, 0]))
    np.testing.assert_array_equal(everything[1], np.arange(1, 24))


@pytest.mark.parametrize("extra", [MiniRocket, "tfidf", len])
def test_what_is_not_a_transformer_is_refused(extra):
    X, y = waves(8)
    with pytest.raises(TypeError, match='`extra_features` must be "auto" or a tran'):
        estimator(extra_features=extra).fit(X, y)


def test_weights_of_samples_reach_the_words_of_every_label():
    """Half of the documents are labeled wrongly; weights say which."""
    X, y = documents(40)
    rows = np.stack([y == "summer", y == "winter"], axis=1).astype(int)
    wrong = np.arange(40) % 4 < 2
    rows[wrong] = 1 - rows[wrong]
    joined = JoinedHead(TfidfVectorizer(), "text", multi_label=True, classes=2)
    joined.fit(X, rows, sample_weight=np.where(wrong, 1e-3, 1.0))
    found = joined.predict_proba(np.zeros((40, 2)), joined.transform(X)) > 0.5
    expected = np.where(wrong[:, None], 1 - rows, rows)
    np.testing.assert_array_equal(found, expected)


def test_a_few_samples_do_not_silence_either_part():
    """Two held-out samples, both of which the features get wrong."""
    X, y = marked()
    _, targets = np.unique(y, return_inverse=True)
    joined = JoinedHead(Answer(), "series", multi_label=False, classes=2)
    joined.fit(X, targets)
    logits = 3.0 * np.eye(2)[1 - targets[:2]]
    features = joined.transform(X[:2])
    joined.choose_weights(logits, features, 1 - targets[:2])
    assert joined.weights[0] > 0.5 and joined.weights[1] > 0.1
    joined.choose_weights(
        np.tile(logits, (500, 1)),
        np.tile(features, (500, 1)),
        np.tile(1 - targets[:2], 500),
    )
    assert joined.weights[1] < 1e-3


@pytest.mark.parametrize("multi_label", [False, True])
def test_the_report_tells_either_and_both(multi_label):
    """The encoder is right of the first half of the samples, features of the other."""
    X, y = marked(40)
    targets = np.unique(y, return_inverse=True)[1]
    joined = JoinedHead(Answer(), "series", multi_label, classes=2)
    joined.fit(X, np.eye(2, dtype=int)[targets] if multi_label else targets)
    X[:20, 0] = 50
    logits = 20.0 * np.eye(2)[targets] - 10
    logits[20:] = 0
    truth = np.eye(2, dtype=int)[targets] if multi_label else targets
    joined.choose_weights(logits, joined.transform(X), truth)
    report = joined.report
    alone, extra, both = map(float, re.findall(r"[01][.][0-9]{3}", report))
    assert both == 1 and alone < 1 and extra < 1
    assert report.startswith("On the 40 validation samples: ")
    assert ("micro-F1" if multi_label else "accuracy") in report
