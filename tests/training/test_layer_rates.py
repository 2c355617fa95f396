"""Learning rates that fall layer by layer: the steps that the weights really take."""

import keras
import numpy as np
import pytest

from keras_maelre.training import AdamW, layer_rates, recipe
from keras_maelre.training.training_run import describe
from tests.models.tiny import FEW_STEPS, random_input, randomize, tiny_classifier

DEPTHS = (1, 2, 1, 1)
# Of 5 layers.
EXPONENTS = {
    "stem": 6,
    "position_embedding": 6,
    "class_token": 6,
    "block_1/layer_1": 5,
    "block_1/merge": 5,
    "block_1/expand": 5,
    "block_2/layer_1": 4,
    "block_2/layer_2": 3,
    "block_2/merge": 3,
    "block_2/expand": 3,
    "block_3": 2,
    "block_4": 1,
    "norm": 0,
    "logits": 0,
}


def exponent(path):
    (found,) = [n for part, n in EXPONENTS.items() if path.startswith(part)]
    return found


@pytest.fixture(scope="module")
def model():
    return randomize(tiny_classifier("series", depths=DEPTHS))


def changes(optimizer, variables, gradients):
    """What one step changes, and puts back."""
    before = [np.array(variable) for variable in variables]
    optimizer.build(variables)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    optimizer.apply([keras.ops.convert_to_tensor(g) for g in gradients], variables)
    changed = [np.array(v) - old for v, old in zip(variables, before, strict=True)]
    for variable, old in zip(variables, before, strict=True):
        variable.assign(old)
    return before, changed


def test_the_step_of_every_weight(model):
    variables = model.trainable_variables
    optimizer = AdamW(0.1, rate_factors=layer_rates(model, 0.5), weight_decay=0.0)
    ones = [np.ones(tuple(v.shape), "float32") for v in variables]
    _, steps = changes(optimizer, variables, ones)
    for variable, step in zip(variables, steps, strict=True):
        expected = -0.1 * 0.5 ** exponent(variable.path)
        np.testing.assert_allclose(step, expected, rtol=2e-3, err_msg=variable.path)


def test_weight_decay_falls_alike(model):
    variables = model.trainable_variables
    optimizer = AdamW(0.1, rate_factors=layer_rates(model, 0.5), weight_decay=0.4)
    zeros = [np.zeros(tuple(v.shape), "float32") for v in variables]
    before, steps = changes(optimizer, variables, zeros)
    assert optimizer.weight_decay == 0.4
    for variable, old, step in zip(variables, before, steps, strict=True):
        plain = variable.name in ("bias", "gamma", "beta")
        share = 0.0 if plain else 0.04 * 0.5 ** exponent(variable.path)
        np.testing.assert_allclose(step, -share * old, atol=1e-6, rtol=1e-3)


@pytest.mark.compiles_long
def test_a_recipe_trains_by_it():
    model = tiny_classifier("series")
    made = recipe(
        "series",
        layer_decay=0.3,
        learning_rate=1e-3,
        weight_decay=0.0,
        ema=False,
        warmup_fraction=0.0,
    )
    made.compile(model, total_steps=3, **FEW_STEPS)
    before = {v.path: np.array(v) for v in model.trainable_variables}
    x = random_input("series", 8)
    labels = np.eye(3, dtype="float32")[np.arange(8) % 3]
    # The rate of the first step is 0.
    model.fit(x, labels, batch_size=4, verbose=0)
    moved = {
        variable.path: np.abs(np.array(variable) - before[variable.path]).max()
        for variable in model.trainable_variables
    }
    # At 0.3 to the power of 6 of a rate of 0.001, and at that rate.
    assert 0 < moved["stem/conv/kernel"] < 2e-6 < 2e-4 < moved["logits/kernel"]


def test_it_is_told_and_kept():
    model = tiny_classifier("series")
    made = recipe("series", layer_decay=0.5)
    optimizer = made.optimizer(model, 10)
    assert optimizer.rate_factors == layer_rates(model, 0.5)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(optimizer)
    )
    assert again.rate_factors == optimizer.rate_factors
    assert recipe("series").optimizer(model, 10).rate_factors is None
    model.freeze(4)
    made.compile(model, 10)
    batches = made.batches(model, random_input("series", 8), np.arange(8) % 3)
    plan = {"epochs": 1, "steps_per_epoch": len(batches)}
    text = describe(made, model, batches, None, plan)
    assert "times 0.016 at the stem to 1 at the head" in text
    assert f"weights, {128 * 3 + 3} of them trained" in text


@pytest.mark.parametrize("decay", [0.0, 1.1, -1, float("nan")])
def test_decays_out_of_range(decay):
    with pytest.raises(ValueError, match="`layer_decay`"):
        recipe("series", layer_decay=decay)


def test_factors_that_are_none():
    with pytest.raises(TypeError, match="`rate_factors` must be a dictionary"):
        AdamW(0.1, rate_factors=[0.5])
    with pytest.raises(ValueError, match=r"`rate_factors\['stem'\]`"):
        AdamW(0.1, rate_factors={"stem": 0.0})
