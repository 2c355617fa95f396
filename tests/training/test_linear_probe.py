"""The head that a probe writes is the linear model that it says it is."""

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from keras_maelre import MaelreClassifier
from keras_maelre.preprocessing import SeriesPreprocessor
from keras_maelre.training import linear_probe
from keras_maelre.training.linear_probe import _logistic, _ridge, assign_folds
from tests.models.tiny import FEW_STEPS, slow, tiny_classifier

RNG = np.random.default_rng(0)
Y = np.arange(36) % 3
# Classes differ in the amplitude of one channel and the pitch of the other.
TIME = np.arange(50)[None, :] / 8
X = np.stack(
    [
        np.sin(TIME * (1 + Y[:, None])) + 0.3 * RNG.normal(size=(36, 50)),
        (0.5 + Y[:, None]) * RNG.normal(size=(36, 50)),
    ],
    axis=-1,
).astype("float32")


def probed(pooling="blocks", y=Y, **kwargs):
    own = {"multi_label": kwargs.pop("multi_label", False)}
    model = tiny_classifier("series", pooling=pooling, **own)
    before = model.backbone.get_weights()
    report = linear_probe(model, X, y, **kwargs)
    for one, other in zip(before, model.backbone.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    return model, report


def standardized(model):
    features = model.embed(X).astype("float64")
    spread = np.sqrt(features.var(axis=0) + 1e-6)
    return (features - features.mean(axis=0)) / spread


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("pooling", ["cls", slow("mean"), "blocks"])
def test_ridge_is_that_of_sklearn(pooling):
    model, report = probed(pooling)
    ridge = Ridge(report.strength).fit(standardized(model), np.eye(3)[Y])
    expected = softmax(report.scale * ridge.predict(standardized(model)))
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-4)
    assert report.features == model.head.kernel.shape[0]


def test_words_alone_if_new_blocks_hide_them():
    """One token tells the class; 1088 features of random blocks hide it."""
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    x = rng.integers(10, 60, (40, 40))
    x[:, ::2] = np.where(y[:, None], rng.integers(2, 5, (40, 20)), x[:, ::2])
    model = tiny_classifier("text", pooling="blocks", num_classes=2)
    report = linear_probe(model, x.astype("int32"), y)
    assert report.features == 12
    kernel = keras.ops.convert_to_numpy(model.head.kernel)
    used = np.any(kernel != 0, axis=1)
    assert used[128:140].all() and used.sum() == 12
    assert np.mean(np.argmax(model.predict_proba(x), axis=1) == y) > 0.9


def test_blocks_too_if_they_tell_more():
    """The order of two tokens, which their mean does not know."""
    y = np.arange(60) % 2
    rng = np.random.default_rng(0)
    x = rng.integers(10, 60, (60, 40))
    x[:, :15] = np.where(y[:, None], 2, 3)
    x[:, 25:] = np.where(y[:, None], 3, 2)
    model = tiny_classifier("text", pooling="blocks", num_classes=2)
    report = linear_probe(model, x.astype("int32"), y)
    assert report.features == model.head.kernel.shape[0]
    assert np.mean(np.argmax(model.predict_proba(x), axis=1) == y) == 1.0


@pytest.mark.parametrize("pooling", ["cls", slow("blocks")])
def test_logistic_regression_is_that_of_sklearn(pooling):
    model, report = probed(pooling, method="logistic")
    reference = LogisticRegression(C=1 / report.strength, tol=1e-8, max_iter=5000)
    reference.fit(standardized(model), Y)
    scores = standardized(model) @ reference.coef_.T + reference.intercept_
    # Both stop somewhere near the minimum.
    np.testing.assert_allclose(
        model.predict_proba(X), softmax(report.scale * scores), atol=5e-3
    )


@pytest.mark.parametrize("rows", [12, 80])
def test_solvers_with_weights(rows):
    """Of fewer and of more samples than features."""
    rng = np.random.default_rng(1)
    points, y = rng.normal(size=(rows, 20)) + 3, np.arange(rows) % 3
    weights = rng.random(rows) + 0.1
    strengths = np.array([0.5, 50.0])
    targets = np.eye(3)[y]
    solved = _ridge(points, targets, weights, strengths, False)
    for strength, (kernel, bias) in zip(strengths, solved, strict=True):
        reference = Ridge(strength).fit(points, targets, sample_weight=weights)
        np.testing.assert_allclose(kernel, reference.coef_.T, atol=1e-9)
        np.testing.assert_allclose(bias, reference.intercept_, atol=1e-9)
    solved = _logistic(points, targets, weights, strengths, False)
    for strength, (kernel, bias) in zip(strengths, solved, strict=True):
        reference = LogisticRegression(C=1 / strength, tol=1e-9, max_iter=5000)
        reference.fit(points, y, sample_weight=weights)
        expected = reference.predict_proba(points)
        np.testing.assert_allclose(softmax(points @ kernel + bias), expected, atol=5e-3)


@pytest.mark.parametrize("method", ["ridge", slow("logistic")])
def test_several_labels(method):
    rows = np.stack([Y > 0, Y == 1, np.arange(36) % 5 == 0], axis=1).astype("float32")
    model, report = probed(multi_label=True, y=rows, method=method)
    decided = model.decide(model.predict_proba(X))
    assert (decided[:, :2] == rows[:, :2]).mean() > 0.9
    assert report.accuracy > 0.7 and report.scale.shape == (3,)
    probabilities = model.predict_proba(X)
    assert np.abs(probabilities.mean(axis=0) - rows.mean(axis=0)).max() < 0.1


def test_it_says_what_to_expect():
    model, report = probed()
    right = np.mean(np.argmax(model.predict_proba(X), axis=1) == Y)
    assert right >= report.accuracy > 0.8
    assert report.folds == 5 and report.samples == 36
    assert f"{report.accuracy:.4f}" in str(report) and "5 folds" in str(report)


@pytest.mark.compiles_long
def test_noise_is_expected_to_be_noise():
    """Held-out scores: training samples alone would be told apart perfectly."""
    y = np.random.default_rng(3).permutation(np.arange(36) % 2)
    model = tiny_classifier("series", num_classes=2, pooling="blocks")
    report = linear_probe(model, RNG.normal(size=X.shape).astype("float32"), y)
    assert report.accuracy < 0.75 and report.loss > 0.55


def test_groups_are_held_out_together():
    """Copies of a sample would give its class away."""
    rng = np.random.default_rng(4)
    x = np.repeat(rng.normal(size=(12, 50, 2)), 3, axis=0).astype("float32")
    y = np.repeat(rng.permutation(np.arange(12) % 2), 3)
    reports = []
    for groups in (None, np.repeat(np.arange(12), 3)):
        model = tiny_classifier("series", num_classes=2, pooling="blocks")
        reports.append(linear_probe(model, x, y, groups=groups))
    assert reports[0].accuracy > 0.9 > 0.8 > reports[1].accuracy


def test_folds():
    rows = np.eye(3)[np.repeat(np.arange(3), (10, 5, 1))]
    parts = assign_folds(rows, None, 5, False, 0)
    assert sorted(np.bincount(parts[:10])) == [2] * 5
    assert sorted(np.bincount(parts[10:15], minlength=5)) == [1] * 5
    names = np.repeat(["b", "a", "c"], (7, 5, 4))
    parts = assign_folds(rows, names, 5, False, 0)
    assert sorted({(n, p) for n, p in zip(names, parts, strict=True)}) == [
        (n, parts[names == n][0]) for n in "abc"
    ]
    assert len(set(parts)) == 3


@pytest.mark.compiles_long
def test_a_probe_is_saved_and_trained_on(tmp_path):
    preprocessor = SeriesPreprocessor((50, 2))
    names = ("low", "middle", "high")
    model = tiny_classifier(
        "series", pooling="blocks", class_names=names, preprocessor=preprocessor
    )
    model.temperature = 3.0
    raw = [5 * x[: 30 + i % 20] + 7 for i, x in enumerate(X)]
    linear_probe(model, raw, [names[i] for i in Y])
    assert model.temperature == 1.0
    expected = model.predict_proba(raw)
    model.save_to_preset(tmp_path)
    again = MaelreClassifier.from_preset(tmp_path)
    np.testing.assert_allclose(again.predict_proba(raw), expected, atol=1e-6)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    again.compile(keras.optimizers.AdamW(1e-5), loss, **FEW_STEPS)
    before = again.evaluate(raw, [names[i] for i in Y], verbose=0)
    trained = again.fit(raw, [names[i] for i in Y], batch_size=4, verbose=0)
    # Training starts where the probe ends.
    assert trained.history["loss"][0] < 1.5 * before + 0.05


@pytest.mark.compiles_long
def test_class_without_a_sample():
    model = tiny_classifier("series", num_classes=5, pooling="blocks")
    for method in ("ridge", "logistic"):
        linear_probe(model, X, Y, method=method)
        probabilities = model.predict_proba(X)
        assert np.isfinite(probabilities).all()
        assert set(np.argmax(probabilities, axis=1)) <= {0, 1, 2}


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"method": "lasso"}, "`method` must be one of"),
        ({"folds": 1}, "`folds` must be"),
        ({"groups": np.zeros(36)}, "at least two"),
        ({"groups": np.zeros(3)}, "`groups` must have the same number"),
        ({"sample_weight": np.ones(3)}, "`sample_weight` must have the same number"),
        ({"sample_weight": np.zeros(36)}, "`sample_weight` must hold"),
        ({"y": np.full(36, 7)}, "labels in"),
        ({"x": iter(X)}, "`x` must be a list or an array"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_arguments(arguments, message):
    model = tiny_classifier("series", pooling="blocks")
    with pytest.raises((TypeError, ValueError), match=message):
        linear_probe(model, **{"x": X, "y": Y, **arguments})
    with pytest.raises(TypeError, match="must be a MaelreClassifier"):
        linear_probe(model.backbone, X, Y)
