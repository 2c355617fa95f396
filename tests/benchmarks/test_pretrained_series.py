"""The benchmark of pretrained series, and the synthetic series that it trains on."""

import json

import keras
import numpy as np
import pretrained_series
import pytest
from synthetic_series import synthetic_series

from keras_maelre import MaelreBackbone
from keras_maelre.preprocessing import SeriesPreprocessor


def test_synthetic_series_are_of_many_kinds():
    made = synthetic_series(2000, 64, seed=3)
    assert made.shape == (2000, 64) and made.dtype == "float32"
    np.testing.assert_allclose(made.mean(axis=1), 0.0, atol=1e-3)
    # Signs and rounded values can be constant.
    spread = made.std(axis=1)
    np.testing.assert_allclose(spread[spread > 0], 1.0, atol=1e-3)
    assert np.mean(spread == 0) < 0.05
    np.testing.assert_array_equal(made, synthetic_series(2000, 64, seed=3))
    assert not np.array_equal(made, synthetic_series(2000, 64, seed=4))
    # From white to smooth.
    steps = np.diff(made, axis=1).std(axis=1)
    assert np.quantile(steps, 0.05) < 0.4 and np.quantile(steps, 0.95) > 1.2


def test_views_are_parts_as_the_preprocessor_gives_them():
    series = synthetic_series(3, 64, seed=0)
    preprocessor = SeriesPreprocessor((32, 2), resize=True, differences=True)
    whole = pretrained_series.Views(3, 32, 1.0, seed=0)
    quiet = keras.ops.convert_to_numpy(_without_noise(whole, series))
    assert quiet.shape == (6, 32, 2)
    np.testing.assert_array_equal(quiet[:3], quiet[3:])
    # The preprocessor takes means of steps where this interpolates: smooth ones agree.
    smooth = np.cumsum(np.cumsum(series, axis=1), axis=1).astype("float32")
    found = keras.ops.convert_to_numpy(_without_noise(whole, smooth))[:3]
    wanted = np.asarray(preprocessor(list(smooth)))
    np.testing.assert_allclose(found[..., 0], wanted[..., 0], atol=0.1)
    assert np.corrcoef(found[..., 1].ravel(), wanted[..., 1].ravel())[0, 1] > 0.98
    parts = keras.ops.convert_to_numpy(
        _without_noise(pretrained_series.Views(3, 32, 0.5, seed=0), series)
    )
    assert np.abs(parts[:3] - parts[3:]).max() > 0.5


def _without_noise(views, series):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pretrained_series, "NOISE", 0.0)
        return views(series)


def test_the_loss_is_that_of_simclr():
    outputs = np.random.default_rng(0).normal(size=(6, 4))
    inputs = keras.Input((4,))
    model = pretrained_series.Contrast(inputs, keras.layers.Identity()(inputs))
    found = float(model.compute_loss(y_pred=keras.ops.convert_to_tensor(outputs)))
    unit = outputs / np.linalg.norm(outputs, axis=1, keepdims=True)
    total = 0.0
    for i in range(6):
        logits = {j: unit[i] @ unit[j] / 0.1 for j in range(6) if j != i}
        total -= logits[(i + 3) % 6] - np.log(sum(np.exp(list(logits.values()))))
    assert found == pytest.approx(total / 6, rel=1e-5)


def test_a_preset_is_trained_and_probed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(pretrained_series, "STEPS", 2)
    monkeypatch.setattr(pretrained_series, "RAW", 48)
    monkeypatch.chdir(tmp_path)
    short = ["--length", "24"]
    main = pretrained_series.main
    small = ["--series", "40", "--batch-size", "8", "--seconds", "0.01"]
    main([*short, "train", "mine", *small])
    assert "2 steps" in capsys.readouterr().out
    assert MaelreBackbone.from_preset("mine").dtype_policy.name == "float16"
    x = np.random.default_rng(0).normal(size=(12, 30))
    x[::2] += np.linspace(0, 9, 30)
    y = np.arange(12) % 2
    np.savez("ramps.npz", X_train=x, y_train=y, X_test=x, y_test=y)
    probe = ["probe", "ramps.npz", "--presets", "mine", "--controls", "1"]
    main([*short, *probe])
    main([*short, *probe])  # measures nothing again
    rows = json.loads((tmp_path / "pretrained_series.json").read_text())
    assert [row["encoder"] for row in rows] == ["new weights, seed 0", "mine"]
    assert all(0.5 < row["test"] <= 1 for row in rows)
