"""The loss of multi-label classifiers."""

import keras
from keras import ops

from keras_maelre.checks import check_flag, check_number


@keras.saving.register_keras_serializable(package="keras_maelre")
class ArticleLabelCrossentropy(keras.losses.Loss):
    """Binary cross-entropy, averaged per article and per label.

    Let `l[i, j]` be the binary cross-entropy of article `i` and label `j` of a batch,
    multiplied by `positive_weight` where the article has the label, and let `y[i, j]`
    be 1 where it has the label and 0 elsewhere:

        loss      = article_weight * A + label_weight * B
        A         = sum_i (mean_j l[i, j]) / p[i]  /  sum_i 1 / p[i]
        B         = sum_j (mean_i l[i, j]) / q[j]  /  sum_j 1 / q[j]
        p[i]      = max(1, sum_j y[i, j])    # how many labels the article has
        q[j]      = max(1, sum_i y[i, j])    # how many articles have the label

    In `A` an article with forty labels counts no more than one with four, as in
    `ExampleBasedF1`; in `B` a frequent label counts no more than a rare one, as in
    `LabelBasedF1`. Both equal the plain mean if all counts are the same.

    The paper sums an article-wise and a label-wise average without defining them;
    plain means over rows and over columns would be the same number. This reading keeps
    the outputs calibrated as probabilities. Averaging positives and negatives
    separately would not: an article has a dozen of 12,338 labels, each of which would
    weigh as much as a thousand absent ones, so that a threshold of 0.5 would predict
    far too many labels.

    Args:
        article_weight: Float, at least 0, the weight of `A`.
        label_weight: Float, at least 0, the weight of `B`.
        positive_weight: Float, at least 0, the weight of the labels that an article
            has, relative to those it does not have. A threshold of 0.5 then predicts
            the labels with a probability above `1 / (1 + positive_weight)`: with 3,
            those above 0.25, which often gives a higher F1 than the default, 1.
        from_logits: Boolean, whether predictions are logits, as those of
            `MaelreClassifier`, rather than probabilities.
        name: Optional string.
        reduction: As in `keras.losses.Loss`. Each article has a share of the loss;
            the default, the mean of the shares, is the formula above.
        dtype: As in `keras.losses.Loss`, the dtype of the computation, whatever the
            dtype of the predictions. Defaults to `keras.config.floatx()`, float32.

    Call arguments:
        y_true: Tensor of zeros and ones, `(batch, labels)`.
        y_pred: Float tensor, `(batch, labels)`.
        sample_weight: Optional tensor of shape `(batch,)`, which multiplies the
            articles' shares. The counts `p` and `q` include all articles.

    Raises:
        TypeError: If a weight is not a number, or `from_logits` is not a boolean.
        ValueError: If a weight is negative, both are 0, or the shapes differ.

    Example:

    ```python
    import numpy as np
    from keras_maelre.training import ArticleLabelCrossentropy

    loss = ArticleLabelCrossentropy()
    labels = np.array([[1, 0, 0], [1, 1, 0]])
    loss(labels, np.array([[2.0, -3.0, -2.0], [0.5, 0.1, -4.0]]))
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 4.1.
    """

    def __init__(
        self,
        article_weight=0.5,
        label_weight=0.5,
        positive_weight=1.0,
        from_logits=True,
        name="article_label_crossentropy",
        reduction="sum_over_batch_size",
        dtype=None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.article_weight = check_number("article_weight", article_weight)
        self.label_weight = check_number("label_weight", label_weight)
        if not self.article_weight and not self.label_weight:
            raise ValueError(
                "Argument `article_weight` or `label_weight` must be positive. "
                "Received: both 0"
            )
        self.positive_weight = check_number("positive_weight", positive_weight)
        self.from_logits = check_flag("from_logits", from_logits)

    def call(self, y_true, y_pred):
        check_label_shapes(y_true, y_pred)
        losses = ops.binary_crossentropy(y_true, y_pred, from_logits=self.from_logits)
        losses = losses * (1 + (self.positive_weight - 1) * y_true)
        articles = 1 / ops.maximum(ops.sum(y_true, axis=1), 1)
        labels = 1 / ops.maximum(ops.sum(y_true, axis=0), 1)
        # The shares of one article: their mean over the batch is A, and is B.
        by_article = ops.mean(losses, axis=1) * articles / ops.mean(articles)
        by_label = ops.mean(losses * labels, axis=1) / ops.mean(labels)
        return self.article_weight * by_article + self.label_weight * by_label

    def get_config(self):
        return {
            **super().get_config(),
            "article_weight": self.article_weight,
            "label_weight": self.label_weight,
            "positive_weight": self.positive_weight,
            "from_logits": self.from_logits,
        }


def check_label_shapes(y_true, y_pred):
    """Raises a ValueError unless both have the same shape `(batch, labels)`."""
    shapes = tuple(y_true.shape), tuple(y_pred.shape)
    if [len(shape) for shape in shapes] != [2, 2] or any(
        None not in pair and pair[0] != pair[1] for pair in zip(*shapes, strict=True)
    ):
        raise ValueError(
            "Arguments `y_true` and `y_pred` must have the same shape (batch, labels). "
            f"Received: {shapes[0]} and {shapes[1]}"
        )
