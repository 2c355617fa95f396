"""F1 scores of classifiers whose samples may have several labels."""

import math

import keras
from keras import ops

from keras_maelre.training.multi_label_loss import check_label_shapes

# Of a fraction in fixed point: two digits of 12 bits hold all bits of a float32.
DIGIT = 2**12


class _MultiLabelF1(keras.metrics.Metric):
    """What the F1 scores share: what counts as predicted, and counters.

    Counters are integers: float32 would stop counting at 2**24, and would depend on
    how samples are batched.
    """

    def __init__(self, threshold=0.5, from_logits=True, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        if not isinstance(threshold, (int, float)) or not 0 < threshold < 1:
            raise ValueError(
                "Argument `threshold` must be a probability between 0 and 1. "
                f"Received: threshold={threshold!r}"
            )
        self.threshold = float(threshold)
        self.from_logits = bool(from_logits)
        self._direction = "up"

    def update_state(self, y_true, y_pred, sample_weight=None):
        if sample_weight is not None:
            raise ValueError(
                f"{type(self).__name__} counts samples and takes no `sample_weight`: "
                "pass it to `compile` in `metrics`, not in `weighted_metrics`."
            )
        y_true = ops.convert_to_tensor(y_true)
        y_pred = ops.convert_to_tensor(y_pred)
        check_label_shapes(y_true, y_pred)
        threshold = self.threshold
        if self.from_logits:
            threshold = math.log(threshold / (1 - threshold))
        true = ops.cast(y_true, "float32") > 0.5
        predicted = ops.cast(y_pred, "float32") > threshold
        self.count(
            ops.cast(ops.logical_and(true, predicted), "int32"),
            # True and predicted labels, those that are both twice.
            ops.cast(true, "int32") + ops.cast(predicted, "int32"),
        )

    def count(self, both, either):
        raise NotImplementedError

    def add_counter(self, name, shape=()):
        return self.add_variable(
            shape=shape, initializer="zeros", dtype="int32", name=name
        )

    def get_config(self):
        return {
            **super().get_config(),
            "threshold": self.threshold,
            "from_logits": self.from_logits,
        }


class _CountsByLabel(_MultiLabelF1):
    """Counts label by label: none gets past the number of samples."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.both = self.either = None

    def count(self, both, either):
        if self.both is None:
            self.both = self.add_counter("both", both.shape[1:])
            self.either = self.add_counter("either", both.shape[1:])
        self.both.assign_add(ops.sum(both, axis=0))
        self.either.assign_add(ops.sum(either, axis=0))

    def f1(self, both, either):
        both, either = ops.cast(both, "float32"), ops.cast(either, "float32")
        return 2 * both / ops.maximum(either, 1)


@keras.saving.register_keras_serializable(package="keras_maelre")
class ExampleBasedF1(_MultiLabelF1):
    """Mean over the samples of the F1 between true and predicted labels (EBF).

    Equals scikit-learn's `f1_score(..., average="samples", zero_division=0)`: a
    sample with neither a true nor a predicted label scores 0. The result does not
    depend on how the samples are batched, to the last bit.

    Args:
        threshold: Float between 0 and 1. A label is predicted if its probability is
            greater.
        from_logits: Boolean, whether predictions are logits, as those of
            `MaelreClassifier`, rather than probabilities.
        name: Optional string.
        dtype: Optional dtype of the metric.

    Call arguments:
        y_true: Tensor of zeros and ones, `(batch, labels)`.
        y_pred: Float tensor, `(batch, labels)`.

    Raises:
        ValueError: If shapes disagree, the threshold is no probability, or sample
            weights are passed.

    Example:

    ```python
    metric = keras_maelre.training.ExampleBasedF1()
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
        super().__init__(threshold, from_logits, name, dtype)
        # The sum of the samples' F1 is a number of three digits.
        self.ones = self.add_counter("ones")
        self.fraction = self.add_counter("fraction")
        self.rest = self.add_counter("rest")
        self.samples = self.add_counter("samples")

    def count(self, both, either):
        both = ops.cast(ops.sum(both, axis=1), "float32")
        either = ops.cast(ops.sum(either, axis=1), "float32")
        scores = 2 * both / ops.maximum(either, 1)
        scores = ops.cast(ops.round(scores * DIGIT**2), "int32")
        rest = self.rest + ops.sum(scores % DIGIT)
        fraction = self.fraction + ops.sum(scores // DIGIT) + rest // DIGIT
        self.rest.assign(rest % DIGIT)
        self.fraction.assign(fraction % DIGIT)
        self.ones.assign_add(fraction // DIGIT)
        self.samples.assign_add(ops.shape(scores)[0])

    def result(self):
        rest, fraction, ones, samples = (
            ops.cast(counter, "float32")
            for counter in (self.rest, self.fraction, self.ones, self.samples)
        )
        total = ones + (fraction + rest / DIGIT) / DIGIT
        return total / ops.maximum(samples, 1)


@keras.saving.register_keras_serializable(package="keras_maelre")
class LabelBasedF1(_CountsByLabel):
    """Mean over the labels of their F1 over all samples (the paper's MiF).

    Equals scikit-learn's `f1_score(..., average="macro", zero_division=0)`: a label
    that no sample has and none was predicted to have scores 0.

    Args:
        threshold: Float between 0 and 1. A label is predicted if its probability is
            greater.
        from_logits: Boolean, whether predictions are logits, as those of
            `MaelreClassifier`, rather than probabilities.
        name: Optional string.
        dtype: Optional dtype of the metric.

    Call arguments:
        y_true: Tensor of zeros and ones, `(batch, labels)`.
        y_pred: Float tensor, `(batch, labels)`.

    Raises:
        ValueError: If shapes disagree, the threshold is no probability, or sample
            weights are passed.

    Example:

    ```python
    metric = keras_maelre.training.LabelBasedF1()
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
        super().__init__(threshold, from_logits, name, dtype)

    def result(self):
        if self.both is None:
            return ops.zeros(())
        return ops.mean(self.f1(self.both, self.either))


@keras.saving.register_keras_serializable(package="keras_maelre")
class MicroF1(_CountsByLabel):
    """F1 of all decisions together, about every label of every sample.

    Equals scikit-learn's `f1_score(..., average="micro", zero_division=0)`.

    Args:
        threshold: Float between 0 and 1. A label is predicted if its probability is
            greater.
        from_logits: Boolean, whether predictions are logits, as those of
            `MaelreClassifier`, rather than probabilities.
        name: Optional string.
        dtype: Optional dtype of the metric.

    Call arguments:
        y_true: Tensor of zeros and ones, `(batch, labels)`.
        y_pred: Float tensor, `(batch, labels)`.

    Raises:
        ValueError: If shapes disagree, the threshold is no probability, or sample
            weights are passed.

    Example:

    ```python
    metric = keras_maelre.training.MicroF1()
    metric.update_state([[1, 0, 1], [0, 1, 0]], [[2.0, -1.0, -1.0], [-1.0, 3.0, -2.0]])
    metric.result()  # 2 * 2 / (3 + 2)
    ```
    """

    def __init__(self, threshold=0.5, from_logits=True, name="micro_f1", dtype=None):
        super().__init__(threshold, from_logits, name, dtype)

    def result(self):
        if self.both is None:
            return ops.zeros(())
        # All labels together may be more than an int32 counts: sum as floats.
        return self.f1(
            ops.sum(ops.cast(self.both, "float32")),
            ops.sum(ops.cast(self.either, "float32")),
        )
