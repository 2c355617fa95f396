"""From logits to probabilities and labels."""

import numpy as np


class Prediction(dict):
    """The probability of every class of a sample, the most probable first.

    Attributes:
        labels: Tuple, what the classifier decides: the most probable class of a
            single-label classifier; of a multi-label one all classes whose
            probability exceeds their threshold.
    """

    def __init__(self, probabilities, labels):
        super().__init__(probabilities)
        self.labels = tuple(labels)


def check_outputs(values, name):
    """Returns the outputs of a model, or raises a ValueError unless all are finite.

    Args:
        values: Float array of shape `(samples, ...)`.
        name: String, what the values are.
    """
    finite = np.isfinite(values).all(axis=-1)
    if not finite.all():
        raise ValueError(
            f"{np.sum(~finite)} samples have {name} that are not finite, the first of "
            f"them sample {np.argmin(finite)}: its values are too large for the dtype "
            "policy, or the weights of the model are not finite."
        )
    return values


def probabilities(logits, multi_label, temperature=1.0):
    """Returns the probabilities of logits, in float64.

    Args:
        logits: Float array of shape `(samples, classes)`.
        multi_label: Boolean. Whether each probability is a sigmoid of its own.
        temperature: Float, what the logits are divided by.
    """
    logits = np.asarray(logits, "float64") / temperature
    if multi_label:
        return 0.5 * (1 + np.tanh(0.5 * logits))  # no overflow on either side
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def decisions(probabilities, multi_label, thresholds=None):
    """Returns what a classifier decides, as booleans of shape `(samples, classes)`.

    Args:
        probabilities: Float array of shape `(samples, classes)`.
        multi_label: Boolean.
        thresholds: Float, or array of shape `(classes,)`, of a multi-label classifier;
            `None` for 0.5.
    """
    if multi_label:
        return probabilities > (0.5 if thresholds is None else np.asarray(thresholds))
    best = np.argmax(probabilities, axis=-1)
    return np.arange(probabilities.shape[-1]) == best[:, None]


def named_predictions(probabilities, decided, class_names):
    """Returns a `Prediction` for each row of probabilities.

    Args:
        probabilities: Float array of shape `(samples, classes)`.
        decided: Boolean array of the same shape.
        class_names: Tuple of strings, or `None` for numbers.
    """
    names = class_names or tuple(range(probabilities.shape[-1]))
    made = []
    for row, chosen in zip(probabilities, decided, strict=True):
        order = np.argsort(-row, kind="stable")
        made.append(
            Prediction(
                {names[i]: float(row[i]) for i in order},
                [names[i] for i in order if chosen[i]],
            )
        )
    return made
