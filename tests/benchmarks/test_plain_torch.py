"""The plain PyTorch model is the Keras model, on every backend of the latter.

This is the test of a benchmark: without torch there is nothing to test, whatever the
backend, and the file is skipped.
"""

import pytest

torch = pytest.importorskip("torch")

import keras  # noqa: E402
import numpy as np  # noqa: E402

import keras_maelre  # noqa: E402
from benchmarks import plain_torch  # noqa: E402
from benchmarks.plain_torch import Maelre  # noqa: E402

# All have 54 tokens, which is no multiple of 4: one after the other, 9 x 6 or 6 x 9.
SMALL = {
    "text": {"input_shape": (54,), "vocabulary_size": 300, "embedding_dim": 24},
    "bytes": {"input_shape": (54,)},
    "series": {"input_shape": (54, 2)},
    "audio": {"input_shape": (34, 21)},
    "image": {"input_shape": (21, 34, 3)},
}
PADDED = ("text", "bytes", "series")


def make_classifier(modality, **kwargs):
    arguments = {"num_classes": 7, **SMALL[modality], **kwargs}
    classifier = keras_maelre.MaelreClassifier.from_preset(
        f"tiny_{modality}", **arguments
    )
    plain_torch.randomise(classifier)
    return classifier


def make_inputs(classifier, kept=(54, 33, 6)):
    """Three random samples; of those that can be padded, `kept` steps are left."""
    x = plain_torch.random_inputs(classifier, batch=len(kept))
    if classifier.modality.variable_length:
        padding = getattr(classifier.modality, "padding_id", np.nan)
        for sample, steps in zip(x, kept, strict=True):
            sample[steps:] = padding
    return x


def assert_same_logits(classifier, inputs):
    # Called, not `predict`: nothing is to be compiled for one batch.
    expected = keras.ops.convert_to_numpy(classifier(inputs))
    with torch.inference_mode():
        logits = Maelre.from_keras(classifier)(torch.from_numpy(inputs)).numpy()
    tolerance = 1e-4 * expected.std()
    # The samples differ, so the comparison sees more than the bias of the head.
    assert expected.std(axis=0).mean() > 100 * tolerance
    np.testing.assert_allclose(logits, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("modality", SMALL)
def test_logits_equal_those_of_the_keras_model(modality):
    classifier = make_classifier(modality)
    assert_same_logits(classifier, make_inputs(classifier))


@pytest.mark.parametrize(
    ("modality", "attention"),
    [("series", "linear"), ("series", "auto"), ("image", "dot")],
)
def test_logits_are_equal_under_every_attention_plan(modality, attention):
    classifier = make_classifier(modality, attention=attention)
    assert_same_logits(classifier, make_inputs(classifier))


@pytest.mark.parametrize("feature_map", ["relu", "softplus"])
def test_logits_are_equal_with_every_feature_map(feature_map):
    classifier = make_classifier("bytes", feature_map=feature_map)
    assert_same_logits(classifier, make_inputs(classifier))


def test_logits_are_equal_with_other_depths_and_heads():
    classifier = make_classifier("series", depths=(2, 1, 1, 2), num_heads=(4, 1, 8, 2))
    assert_same_logits(classifier, make_inputs(classifier))


@pytest.mark.parametrize("modality", PADDED)
def test_padding_changes_nothing(modality):
    classifier = make_classifier(modality)
    model = Maelre.from_keras(classifier)
    padded = torch.from_numpy(make_inputs(classifier, kept=(54, 33, 6)))
    with torch.inference_mode():
        alone = model(padded[1:2, :33])
        torch.testing.assert_close(model(padded)[1:2], alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("modality", SMALL)
def test_all_parameters_are_taken_over_and_used(modality):
    classifier = make_classifier(modality)
    model = Maelre.from_keras(classifier)
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count == classifier.count_params()
    model(torch.from_numpy(make_inputs(classifier))).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.abs().max() > 0, name


def test_a_frozen_token_table_stays_frozen():
    classifier = make_classifier("text", trainable_embeddings=False)
    frozen = [
        name
        for name, parameter in Maelre.from_keras(classifier).named_parameters()
        if not parameter.requires_grad
    ]
    assert frozen == ["embedding.weight"]


@pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="both gradients come from torch"
)
@pytest.mark.parametrize("modality", SMALL)
def test_gradients_equal_those_of_the_keras_model(modality):
    classifier = make_classifier(modality)
    model = Maelre.from_keras(classifier)
    inputs = make_inputs(classifier)
    direction = np.random.default_rng(1).normal(size=(3, 7)).astype("float32")

    logits = model(torch.from_numpy(inputs))
    (logits * torch.from_numpy(direction)).sum().backward()
    tensor = keras.ops.convert_to_tensor(direction)
    (classifier(inputs, training=True) * tensor).sum().backward()

    expected = {
        variable.path: keras.ops.convert_to_numpy(variable.value.grad)
        for variable in classifier.trainable_variables
    }
    # Gradients that are 0 by nature (of a key's bias in a softmax) carry the rounding
    # of the sums they come from, hence the share of the largest of all.
    floor = 1e-2 * max(np.abs(gradient).max() for gradient in expected.values())
    gradients = {name: value.grad for name, value in model.named_parameters()}
    for name, path, turn in plain_torch.weight_map(model):
        wanted = turn(expected.pop(path))
        np.testing.assert_allclose(
            gradients.pop(name).numpy(),
            wanted,
            rtol=0,
            atol=1e-4 * max(np.abs(wanted).max(), floor),
            err_msg=name,
        )
    assert not expected and not gradients


def test_linear_attention_keeps_float32_under_autocast():
    query, key, value = torch.randn(3, 2, 4, 50, 8)
    expected = plain_torch.linear_attention(query, key, value, None, torch.relu)
    with torch.autocast("cpu", torch.bfloat16):
        outputs = plain_torch.linear_attention(query, key, value, None, torch.relu)
    torch.testing.assert_close(outputs, expected, rtol=0, atol=0)


@keras.saving.register_keras_serializable(package="tests")
def exponential(x):
    return keras.ops.exp(x)


@pytest.mark.parametrize(
    "change",
    [
        {"merge": "average"},
        {"dropout_rate": 0.1},
        {"drop_path_rate": 0.1},
        {"remat": True},
        {"feature_map": exponential},
        {"attention": "window"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_configuration_without_counterpart_is_an_error(change):
    classifier = make_classifier("series", **change)
    with pytest.raises(ValueError, match=next(iter(change))):
        Maelre.from_keras(classifier)


def keras_weights(classifier):
    paths = [variable.path for variable in classifier.weights]
    return dict(zip(paths, classifier.get_weights(), strict=True))


def test_a_weight_left_over_is_an_error():
    classifier = make_classifier("series")
    model = Maelre.from_keras(classifier)

    weights = keras_weights(classifier)
    weights["block_1/gate"] = np.zeros(3)
    with pytest.raises(ValueError, match="block_1/gate"):
        plain_torch.load_keras_weights(model, weights)

    weights = keras_weights(classifier)
    del weights["block_2/expand/bias"]
    with pytest.raises(ValueError, match="block_2/expand/bias"):
        plain_torch.load_keras_weights(model, weights)

    model.gate = torch.nn.Parameter(torch.zeros(3))
    with pytest.raises(ValueError, match="gate"):
        plain_torch.load_keras_weights(model, keras_weights(classifier))


def test_a_weight_of_another_shape_is_an_error():
    classifier = make_classifier("series")
    model = Maelre.from_keras(classifier)
    weights = keras_weights(classifier)
    weights["logits/bias"] = np.zeros(1)  # would broadcast
    with pytest.raises(ValueError, match="logits/bias"):
        plain_torch.load_keras_weights(model, weights)


def test_the_difference_shows_a_forgotten_bias():
    classifier = make_classifier("series")
    model = Maelre.from_keras(classifier)
    inputs = make_inputs(classifier)
    assert plain_torch.logits_difference(classifier, model, inputs) < 1e-4
    model.blocks[2][1].mlp[2].bias.data.zero_()
    assert plain_torch.logits_difference(classifier, model, inputs) > 1e-3


@pytest.mark.parametrize(
    ("differences", "code"),
    [((1e-6, 9e-5), 0), ((2e-4, 1e-6), 1), ((1e-6, float("nan")), 1)],
)
def test_the_script_fails_above_the_tolerance(differences, code, capsys, monkeypatch):
    values = iter(differences)
    monkeypatch.setattr(plain_torch, "logits_difference", lambda *_: next(values))
    assert plain_torch.main(["tiny_series", "tiny_bytes"]) == code
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["tiny_series", "tiny_bytes"]
    assert keras.backend.backend() in lines[0]
    assert "1,608,550 parameters" in lines[0]
    assert f"{differences[0]:.1e}" in lines[0]


@pytest.mark.slow
@pytest.mark.parametrize("preset", plain_torch.BASE_PRESETS)
def test_logits_are_equal_at_full_size(preset):
    assert plain_torch.main([preset]) == 0
