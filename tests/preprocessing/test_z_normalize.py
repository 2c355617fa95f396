"""Standardisation against NumPy, with padding and constant channels."""

import keras
import numpy as np
import pytest

from keras_maelre.preprocessing import ZNormalize


def normalized(x):
    return keras.ops.convert_to_numpy(ZNormalize()(x))


@pytest.mark.parametrize("scale, offset", [(1.0, 0.0), (1e-4, 5e-3), (3e3, -2e4)])
def test_mean_and_deviation(scale, offset):
    x = np.random.default_rng(0).normal(offset, scale, size=(3, 500, 2))
    expected = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
    np.testing.assert_allclose(normalized(x.astype("float32")), expected, atol=2e-3)


def test_padding_is_left_out_and_stays():
    x = np.random.default_rng(1).normal(3, 2, size=(2, 50, 2)).astype("float32")
    padded = x.copy()
    padded[1, 30:] = np.nan
    got = normalized(padded)
    assert np.isnan(got[1, 30:]).all()
    np.testing.assert_allclose(got[0], normalized(x)[0], atol=1e-6)
    np.testing.assert_allclose(got[1:, :30], normalized(x[1:, :30]), atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 7.3, -1e5])
def test_constant_channel_becomes_zero(value):
    x = np.full((1, 41, 2), value, "float32")
    x[..., 1] = np.linspace(0, 1, 41)
    got = normalized(x)
    np.testing.assert_array_equal(got[..., 0], 0.0)
    assert abs(got[..., 1].std() - 1) < 1e-3


def test_integers_and_all_padding():
    assert normalized(np.arange(10, dtype="int16").reshape(1, 10, 1)).dtype == "float32"
    assert np.isnan(normalized(np.full((1, 5, 1), np.nan, "float32"))).all()


def test_half_precision_sees_large_values():
    x = np.random.default_rng(2).normal(3e5, 1e5, size=(1, 100, 1)).astype("float32")
    got = keras.ops.convert_to_numpy(ZNormalize(dtype="mixed_float16")(x))
    assert got.dtype == "float16"
    np.testing.assert_allclose(got, normalized(x), atol=2e-3)


def test_wrong_rank_raises():
    with pytest.raises(ValueError, match="ndim=3"):
        ZNormalize()(np.zeros((4, 10), "float32"))


@pytest.mark.parametrize(
    "offset, amplitude", [(1.7e9, 10.0), (1e5, 0.01), (0.0, 1e-20), (0.0, 1e20)]
)
def test_arrays_are_normalized_before_they_become_float32(offset, amplitude):
    wave = np.sin(np.arange(80) * 0.7).reshape(2, 40, 1)
    expected = (wave - wave.mean(axis=1, keepdims=True)) / wave.std(
        axis=1, keepdims=True
    )
    np.testing.assert_allclose(
        normalized(offset + amplitude * wave), expected, atol=1e-4
    )


@pytest.mark.parametrize("amplitude", [1e-20, 1.0, 1e20, 1e37])
def test_tensors_of_any_scale(amplitude):
    wave = np.sin(np.arange(80) * 0.7).reshape(2, 40, 1)
    wave[1, 30:] = np.nan
    tensor = keras.ops.convert_to_tensor((amplitude * wave).astype("float32"))
    np.testing.assert_allclose(normalized(tensor), normalized(wave), atol=1e-5)


def test_tensors_on_an_offset():
    steps = np.arange(40) % 7
    tensor = keras.ops.convert_to_tensor((1e6 + steps).astype("float32")[None, :, None])
    np.testing.assert_allclose(
        normalized(tensor), normalized(steps[None, :, None]), atol=1e-5
    )


@pytest.mark.parametrize("value", [0.1, -1.7e9, 1e-20])
def test_constant_tensor_becomes_zero(value):
    tensor = keras.ops.convert_to_tensor(np.full((1, 41, 1), value, "float32"))
    np.testing.assert_array_equal(normalized(tensor), 0.0)


def test_masked_array_is_refused():
    with pytest.raises(TypeError, match="masked array"):
        ZNormalize()(np.ma.masked_array(np.ones((1, 5, 1)), True))
