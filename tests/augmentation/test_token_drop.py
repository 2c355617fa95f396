import json

import keras
import numpy as np
import pytest
from keras import ops

from keras_maelre.augmentation import TokenDrop

PADDING = 1
# Few shapes, since JAX compiles every operation anew for every shape.
MANY = (200, 300)


def random_ids(shape=MANY):
    return np.random.default_rng(0).integers(2, 1000, shape).astype("int32")


def drop(layer, ids):
    return ops.convert_to_numpy(layer(ids, training=True))


@pytest.mark.parametrize("training", [False, None])
def test_identity_unless_training(training):
    ids = random_ids()
    output = TokenDrop(PADDING, 0.5)(ids, training=training)
    np.testing.assert_array_equal(ops.convert_to_numpy(output), ids)


@pytest.mark.parametrize("fraction", [0.0, 0.2, 0.5])
@pytest.mark.parametrize("span", [1, 6])
def test_drops_the_share_asked_for_wherever_a_token_stands(fraction, span):
    ids = random_ids()
    dropped = drop(TokenDrop(PADDING, fraction, span=span, seed=3), ids) == PADDING
    # Five deviations of a share of as many runs as there is room for.
    runs = ids.size / span
    bound = 5 * np.sqrt(fraction * (1 - fraction) / runs)
    assert abs(dropped.mean() - fraction) <= bound
    # At both ends too, where runs reach beyond the document.
    for end in (dropped[:, :span], dropped[:, -span:]):
        assert abs(end.mean() - fraction) <= bound * np.sqrt(runs / len(ids))


@pytest.mark.parametrize("padding_id", [0, 1, 7])
def test_dropped_tokens_become_the_padding_it_is_told(padding_id):
    ids = random_ids() + 10
    output = drop(TokenDrop(padding_id, 0.5, seed=0), ids)
    changed = output != ids
    assert changed.any() and np.all(output[changed] == padding_id)


def test_there_is_no_padding_by_default():
    with pytest.raises(TypeError, match="padding_id"):
        TokenDrop()


def test_what_is_not_dropped_stays_as_it_is():
    ids = random_ids()
    output = drop(TokenDrop(PADDING, 0.3, seed=0), ids)
    assert output.dtype == ids.dtype
    assert np.all((output == ids) | (output == PADDING))


def test_runs_are_at_least_as_long_as_the_span():
    dropped = drop(TokenDrop(PADDING, 0.3, span=4, seed=0), random_ids()) == PADDING
    edges = np.diff(dropped[:, 4:-4].astype(int), axis=1)
    for row in edges:
        begins, ends = np.flatnonzero(row == 1), np.flatnonzero(row == -1)
        ends = ends[ends > begins[0]] if len(begins) else ends[:0]
        assert np.all(ends - begins[: len(ends)] >= 4)


def test_seed_fixes_the_sequence_of_outputs():
    ids = random_ids()
    one, other = (TokenDrop(PADDING, seed=7) for _ in range(2))
    first, second = drop(one, ids), drop(one, ids)
    np.testing.assert_array_equal(drop(other, ids), first)
    np.testing.assert_array_equal(drop(other, ids), second)
    assert np.any(first != second)


def test_works_in_a_functional_model_and_after_serialization():
    layer = TokenDrop(padding_id=0, drop_fraction=0.4, span=3, seed=5)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    clone = keras.saving.deserialize_keras_object(config)
    assert clone.get_config() == layer.get_config()
    ids = random_ids()
    inputs = keras.Input((None,), dtype="int32")
    model = keras.Model(inputs, clone(inputs))
    assert model.output.dtype == "int32"
    output = ops.convert_to_numpy(model(ids, training=True))
    np.testing.assert_array_equal(output, drop(layer, ids))


@pytest.mark.parametrize(
    "settings, error, match",
    [
        (
            {"padding_id": -1},
            ValueError,
            "`padding_id`.*of at least 0",
        ),
        ({"padding_id": 0.5}, TypeError, "`padding_id` must be an integer"),
        ({"drop_fraction": 1.0}, ValueError, "`drop_fraction`.*0, 1"),
        ({"drop_fraction": -0.1}, ValueError, "`drop_fraction`"),
        ({"drop_fraction": "0.1"}, TypeError, "`drop_fraction`"),
        ({"span": 0}, ValueError, "`span`.*positive int"),
    ],
)
def test_bad_arguments_are_named(settings, error, match):
    with pytest.raises(error, match=match):
        TokenDrop(**{"padding_id": 0, **settings})


def test_input_of_another_rank_is_refused():
    with pytest.raises(ValueError, match="ndim"):
        TokenDrop(0)(np.zeros((2, 3, 4), "int32"), training=True)
