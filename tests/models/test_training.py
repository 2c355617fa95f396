"""Training with what Keras offers: fit, mixed precision, rematerialisation."""

import keras
import numpy as np
import pytest

from tests.models.tiny import (
    FEW_STEPS,
    random_input,
    slow,
    tiny_classifier,
    train_the_end,
)

Y = np.arange(12) % 3
X = random_input("series", batch=12, length=32) + Y[:, None, None]


def compiled(arguments=None, **kwargs):
    keras.utils.set_random_seed(0)
    model = tiny_classifier("series", **kwargs)
    model.compile(
        keras.optimizers.Adam(3e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        **(arguments or {}),
    )
    return model


def fitted(epochs, **kwargs):
    model = compiled(**kwargs)
    history = model.fit(X, Y, batch_size=12, epochs=epochs, verbose=0)
    return model, history.history["loss"]


def test_fit_learns():
    model, loss = fitted(60)
    assert loss[-1] < 0.3 * loss[0]
    assert np.mean(model.predict(X, verbose=0).argmax(axis=-1) == Y) > 0.9
    assert model.evaluate(X, Y, verbose=0) < loss[0]


@pytest.mark.parametrize("policy", ["mixed_float16", slow("mixed_bfloat16")])
def test_mixed_precision(policy):
    model, loss = fitted(20, dtype=policy)
    assert np.isfinite(loss).all() and loss[-1] < 0.6 * loss[0]
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")
    for weight in model.weights:
        assert keras.backend.standardize_dtype(weight.dtype) in ("float32", "uint32")


def test_remat_trains_alike():
    """With dropout and drop path: recomputation must draw the same noise."""
    kwargs = {"dropout_rate": 0.2, "drop_path_rate": 0.2, "depths": (1, 1, 1, 1)}
    plain, loss = fitted(3, **kwargs)
    remat, other = fitted(3, remat=True, **kwargs)
    np.testing.assert_allclose(other, loss, rtol=1e-4)
    np.testing.assert_allclose(
        remat.predict(X, verbose=0), plain.predict(X, verbose=0), atol=1e-3
    )


@pytest.mark.parametrize(
    "policy, chunk_size",
    [
        ("mixed_float16", 8),
        slow("mixed_bfloat16", None),
        slow("mixed_float16", None),
        slow("mixed_bfloat16", 8),
    ],
)
def test_remat_trains_in_mixed_precision(policy, chunk_size):
    """On torch the second pass runs when no layer is being called."""
    kwargs = {"dtype": policy, "chunk_size": chunk_size, "depths": (1, 1, 1, 1)}
    _, loss = fitted(2, **kwargs)
    _, other = fitted(2, remat=True, **kwargs)
    np.testing.assert_allclose(other, loss, rtol=2e-2)


def test_pydataset():
    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            chosen = slice(4 * index, 4 * index + 4)
            return X[chosen], Y[chosen]

    model = compiled(FEW_STEPS, depths=(1, 1, 1, 1))
    model.fit(Batches(), verbose=0)
    # In batches of the same size no other program is compiled.
    np.testing.assert_allclose(
        model.evaluate(Batches(), verbose=0),
        model.evaluate(X, Y, batch_size=4, verbose=0),
        rtol=1e-4,
    )
    np.testing.assert_allclose(
        model.predict(Batches(), verbose=0),
        model.predict(X, batch_size=4, verbose=0),
        atol=1e-5,
    )


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="about torch modules")
def test_torch_sees_the_parameters():
    model = tiny_classifier("series")
    assert len(list(model.named_parameters())) >= len(model.trainable_variables)


def test_arrays_are_looked_at_once(monkeypatch):
    """Validation arrays too, and not in every epoch."""
    model = train_the_end(compiled(FEW_STEPS, depths=(1, 1, 1, 1)))
    seen = []
    check = model.modality.check_values
    monkeypatch.setattr(
        model.modality, "check_values", lambda x: (seen.append(x), check(x))
    )
    validation = X[:5] + 1
    model.fit(X, Y, epochs=2, validation_data=(validation, Y[:5]), verbose=0)
    assert sorted(len(x) for x in seen) == [5, 12]
    with pytest.raises(ValueError, match="finite"):
        model.fit(X, Y, validation_data=(validation + np.inf, Y[:5]), verbose=0)
