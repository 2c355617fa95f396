"""The gradient of a score with respect to inputs, or to the embeddings of tokens."""

import keras
import numpy as np
from keras import ops

from keras_maelre.explanation.differentiation import Differentiated
from keras_maelre.explanation.scores import log_odds
from keras_maelre.explanation.subject import reads_tokens
from keras_maelre.layers import TokenStem
from keras_maelre.models import pooling as poolings


class ScoreGradient:
    """The log-odds of a class of a classifier, and its gradient.

    Token ids have no values between them: where a model reads tokens the gradient is
    that with respect to the rows of the token table, and a token without evidence is
    the zero that the stem's convolution sees at padding.

    Args:
        classifier: A `MaelreClassifier`.
    """

    def __init__(self, classifier):
        self.classifier = classifier
        self.stem = classifier.backbone.get_layer("stem")
        self.reads_tokens = reads_tokens(classifier.modality)
        function = self._score
        if self.reads_tokens:
            if not isinstance(self.stem, TokenStem):
                raise ValueError(
                    "Gradients of token ids need the token table of a "
                    f"`keras_maelre.layers.TokenStem`. Received: a stem of type "
                    f"{type(self.stem).__name__}. method='occlusion' needs none."
                )
            self.after_stem = after_stem(classifier)
            function = self._score_of_embeddings
        self.differentiated = Differentiated(classifier, function)

    def ends(self, subject):
        """Returns the point that is explained and the difference to its baseline.

        Args:
            subject: A `Subject`.

        Returns:
            Two arrays of the shape of a batch of one input: of tokens, `(1, length,
            embedding_dim)`. The difference is 0 where the subject is not active.
        """
        active = subject.spread(subject.active)
        if not self.reads_tokens:
            # Padding is no number.
            difference = np.where(active, subject.x - subject.neutral, 0.0)
            return subject.x.astype("float32"), difference.astype("float32")
        embeddings = self.stem.embedding(ops.convert_to_tensor(subject.x))
        embeddings = ops.convert_to_numpy(ops.cast(embeddings, "float32"))
        return embeddings, embeddings * active[..., None].astype("float32")

    def __call__(self, points, subject, target):
        """Returns the scores of points and their gradients, in float64.

        Args:
            points: Float array like those of `ends`, of any number of points.
            subject: A `Subject`.
            target: Integer, the class.
        """
        row = np.eye(self.classifier.num_classes, dtype="float32")[target]
        sharpness = np.float32(1 / self.classifier.temperature)
        constants = [row, sharpness]
        if self.reads_tokens:
            constants.append(np.repeat(subject.x, len(points), axis=0))
        return self.differentiated(points, *constants)

    def _score(self, x, row, sharpness):
        return self._log_odds(self.classifier(x, training=False), row, sharpness)

    def _score_of_embeddings(self, embeddings, row, sharpness, token_ids):
        kept = self.stem.compute_mask(token_ids)
        embeddings = ops.cast(embeddings, self.stem.compute_dtype)
        # Called as a layer it would attach a mask, which `after_stem` has already.
        x = self.stem.conv.call(embeddings, mask=kept)
        made = [token_ids, x]
        backbone = self.classifier.backbone
        if "summary" in backbone.output:
            made.append(backbone.get_layer("embedding_mean").mean(embeddings, kept))
        logits = self.after_stem(made, training=False)
        return self._log_odds(logits, row, sharpness)

    def _log_odds(self, logits, row, sharpness):
        row = ops.cast(row, logits.dtype)
        logits = logits * ops.cast(sharpness, logits.dtype)
        return log_odds(logits, row, self.classifier.multi_label)


def after_stem(classifier):
    """Returns a model from inputs, and what is made of their embeddings, to logits.

    Its inputs are the token ids, whose masks it has, the tokens that the stem makes of
    them, and the mean of their embeddings, which only some heads see.

    Args:
        classifier: A `MaelreClassifier`.
    """
    backbone = classifier.backbone
    dtype = poolings.head_dtype(classifier.dtype_policy)
    features = poolings.pool(backbone.output, classifier.pooled, dtype)
    for layer in classifier.head_layers:
        # What pools has been called.
        if layer is not classifier.pooler:
            features = layer(features)
    inputs = [backbone.input, backbone.get_layer("stem").output]
    if "summary" in backbone.output:
        inputs.append(backbone.output["summary"])
    return keras.Model(inputs, features)
