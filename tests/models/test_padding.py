"""Neither padding nor the company in a batch changes a result."""

import numpy as np
import pytest

from tests.models.tiny import SHAPES, padded, random_input, tiny_classifier

# Merges see tokens, whatever the modality: those of series stand for all.
MERGES = [("series", "average"), ("series", "linear"), ("series", "none")]


@pytest.mark.parametrize(
    "modality, merge",
    [("text", "conv"), ("bytes", "conv"), ("series", "conv"), *MERGES],
)
def test_padding_changes_nothing(modality, merge):
    model = tiny_classifier(modality, merge=merge)
    for length in (1, 7, 33):
        x = random_input(modality, length=length)
        alone = model.predict(x, verbose=0)
        for total in (length + 1, SHAPES[modality][0]):
            got = model.predict(padded(modality, x, total), verbose=0)
            np.testing.assert_allclose(got, alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("modality", sorted(SHAPES))
def test_company_changes_nothing(modality):
    model = tiny_classifier(modality)
    model.run_eagerly = False  # As users predict.
    x = random_input(modality, batch=4)
    if modality in ("text", "bytes", "series"):
        x[1] = padded(modality, x[1:2, :10], x.shape[1])[0]
    together = model.predict(x, verbose=0)
    assert np.abs(together[0] - together[2]).max() > 1e-4, "the samples do not matter"
    for i in range(len(x)):
        alone = model.predict(x[i : i + 1], verbose=0)
        np.testing.assert_allclose(alone[0], together[i], atol=1e-5, rtol=1e-5)


@pytest.mark.compiles_long
@pytest.mark.parametrize("dtype, eps", [("float16", 2**-10), ("bfloat16", 2**-7)])
def test_in_half_precision_they_change_no_more_than_rounding_does(dtype, eps):
    model = tiny_classifier("series", dtype=f"mixed_{dtype}")
    x = random_input("series", batch=3, length=33)
    expected = model.predict(x, verbose=0)
    longer = padded("series", x, SHAPES["series"][0])
    tolerance = 2 * eps * np.abs(expected).max()
    for got in (model.predict(longer, verbose=0), model.predict(x[:1], verbose=0)):
        np.testing.assert_allclose(got, expected[: len(got)], rtol=0, atol=tolerance)


def test_a_gap_is_not_a_zero():
    """NaN steps inside a series are masked; zeros there are values."""
    model = tiny_classifier("series")
    x = random_input("series")
    gap, zeros = x.copy(), x.copy()
    gap[:, 20:30], zeros[:, 20:30] = np.nan, 0
    one, other = model.predict(gap, verbose=0), model.predict(zeros, verbose=0)
    assert np.isfinite(one).all()
    assert np.abs(one - other).max() > 1e-4
