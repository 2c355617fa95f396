"""F1 scores of multi-label classifiers, on Keras' own metrics."""

import math

import keras
from keras import ops

from keras_maelre.checks import check_flag, check_number
from keras_maelre.training.multi_label_loss import check_label_shapes


def check_threshold(value):
    """Returns a probability strictly between 0 and 1, as a `float`."""
    return check_number("threshold", value, above=0.0, below=1.0)


def decide(y_true, y_pred, threshold, from_logits):
    """Returns true and predicted labels as float32 zeros and ones."""
    y_true = ops.convert_to_tensor(y_true)
    y_pred = ops.convert_to_tensor(y_pred)
    check_label_shapes(y_true, y_pred)
    if from_logits:
        threshold = math.log(threshold / (1 - threshold))
    # In float32: half precision would round the threshold. Labels are compared with
    # 0.5 because label smoothing and mixing make them soft.
    true = ops.cast(y_true, "float32") > 0.5
    predicted = ops.cast(y_pred, "float32") > threshold
    return ops.cast(true, "float32"), ops.cast(predicted, "float32")


class _F1OfCounts(keras.metrics.F1Score):
    """`keras.metrics.F1Score` of logits, 0 before the first batch."""

    def __init__(self, average, threshold, from_logits, name, dtype):
        super().__init__(average, check_threshold(threshold), name, dtype)
        self.from_logits = check_flag("from_logits", from_logits)

    def update_state(self, y_true, y_pred, sample_weight=None):
        # Keras' own threshold then acts on zeros and ones, and changes nothing.
        y_true, y_pred = decide(y_true, y_pred, self.threshold, self.from_logits)
        super().update_state(y_true, y_pred, sample_weight)

    def result(self):
        # Keras creates the counters with the first batch.
        return super().result() if self.variables else ops.zeros(())

    def get_config(self):
        config = super().get_config()
        del config["average"]
        return {**config, "from_logits": self.from_logits}


@keras.saving.register_keras_serializable(package="keras_maelre")
class MicroF1(_F1OfCounts):
    """F1 of all decisions together, one for each label of each sample.

    Equals scikit-learn's `f1_score(..., average="micro", zero_division=0)`.

    Args:
        threshold: Float, a probability in (0, 1). A label is predicted if its
            probability is greater. Defaults to 0.5, a logit of 0.
        from_logits: Boolean, whether predictions are logits, as those of
            `MaelreClassifier`, rather than probabilities.
        name: Optional string.
        dtype: Optional dtype of the counters, as in `keras.metrics.Metric`.

    Call arguments:
        y_true: Tensor of zeros and ones, `(batch, labels)`.
        y_pred: Float tensor, `(batch, labels)`.
        sample_weight: Optional float tensor, `(batch,)`.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If the threshold is not in (0, 1), or the shapes differ.

    Example:

    ```python
    from keras_maelre.training import MicroF1

    metric = MicroF1()
    metric.update_state([[1, 0, 1], [0, 1, 0]], [[2.0, -1.0, -1.0], [-1.0, 3.0, -2.0]])
    metric.result()  # 2 * 2 / (3 + 2)
    ```
    """

    def __init__(self, threshold=0.5, from_logits=True, name="micro_f1", dtype=None):
        super().__init__("micro", threshold, from_logits, name, dtype)


@keras.saving.register_keras_serializable(package="keras_maelre")
class LabelBasedF1(_F1OfCounts):
    """Mean over the labels of their F1 over all samples (the paper's MiF).

    Equals scikit-learn's `f1_score(..., average="macro", zero_division=0)`: a label
    that is neither true nor predicted for any sample scores 0.

    Args:
        threshold: Float, a probability in (0, 1). A label is predicted if its
            probability is greater. Defaults to 0.5, a logit of 0.
        from_logits: Boolean, whether predictions are logits, as those of
            `MaelreClassifier`, rather than probabilities.
        name: Optional string.
        dtype: Optional dtype of the counters, as in `keras.metrics.Metric`.

    Call arguments:
        y_true: Tensor of zeros and ones, `(batch, labels)`.
        y_pred: Float tensor, `(batch, labels)`.
        sample_weight: Optional float tensor, `(batch,)`.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If the threshold is not in (0, 1), or the shapes differ.

    Example:

    ```python
    from keras_maelre.training import LabelBasedF1

    metric = LabelBasedF1()
    metric.update_state([[1, 0, 1], [0, 1, 0]], [[2.0, -1.0, -1.0], [-1.0, 3.0, -2.0]])
    metric.result()  # (1 + 1 + 0) / 3
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 4.1.
    """

    def __init__(
        self, threshold=0.5, from_logits=True, name="label_based_f1", dtype=None
    ):
        super().__init__("macro", threshold, from_logits, name, dtype)


@keras.saving.register_keras_serializable(package="keras_maelre")
class ExampleBasedF1(keras.metrics.Mean):
    """Mean over the samples of the F1 of their true and predicted labels (EBF).

    Equals scikit-learn's `f1_score(..., average="samples", zero_division=0)`: a
    sample with neither a true nor a predicted label scores 0.

    Args:
        threshold: Float, a probability in (0, 1). A label is predicted if its
            probability is greater. Defaults to 0.5, a logit of 0.
        from_logits: Boolean, whether predictions are logits, as those of
            `MaelreClassifier`, rather than probabilities.
        name: Optional string.
        dtype: Optional dtype of the sums, as in `keras.metrics.Metric`.

    Call arguments:
        y_true: Tensor of zeros and ones, `(batch, labels)`.
        y_pred: Float tensor, `(batch, labels)`.
        sample_weight: Optional float tensor, `(batch,)`.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If the threshold is not in (0, 1), or the shapes differ.

    Example:

    ```python
    from keras_maelre.training import ExampleBasedF1

    metric = ExampleBasedF1()
    metric.update_state([[1, 0, 1], [0, 1, 0]], [[2.0, -1.0, -1.0], [-1.0, 3.0, -2.0]])
    metric.result()  # (2/3 + 1) / 2
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 4.1.
    """

    def __init__(
        self, threshold=0.5, from_logits=True, name="example_based_f1", dtype=None
    ):
        super().__init__(name=name, dtype=dtype)
        self.threshold = check_threshold(threshold)
        self.from_logits = check_flag("from_logits", from_logits)
        self._direction = "up"

    def update_state(self, y_true, y_pred, sample_weight=None):
        true, predicted = decide(y_true, y_pred, self.threshold, self.from_logits)
        both = ops.sum(true * predicted, axis=1)
        scores = 2 * both / ops.maximum(ops.sum(true + predicted, axis=1), 1)
        super().update_state(scores, sample_weight)

    def get_config(self):
        return {
            **super().get_config(),
            "threshold": self.threshold,
            "from_logits": self.from_logits,
        }
