"""Every kind of quantization is loaded exactly as it was saved, or refused."""

import json

import keras
import numpy as np
import pytest

from keras_maelre import MaelreBackbone, MaelreClassifier, transfer_weights
from tests.models.tiny import random_input, randomize, slow, tiny_classifier

Int8 = keras.quantizers.Int8QuantizationConfig
Int4 = keras.quantizers.Int4QuantizationConfig
KINDS = {
    "int8": lambda: Int8(),
    "int8/weights": lambda: Int8(activation_quantizer=None),
    "int4/128": lambda: Int4(),
    "int4/8": lambda: Int4(block_size=8),
    "int4/-1": lambda: Int4(block_size=-1),
}
# Of what the answers spread over.
ERRORS = {"int8": 0.1, "int8/weights": 0.1, "int4/128": 0.6, "int4/8": 0.4}


def answers(model):
    return keras.ops.convert_to_numpy(model(random_input("bytes")))


@pytest.mark.parametrize(
    "kind",
    [kind if kind in ("int8", "int4/8") else slow(kind) for kind in KINDS],
)
def test_loaded_as_saved(kind, tmp_path):
    model = randomize(tiny_classifier("bytes"))
    exact = answers(model)
    model.quantize(config=KINDS[kind]())
    assert set(model.quantization().values()) == {kind}
    expected = answers(model)
    model.save_to_preset(tmp_path / "preset")
    model.save(tmp_path / "model.keras")
    for loaded in (
        MaelreClassifier.from_preset(tmp_path / "preset"),
        MaelreClassifier.from_preset(tmp_path / "preset", drop_path_rate=0.1),
        MaelreClassifier.from_preset(tmp_path / "preset", temperature=2.0),
        keras.models.load_model(tmp_path / "model.keras"),
    ):
        assert loaded.quantization() == model.quantization()
        values = {v.path: np.array(v) for v in loaded.weights}
        for variable in model.weights:
            np.testing.assert_array_equal(values[variable.path], variable)
        np.testing.assert_allclose(answers(loaded), expected, atol=1e-5)
    error = np.abs(expected - exact).max() / np.ptp(exact)
    assert 0 < error < ERRORS.get(kind, 1.0)


def test_smaller_on_disk_mode_by_mode(tmp_path):
    sizes = []
    for kind in (None, "int8/weights", "int4/-1"):
        model = tiny_classifier("series", width=32)
        if kind is not None:
            model.quantize(config=KINDS[kind]())
        model.save_to_preset(tmp_path / "preset")
        sizes.append((tmp_path / "preset" / "model.weights.h5").stat().st_size)
    assert sizes[1] < 0.5 * sizes[0] and sizes[2] < 0.85 * sizes[1]


def test_nothing_is_warned_of(recwarn):
    tiny_classifier("bytes").quantize("int8")
    assert not [w for w in recwarn if "quantize" in str(w.message)]


def test_layers_are_chosen_by_their_paths():
    model = tiny_classifier("series")
    model.quantize("int4", filters=["block_4/.*mlp", "logits"])
    assert set(model.quantization()) == {
        "block_4/layer_1/mlp_hidden",
        "block_4/layer_1/mlp_output",
        "logits",
    }
    with pytest.raises(ValueError, match="`filters` must match"):
        model.quantize("int8", filters="nothing")


GRID = keras.quantizers.AbsMaxQuantizer


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({}, "`mode` or `config`"),
        ({"mode": "float8"}, '"int8" or "int4".*float8'),
        ({"config": keras.quantizers.AWQConfig(None, None)}, "awq"),
        ({"mode": "int4", "config": Int8()}, "[cC]ontradictory"),
        ({"config": Int8(weight_quantizer=GRID(axis=0))}, "quantizers"),
        ({"config": Int8(None, GRID(value_range=(-7, 7)))}, "quantizers"),
        ({"config": Int4(None, GRID(axis=-1), None)}, "quantizers"),
    ],
    ids=range(7),
)
def test_what_could_not_be_loaded_is_refused(arguments, message):
    model = tiny_classifier("series")
    with pytest.raises(ValueError, match=message):
        model.quantize(**arguments)
    assert not model.quantization()


def test_rounded_kernels_are_not_transferred():
    model, target = tiny_classifier("series"), tiny_classifier("series")
    model.quantize("int8")
    before = target.get_weights()
    with pytest.raises(ValueError, match="quantization.*before `quantize`"):
        transfer_weights(model, target)
    for one, other in zip(before, target.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "mode", ["int4/0", "int4/-2", "int4/9999999999", "int8/x", "float8", 3, None]
)
def test_hostile_modes(mode, tmp_path):
    model = tiny_classifier("series")
    model.quantize("int4", filters="block_4")
    model.save_to_preset(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    modes = config["config"]["backbone"]["config"]["quantization"]
    modes[next(iter(modes))] = mode
    (tmp_path / "config.json").write_text(json.dumps(config))
    for cls in (MaelreClassifier, MaelreBackbone):
        with pytest.raises(ValueError, match="does not describe.*no quantization"):
            cls.from_preset(tmp_path)


def test_an_old_keras_is_told(monkeypatch):
    model = tiny_classifier("series")
    monkeypatch.delattr(keras.quantizers, "Int8QuantizationConfig")
    with pytest.raises(ImportError, match="newer Keras.*pip install -U keras"):
        model.quantize("int8")
