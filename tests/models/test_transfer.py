"""From one modality to another: what is copied, adapted and left."""

import keras
import numpy as np
import pytest

from keras_maelre import transfer_weights
from keras_maelre.layers.position_embedding import resample_positions
from tests.models.tiny import randomize, tiny_classifier


@pytest.fixture(scope="module")
def transferred():
    source = randomize(tiny_classifier("image"))
    target = tiny_classifier("audio", num_classes=5)
    head = target.head.get_weights()
    return source, target, head, transfer_weights(source, target)


def weight(model, layer, *attributes):
    value = model.backbone.get_layer(layer)
    for attribute in attributes:
        value = getattr(value, attribute)
    return keras.ops.convert_to_numpy(value)


def test_stem_is_averaged_over_colour(transferred):
    source, target, *_ = transferred
    kernel = weight(source, "stem", "conv", "kernel")
    got = weight(target, "stem", "conv", "kernel")
    np.testing.assert_allclose(got, kernel.mean(axis=2, keepdims=True), atol=1e-6)


def test_positions_are_resampled(transferred):
    source, target, *_ = transferred
    table = weight(source, "position_embedding", "embeddings")
    got = weight(target, "position_embedding", "embeddings")
    np.testing.assert_allclose(got, resample_positions(table, (8, 4)), atol=1e-6)


def test_all_else_is_copied_but_the_head(transferred):
    source, target, head, report = transferred
    for name in ("block_1", "block_2", "block_3", "block_4", "norm", "class_token"):
        pairs = zip(
            source.backbone.get_layer(name).get_weights(),
            target.backbone.get_layer(name).get_weights(),
            strict=True,
        )
        assert all(np.array_equal(one, other) for one, other in pairs), name
    for before, after in zip(head, target.head.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert len(report.adapted) == 2 and len(report.left) == 2


def test_report_names_every_weight_once(transferred):
    _, target, _, report = transferred
    entries = [*report.copied, *report.adapted, *report.left]
    assert len(entries) == len(target.weights)
    names = sorted(entry.split(":")[0].split(" ")[0] for entry in entries)
    assert len(set(names)) == len(names)
    printed = str(report)
    for part in ("weights copied", "averaged over input channels", "resampled", "left"):
        assert part in printed


def test_across_ranks_what_has_no_counterpart_is_left():
    source, target = tiny_classifier("image"), tiny_classifier("series")
    before = weight(target, "block_1", "merge", "kernel")
    report = transfer_weights(source, target)
    np.testing.assert_array_equal(weight(target, "block_1", "merge", "kernel"), before)
    left = " ".join(report.left)
    for name in ("stem/conv/kernel", "position_embedding", "merge/kernel"):
        assert name in left
    assert any("attention/qkv/kernel" in name for name in report.copied)
