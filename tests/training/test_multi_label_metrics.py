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
def test_batching_changes_no_bit(metric_class):
    y, logits = draw(samples=211, labels=23)
    values = {scored(metric_class(), y, logits, size) for size in (1, 7, 64, 211)}
    assert len(values) == 1


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
def test_counts_beyond_float32(metric_class):
    """One sample more than 2**24 is one too many for a float32 counter."""
    metric = metric_class()
    y, logits = np.array([[1, 1]]), np.array([[1.0, -1.0]])
    metric.update_state(y, logits)
    many = 2**24
    if metric_class is ExampleBasedF1:
        metric.samples.assign(many)
        metric.ones.assign(many)  # each with an F1 of 1, and nothing after the point
        metric.fraction.assign(0)
        metric.rest.assign(0)
        metric.update_state(y, logits)
        counted = [metric.samples, metric.ones, metric.fraction, metric.rest]
        two_thirds = round(2 / 3 * 2**24)
        wanted = [many + 1, many, two_thirds // 2**12, two_thirds % 2**12]
    else:
        metric.both.assign([many, many])
        metric.either.assign([2 * many, 2 * many])
        metric.update_state(y, logits)
        counted = [metric.both, metric.either]
        wanted = [[many + 1, many], [2 * many + 2, 2 * many + 1]]
    for counter, value in zip(counted, wanted, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(counter), value)


def test_example_based_carries_its_digits():
    rng = np.random.default_rng(3)
    y, logits = (rng.random((3000, 5)) < 0.5), rng.normal(size=(3000, 5))
    value = scored(ExampleBasedF1(), y, logits, 500)
    assert value == pytest.approx(expected(ExampleBasedF1, y, logits > 0), abs=1e-7)


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
def test_sample_weights_are_refused(metric_class):
    y, logits = draw()
    with pytest.raises(ValueError, match="weighted_metrics"):
        metric_class().update_state(y, logits, sample_weight=np.ones(len(y)))


@each_metric
def test_wrong_arguments(metric_class):
    for threshold in (0, 1, -0.5, "half", None):
        with pytest.raises(ValueError, match=r"threshold"):
            metric_class(threshold)
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
