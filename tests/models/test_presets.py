"""The presets: parameters, costs, ablations, and what may be changed."""

import keras
import numpy as np
import pytest

from keras_maelre import MaelreBackbone, MaelreClassifier, count_macs
from keras_maelre.models.presets import PRESETS, PRETRAINED
from tests.models.tiny import (
    SHAPES,
    random_input,
    slow,
    tiny_classifier,
    without_values,
)

SIZES = ("tiny", "small", "base", "wide")
# Millions of parameters of the classifier with the preset's classes.
MILLIONS = {
    "text": (43.84, 86.67, 103.18, 205.36),
    "series": (1.61, 37.19, 53.71, 148.65),
    "audio": (1.83, 37.86, 54.37, 149.76),
    "image": (1.85, 37.91, 54.43, 149.85),
}
# Billions of multiply-accumulates, and the last digit they are given to.
COSTS = {
    ("base_text", 2048): (9.17, 0.005),
    ("base_text", 4096): (18.7, 0.05),
    ("wide_text", 2048): (21.7, 0.05),
    ("small_series", None): (7.6, 0.05),
    ("base_series", None): (11.3, 0.05),
    ("small_audio", None): (17.8, 0.05),
    ("base_audio", None): (26.3, 0.05),
    ("small_image", None): (6.3, 0.05),
    ("base_image", None): (9.35, 0.005),
}

# The distance from 1 to the next number that a type has.
ROUNDING = {"float32": 2**-23, "bfloat16": 2**-7, "float16": 2**-10}


def test_there_are_twenty_and_one_with_weights():
    names = {f"{size}_{modality}" for size in SIZES for modality in SHAPES}
    names |= set(PRETRAINED)
    assert set(MaelreClassifier.presets) == set(MaelreBackbone.presets) == names
    for preset in MaelreClassifier.presets.values():
        assert set(preset) == {"description", "parameters", "input_shape"}


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_parameters(name):
    size, modality = name.split("_")
    with without_values():
        count = MaelreClassifier.from_preset(name).count_params()
    assert count == MaelreClassifier.presets[name]["parameters"]
    if modality in MILLIONS:
        expected = MILLIONS[modality][SIZES.index(size)]
        assert count / 1e6 == pytest.approx(expected, rel=0.005)


@pytest.mark.parametrize("name, length", sorted(COSTS, key=str))
def test_cost(name, length):
    shape = {} if length is None else {"input_shape": (length,)}
    expected, digit = COSTS[name, length]
    with without_values():
        cost = count_macs(MaelreClassifier.from_preset(name, **shape))
    assert cost / 1e9 == pytest.approx(expected, abs=digit)


def test_cost_of_other_kinds():
    """Counted by hand, at 81 tokens of width 16 in block 1."""

    def cost(**change):
        model = tiny_classifier("series", MaelreBackbone, input_shape=(80, 2), **change)
        return count_macs(model)

    def change(kind, **others):
        plan = (kind, "linear", "dot", "dot")
        return cost(attention=plan, **others) - cost(attention=("linear",) + plan[1:])

    linear = 2 * 81 * 16 * 16
    # 27 blocks of 3 queries and 9 + 1 keys, and the class token's 81 keys.
    window = 2 * 16 * (81 * 10 + 81)
    assert change("window", attention_window=3) == window - linear
    assert change("focused") == 81 * 16 * 5
    # Scores, two sums, and two products of the queries with 16 landmarks.
    far = 5 * 81 * 16 * 16
    assert change("long_short", attention_window=3) == window + far - linear
    # Features of queries and keys, their sums and the use of these, for 64 directions.
    # No projections; those of the convolution are as large as the attention's.
    assert change("pool") == -4 * 81 * 16 * 16 - linear
    assert change("conv") == 80 * 7 * 32 - linear
    assert change("linformer") == 4 * 81 * 16 * 32 - linear
    # Three products of 32 landmarks and one of the values, two and 24 among landmarks.
    inverse = 2 * 32 * 32 * 16 + 24 * 32**3
    assert change("nystrom") == 4 * 81 * 16 * 32 + inverse - linear
    assert change("performer") == 4 * 81 * 16 * 64 - linear


def test_cost_of_axial_attention():
    """Rows, columns and the class token, which all see; and all, which it sees."""
    costs = [
        count_macs(
            tiny_classifier("image", MaelreBackbone, attention=(kind,) + ("dot",) * 3)
        )
        for kind in ("axial", "linear")
    ]
    height, width = tiny_classifier("image", MaelreBackbone).token_grids[0]
    tokens = 1 + height * width
    seen = (tokens - 1) * (height + width + 1) + tokens
    assert costs[0] - costs[1] == 2 * 16 * seen - 2 * tokens * 16 * 16


def test_axial_attention_of_a_sequence():
    with pytest.raises(ValueError, match="needs tokens on a grid.*not a sequence"):
        tiny_classifier("series", MaelreBackbone, attention="axial")


def test_cost_of_a_shorter_input_is_that_of_a_shorter_model():
    long, short = (tiny_classifier("series", input_shape=(n, 2)) for n in (500, 123))
    assert count_macs(long, 123) == count_macs(long, (123, 2)) == count_macs(short)


@pytest.mark.parametrize(
    "name, merge, millions",
    [
        ("base_audio", "linear", 70.4),
        ("base_series", "linear", 55.59),
        ("base_audio", "average", 52.5),
        ("base_series", "average", 51.84),
    ],
)
def test_merges_have_the_paper_s_parameters(name, merge, millions):
    with without_values():
        count = MaelreClassifier.from_preset(name, merge=merge).count_params()
    assert count / 1e6 == pytest.approx(millions, rel=0.005)


def test_auto_attention_is_linear_while_tokens_exceed_the_width():
    with without_values():
        audio = MaelreBackbone.from_preset("base_audio", attention="auto")
    assert audio.attention_plan == ("linear", "linear", "linear", "dot")
    series = tiny_classifier("series", MaelreBackbone, attention="auto")
    assert series.attention_plan == ("linear", "dot", "dot", "dot")
    default = MaelreBackbone.from_preset("tiny_audio")
    assert default.attention_plan == ("linear", "linear", "dot", "dot")


# Bytes are merged and mixed as series are, sounds as images.
@pytest.mark.parametrize(
    "modality", [slow("audio"), slow("bytes"), "image", "series", slow("text")]
)
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"merge": "average"},
        {"merge": "linear"},
        {"merge": "none"},
        {"merge": "max"},
        {"merge": "residual"},
        {"attention": "linear", "feature_map": "relu"},
        {"attention": "window", "attention_window": 3},
        {"attention": ("focused", "long_short", "dot", "window")},
        {"attention": ("conv", "performer", "nystrom", "linformer")},
        {"attention": ("dot", "linear", "dot", "linear"), "feature_map": "softplus"},
    ],
    ids=str,
)
def test_outputs_of_every_ablation(modality, change):
    backbone = tiny_classifier(modality, MaelreBackbone, **change)
    outputs = backbone(random_input(modality, batch=2))
    assert tuple(outputs["cls"].shape) == (2, 128)
    for i, grid in enumerate(backbone.token_grids):
        assert tuple(outputs[f"block_{i + 1}"].shape) == (2, *grid, 16 * 2**i)
    assert tuple(outputs["tokens"].shape) == (2, *backbone.token_grids[-1], 128)
    kept = backbone.token_grids[0] == backbone.token_grids[-1]
    assert kept == (change.get("merge") == "none")
    for value in outputs.values():
        assert np.isfinite(keras.ops.convert_to_numpy(value)).all()


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float32"])
def test_logits_are_float32_under_every_policy(policy):
    model = tiny_classifier("series", dtype=policy)
    assert model.dtype_policy.name == policy == model.backbone.dtype_policy.name
    assert model.backbone.get_layer("block_1").compute_dtype == policy.split("_")[-1]
    logits = model.predict_on_batch(random_input("series"))
    assert logits.dtype == "float32"
    assert _error(model, draws=1 if policy == "float32" else 16) < 3


def _error(model, draws):
    """Deviation from float32 in roundings of the policy, the mean of drawn weights.

    Processors round sums in orders of their own, which moves the error of one draw by
    more than half of it, that of the mean by an eighth: it is 2 on every backend, in
    float16 as in bfloat16.
    """
    exact, x = tiny_classifier("series"), random_input("series")
    initial, generator = exact.get_weights(), np.random.default_rng(0)
    errors = []
    for _ in range(draws):
        weights = [generator.permuted(w.ravel()).reshape(w.shape) for w in initial]
        model.set_weights(weights)
        exact.set_weights(weights)
        expected = exact.predict_on_batch(x)
        difference = model.predict_on_batch(x) - expected
        errors.append(np.sqrt(np.mean(difference**2)) / expected.std())
    return np.mean(errors) / ROUNDING[model.backbone.compute_dtype]


def test_summary_names_the_blocks():
    lines = []
    backbone = tiny_classifier("series", MaelreBackbone)
    backbone.summary(print_fn=lines.append)
    text = "\n".join(lines)
    for name in ("stem", "position_embedding", "class_token", "block_4", "norm"):
        assert name in text
    assert f"{backbone.count_params():,}" in text
