"""The quick AdamW takes the steps of Keras' own."""

import keras
import numpy as np
import pytest

from keras_maelre.training import AdamW, adamw

# What GPUs take runs on CPUs as well; the other backends have one way.
UPDATES = ["_fused_update", "_foreach_update"]
if keras.backend.backend() != "torch":
    UPDATES = UPDATES[:1]


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize(
    "options",
    [
        {"learning_rate": 0.01},
        {"learning_rate": 0.01, "weight_decay": 0.1, "clipnorm": 0.5},
        {"learning_rate": 0.01, "use_ema": True, "ema_momentum": 0.8},
        {"learning_rate": 0.01, "amsgrad": True},
        {"learning_rate": 0.01, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
        {"learning_rate": keras.optimizers.schedules.CosineDecay(0.05, 8)},
        {"learning_rate": 0.01, "gradient_accumulation_steps": 2},
    ],
)
def test_steps_equal_those_of_keras(options, update, monkeypatch):
    monkeypatch.setattr(adamw, "_fused_update", getattr(adamw, update))
    generator = np.random.default_rng(0)
    shapes = [(3, 4), (5,), ()]
    start = [generator.normal(size=shape).astype("float32") for shape in shapes]
    steps = [[generator.normal(size=shape) for shape in shapes] for _ in range(6)]
    results = []
    for optimizer in (AdamW(**options), keras.optimizers.AdamW(**options)):
        variables = [
            keras.Variable(value, name="abc"[i]) for i, value in enumerate(start)
        ]
        optimizer.build(variables)
        optimizer.exclude_from_weight_decay(var_names=["b"])
        for step in steps:
            gradients = [keras.ops.convert_to_tensor(g, "float32") for g in step]
            optimizer.apply(gradients, variables)
        results.append(
            [keras.ops.convert_to_numpy(v) for v in variables]
            + [keras.ops.convert_to_numpy(v) for v in optimizer.variables]
        )
    for got, expected in zip(*results, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=2e-6)
    assert np.abs(results[0][0] - start[0]).max() > 1e-3


def test_saved_with_its_configuration():
    optimizer = AdamW(1e-3, weight_decay=0.3, beta_2=0.97)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(optimizer)
    )
    assert type(again) is AdamW
    assert again.get_config() == optimizer.get_config()
