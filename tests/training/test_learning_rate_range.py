"""Rising learning rates, and a classifier that does not remember them."""

import keras
import numpy as np
import pytest

from keras_maelre import MaelreClassifier
from keras_maelre.preprocessing import SeriesPreprocessor
from keras_maelre.training import LearningRateRange, learning_rate_range, recipe
from tests.models.tiny import train_the_end

STEPS = 40


def small(**arguments):
    return MaelreClassifier.from_preset(
        "tiny_series", width=8, depths=(1, 1, 1, 1), num_classes=2, **arguments
    )


@pytest.fixture(scope="module")
def data():
    generator = np.random.default_rng(0)
    y = np.arange(48) % 2
    return generator.normal(size=(48, 32, 1)) + 2 * y[:, None, None], y


def test_rates_rise_and_the_loss_falls_before_it_diverges(data, tmp_path):
    classifier = small(input_shape=(32, 1))
    found = learning_rate_range(
        recipe("series", ema=False), classifier, *data, 1e-5, 1e3, STEPS, batch_size=16
    )
    rates = np.array(found.rates)
    np.testing.assert_allclose(rates[0], 1e-5)
    np.testing.assert_allclose(rates[1:] / rates[:-1], 1e8 ** (1 / (STEPS - 1)))
    assert min(found.smoothed) < 0.9 * found.smoothed[0]
    # A rate of a thousand cannot train.
    assert max(found.losses) > 2 * found.losses[0] or len(rates) < STEPS
    assert 1e-6 < found.suggestion < 1
    assert f"{found.suggestion:.1e}" in str(found)
    found.plot(tmp_path / "range.png")
    assert (tmp_path / "range.png").stat().st_size > 1000


@pytest.mark.usefixtures("few_steps")
def test_the_classifier_is_as_before(data):
    classifier = small(input_shape=(32, 1))
    before = [np.array(w) for w in classifier.get_weights()]
    learning_rate_range(recipe("series"), classifier, *data, steps=10)
    for old, new in zip(before, classifier.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    history = recipe("series").fit(classifier, *data, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


@pytest.mark.usefixtures("few_steps")
@pytest.mark.compiles_long
def test_raw_samples_of_unequal_length(data):
    x, y = data
    classifier = train_the_end(small(preprocessor=SeriesPreprocessor((32, 1))))
    series = [sample[: 20 + i % 12] for i, sample in enumerate(x)]
    found = learning_rate_range(recipe("series"), classifier, series, y, steps=10)
    assert len(found.losses) == 10


@pytest.mark.usefixtures("few_steps")
@pytest.mark.compiles_long
def test_the_same_batches_at_one_seed_and_new_ones_in_every_epoch(data):
    def losses(seed):
        keras.utils.set_random_seed(1)
        made = small(input_shape=(32, 1))
        made.backbone.trainable = False  # At such rates nothing learns.
        rates = {"lowest": 1e-9, "highest": 2e-9}
        plain = recipe("series", ema=False, drop_path_rate=0.0, mixing=[])
        return learning_rate_range(
            plain, made, *data, **rates, steps=10, batch_size=24, seed=seed
        ).losses

    one, again, other = losses(0), losses(0), losses(1)
    np.testing.assert_allclose(one, again, rtol=1e-5)
    assert not np.allclose(one, other, rtol=1e-3)
    # Two batches an epoch, at rates that change nothing.
    assert not np.allclose(one[:2], one[2:4], rtol=1e-3)


@pytest.mark.usefixtures("few_steps")
@pytest.mark.compiles_long
def test_samples_and_dropout_are_those_of_the_training_asked_about(data):
    def range_of(made, total_steps):
        keras.utils.set_random_seed(1)
        model = small(input_shape=(32, 1))
        model.backbone.trainable = False
        rates = {"lowest": 1e-9, "highest": 2e-9, "total_steps": total_steps}
        found = learning_rate_range(made, model, *data, **rates, steps=10)
        return found.losses, model.backbone.drop_path_rate

    full = recipe("series", ema=False, drop_path_rate=0.2)
    bare = recipe("series", ema=False, augmentation=[], mixing=[])
    few, dropped = range_of(full, 10)
    assert dropped == pytest.approx(0.2 * (10 / 2000) ** 2)
    np.testing.assert_allclose(few, range_of(bare, 10)[0], rtol=1e-4)
    many, dropped = range_of(full, None)
    assert dropped == 0.2
    assert not np.allclose(few, many, rtol=1e-3)


@pytest.mark.parametrize(
    "changes, error, message",
    [
        ({"lowest": 0.0}, ValueError, "`lowest`"),
        ({"lowest": 1e-3, "highest": 1e-3}, ValueError, "`highest`"),
        ({"steps": 9}, ValueError, "`steps`"),
        ({"steps": 12.5}, TypeError, "`steps`"),
        ({"batch_size": 0}, ValueError, "`batch_size`"),
        ({"seed": -1}, ValueError, "`seed`"),
        ({"total_steps": 0}, ValueError, "`total_steps`"),
        ({"classifier": "tiny_series"}, TypeError, "`classifier`"),
        ({"recipe": recipe("audio")}, ValueError, "modality 'series'"),
    ],
)
def test_bad_arguments(data, changes, error, message):
    x, y = data
    arguments = {"recipe": recipe("series"), "classifier": small(input_shape=(32, 1))}
    with pytest.raises(error, match=message):
        learning_rate_range(**{**arguments, "x": x, "y": y, **changes})


def test_suggestion_is_a_tenth_of_the_rate_of_the_least_loss():
    found = LearningRateRange([0.1, 1.0, 10.0], [3.0, 1.0, 9.0], [3.0, 2.0, 4.0])
    assert found.suggestion == pytest.approx(0.1)
