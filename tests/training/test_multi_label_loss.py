import keras
import numpy as np
import pytest

from keras_maelre.training import ArticleLabelCrossentropy
from tests.references.gradients import backend_gradients, numeric_gradient


def reference(y, logits, article_weight, label_weight, positive_weight=1.0):
    """The two averages by loops over articles and labels, in float64."""
    y, logits = y.astype("float64"), logits.astype("float64")
    batch, labels = y.shape
    entry = np.empty((batch, labels))
    for i in range(batch):
        for j in range(labels):
            # -log of the probability of what is so.
            found = np.logaddexp(0, -logits[i, j])
            other = np.logaddexp(0, logits[i, j])
            entry[i, j] = positive_weight * y[i, j] * found + (1 - y[i, j]) * other
    article_counts = [max(1.0, y[i].sum()) for i in range(batch)]
    label_counts = [max(1.0, y[:, j].sum()) for j in range(labels)]
    article_mean = np.average(entry.mean(axis=1), weights=1 / np.array(article_counts))
    label_mean = np.average(entry.mean(axis=0), weights=1 / np.array(label_counts))
    return article_weight * article_mean + label_weight * label_mean


def draw(batch=5, labels=7, seed=0):
    rng = np.random.default_rng(seed)
    y = (rng.random((batch, labels)) < 0.3).astype("float32")
    y[0] = 0  # an article without labels
    y[:, 1] = 0  # a label without articles
    y[1:, 2] = 1  # a frequent one
    return y, rng.normal(scale=3, size=(batch, labels)).astype("float32")


class AsLayer(keras.layers.Layer):
    """A loss as a function of the predictions."""

    def __init__(self, loss, y):
        super().__init__()
        self.loss, self.y = loss, y
        self.built = True

    def call(self, x):
        return self.loss(self.y, x)


WEIGHTS = [(0.5, 0.5, 1.0), (1.0, 0.0, 1.0), (0.0, 2.0, 1.0), (0.3, 0.9, 3.0)]


@pytest.mark.parametrize("weights", WEIGHTS)
def test_values_equal_the_reference(weights):
    y, logits = draw()
    loss = ArticleLabelCrossentropy(*weights)
    np.testing.assert_allclose(
        float(loss(y, logits)), reference(y, logits, *weights), rtol=2e-6
    )


@pytest.mark.parametrize("weights", WEIGHTS)
def test_gradients_equal_differences_of_the_reference(weights):
    y, logits = draw()

    layer = AsLayer(ArticleLabelCrossentropy(*weights), y)
    _, gradient, _ = backend_gradients(layer, logits, np.float32(1))
    exact = logits.astype("float64")
    expected = numeric_gradient(
        lambda: reference(y, exact, *weights), exact, range(exact.size)
    )
    np.testing.assert_allclose(gradient.ravel(), expected, rtol=1e-4, atol=1e-7)


def test_the_two_averages_differ():
    y, logits = draw()
    by_article = float(ArticleLabelCrossentropy(1, 0)(y, logits))
    by_label = float(ArticleLabelCrossentropy(0, 1)(y, logits))
    assert abs(by_article - by_label) > 0.01
    # Turning the table around swaps them.
    turned = float(ArticleLabelCrossentropy(0, 1)(y.T, logits.T))
    assert turned == pytest.approx(by_article, rel=1e-6)


def test_equal_counts_give_the_plain_mean():
    y = np.eye(6, dtype="float32")
    logits = np.random.default_rng(1).normal(size=(6, 6)).astype("float32")
    plain = keras.losses.BinaryCrossentropy(from_logits=True)(y, logits)
    loss = ArticleLabelCrossentropy(0.25, 0.75)(y, logits)
    assert float(loss) == pytest.approx(float(plain), rel=1e-6)


def test_probabilities_are_the_logits_sigmoid():
    y, logits = draw()
    probabilities = 1 / (1 + np.exp(-logits))
    loss = ArticleLabelCrossentropy(from_logits=False)(y, probabilities)
    expected = ArticleLabelCrossentropy()(y, logits)
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)


def test_large_logits_stay_finite():
    y = np.array([[1, 0, 1, 0]], "float32")
    logits = np.array([[-1e4, 1e4, 1e4, -1e4]], "float32")
    layer = AsLayer(ArticleLabelCrossentropy(), y)
    value, gradient, _ = backend_gradients(layer, logits, np.float32(1))
    np.testing.assert_allclose(value, 5e3, rtol=1e-6)
    np.testing.assert_allclose(gradient, [[-0.25, 0.25, 0, 0]], atol=1e-7)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_float32(dtype):
    y, logits = draw(batch=64, labels=300)
    half = keras.ops.cast(logits, dtype)
    exact = keras.ops.convert_to_numpy(keras.ops.cast(half, "float32"))
    loss = ArticleLabelCrossentropy()(y, half)
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    np.testing.assert_allclose(float(loss), reference(y, exact, 0.5, 0.5), rtol=1e-5)


def test_integer_labels():
    y, logits = draw()
    loss = ArticleLabelCrossentropy()
    assert float(loss(y.astype("uint8"), logits)) == float(loss(y, logits))


def test_sample_weights_multiply_the_shares():
    y, logits = draw()
    shares = keras.ops.convert_to_numpy(
        ArticleLabelCrossentropy(reduction=None)(y, logits)
    )
    assert shares.shape == (5,)
    weights = np.array([0, 1, 2, 0.5, 1], "float32")
    loss = ArticleLabelCrossentropy()
    assert float(loss(y, logits)) == pytest.approx(shares.mean(), rel=1e-6)
    weighted = float(loss(y, logits, sample_weight=weights))
    assert weighted == pytest.approx((shares * weights).mean(), rel=1e-6)


@pytest.mark.parametrize("shape", [(5,), (5, 6), (4, 7), (5, 7, 1)])
def test_wrong_shapes(shape):
    _, logits = draw()
    with pytest.raises(ValueError, match=r"same shape.*5, 7"):
        ArticleLabelCrossentropy()(np.zeros(shape, "float32"), logits)


def test_wrong_weights():
    with pytest.raises(ValueError, match="both 0"):
        ArticleLabelCrossentropy(0, 0)
    for name in ("article_weight", "label_weight", "positive_weight"):
        with pytest.raises(ValueError, match=name):
            ArticleLabelCrossentropy(**{name: -1})
        with pytest.raises(TypeError, match=name):
            ArticleLabelCrossentropy(**{name: "1"})


def test_configuration_survives():
    loss = ArticleLabelCrossentropy(0.2, 0.7, 3.0, from_logits=False, name="mine")
    config = keras.losses.serialize(loss)
    copy = keras.losses.deserialize(config)
    assert type(copy) is ArticleLabelCrossentropy
    assert copy.get_config() == loss.get_config()
    y, logits = draw()
    probabilities = 1 / (1 + np.exp(-logits))
    assert float(copy(y, probabilities)) == float(loss(y, probabilities))


def test_trains_a_model_in_batches_of_unknown_size():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile(keras.optimizers.Adam(0.1), ArticleLabelCrossentropy())
    x = np.random.default_rng(0).normal(size=(50, 4)).astype("float32")
    y = (x[:, :3] > 0).astype("uint8")
    losses = model.fit(x, y, batch_size=16, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
