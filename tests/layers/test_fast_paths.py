"""A part of a layer gets a real call where more than its arithmetic is asked for."""

import keras
import numpy as np
import pytest

from keras_maelre import MaelreClassifier, layers
from tests.references.comparison import randomise
from tests.references.gradients import values

SHAPE = (2, 13, 8)
WHOLES = {
    "EncoderLayer": lambda: layers.EncoderLayer(2),
    "EncoderLayer-dot": lambda: layers.EncoderLayer(2, "dot"),
    "EncoderLayer-chunks": lambda: layers.EncoderLayer(2, chunk_size=5),
    "MaelreBlock": lambda: layers.MaelreBlock(2, 2, output_dim=6),
}
EVERY_WHOLE = pytest.mark.parametrize("make", WHOLES.values(), ids=WHOLES)


def built(make):
    keras.utils.set_random_seed(0)
    layer = make()
    layer.build(SHAPE)
    randomise(layer)
    x = np.random.default_rng(1).normal(size=SHAPE).astype("float32")
    return layer, x


def parts(layer, kind=keras.layers.Layer):
    return [
        part
        for part in layer._flatten_layers(include_self=False)
        if isinstance(part, kind)
    ]


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="hooks are torch's")
@EVERY_WHOLE
def test_hooks_of_every_part_act(make):
    layer, x = built(make)
    expected = values(layer, x)
    called = set()
    handles = [
        part.register_forward_hook(lambda module, *_: called.add(module.path))
        for part in parts(layer)
    ]
    outputs = values(layer, x)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)
    # In chunks there is no call of the attention as a whole.
    chunked = getattr(layer, "chunk_size", None) is not None
    missing = {layer.attention.path} if chunked else set()
    assert {part.path for part in parts(layer)} - called == missing
    for handle in handles:
        handle.remove()
    called.clear()
    values(layer, x)
    assert not called


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="hooks are torch's")
def test_a_hook_on_all_modules_acts_on_every_part():
    import torch

    layer, x = built(WHOLES["MaelreBlock"])
    called = set()
    handle = torch.nn.modules.module.register_module_forward_hook(
        lambda module, *_: called.add(module)
    )
    values(layer, x)
    handle.remove()
    assert called >= set(parts(layer))


@EVERY_WHOLE
def test_a_part_may_have_a_policy_of_its_own(make):
    layer, x = built(make)
    expected = values(layer, x)
    for part in parts(layer, keras.layers.Dense):
        part.dtype_policy = "mixed_bfloat16"
    outputs = layer(x)
    assert keras.backend.standardize_dtype(outputs.dtype) == "float32"
    error = np.abs(values(layer, x) - expected).max() / np.abs(expected).max()
    assert 1e-4 < error < 0.03


@EVERY_WHOLE
def test_low_rank_adaptation_acts(make):
    layer, x = built(make)
    twin, _ = built(make)
    before = values(layer, x)
    for part, other in zip(
        parts(layer, keras.layers.Dense), parts(twin, keras.layers.Dense), strict=True
    ):
        part.enable_lora(2)
        change = np.random.default_rng(2).normal(size=part.lora_kernel_b.shape) / 10
        part.lora_kernel_b.assign(change)
        product = keras.ops.convert_to_numpy(part.lora_kernel_a) @ change
        other.kernel.assign_add(product.astype("float32"))
    outputs = values(layer, x)
    assert np.abs(outputs - before).max() > 1e-2
    np.testing.assert_allclose(outputs, values(twin, x), rtol=1e-4, atol=1e-5)


@pytest.mark.compiles_long
def test_every_dense_layer_of_a_classifier_is_quantized():
    """And the table of tokens."""
    classifier = MaelreClassifier.from_preset("tiny_bytes", num_classes=3)
    x = np.random.default_rng(0).integers(1, 257, (4, 60), "int32")
    expected = values(classifier, x)
    classifier.quantize("int8")
    kinds = (keras.layers.Dense, keras.layers.Embedding)
    modes = {part.path: part.quantization_mode for part in parts(classifier, kinds)}
    assert len(modes) > 20 and set(modes.values()) == {"int8"}, modes
    spread = expected.max() - expected.min()
    outputs = values(classifier, x)
    assert 0 < np.abs(outputs - expected).max() < 0.05 * spread
