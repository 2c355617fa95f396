"""Published models in the training of MAELRE: the same recipe, and nothing forgotten.

They are of torch: with another backend of Keras there is nothing to test.
"""

import importlib.util

import keras
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn", reason="the extra [sklearn]")

import published  # noqa: E402
from torch_backbone import TorchLayer, count_torch_macs  # noqa: E402

from keras_maelre import MaelreClassifier, preprocessing  # noqa: E402
from keras_maelre.training import recipe, small_data_recipe  # noqa: E402

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="published models are of torch"
)
DOCUMENTS = ["the cat sat on the mat " * k for k in range(1, 13)]
WAVES = [np.random.default_rng(k).normal(0, 0.1, 900 * k) for k in range(4, 16)]


def samples_of(modality):
    """Samples, of unequal length where they may be, and their preprocessor."""
    generator = np.random.default_rng(0)
    if modality == "series":
        series = [generator.normal(size=n) for n in range(12, 36, 2)]
        return series, preprocessing.SeriesPreprocessor((34, 1))
    if modality == "text":
        made = preprocessing.TextPreprocessor.from_documents(
            DOCUMENTS, 270, input_shape=(70,), truncate=True
        )
        return DOCUMENTS, made
    if modality == "audio":
        return WAVES, preprocessing.AudioPreprocessor((64, 32), truncate=True)
    pixels = generator.integers(0, 256, (12, 32, 32, 3), "uint8")
    return pixels, preprocessing.ImagePreprocessor((32, 32, 3))


def build(name, modality, **head):
    package = published.PUBLISHED[name].package
    if package is not None:
        # In the extra "benchmarks", not in that of the tests.
        pytest.importorskip(package)
    samples, preprocessor = samples_of(modality)
    head = {"num_classes": 2, **head}
    return samples, published.published_classifier(name, modality, preprocessor, **head)


def cases():
    """Each model on the first of its modalities, and one of each kind on the others."""
    for name, entry in published.PUBLISHED.items():
        yield name, entry.modalities[0]
    yield from (("transformer", m) for m in ("text", "image", "audio"))
    yield from (("swin", "audio"), ("mvitv2", "audio"))


@pytest.mark.parametrize(("name", "modality"), cases())
def test_a_recipe_trains_all_of_it(name, modality):
    samples, classifier = build(name, modality)
    assert isinstance(classifier, MaelreClassifier)
    before = [np.array(value) for value in classifier.get_weights()]
    history = small_data_recipe(modality, probe=False).fit(
        classifier, samples, np.arange(12) % 2, epochs=3, batch_size=4, verbose=0
    )
    assert np.isfinite(history.history["loss"]).all()
    assert len(history.history["val_accuracy"]) == 3
    moved = [
        (old != new).any()
        for old, new in zip(before, classifier.get_weights(), strict=True)
    ]
    # Of a last layer that is read at one token, or of one pixel, some parts are idle.
    assert np.mean(moved) > 0.9
    probabilities = classifier.predict_proba(samples)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(("name", "modality"), cases())
def test_weights_decay_where_those_of_maelre_do(name, modality):
    _, classifier = build(name, modality)
    small_data_recipe(modality, probe=False).compile(classifier, 10)
    classifier.optimizer.build(classifier.trainable_variables)
    for layer in classifier.backbone.layers:
        if not isinstance(layer, TorchLayer):
            continue
        named = dict(layer.module.named_parameters())
        assert len(named) == len(layer.variables)
        for (key, value), variable in zip(named.items(), layer.variables, strict=True):
            assert variable.value is value
            is_vector = value.numel() == max(value.shape)
            decays = classifier.optimizer._use_weight_decay(variable)
            assert decays == (not is_vector and "bias" not in key), key
    names = [variable.path for variable in classifier.trainable_variables]
    assert len(set(names)) == len(names)


def test_gradients_are_those_of_one_batch():
    samples, classifier = build("transformer", "series")
    classifier.backbone.set_dropout(0.0)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    classifier.compile(keras.optimizers.SGD(0.0), loss)
    x = np.asarray(classifier.preprocessor(samples))
    y = np.eye(2)[np.arange(12) % 2]

    def gradients():
        keras.Model.train_on_batch(classifier, x, y)
        return [v.value.grad.clone() for v in classifier.trainable_variables]

    # Were the first ones not forgotten, the second would be twice as large.
    for first, second in zip(gradients(), gradients(), strict=True):
        torch.testing.assert_close(first, second)


@pytest.mark.parametrize("modality", ["series", "text"])
def test_padding_changes_nothing_in_the_transformer(modality):
    samples, classifier = build("transformer", modality)
    x = np.asarray(classifier.preprocessor(samples))
    alone = np.asarray(classifier.preprocessor(samples[:1]))
    kept = int(classifier.modality.kept(alone).sum())
    assert kept < x.shape[1]
    # The batch has a mask, and the sample without padding has none.
    together = keras.ops.convert_to_numpy(classifier(x, training=False))
    apart = keras.ops.convert_to_numpy(classifier(alone[:, :kept], training=False))
    np.testing.assert_allclose(together[:1], apart, atol=1e-5)


def test_dropout_is_the_recipes_and_not_on_attention():
    _, classifier = build("transformer", "text")
    (layer,) = (n for n in classifier.backbone.layers if isinstance(n, TorchLayer))
    for rate in (0.3, 0.0):
        small_data_recipe("text", dropout_rate=rate).compile(classifier, 10)
        assert {part.p for part in layer.dropouts} == {rate}
        assert len(layer.dropouts) == 3 * published.LAYERS
        assert {part.self_attn.dropout for part in layer.module.layers} == {0.0}
    with pytest.raises(ValueError, match="drop_path_rate=0.1"):
        recipe("text").compile(classifier, 2000)


@pytest.mark.parametrize("name", published.PUBLISHED)
def test_models_have_about_the_size_of_a_tiny_maelre(name):
    modality = published.PUBLISHED[name].modalities[0]
    _, classifier = build(name, modality)
    assert 0.4e6 < classifier.count_params() < 2.2e6
    assert count_torch_macs(classifier) > 0.2e6


def test_macs_are_those_of_the_products():
    _, classifier = build("transformer", "series")
    tokens, width = 34, published.WIDTH
    layer = 12 * tokens * width**2 + 2 * tokens**2 * width
    stem, head = tokens * 7 * width, 2 * width
    expected = published.LAYERS * layer + stem + head
    assert count_torch_macs(classifier) == pytest.approx(expected, rel=0.01)


def test_models_refuse_other_modalities():
    _, preprocessor = samples_of("series")
    with pytest.raises(ValueError, match="swin is of .*image.*'series'"):
        published.published_classifier("swin", "series", preprocessor, num_classes=2)


def test_a_missing_package_is_named_before_anything_runs(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    published.require(["transformer", "cdil_cnn"])
    with pytest.raises(ImportError, match=r'linformer.*pip install "keras_maelre\[ben'):
        published.require(["transformer", "linformer"])


def test_other_backends_are_refused(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match="KERAS_BACKEND=torch.*jax"):
        published.require(["transformer"])
