import keras
import numpy as np
import pytest
from sklearn.metrics import f1_score

from keras_maelre.training import ExampleBasedF1, LabelBasedF1, MicroF1

METRICS = {ExampleBasedF1: "samples", LabelBasedF1: "macro", MicroF1: "micro"}
each_metric = pytest.mark.parametrize("metric_class", METRICS)


def draw(samples=37, labels=11, seed=0):
    rng = np.random.default_rng(seed)
    y = (rng.random((samples, labels)) < 0.25).astype("uint8")
    logits = rng.normal(size=(samples, labels)).astype("float32") + 2 * y - 1
    y[0] = 0
    logits[0] = -1  # neither true nor predicted labels
    y[:, 1] = 0
    logits[:, 1] = -1
    return y, logits


def expected(metric_class, y, predicted):
    return f1_score(y, predicted, average=METRICS[metric_class], zero_division=0)


def scored(metric, y, predictions, batch_size=None):
    step = batch_size or len(y)
    for start in range(0, len(y), step):
        metric.update_state(y[start : start + step], predictions[start : start + step])
    return float(metric.result())


@each_metric
def test_equals_scikit_learn(metric_class):
    for seed in range(5):
        y, logits = draw(seed=seed)
        value = scored(metric_class(), y, logits)
        assert value == pytest.approx(expected(metric_class, y, logits > 0), abs=2e-7)


@each_metric
@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.8])
def test_threshold_on_logits_and_on_probabilities(metric_class, threshold):
    y, logits = draw()
    probabilities = 1 / (1 + np.exp(-logits.astype("float64")))
    wanted = expected(metric_class, y, probabilities > threshold)
    of_logits = metric_class(threshold)
    of_probabilities = metric_class(threshold, from_logits=False)
    assert scored(of_logits, y, logits) == pytest.approx(wanted, abs=2e-7)
    probabilities = probabilities.astype("float32")
    assert scored(of_probabilities, y, probabilities) == pytest.approx(wanted, abs=2e-7)


@each_metric
def test_what_lies_on_the_threshold_is_not_predicted(metric_class):
    y = np.array([[1, 0], [1, 1]])
    assert scored(metric_class(), y, np.zeros((2, 2), "float32")) == 0
    metric = metric_class(from_logits=False)
    assert scored(metric, y, np.full((2, 2), 0.5, "float32")) == 0


@each_metric
@pytest.mark.parametrize("batch_size", [1, 7, 64, 211])
def test_batching_changes_nothing(metric_class, batch_size):
    y, logits = draw(samples=211, labels=23)
    value = scored(metric_class(), y, logits, batch_size)
    if metric_class is ExampleBasedF1:  # a sum of fractions, in float32
        wanted = expected(metric_class, y, logits > 0)
        assert value == pytest.approx(wanted, abs=5e-7)
    else:  # sums of whole numbers, to the last bit
        assert value == scored(metric_class(), y, logits)


@each_metric
def test_no_labels_at_all(metric_class):
    y, logits = np.zeros((4, 3)), -np.ones((4, 3))
    assert scored(metric_class(), y, logits) == 0


@each_metric
def test_before_any_sample(metric_class):
    assert float(metric_class().result()) == 0


@each_metric
def test_reset(metric_class):
    y, logits = draw()
    metric = metric_class()
    first = scored(metric, y, logits)
    metric.reset_state()
    assert float(metric.result()) == 0
    assert scored(metric, y, logits) == first


@each_metric
def test_many_labels(metric_class):
    rng = np.random.default_rng(0)
    y = rng.random((40, 12338)) < 0.001
    logits = np.where(rng.random(y.shape) < 0.999, y, ~y) * 2.0 - 1
    value = scored(metric_class(), y, logits.astype("float32"), 16)
    assert value == pytest.approx(expected(metric_class, y, logits > 0), abs=1e-6)


@each_metric
def test_counts_beyond_the_integers_of_float32(metric_class):
    """Above 2**24 float32 rounds odd counts: the score drifts, but goes on."""
    metric = metric_class()
    y, logits = draw(samples=61, labels=5)
    metric.update_state(y, logits)
    many, updates = 2**24, 300
    for variable in metric.variables:
        variable.assign(keras.ops.full(variable.shape, float(many)))
    for _ in range(updates):
        metric.update_state(y, logits)
    if metric_class is ExampleBasedF1:
        new = updates * len(y) * expected(metric_class, y, logits > 0)
        wanted = (many + new) / (many + updates * len(y))
    else:
        axis = None if metric_class is MicroF1 else 0
        true, predicted = y.astype("int64"), (logits > 0).astype("int64")
        both = many + updates * (true * predicted).sum(axis)
        either = 4 * many + updates * (true + predicted).sum(axis)
        wanted = np.mean(2 * both / either)
    before = 1 if metric_class is ExampleBasedF1 else 0.5
    assert abs(float(metric.result()) - wanted) < 0.1 * abs(before - wanted)


@each_metric
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_predictions(metric_class, dtype):
    y, logits = draw()
    half = keras.ops.cast(logits, dtype)
    exact = keras.ops.convert_to_numpy(keras.ops.cast(half, "float32"))
    metric = metric_class(0.3)
    metric.update_state(y, half)
    cut = np.log(0.3 / 0.7)
    wanted = expected(metric_class, y, exact > cut)
    assert float(metric.result()) == pytest.approx(wanted, abs=2e-7)


@each_metric
def test_in_evaluate(metric_class):
    y, logits = draw()
    inputs = keras.Input((y.shape[1],))
    model = keras.Model(inputs, keras.layers.Identity()(inputs))
    model.compile(loss="mse", metrics=[metric_class(name="f1")])
    wanted = pytest.approx(expected(metric_class, y, logits > 0), abs=2e-7)
    for batch_size in (8, 37):
        results = model.evaluate(
            logits, y, batch_size=batch_size, return_dict=True, verbose=0
        )
        assert results["f1"] == wanted


@each_metric
def test_sample_weights(metric_class):
    y, logits = draw()
    weights = np.random.default_rng(1).random(len(y)).astype("float32")
    metric = metric_class()
    for part in (slice(20), slice(20, None)):
        metric.update_state(y[part], logits[part], sample_weight=weights[part])
    wanted = f1_score(
        y,
        logits > 0,
        average=METRICS[metric_class],
        sample_weight=weights.astype("float64"),
        zero_division=0,
    )
    assert float(metric.result()) == pytest.approx(wanted, abs=5e-7)


@each_metric
def test_soft_labels_are_decided_at_one_half(metric_class):
    y, logits = draw()
    soft = 0.9 * y + 0.05
    assert scored(metric_class(), soft, logits) == scored(metric_class(), y, logits)


@each_metric
def test_wrong_arguments(metric_class):
    for threshold in (0, 1, -0.5, float("nan")):
        with pytest.raises(ValueError, match=r"threshold"):
            metric_class(threshold)
    for threshold in ("half", None, True):
        with pytest.raises(TypeError, match=r"threshold"):
            metric_class(threshold)
    with pytest.raises(TypeError, match="from_logits"):
        metric_class(from_logits="no")
    y, logits = draw()
    with pytest.raises(ValueError, match=r"\(37,\)"):
        metric_class().update_state(y[:, 0], logits)


@each_metric
def test_configuration_survives(metric_class):
    metric = metric_class(0.3, from_logits=False, name="mine")
    copy = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert type(copy) is metric_class
    assert copy.get_config() == metric.get_config()
    y, logits = draw()
    assert scored(copy, y, logits) == scored(metric, y, logits)
