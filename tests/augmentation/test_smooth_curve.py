import keras
import numpy as np
import pytest
from keras import ops
from scipy.interpolate import CubicSpline

from keras_maelre.augmentation.smooth_curve import natural_spline_matrix, smooth_curve


@pytest.mark.parametrize("length", [2, 5, 100, 375])
@pytest.mark.parametrize("values", [3, 4, 6, 11])
def test_matrix_is_the_natural_cubic_spline(length, values):
    ordinates = np.random.default_rng(0).normal(size=(values, 3))
    spline = CubicSpline(np.arange(values), ordinates, bc_type="natural")
    expected = spline(np.linspace(0, values - 1, length))
    curve = natural_spline_matrix(length, values) @ ordinates
    np.testing.assert_allclose(curve, expected, atol=1e-12)


def test_matrix_of_one_step_is_the_first_value():
    np.testing.assert_array_equal(natural_spline_matrix(1, 3), [[1, 0, 0]])


def test_curve_of_a_batch():
    values = np.random.default_rng(0).normal(size=(4, 6, 2)).astype("float32")
    series = np.zeros((4, 21, 1), "float32")
    curve = smooth_curve(ops.convert_to_tensor(values), series)
    np.testing.assert_allclose(ops.convert_to_numpy(curve)[:, ::4], values, atol=1e-5)


def test_length_that_is_not_static_raises():
    values = keras.KerasTensor((None, 6, 1))
    with pytest.raises(ValueError, match=r"static length.*\(None, None, 1\)"):
        smooth_curve(values, keras.KerasTensor((None, None, 1)))
