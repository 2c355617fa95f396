"""Raw samples of every kind go in, labels of every kind come out."""

import numpy as np
import pytest
import scipy.sparse
from sklearn.feature_extraction.text import TfidfVectorizer

import keras_maelre
from tests.estimator.small import documents, estimator, ragged, waves

pytestmark = pytest.mark.compiles_long


def test_it_learns():
    X, y = ragged(48)
    options = {"recipe": {"augmentation": [], "mixing": []}, "learning_rate": 1e-3}
    fitted = estimator(epochs=12, **options).fit(X, y)
    unseen, labels = ragged(32, seed=1)
    assert fitted.score(unseen, labels) > 0.85
    assert len(fitted.history_["val_accuracy"]) == 12


def test_arrays_of_channels_first_and_last_are_the_same():
    X, y = waves(channels=2)
    last = estimator().fit(X, y)
    assert last.n_features_in_ == X.shape[1]
    assert last.classifier_.signal_shape == (24, 4)
    first = estimator(channels_first=True).fit(np.moveaxis(X, -1, 1), y)
    expected = last.predict_proba(X)
    np.testing.assert_array_equal(first.predict_proba(np.moveaxis(X, -1, 1)), expected)
    of_list = estimator(channels_first=True).fit([row.T for row in X], y)
    np.testing.assert_array_equal(of_list.predict_proba([r.T for r in X]), expected)


def test_channels_first_images():
    X = np.random.default_rng(0).integers(0, 256, (8, 12, 10, 3), "uint8")
    y = np.arange(8) % 2
    last = estimator("image", input_shape=(16, 16, 3)).fit(X, y)
    moved = np.moveaxis(X, -1, 1)
    first = estimator("image", input_shape=(16, 16, 3), channels_first=True)
    first.fit(moved, y)
    np.testing.assert_array_equal(
        first.predict_proba(moved), last.predict_proba(list(X))
    )


@pytest.mark.parametrize(
    "y",
    [
        np.arange(16) % 3 + 5,
        (np.arange(16) % 2).astype(bool),
        np.where(np.arange(16) % 2, 2.0, -1.0),
        np.array(["b", "a"] * 8, object),
        ["b", "a"] * 8,
    ],
    ids=["integers", "booleans", "floats", "objects", "list"],
)
def test_labels_keep_their_type(y):
    X, _ = waves()
    fitted = estimator().fit(X, y)
    assert fitted.classes_.dtype == np.asarray(y).dtype
    np.testing.assert_array_equal(fitted.classes_, np.unique(y))
    assert set(fitted.predict(X)) <= set(y)


@pytest.mark.parametrize("modality", ["text", "bytes"])
def test_documents(modality):
    X, y = documents()
    fitted = estimator(modality).fit(X, y)
    assert fitted.predict(np.array(X)).shape == (16,)
    column = np.array(X, object)[:, None]
    np.testing.assert_array_equal(fitted.predict_proba(column), fitted.predict_proba(X))
    longest = fitted.classifier_.signal_shape[0]
    assert longest < 60
    with pytest.warns(UserWarning, match="The ends of 1 of 2 samples are cut off"):
        fitted.predict(["sun " * 60, "sun"])


def test_sounds_and_their_lengths(tmp_path):
    generator = np.random.default_rng(0)
    X = [generator.uniform(-0.1, 0.1, n).astype("f4") for n in (2000, 4000) * 4]
    y = [0, 1] * 4
    fitted = estimator("audio").fit(X, y)
    # 25 ms a frame, 10 ms from one to the next.
    assert fitted.classifier_.signal_shape == (23, 64)
    # Beyond 2.56 seconds 20 ms.
    long = [np.tile(wave, 12) for wave in X]
    assert estimator("audio").fit(long, y).classifier_.signal_shape == (149, 64)
    soundfile = pytest.importorskip("soundfile", reason="the extra [audio]")
    soundfile.write(tmp_path / "a.wav", X[1], 16000, subtype="FLOAT")
    np.testing.assert_allclose(
        fitted.predict_proba([tmp_path / "a.wav"]),
        fitted.predict_proba([X[1]]),
        atol=1e-6,
    )


def test_images_of_any_size():
    generator = np.random.default_rng(0)
    X = [generator.integers(0, 256, (n, 20, 3), "uint8") for n in range(10, 18)]
    fitted = estimator("image").fit(X, np.arange(8) % 2)
    assert fitted.classifier_.signal_shape == (64, 64, 3)


def test_label_lists_and_indicators_are_the_same():
    X, _ = documents()
    lists = [["sea"], ["ski", "ice"], [], ["sea", "ice"]] * 4
    fitted = estimator("bytes", epochs=2).fit(X, lists)
    assert fitted.classes_.tolist() == ["ice", "sea", "ski"]
    indicator = np.array([[0, 1, 0], [1, 0, 1], [0, 0, 0], [1, 1, 0]] * 4)
    forms = (indicator, indicator.tolist(), scipy.sparse.csr_array(indicator))
    for form in forms:
        other = estimator("bytes", epochs=2).fit(X, form)
        np.testing.assert_array_equal(other.classes_, [0, 1, 2])
        np.testing.assert_array_equal(other.predict_proba(X), fitted.predict_proba(X))
    predicted = fitted.predict(X)
    assert predicted.shape == (16, 3) and predicted.dtype.kind == "i"
    np.testing.assert_array_equal(predicted, fitted.predict_proba(X) > 0.5)
    expected = np.mean((predicted == indicator).all(axis=1))
    assert fitted.score(X, lists) == fitted.score(X, indicator) == expected
    fitted.classifier_.thresholds = 0.0
    assert fitted.predict(X).all()


def test_sets_of_zeros_and_ones_are_labels():
    X, _ = waves(8)
    fitted = estimator().fit(X, [{0, 1}, {1}, {0, 2}, {1}] * 2)
    np.testing.assert_array_equal(fitted.classes_, [0, 1, 2])


def test_columns_of_tables():
    pandas = pytest.importorskip("pandas", reason="the extra [test]")
    X, y = documents()
    table = pandas.DataFrame({"text": X, "season": y})
    plain = estimator("text").fit(X, y).predict_proba(X)
    for column in (table["text"], table[["text"]]):
        fitted = estimator("text").fit(column, table["season"].astype("category"))
        np.testing.assert_array_equal(fitted.predict_proba(column), plain)
    X, y = waves(8)
    table = pandas.DataFrame(X, columns=[f"t{i}" for i in range(X.shape[1])])
    fitted = estimator().fit(table, pandas.Series(y))
    assert fitted.feature_names_in_[0] == "t0"
    labels = pandas.DataFrame({"a": [0, 1] * 4, "b": [1, 1, 0, 0] * 2})
    assert estimator().fit(table, labels).classes_.tolist() == ["a", "b"]


def test_lists_may_be_longer_than_what_was_fitted():
    X, y = ragged()
    longest = max(map(len, X))
    fitted = estimator(input_shape=(longest, 1)).fit(X, y)
    long = np.concatenate([X[0], X[0]])
    with pytest.warns(UserWarning, match=f"the longest has {len(long)} steps"):
        probabilities = fitted.predict_proba([long])
    np.testing.assert_allclose(
        probabilities, fitted.predict_proba([long[:longest]]), atol=1e-6
    )


def test_series_go_in_as_a_probe_likes_them_best(capsys):
    # What tells ragged waves apart is their shape over the whole, not their pitch.
    X, _ = ragged(40)
    y = np.arange(40) % 2
    curves = [
        np.linspace(0, 1, len(x)) ** (1 + 3 * k) for x, k in zip(X, y, strict=True)
    ]
    fitted = estimator(verbose=2).fit(curves, y)
    printed = capsys.readouterr().out
    tried = [line for line in printed.splitlines() if "series: Linear probe" in line]
    longest = max(map(len, X))
    assert tried[0].startswith(f"Series resized to {longest} steps")
    assert tried[1].startswith(f"Series padded to {longest} steps")
    losses = [float(line.partition("loss ")[2].split(",")[0]) for line in tried]
    assert fitted.classifier_.preprocessor.resize == (losses[0] <= losses[1] + 0.01)
    assert fitted.classifier_.preprocessor.differences


def test_series_with_gaps_are_not_resized():
    X, y = waves(16, 300)
    X[3, 100:110] = np.nan
    fitted = estimator().fit(X, y)
    assert not fitted.classifier_.preprocessor.resize
    assert fitted.classifier_.signal_shape == (300, 2)


def test_input_shape_cuts_with_a_warning():
    X, y = waves()
    with pytest.warns(UserWarning, match="The ends of 16 of 16 samples"):
        fitted = estimator(input_shape=(20, 1)).fit(X, y)
    assert fitted.classifier_.signal_shape == (20, 1)


def test_a_preprocessor_takes_the_place_of_the_default():
    X, y = waves()
    raw = keras_maelre.preprocessing.SeriesPreprocessor((30, 1), normalize=False)
    fitted = estimator(preprocessor=raw).fit(X, y)
    assert fitted.classifier_.preprocessor is raw
    assert fitted.classifier_.signal_shape == (30, 1)


def test_refitted_on_lists_no_length_is_asked_for():
    X, y = waves()
    fitted = estimator().fit(X, y)
    assert fitted.n_features_in_ == 24
    fitted.fit(list(X), y)
    assert not hasattr(fitted, "n_features_in_")


@pytest.mark.parametrize("extra", [None, TfidfVectorizer()], ids=["alone", "joined"])
def test_thresholds_of_labels_are_tuned_on_enough_validation_samples(extra, tmp_path):
    X, y = documents(240)
    rows = np.stack([y == "summer", y == "winter"], axis=1).astype(int)
    options = {"recipe": {"probe": False}, "extra_features": extra, "batch_size": 32}
    few = estimator("bytes", **options).fit(X, rows)
    assert few.classifier_.thresholds is None
    options["validation_fraction"] = 0.5
    fitted = estimator("bytes", **options).fit(X, rows)
    thresholds = fitted.classifier_.thresholds
    assert len(thresholds) == 2
    if extra is not None:
        # The classifier by itself has its own.
        assert tuple(fitted.joined_head_.thresholds) != thresholds
        thresholds = fitted.joined_head_.thresholds
    probabilities = fitted.predict_proba(X)
    np.testing.assert_array_equal(fitted.predict(X), probabilities > thresholds)
    fitted.save(tmp_path)
    loaded = type(fitted).load(tmp_path)
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
