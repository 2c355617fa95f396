"""What heads see: values, padding, cost, saving, and another pooling."""

import keras
import numpy as np
import pytest

from keras_maelre import MaelreClassifier, count_macs, transfer_weights
from tests.models.tiny import (
    FEW_STEPS,
    SHAPES,
    padded,
    predict,
    random_input,
    randomize,
    slow,
    tiny_classifier,
)

POOLED = ("mean", "gem", "blocks")


def masked_statistics(tokens, kept):
    rows = []
    for sample, mask in zip(np.asarray(tokens, "float64"), kept, strict=True):
        values = sample.reshape(-1, sample.shape[-1])[mask.ravel()]
        deviation = np.sqrt(values.var(axis=0) + 1e-6)
        parts = values.mean(axis=0), deviation, values.max(axis=0), values.min(axis=0)
        rows.append(np.concatenate(parts))
    return np.stack(rows)


@pytest.mark.parametrize("pooling", POOLED)
@pytest.mark.parametrize("modality", ["series", "audio"])
def test_logits_are_those_of_the_statistics(modality, pooling):
    model = tiny_classifier(modality, pooling=pooling)
    x = random_input(modality)
    lengths = np.full(len(x), x.shape[1])
    if modality == "series":
        x[1, 20:], lengths[1] = np.nan, 20
    outputs = {k: keras.ops.convert_to_numpy(v) for k, v in model.backbone(x).items()}

    def statistics(name, factor):
        tokens = outputs[name]
        kept = np.ones(tokens.shape[:-1], bool)
        if modality == "series":
            places = np.arange(tokens.shape[1])
            kept = places < -(-lengths[:, None] // factor)
        return masked_statistics(tokens, kept)

    width = outputs["tokens"].shape[-1]
    if pooling == "mean":
        features = statistics("tokens", 64)[:, :width]
    elif pooling == "gem":
        outputs["tokens"] = np.maximum(outputs["tokens"], 1e-6) ** 3
        features = statistics("tokens", 64)[:, :width] ** (1 / 3)
    else:
        blocks = [statistics(f"block_{i + 1}", 4**i) for i in range(4)]
        features = np.concatenate([outputs["cls"], *blocks], axis=-1)
        variance = 0.5 + np.random.default_rng(0).random(features.shape[1])
        model.standardization.set_statistics(features[0], variance)
        features = (features - features[0]) / np.sqrt(variance + 1e-6)
    kernel, bias = model.head.get_weights()
    got = predict(model, x)
    np.testing.assert_allclose(got, features @ kernel + bias, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("pooling", POOLED)
@pytest.mark.parametrize("modality", [slow("text"), slow("bytes"), "series"])
def test_padding_changes_nothing(modality, pooling):
    model = randomize(tiny_classifier(modality, pooling=pooling))
    for length in (1, 33):
        x = random_input(modality, length=length)
        alone = predict(model, x)
        got = predict(model, padded(modality, x, SHAPES[modality][0]))
        np.testing.assert_allclose(got, alone, atol=5e-5, rtol=1e-5)


def test_the_paper_s_head_stays():
    model = tiny_classifier("series")
    assert model.pooling == "cls" and model.standardization is None
    names = [layer.name for layer in model.layers]
    assert names == ["series", model.backbone.name, "logits"]


@pytest.mark.parametrize(
    "pooling, features", [("mean", 128), ("gem", 128), ("blocks", 1088)]
)
def test_cost_and_weights(pooling, features):
    plain, pooled = (
        tiny_classifier("series", pooling=name) for name in ("cls", pooling)
    )
    assert pooled.head.kernel.shape == (features, 3)
    assert count_macs(pooled) - count_macs(plain) == 3 * (features - 128)


@pytest.mark.compiles_long
@pytest.mark.parametrize("pooling", POOLED)
@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_presets_and_files(tmp_path, pooling, policy):
    model = randomize(tiny_classifier("series", pooling=pooling, dtype=policy))
    x = random_input("series")
    expected = predict(model, x)
    assert expected.dtype == "float32"
    model.save_to_preset(tmp_path / "preset")
    model.save(tmp_path / "model.keras")
    for again in (
        MaelreClassifier.from_preset(tmp_path / "preset"),
        MaelreClassifier.from_preset(tmp_path / "preset", dropout_rate=0.1),
        keras.saving.load_model(tmp_path / "model.keras"),
    ):
        assert again.pooling == pooling
        np.testing.assert_allclose(predict(again, x), expected, atol=1e-6)


def test_another_pooling_is_a_new_head(tmp_path):
    randomize(tiny_classifier("series")).save_to_preset(tmp_path)
    with pytest.warns(UserWarning, match="pooling='cls' and 'blocks'.*must be trained"):
        model = MaelreClassifier.from_preset(tmp_path, pooling="blocks")
    assert model.pooling == "blocks"
    np.testing.assert_array_equal(model.head.get_weights()[1], 0)


def test_unknown_pooling():
    with pytest.raises(ValueError, match="`pooling` must be one of.*'max'"):
        tiny_classifier("series", pooling="max")


def test_transfer_leaves_the_head():
    source, target = (
        randomize(tiny_classifier("series", pooling="blocks"), seed) for seed in (0, 1)
    )
    kept = [layer.get_weights() for layer in target.head_layers]
    report = transfer_weights(source, target)
    assert len(report.left) == 5
    for before, layer in zip(kept, target.head_layers, strict=True):
        for one, other in zip(before, layer.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.compiles_long
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_training_in_batches_of_one(policy):
    """A standardisation by batches would leave nothing of a single sample."""
    model = tiny_classifier("series", pooling="blocks", dtype=policy)
    model.compile(
        keras.optimizers.AdamW(3e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        **FEW_STEPS,
    )
    x, y = random_input("series"), np.arange(3)
    losses = model.fit(x, y, batch_size=1, epochs=12, verbose=0).history["loss"]
    assert losses[-1] < 0.1 * losses[0]
    assert (np.argmax(predict(model, x), axis=-1) == y).all()


@pytest.mark.compiles_long
def test_quantized_heads_are_saved(tmp_path):
    model = randomize(tiny_classifier("series", pooling="blocks"))
    x = random_input("series")
    before = predict(model, x)
    model.quantize("int8")
    expected = predict(model, x)
    assert np.abs(expected - before).max() > 1e-5
    model.save_to_preset(tmp_path)
    again = MaelreClassifier.from_preset(tmp_path)
    assert again.head.quantization_mode == "int8"
    np.testing.assert_allclose(predict(again, x), expected, atol=1e-5)
