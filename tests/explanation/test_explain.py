"""Shapes, padding, targets and sanity of every method, on the public function."""

import keras
import numpy as np
import pytest

import keras_maelre
from keras_maelre import explain, preprocessing
from keras_maelre.explanation import METHODS
from keras_maelre.explanation.explain import prepared_subject
from keras_maelre.explanation.rollout import AttentionRollout
from tests.models.tiny import (
    SHAPES,
    padded,
    random_input,
    randomize,
    tiny_classifier,
)


def model_of(modality, **kwargs):
    return randomize(tiny_classifier(modality, depths=(1, 1, 1, 1), **kwargs))


# Every modality passes the same code where it is compiled.
OTHERS = [
    pytest.param(name, marks=pytest.mark.compiles_long)
    for name in sorted(SHAPES)
    if name != "series"
]


@pytest.mark.parametrize("modality", ["series", *OTHERS])
def test_values_are_in_units_of_the_input(modality):
    model = model_of(modality)
    x = random_input(modality, 1)
    most = model.predict_proba(x)[0].max()
    for method in METHODS:
        (found,) = explain(model, x, method=method)
        units = SHAPES[modality] if modality != "image" else (24, 20)
        assert found.values.shape == units
        assert np.isfinite(found.values).all() and np.abs(found.values).max() > 0
        assert found.method == method
        assert found.target == model.predict_proba(x)[0].argmax()
        np.testing.assert_allclose(found.score, np.log(most / (1 - most)), atol=1e-4)


@pytest.mark.compiles_long
@pytest.mark.parametrize("modality", ["bytes", "series"])
def test_padding_changes_nothing(modality):
    model = model_of(modality)
    x = random_input(modality, 1, length=33)
    longer = padded(modality, x, SHAPES[modality][0])
    for method in METHODS:
        (alone,) = explain(model, x, 1, method)
        (found,) = explain(model, longer, 1, method)
        assert len(found.values) == 33
        largest = np.abs(alone.values).max()
        np.testing.assert_allclose(found.values, alone.values, atol=2e-4 * largest)


@pytest.mark.compiles_long
def test_frames_of_padding_have_no_relevance():
    preprocessor = preprocessing.AudioPreprocessor((32, 16))
    model = model_of("audio", preprocessor=preprocessor)
    wave = np.random.default_rng(0).uniform(-0.1, 0.1, 3000)
    frames = int(preprocessor.lengths([wave])[0])
    assert frames < 32
    for method in METHODS:
        (found,) = explain(model, [wave], 0, method)
        assert found.values.shape == found.sample.shape == (frames, 16)


@pytest.mark.compiles_long
def test_a_gap_has_no_relevance():
    x = random_input("series", 1)
    x[0, 20:25] = np.nan
    model = model_of("series")
    for method in METHODS:
        (found,) = explain(model, x, 0, method)
        assert not found.values[20:25].any() and found.values[:20].any()


def test_raw_samples_and_named_classes():
    model = model_of(
        "series",
        input_shape=(50, 1),
        class_names=("a", "b", "c"),
        preprocessor=preprocessing.SeriesPreprocessor((50, 1)),
    )
    series = [np.arange(30.0) ** 2, np.sin(np.arange(50.0))]
    first, second = explain(model, series, ["b", np.int64(2)], "gradient")
    assert (first.target, second.target) == ("b", "c")
    assert first.values.shape == first.sample.shape == (30,)
    assert abs(first.sample.mean()) < 1e-5, "the input of the model"
    (column,) = explain(model, [series[0][:, None]], "b", "gradient")
    assert column.values.shape == (30, 1)
    np.testing.assert_allclose(column.values[:, 0], first.values, rtol=1e-4, atol=1e-6)
    assert explain(model, [], "b") == []


def test_labels_of_a_multi_label_classifier():
    model = model_of("series", multi_label=True)
    x = random_input("series", 2)
    logits = model.predict(x, verbose=0)
    found = explain(model, x, [2, 0], "gradient")
    np.testing.assert_allclose([f.score for f in found], logits[[0, 1], [2, 0]], 1e-4)


@pytest.mark.compiles_long
def test_the_weights_matter():
    """Other weights, other relevance: no method draws the input alone."""
    x = random_input("series", 1)
    model = model_of("series")
    before = [explain(model, x, 1, method)[0].values for method in METHODS]
    likeness = np.zeros(len(METHODS))
    for seed in range(4):
        rng = np.random.default_rng(seed)
        for weight in model.trainable_weights:
            value = keras.ops.convert_to_numpy(weight)
            weight.assign(rng.permutation(np.ravel(value)).reshape(value.shape))
        for i, method in enumerate(METHODS):
            values = explain(model, x, 1, method)[0].values
            both = np.corrcoef(before[i].ravel(), values.ravel())
            likeness[i] += abs(both[0, 1]) / 4
    assert (likeness < 0.7).all(), dict(zip(METHODS, likeness, strict=True))


def test_weights_that_changed_are_seen():
    """What was compiled for a classifier holds none of its weights."""
    x = random_input("series", 1)
    model = model_of("series")
    for method in METHODS:
        explain(model, x, 1, method)
    fresh = model_of("series")
    for old, new in zip(model.weights, fresh.weights, strict=True):
        value = np.asarray(keras.ops.convert_to_numpy(new)) * 1.1
        old.assign(value)
        new.assign(value)
    for method in METHODS:
        (one,), (other,) = (explain(m, x, 1, method) for m in (model, fresh))
        np.testing.assert_allclose(one.values, other.values, rtol=1e-4, atol=1e-6)


@pytest.mark.compiles_long
@pytest.mark.parametrize("merge", ["average", "linear", "none"])
@pytest.mark.parametrize("modality", ["series", "image"])
def test_rollout_passes_every_merge(modality, merge):
    model = model_of(modality, merge=merge)
    subject = prepared_subject(model, random_input(modality, 1)[0], 0)
    shares = AttentionRollout(model)(subject)
    # Mass is averaged on its way and none is made: all of it is what does not come
    # from the class token, which starts without any.
    assert shares.shape == subject.active.shape
    assert (shares >= 0).all() and 0.5 < shares.sum() < 1


@pytest.mark.compiles_long
@pytest.mark.parametrize(
    "modality, attention",
    [
        ("series", ("performer", "nystrom", "conv", "linformer")),
        ("image", ("axial", "conv", "pool", "dot")),
    ],
)
def test_rollout_passes_other_kinds(modality, attention):
    model = model_of(modality, attention=attention)
    subject = prepared_subject(model, random_input(modality, 1)[0], 0)
    shares = AttentionRollout(model)(subject)
    assert (shares >= 0).all() and 0.5 < shares.sum() < 1


def planted(rng, count):
    """Series with a fast or a slow burst, beside a louder bump that tells nothing."""
    y = rng.integers(2, size=count)
    x = 0.2 * rng.standard_normal((count, 96))
    inside = np.zeros(x.shape, bool)
    for row, label, where in zip(x, y, inside, strict=True):
        first = rng.integers(0, 84 - 12)
        starts = [first, rng.integers(first + 12, 85)]
        rng.shuffle(starts)
        evidence, bump = starts
        row[evidence : evidence + 12] += np.sin((0.8, 2.2)[label] * np.arange(12))
        row[bump : bump + 12] += 3 * np.hanning(12)
        where[evidence : evidence + 12] = True
    return x[..., None].astype("float32"), y, inside


@pytest.mark.compiles_long
def test_pointing_game():
    """Every method finds evidence that was planted more often than chance does."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    model = tiny_classifier(
        "series", input_shape=(96, 1), pooling="blocks", num_classes=2
    )
    x, y, _ = planted(rng, 128)
    keras_maelre.training.linear_probe(model, x, y)
    model.compile(
        keras.optimizers.AdamW(2e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.fit(x, y, epochs=3, verbose=0)
    x, y, inside = planted(rng, 12)
    right = model.predict(x, verbose=0).argmax(-1) == y
    assert right.mean() > 0.75, "nothing was learned, nothing can be explained"
    x, y, inside = x[right], y[right], inside[right]
    chance = inside.mean()
    for method in METHODS:
        found = explain(model, x, y, method)
        hits = [
            where[f.values.argmax()] for f, where in zip(found, inside, strict=True)
        ]
        assert np.mean(hits) > 2.5 * chance, (method, np.mean(hits), chance)


def test_differences_belong_to_the_steps_that_they_lead_to():
    preprocessor = preprocessing.SeriesPreprocessor(
        (25, 2), resize=True, differences=True
    )
    model = model_of("series", input_shape=(25, 2), preprocessor=preprocessor)
    wave = np.sin(np.arange(60) / 5)
    x = preprocessor([wave])
    model.preprocessor = None
    (both,) = explain(model, x, 1, "gradient")
    model.preprocessor = preprocessor
    (found,) = explain(model, [wave], 1, "gradient")
    np.testing.assert_array_equal(found.sample, x[0, :, 0])
    np.testing.assert_allclose(found.values, both.values.sum(axis=1), rtol=1e-6)
    (column,) = explain(model, [wave[:, None]], 1, "gradient")
    assert column.values.shape == (25, 1)
