"""The score that is explained: the log-odds of a class."""

import numpy as np
from keras import ops

from keras_maelre.models.predictions import check_outputs

# In place of minus infinity, whose product with 0 is no number.
NEVER = -1e30


def log_odds(logits, row, multi_label):
    """Returns `log(p / (1 - p))` of the probability of a class.

    It is the logit of a multi-label classifier; of others the logit less the
    log-sum-exp of the other logits. Unlike a logit it does not change with what
    raises all of them, and unlike a probability it does not saturate.

    Args:
        logits: Float tensor of shape `(batch, classes)`, divided by the temperature.
        row: Float tensor of shape `(classes,)`, 1 at the class and else 0.
        multi_label: Boolean.
    """
    wanted = ops.sum(logits * row, axis=-1)
    if multi_label or logits.shape[-1] == 1:
        return wanted
    return wanted - ops.logsumexp(logits + NEVER * row, axis=-1)


def numpy_log_odds(logits, target, multi_label):
    """The same in float64 for the number of a class."""
    logits = np.asarray(logits, "float64")
    wanted = logits[:, target]
    if multi_label or logits.shape[-1] == 1:
        return wanted
    others = np.delete(logits, target, axis=-1)
    most = others.max(axis=-1)
    return wanted - most - np.log(np.exp(others - most[:, None]).sum(axis=-1))


def predicted_scores(classifier, inputs, target, batch_size):
    """Returns the log-odds of a class for many inputs of the same shape.

    Args:
        classifier: A `MaelreClassifier`.
        inputs: Iterable of NumPy arrays without a batch axis.
        target: Integer.
        batch_size: Integer, how many the model sees at a time.
    """
    made, batch = [], []

    def flush():
        x = np.stack(batch)
        # All batches are of one shape, for backends that compile.
        x = np.concatenate([x, np.repeat(x[-1:], batch_size - len(x), axis=0)])
        logits = check_outputs(classifier._forward(x)[: len(batch)], "logits")
        logits = logits / classifier.temperature
        made.append(numpy_log_odds(logits, target, classifier.multi_label))
        batch.clear()

    for x in inputs:
        batch.append(x)
        if len(batch) == batch_size:
            flush()
    if batch:
        flush()
    return np.concatenate(made)
