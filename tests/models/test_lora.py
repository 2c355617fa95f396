"""Low-rank adaptation: what trains, what is saved, what it belongs to."""

import json

import h5py
import keras
import numpy as np
import pytest

from keras_maelre import MaelreBackbone, MaelreClassifier, transfer_weights
from keras_maelre.layers.dense import ADAPTER
from tests.models.tiny import FEW_STEPS, random_input, randomize, tiny_classifier

HEAD = {"logits/kernel", "logits/bias"}


def plain(modality="series", seed=0, **kwargs):
    """A classifier with the same weights at every call."""
    keras.utils.set_random_seed(seed)
    return randomize(tiny_classifier(modality, **kwargs))


def adapted(rank=2, seed=1, **kwargs):
    """The same with adapters that change its answers."""
    model = plain()
    model.enable_lora(rank, **kwargs)
    generator = np.random.default_rng(seed)
    for path in model.lora():
        b = model._layers_by_path()[path].lora_kernel_b
        b.assign(generator.normal(0, 0.1, tuple(b.shape)))
    return model


def answers(model, modality="series"):
    return keras.ops.convert_to_numpy(model(random_input(modality)))


def trained(model):
    return {variable.path for variable in model.trainable_variables}


def adapters(model):
    return {f"{path}/{name}" for path in model.lora() for name in ADAPTER}


def train(model, modality="series"):
    model.compile("sgd", "mse", **FEW_STEPS)
    x = random_input(modality)
    model.fit(x, np.ones((len(x), 3), "float32"), epochs=2, verbose=0)


@pytest.mark.parametrize("modality", ["series", "image"])
def test_adapters_and_head_alone_are_trained(modality):
    model = plain(modality)
    before = {v.path: np.array(v) for v in model.weights}
    expected = answers(model, modality)
    model.enable_lora(2)
    assert len(model.lora()) == 4 * sum(model.backbone.depths)
    assert trained(model) == adapters(model) | HEAD
    # An adapter that is new changes nothing.
    np.testing.assert_allclose(answers(model, modality), expected, atol=1e-6)
    train(model, modality)
    for variable in model.weights:
        if variable.path in before and variable.path not in HEAD:
            np.testing.assert_array_equal(before[variable.path], variable)
    learned = [v for v in model.weights if v.path.endswith("lora_kernel_b")]
    assert all(np.abs(np.array(variable)).max() > 0 for variable in learned)
    # The adapters act, not the head alone.
    after = answers(model, modality)
    for variable in learned:
        variable.assign(np.zeros(tuple(variable.shape)))
    assert np.abs(answers(model, modality) - after).max() > 1e-6


def test_layers_are_chosen_by_their_paths():
    model = adapted(layers=["block_1/.*qkv$", "block_4/"], alpha=8)
    lora = model.lora()
    assert lora["block_1/layer_1/attention/qkv"] == [2, 8.0]
    assert {path.split("/")[0] for path in lora} == {"block_1", "block_4"}
    assert len([path for path in lora if path.startswith("block_1")]) == 1


def test_merging_keeps_the_answers():
    model, before = adapted(alpha=6), answers(plain())
    expected, names = answers(model), {v.path for v in model.weights}
    removed = adapters(model)
    model.merge_lora()
    assert np.abs(expected - before).max() > 1e-2
    np.testing.assert_allclose(answers(model), expected, rtol=1e-5, atol=1e-5)
    assert {v.path for v in model.weights} == names - removed
    assert not model.lora() and trained(model) == HEAD
    model.unfreeze()
    assert len(model.trainable_variables) == len(model.weights)


def saved_and_loaded(model, kind, folder):
    if kind == "keras":
        model.save(folder / "model.keras")
        return keras.models.load_model(folder / "model.keras")
    model.save_to_preset(folder / "preset")
    changes = {"changed": {"drop_path_rate": 0.1}, "head": {"temperature": 2.0}}
    return MaelreClassifier.from_preset(folder / "preset", **changes.get(kind, {}))


@pytest.mark.parametrize("kind", ["preset", "changed", "head", "keras"])
def test_saved_apart_and_loaded_apart(kind, tmp_path):
    model = adapted()
    model.compile("adam", "mse", **FEW_STEPS)
    loaded = saved_and_loaded(model, kind, tmp_path)
    assert loaded.lora() == model.lora()
    assert trained(loaded) == trained(model) == adapters(model) | HEAD
    values = {v.path: np.array(v) for v in loaded.weights}
    for variable in model.weights:
        np.testing.assert_array_equal(values[variable.path], variable)
    np.testing.assert_allclose(answers(loaded), answers(model), atol=1e-6)
    if kind == "keras":
        # Compiled as it was saved, and nothing else learns.
        x = random_input("series")
        loaded.fit(x, np.ones((len(x), 3), "float32"), verbose=0)
        kernel = "block_1/layer_1/attention/qkv/kernel"
        after = {v.path: np.array(v) for v in loaded.weights}
        np.testing.assert_array_equal(after[kernel], values[kernel])
        assert not np.array_equal(after["logits/bias"], values["logits/bias"])


def test_asking_for_training_leaves_adapted_kernels_frozen(tmp_path):
    adapted().save_to_preset(tmp_path)
    loaded = MaelreClassifier.from_preset(tmp_path, trainable=True)
    frozen = {v.path for v in loaded.weights} - trained(loaded)
    assert frozen == {f"{p}/{n}" for p in loaded.lora() for n in ("kernel", "bias")}


def test_a_checkpoint_of_weights_brings_the_adapters(tmp_path):
    model, other = adapted(seed=1), adapted(seed=2)
    model.save_weights(tmp_path / "a.weights.h5")
    other.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_allclose(answers(other), answers(model), atol=1e-6)


def test_weights_from_before_leave_an_adapter_that_can_learn(tmp_path):
    plain().save_weights(tmp_path / "plain.weights.h5")
    model = adapted()
    model.load_weights(tmp_path / "plain.weights.h5")
    np.testing.assert_allclose(answers(model), answers(plain()), atol=1e-6)
    train(model)
    learned = [v for v in model.weights if v.path.endswith("lora_kernel_b")]
    assert all(np.abs(np.array(variable)).max() > 0 for variable in learned)


def test_adapters_of_a_quantized_classifier(tmp_path):
    """What is trained stays exact beside kernels that are rounded."""
    model = plain()
    model.quantize("int8")
    model.enable_lora(2)
    train(model)
    model.save_to_preset(tmp_path)
    loaded = MaelreClassifier.from_preset(tmp_path)
    assert loaded.lora() == model.lora()
    assert loaded.quantization() == model.quantization()
    values = {v.path: np.array(v) for v in loaded.weights}
    for variable in model.weights:
        np.testing.assert_array_equal(values[variable.path], variable)
    np.testing.assert_allclose(answers(loaded), answers(model), atol=1e-5)
    with pytest.raises(ValueError, match="quantized.*merge before"):
        model.merge_lora()


# === Adapters alone ===


def test_an_adapter_alone(tmp_path):
    plain().save_to_preset(tmp_path / "base")
    model = adapted()
    model.head.bias.assign([1.0, 2.0, 3.0])
    model.temperature = 1.7
    model.save_adapter(tmp_path / "adapter.h5")
    size = (tmp_path / "base" / "model.weights.h5").stat().st_size
    assert (tmp_path / "adapter.h5").stat().st_size < size / 2
    for loaded in (MaelreClassifier.from_preset(tmp_path / "base"), adapted(seed=5)):
        loaded.load_adapter(tmp_path / "adapter.h5")
        assert loaded.lora() == model.lora() and trained(loaded) == trained(model)
        assert loaded.temperature == 1.7
        np.testing.assert_allclose(answers(loaded), answers(model), atol=1e-6)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["adapter.h5", "base"]


def test_an_adapter_belongs_to_weights_classes_and_layers(tmp_path):
    path = tmp_path / "adapter.h5"
    adapted().save_adapter(path)
    other = plain(seed=3)
    with pytest.raises(ValueError, match="belongs to other weights"):
        other.load_adapter(path)
    other = plain(num_classes=4)
    with pytest.raises(ValueError, match="num_classes=3.*num_classes=4"):
        other.load_adapter(path)
    other = plain(class_names=["a", "b", "c"])
    with pytest.raises(ValueError, match="class_names=None.*'a'"):
        other.load_adapter(path)
    other = adapted(rank=3)
    with pytest.raises(ValueError, match="another rank"):
        other.load_adapter(path)
    assert not any(np.array(v).min() == 0 for v in other.weights if "lora" in v.path)


def drop(file):
    del file["logits/bias"]


def not_finite(file):
    file["logits/bias"][...] = np.nan


def huge(file):
    del file["logits/bias"]
    file.create_dataset("logits/bias", (10**6, 10**6), "float32", chunks=(10, 10))


def linked(file):
    del file["logits/bias"]
    file["logits/bias"] = h5py.ExternalLink("/tmp/other.h5", "/x")


def edit(**changes):
    def function(file):
        about = json.loads(file["about"][()].tobytes().decode()) | changes
        del file["about"]
        file["about"] = np.frombuffer(json.dumps(about).encode(), "uint8")

    return function


DAMAGES = {
    "drop": drop,
    "not finite": not_finite,
    "huge": huge,
    "linked": linked,
    "rank": edit(lora={"block_1/layer_1/attention/qkv": [10**9, 1]}),
    "layer": edit(lora={"stem": [1, 1]}),
    "lora": edit(lora=3),
    "temperature": edit(temperature=0),
    "thresholds": edit(thresholds=[0.5]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_adapter_changes_nothing(damage, tmp_path):
    path = tmp_path / "adapter.h5"
    adapted().save_adapter(path)
    with h5py.File(path, "r+") as file:
        DAMAGES[damage](file)
    model = plain()
    before = model.get_weights()
    with pytest.raises(ValueError, match="damaged"):
        model.load_adapter(path)
    assert not model.lora() and model.temperature == 1.0
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_file_that_is_no_adapter(tmp_path):
    model = tiny_classifier("series")
    with pytest.raises(ValueError, match="no file"):
        model.load_adapter(tmp_path / "missing.h5")
    (tmp_path / "text.h5").write_text("a text")
    with pytest.raises(ValueError, match="damaged"):
        model.load_adapter(tmp_path / "text.h5")


# === Arguments ===


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ((0,), ValueError, "`rank`.*from 1 to 16.*rank=0"),
        ((17,), ValueError, "`rank`.*rank=17"),
        ((2.0,), TypeError, "`rank`"),
        ((2, "nothing"), ValueError, "`layers` must match.*'nothing'.*mlp_output"),
        ((2, ["qkv", "logits"]), ValueError, "'logits'"),
        ((2, "("), ValueError, "regular expressions"),
        ((2, []), TypeError, "`layers`"),
        ((2, "qkv", 0.0), ValueError, "`alpha`"),
    ],
    ids=str,
)
def test_arguments(arguments, error, message):
    model = tiny_classifier("series")
    with pytest.raises(error, match=f"(?s){message}"):
        model.enable_lora(*arguments)
    assert not model.lora() and len(model.trainable_variables) == len(model.weights)


def test_methods_in_the_wrong_order(tmp_path):
    model = tiny_classifier("series")
    for name, arguments in (("merge_lora", ()), ("save_adapter", (tmp_path / "a",))):
        with pytest.raises(ValueError, match=f"`{name}` needs adapters"):
            getattr(model, name)(*arguments)
    model.compile("sgd", "mse")
    model.enable_lora(2)
    with pytest.raises(ValueError, match="adapted already"):
        model.enable_lora(2)
    with pytest.raises(ValueError, match="`merge_lora` before `unfreeze`"):
        model.unfreeze()
    # What was compiled would train what is frozen now.
    with pytest.raises(ValueError, match="call `compile"):
        model.fit(random_input("series"), np.ones((3, 3)), verbose=0)
    with pytest.raises(ValueError, match="call `merge_lora` before"):
        transfer_weights(model, tiny_classifier("series"))


def test_a_hostile_rank_is_refused(tmp_path):
    adapted().save_to_preset(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    lora = config["config"]["backbone"]["config"]["lora"]
    for value in ([10**9, 1], [2, -1], [2], 3, ["2", 1]):
        lora["block_1/layer_1/attention/qkv"] = value
        (tmp_path / "config.json").write_text(json.dumps(config))
        for cls in (MaelreClassifier, MaelreBackbone):
            with pytest.raises(ValueError, match="does not describe"):
                cls.from_preset(tmp_path)
