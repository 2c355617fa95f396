"""Which weights a training ends with."""

import json

import numpy as np
import pytest

from keras_maelre.training import BestWeights


class Model:
    """Weights that an epoch sets to its number."""

    def __init__(self):
        self.weights = [np.array(-1.0)]

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.weights = weights


def go_through(best, scores, first=0):
    """Lets `best` see epochs of these scores, from the first on."""
    for epoch, score in enumerate(scores, first):
        best.model.set_weights([np.array(float(epoch))])
        best.on_epoch_end(epoch, {"val_accuracy": score})


def ended(best):
    """What `best` ends a training with: score, epoch, weights."""
    best.on_train_end()
    return best.score, best.epoch, float(best.model.get_weights()[0])


def trained(best, scores, start=None, needed=None):
    """What `best` ends a training of these scores with."""
    best.set_model(Model())
    if start is not None:
        best.start(start, best.model.get_weights(), needed)
    go_through(best, scores)
    return ended(best)


NAN = float("nan")


@pytest.mark.parametrize(
    "scores, start, expected",
    [
        ([0.5, 0.7, 0.6], None, (0.7, 1)),
        ([0.5, 0.7, 0.7, 0.6], None, (0.7, 2)),  # of equals the later
        ([0.5, NAN, 0.4], None, (0.5, 0)),
        ([0.5, 0.7, 0.6], 0.7, (0.7, 1)),
        ([0.5, 0.7, 0.6], 0.8, (0.8, -1)),
    ],
)
def test_the_best_epoch(scores, start, expected):
    score, epoch, weights = trained(BestWeights("val_accuracy"), scores, start)
    assert (score, epoch) == expected and weights == epoch


@pytest.mark.parametrize(
    "scores, start, needed, expected",
    [
        ([0.5, 0.7, 0.6], None, None, (0.6, 2)),
        ([0.5, 0.7, 0.6], 0.6, None, (0.6, 2)),
        ([0.5, 0.7, 0.6], 0.65, None, (0.65, -1)),
        ([0.5, 0.7, 0.6], 0.65, 0.6, (0.6, 2)),
        ([0.5, 0.7, 0.6], 0.65, 0.61, (0.65, -1)),
        ([0.5, 0.7, NAN], 0.0, None, (0.0, -1)),
    ],
)
def test_the_last_epoch_or_what_was_before(scores, start, needed, expected):
    best = BestWeights("val_accuracy", last_only=True)
    score, epoch, weights = trained(best, scores, start, needed)
    assert (score, epoch) == expected and weights == epoch


def test_less_may_be_better():
    assert trained(BestWeights("val_accuracy", "min"), [0.5, 0.7])[1] == 0
    best = BestWeights("val_accuracy", "min", last_only=True)
    assert trained(best, [0.5, 0.7], start=0.6)[1] == -1


@pytest.mark.parametrize("last_only", [False, True])
@pytest.mark.parametrize("done", [1, 2, 3])
def test_interrupted(last_only, done):
    scores = [0.5, 0.7, 0.6]
    whole = BestWeights("val_accuracy", last_only=last_only)
    expected = trained(whole, scores, start=0.65, needed=0.6)
    first = BestWeights("val_accuracy", last_only=last_only)
    first.set_model(Model())
    first.start(0.65, first.model.get_weights(), 0.6)
    go_through(first, scores[:done])
    second = BestWeights("val_accuracy", last_only=last_only)
    second.set_model(first.model)
    second.restore(json.loads(json.dumps(first.state())), first.weights)
    go_through(second, scores[done:], done)
    assert ended(second) == expected


def test_an_unknown_score():
    best = BestWeights("val_loss")
    best.set_model(Model())
    with pytest.raises(ValueError, match=r"'val_loss'.*Known are \['loss'\]"):
        best.on_epoch_end(0, {"loss": 1.0})
