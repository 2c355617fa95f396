"""Statistics of the kept tokens: values, gradients, large numbers, no tokens."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_maelre import layers
from tests.references.comparison import assert_gradients_match, assert_values_match
from tests.references.gradients import backend_gradients, values

STATISTICS = ("mean", "deviation", "maximum", "minimum")
DIM = 5


def expected_of(x, mask=None, statistics=STATISTICS, epsilon=1e-6):
    """In float64, sample by sample, of the kept tokens alone."""
    rows = []
    for i, sample in enumerate(np.asarray(x, "float64")):
        kept = sample.reshape(-1, sample.shape[-1])
        if mask is not None:
            kept = kept[np.asarray(mask[i]).ravel()]
        if len(kept):
            made = {
                "mean": kept.mean(axis=0),
                "deviation": np.sqrt(kept.var(axis=0) + epsilon),
                "maximum": kept.max(axis=0),
                "minimum": kept.min(axis=0),
            }
        else:
            made = dict.fromkeys(STATISTICS, np.zeros(sample.shape[-1]))
        rows.append(np.concatenate([made[name] for name in statistics]))
    return np.stack(rows)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def built(x, *args):
    layer = layers.TokenStatistics(*args)
    layer.build(x.shape)
    return layer


def masks(*shape):
    """Everything, padding, a gap, a single token and nothing at all."""
    made = np.ones((5, *shape), bool)
    flat = made.reshape(5, -1)
    flat[1, flat.shape[1] // 3 :] = False
    flat[2, 1:3] = False
    flat[3, :] = np.arange(flat.shape[1]) == 2
    flat[4, :] = False
    return made


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("shape", [(9,), (3, 4)], ids=str)
@pytest.mark.parametrize("statistics", [STATISTICS, ("minimum", "mean")], ids=str)
def test_values_and_gradients(shape, statistics, masked):
    x = random(5, *shape, DIM)
    mask = masks(*shape) if masked else None
    assert_gradients_match(
        built(x, statistics),
        x,
        {},
        lambda x, _: expected_of(x, mask, statistics),
        mask=mask,
        entries=60,
    )


@pytest.mark.parametrize("shape", [(9,), (3, 4)], ids=str)
def test_what_is_masked_changes_nothing_and_gets_no_gradient(shape):
    mask = masks(*shape)
    x = random(5, *shape, DIM)
    layer = built(x)
    expected = values(layer, x, mask)
    for other in (1e30, np.nan, -np.inf):
        dirty = np.where(mask[..., None], x, np.float32(other))
        np.testing.assert_array_equal(values(layer, dirty, mask), expected)
    _, gradient, _ = backend_gradients(layer, x, random(5, 4 * DIM), mask)
    assert np.isfinite(gradient).all()
    assert not gradient[~mask].any() and gradient[mask].any()


def test_padding_in_a_model():
    inputs = keras.Input((None, DIM))
    outputs = layers.TokenStatistics()(keras.layers.Masking()(inputs))
    model = keras.Model(inputs, outputs)
    x = random(2, 6, DIM)
    padded = np.pad(x, ((0, 0), (0, 7), (0, 0)))
    np.testing.assert_allclose(values(model, padded), values(model, x), atol=1e-6)
    assert layers.TokenStatistics().compute_mask(x, masks(6)) is None


def test_alike_tokens_have_a_gradient():
    x = np.ones((2, 4, DIM), "float32")
    outputs, gradient, _ = backend_gradients(built(x, ["deviation"]), x, random(2, DIM))
    np.testing.assert_allclose(outputs, 1e-3, rtol=1e-5)
    np.testing.assert_array_equal(gradient, 0)


def test_a_large_offset_does_not_cancel():
    x = 1e4 + random(2, 500, DIM)
    got = values(built(x, ["deviation"]), x)
    assert_values_match(got, expected_of(x, None, ["deviation"]), tolerance=1e-3)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_sums_in_float32(policy, masked):
    """Sums and squares of 4000 tokens are beyond float16, and coarse in bfloat16."""
    layer = layers.TokenStatistics(dtype=policy)
    x = ops.cast(100 + 30 * random(2, 4000, DIM), layer.compute_dtype)
    exact = ops.convert_to_numpy(ops.cast(x, "float32"))
    mask = np.ones((2, 4000), bool)
    mask[1, 3000:] = False
    mask = mask if masked else None
    outputs = layer(x, **({} if mask is None else {"mask": mask}))
    assert keras.backend.standardize_dtype(outputs.dtype) == layer.compute_dtype
    got = ops.convert_to_numpy(ops.cast(outputs, "float32"))
    rounding = 2**-10 if "bfloat16" not in policy else 2**-7
    np.testing.assert_allclose(got, expected_of(exact, mask), rtol=rounding)


def test_configuration():
    layer = layers.TokenStatistics(["maximum", "mean"], epsilon=1e-4, name="pooled")
    again = layers.TokenStatistics.from_config(layer.get_config())
    assert again.statistics == ("maximum", "mean") and again.epsilon == 1e-4
