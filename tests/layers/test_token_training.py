"""Training steps of the token stem equal those of a float64 reference.

Equal logits and equal dense gradients are not enough: what an optimizer does with the
gradient of a lookup, in which a token occurs many times, shows in the steps alone.
"""

import keras
import numpy as np
import pytest

from keras_maelre import layers

LEARNING_RATE, WEIGHT_DECAY, CLIPNORM = 0.05, 0.1, 0.5
EMBEDDING_DIM, DIM, KERNEL_SIZE, PADDING_ID = 6, 5, 3, 1
STEPS = 5


def batches(vocabulary_size):
    """Ids of which few occur often, padding at one end, and random targets."""
    generator = np.random.default_rng(0)
    ids = generator.integers(2, vocabulary_size, 7)
    chances = [0.4, 0.3, 0.1, 0.05, 0.05, 0.05, 0.05]
    for _ in range(STEPS):
        # Which of them are frequent changes, and with it the size of gradients.
        ids = np.roll(ids, 2)
        x = generator.choice(ids, (4, 19), p=chances)
        x[1, 12:] = PADDING_ID
        y = generator.normal(size=(*x.shape, DIM))
        yield x.astype("int32"), y.astype("float32")


def loss_and_gradients(weights, ids, targets):
    """The mean squared error of the valid tokens, in NumPy."""
    table, kernel, bias = weights
    length, kept = ids.shape[1], ids != PADDING_ID
    margin = ((0, 0), (KERNEL_SIZE // 2, (KERNEL_SIZE - 1) // 2), (0, 0))
    x = np.pad(np.where(kept[..., None], table[ids], 0), margin)
    windows = [x[:, i : i + length] for i in range(KERNEL_SIZE)]
    outputs = bias + sum(windows[i] @ kernel[i] for i in range(KERNEL_SIZE))
    error = np.where(kept[..., None], outputs - targets, 0)
    count = kept.sum() * DIM
    upstream = 2 * error / count
    x_gradient = np.zeros_like(x)
    kernel_gradient = np.zeros_like(kernel)
    for i, window in enumerate(windows):
        x_gradient[:, i : i + length] += upstream @ kernel[i].T
        kernel_gradient[i] = np.einsum("bnc,bnd->cd", window, upstream)
    x_gradient = x_gradient[:, KERNEL_SIZE // 2 :][:, :length]
    table_gradient = np.zeros_like(table)
    np.add.at(table_gradient, ids[kept], x_gradient[kept])
    gradients = [table_gradient, kernel_gradient, upstream.sum(axis=(0, 1))]
    return np.sum(error**2) / count, gradients


def train_reference(weights, data, frozen):
    """Steps of AdamW on clipped gradients, all in float64."""
    weights = [w.astype("float64") for w in weights]
    trained = [False, True, True] if frozen else [True] * 3
    first, second = ([np.zeros_like(w) for w in weights] for _ in range(2))
    losses, clipped = [], False
    for step, (ids, targets) in enumerate(data, start=1):
        loss, gradients = loss_and_gradients(weights, ids, targets)
        losses.append(loss)
        squares = (np.sum(g**2) for g, t in zip(gradients, trained, strict=True) if t)
        norm = np.sqrt(sum(squares))
        clipped = clipped or norm > CLIPNORM
        rate = LEARNING_RATE * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        for i, gradient in enumerate(gradients):
            if not trained[i]:
                continue
            gradient = gradient * min(1, CLIPNORM / norm)
            first[i] += (gradient - first[i]) * (1 - 0.9)
            second[i] += (gradient**2 - second[i]) * (1 - 0.999)
            weights[i] -= weights[i] * WEIGHT_DECAY * LEARNING_RATE
            weights[i] -= rate * first[i] / (np.sqrt(second[i]) + 1e-7)
    assert clipped, "the gradients of this test must be large enough to be clipped"
    return losses, weights


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
@pytest.mark.parametrize("frozen", [False, True], ids=["trained", "frozen"])
# Fewer tokens than in a batch: their products with the kernel are looked up.
@pytest.mark.parametrize("vocabulary_size", [2000, 40])
def test_training_steps(vocabulary_size, frozen, policy):
    data = list(batches(vocabulary_size))
    stem = layers.TokenStem(
        vocabulary_size,
        EMBEDDING_DIM,
        DIM,
        PADDING_ID,
        KERNEL_SIZE,
        trainable_embeddings=not frozen,
        dtype=policy,
    )
    model = keras.Sequential([keras.Input((19,), dtype="int32"), stem])
    generator = np.random.default_rng(1)
    # Weights that float16 holds exactly.
    variables = (stem.embedding.embeddings, stem.conv.kernel, stem.conv.bias)
    start = [
        generator.normal(size=v.shape).astype("float16").astype("float32")
        for v in variables
    ]
    for variable, value in zip(variables, start, strict=True):
        variable.assign(value)
    optimizer = keras.optimizers.AdamW(
        LEARNING_RATE, weight_decay=WEIGHT_DECAY, global_clipnorm=CLIPNORM
    )
    if policy == "mixed_float16":
        # A scale at which no gradient overflows, so that no step is skipped.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=64.0)
    model.compile(optimizer, "mean_squared_error")
    losses = []
    for x, y in data:
        model.reset_metrics()  # else Keras 3.12 returns the mean so far
        losses.append(float(model.train_on_batch(x, y)))

    expected_losses, expected = train_reference(start, data, frozen)
    # A rounded gradient moves Adam's steps by its relative error.
    tolerance = 1e-4 if policy == "float32" else 1e-2
    np.testing.assert_allclose(losses, expected_losses, rtol=tolerance)
    table = keras.ops.convert_to_numpy(stem.embedding.embeddings)
    if frozen:
        np.testing.assert_array_equal(table, start[0])
    else:
        # Those of the other tokens only decay.
        rows = np.unique([x for x, _ in data])
        change = (expected[0] - start[0])[rows]
        error = np.linalg.norm((table - expected[0])[rows]) / np.linalg.norm(change)
        assert error < tolerance
