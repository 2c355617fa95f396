"""Features of raw samples and of inputs, at every scale."""

import keras
import numpy as np
import pytest

from keras_maelre import MaelreBackbone
from keras_maelre.preprocessing import BytePreprocessor, SeriesPreprocessor
from tests.models.tiny import (
    padded,
    predict,
    random_input,
    randomize,
    slow,
    tiny_classifier,
)

WIDTH = 128


STATISTICS = {1: 64, 2: 128, 3: 256, 4: 512}
# The mean of the embeddings of bytes.
SUMMARY = {"bytes": 64}


@pytest.mark.parametrize("pooling", [slow("cls"), slow("mean"), slow("gem"), "blocks"])
def test_features_are_what_the_head_sees(pooling):
    model = randomize(tiny_classifier("series", pooling=pooling))
    x = random_input("series", batch=4)
    features = model.embed(x, batch_size=4)
    if model.standardization is not None:
        features = keras.ops.convert_to_numpy(model.standardization(features))
    kernel, bias = model.head.get_weights()
    np.testing.assert_allclose(features @ kernel + bias, predict(model, x), atol=1e-4)


@pytest.mark.parametrize("modality", ["series", slow("bytes"), slow("audio")])
def test_chosen_blocks(modality):
    backbone = tiny_classifier(modality, MaelreBackbone)
    x = random_input(modality)
    whole = backbone.embed(x)
    before = WIDTH + SUMMARY.get(modality, 0)
    assert whole.shape == (3, before + sum(STATISTICS.values()))
    assert whole.dtype == "float32"
    cls = predict(backbone, x)["cls"]
    np.testing.assert_allclose(backbone.embed(x, blocks=()), cls, atol=1e-5)
    np.testing.assert_allclose(whole[:, :WIDTH], cls, atol=1e-5)
    second = backbone.embed(x, blocks=[2])
    begin = before + STATISTICS[1]
    np.testing.assert_allclose(
        second[:, before:], whole[:, begin : begin + STATISTICS[2]], atol=1e-5
    )


@pytest.mark.parametrize("modality", [slow("series"), "bytes"])
def test_scales_average_the_windows(modality):
    """By hand: each window by itself, without any padding."""
    backbone = tiny_classifier(modality, MaelreBackbone)
    whole = random_input(modality, batch=1)[0]
    samples = [whole[:40], whole[:7], whole[:1]]
    x = np.concatenate([padded(modality, s[None], 40) for s in samples])
    got = backbone.embed(x, scales=(1, 3))
    for sample, row in zip(samples, got, strict=True):
        size, count = -(-len(sample) // 3), len(sample)
        starts = [i * count // 3 for i in range(3)]
        windows = [sample[None, s : s + size] for s in starts]
        assert starts[-1] + size == max(count, 1)
        parts = [backbone.embed(window)[0] for window in windows]
        expected = [backbone.embed(sample[None])[0], np.mean(parts, axis=0)]
        np.testing.assert_allclose(row, np.concatenate(expected), atol=2e-5)


@pytest.mark.compiles_long
def test_raw_samples_of_any_number_in_order():
    preprocessor = SeriesPreprocessor((60, 2))
    model = tiny_classifier("series", input_shape=(60, 2), preprocessor=preprocessor)
    rng = np.random.default_rng(0)
    raw = [rng.normal(4, 2, (steps, 2)) for steps in rng.integers(5, 60, 70)]
    got = model.embed(iter(raw), blocks=(1,), batch_size=2)
    assert got.shape == (70, WIDTH + STATISTICS[1])
    for i in (0, 1, 33, 69):
        expected = model.backbone.embed(preprocessor(raw[i : i + 1]), blocks=(1,))
        np.testing.assert_allclose(got[i : i + 1], expected, atol=1e-5)
    assert model.embed([], blocks=(1,)).shape == (0, WIDTH + STATISTICS[1])


def test_documents():
    model = tiny_classifier("bytes", preprocessor=BytePreprocessor((48,)))
    assert model.embed(["one", "another"], scales=(1, 2)).shape == (2, 2 * WIDTH)
    with pytest.raises(TypeError, match="single sample in a list"):
        model.embed("one")


def test_new_weights_are_seen():
    backbone = tiny_classifier("series", MaelreBackbone)
    x = random_input("series")
    before = backbone.embed(x)
    randomize(backbone)
    after = backbone.embed(x)
    assert np.abs(after - before).max() > 1e-2
    np.testing.assert_allclose(after[:, :WIDTH], predict(backbone, x)["cls"], atol=1e-5)


@pytest.mark.compiles_long
def test_quantized_layers_are_seen():
    backbone = tiny_classifier("series", MaelreBackbone)
    x = random_input("series")
    before = backbone.embed(x, blocks=())
    backbone.quantize("int8")
    after = backbone.embed(x, blocks=())
    assert np.abs(after - before).max() > 1e-4
    np.testing.assert_allclose(after, predict(backbone, x)["cls"], atol=1e-5)


def test_embedding_leaves_the_model_as_it_is(tmp_path):
    model = tiny_classifier("series", pooling="blocks")
    x = random_input("series")
    before = model.embed(x)
    count = len(model.weights), len(model.backbone.layers)
    model.save_to_preset(tmp_path)
    again = type(model).from_preset(tmp_path)
    assert (len(again.weights), len(again.backbone.layers)) == count
    np.testing.assert_allclose(again.embed(x), before, atol=1e-5)


def test_half_precision_gives_float32():
    model = tiny_classifier("series", pooling="blocks", dtype="mixed_bfloat16")
    features = model.embed(random_input("series"))
    assert features.dtype == "float32" and np.isfinite(features).all()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"blocks": (0,)}, "`blocks` must be"),
        ({"blocks": (1, 1)}, "`blocks` must be"),
        ({"blocks": 2}, "`blocks` must be"),
        ({"scales": 2}, "`scales` must be"),
        ({"scales": ()}, "`scales` must be"),
        ({"scales": (0,)}, "`scales` must be"),
        ({"batch_size": 0}, "`batch_size` must be"),
    ],
    ids=str,
)
def test_bad_arguments(arguments, message):
    backbone = tiny_classifier("series", MaelreBackbone)
    with pytest.raises((TypeError, ValueError), match=message):
        backbone.embed(random_input("series"), **arguments)


def test_images_have_one_scale():
    backbone = tiny_classifier("image", MaelreBackbone)
    with pytest.raises(ValueError, match="variable length"):
        backbone.embed(random_input("image"), scales=(1, 2))


def test_features_that_are_not_finite_are_an_error():
    backbone = tiny_classifier("series", MaelreBackbone)
    bias = backbone.get_layer("block_1").expand.bias
    bias.assign(np.full(bias.shape, np.inf))
    with pytest.raises(ValueError, match="3 samples have features.*not finite"):
        backbone.embed(random_input("series"))


def test_bad_inputs_are_named():
    backbone = tiny_classifier("series", MaelreBackbone)
    x = random_input("series")
    x[1, 3, 0] = np.inf
    with pytest.raises(ValueError, match="must be finite"):
        backbone.embed(x)
