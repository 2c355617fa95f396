"""Relevance by attention, followed through the merges, times gradient and input."""

import keras
import numpy as np
from keras import ops

from keras_maelre.explanation.differentiation import Differentiated
from keras_maelre.layers import AverageMerge1D, AverageMerge2D, TokenStatistics
from keras_maelre.layers.aligned_conv import AlignedConv, merged_length
from keras_maelre.layers.linear_merge import LinearMerge
from keras_maelre.layers.masking import zero_masked


def rollout(attention_rollout, score_gradient, subject, target):
    """Returns how much of each unit arrives times gradient x input.

    Attention alone does not tell one class from another; a single gradient is noisy.
    The sign of the gradient is kept: a louder distractor has large gradients of both
    signs, which cancel where relevance is looked at from afar.

    Args:
        attention_rollout: An `AttentionRollout`.
        score_gradient: A `ScoreGradient`.
        subject: A `Subject`.
        target: Integer, the class.

    Returns:
        Float array of the shape of `score_gradient.ends`, without the batch axis.
    """
    point, difference = score_gradient.ends(subject)
    _, gradient = score_gradient(point, subject, target)
    shares = attention_rollout(subject)
    channels = (1,) * (difference.ndim - 1 - shares.ndim)
    return shares.reshape(*shares.shape, *channels) * (gradient * difference)[0]


class AttentionRollout:
    """How much of each unit of the input arrives where the head looks.

    A mass of one number is followed from each unit through the model. Stem and merges
    average it over their windows; a layer keeps half of a token's mass (the residual
    connection) and takes the other half from the tokens that it attends to, in the
    mean of its heads. What arrives is linear in what was sent: the share of a unit is
    a derivative, and no matrix of tokens by tokens is formed.

    Args:
        classifier: A `MaelreClassifier`.

    Reference:
        Abnar and Zuidema, "Quantifying Attention Flow in Transformers"
        (arXiv 2005.00928), section 3.
    """

    def __init__(self, classifier):
        self.pooling = classifier.pooling
        backbone = classifier.backbone
        stem = backbone.get_layer("stem")
        self.conv = getattr(stem, "conv", None)
        self.reads_embeddings = "summary" in backbone.output
        if not isinstance(self.conv, AlignedConv):
            raise ValueError(
                "method='rollout' needs a stem whose attribute `conv` is a convolution "
                f"of this package. Received: a stem of type {type(stem).__name__}. "
                "method='occlusion' needs none."
            )
        tokens = backbone.get_layer("class_token").output
        outputs = {"tokens": tokens}
        if getattr(tokens, "_keras_mask", None) is not None:
            outputs["mask"] = tokens._keras_mask
        self.to_tokens = keras.Model(backbone.input, outputs)
        self.blocks = [backbone.get_layer(f"block_{i}") for i in (1, 2, 3, 4)]
        self.token_mean = TokenStatistics(["mean"], dtype="float32")
        self.differentiated = Differentiated(classifier, self._arriving)

    def __call__(self, subject):
        """Returns the share of each unit, not negative, in an array like `active`.

        Args:
            subject: A `Subject`.
        """
        mass = np.ones((1, *subject.active.shape, 1), "float32")
        _, shares = self.differentiated(mass, subject.x)
        return shares[0, ..., 0]

    def _arriving(self, mass, x):
        outputs = self.to_tokens(x, training=False)
        x, mask = outputs["tokens"], outputs.get("mask")
        # Stems with masks have as many tokens as units.
        units = None if mask is None else mask[:, 1:]
        means = []
        if self.reads_embeddings:
            means.append(self.token_mean(mass, mask=units)[:, 0])
        mass = _flat(averaging(self.conv)(mass, mask=units))
        mass = ops.concatenate([ops.zeros_like(mass[:, :1]), mass], axis=1)
        for block in self.blocks:
            for layer in block.encoder_layers:
                mass = 0.5 * mass + 0.5 * attended(layer, x, mass, mask)
                x = ops.stop_gradient(layer(x, mask=mask, training=False))
            kept = None if mask is None else mask[:, 1:]
            means.append(self.token_mean(mass[:, 1:], mask=kept)[:, 0])
            x = block.merge_tokens(x, mask)
            mass, mask = merged(block, mass, mask)
        if self.pooling in ("mean", "gem"):
            return means[-1]
        if self.pooling == "blocks":
            return (mass[:, 0, 0] + sum(means)) / (1 + len(means))
        return mass[:, 0, 0]


def averaging(conv):
    """A layer that averages over the windows of a convolution or of pooling."""
    # Pooling reaches further than a convolution before it.
    window = getattr(conv, "pool_size", None) or conv.kernel_size
    average = AverageMerge1D if conv.rank == 1 else AverageMerge2D
    return average(window, conv.strides, dtype="float32")


def attended(layer, x, mass, mask):
    """The mass that each token takes from those that an `EncoderLayer` attends to."""
    attention = layer.attention
    x = layer.attention_norm(x)
    query, (key, *_) = attention.query(x), attention.key_value(x)
    # As wide as a head, as JAX's attention wants it.
    value = ops.cast(ops.expand_dims(mass, 2), query.dtype)
    value = ops.broadcast_to(value, ops.shape(query))
    context = attention.weigh(query, key, value, mask)
    return ops.expand_dims(ops.mean(ops.cast(context[..., 0], mass.dtype), axis=2), -1)


def merged(block, mass, mask):
    """Mass and mask after the merge of a `MaelreBlock`."""
    if block.merge is None:
        return mass, mask
    if isinstance(block.merge, LinearMerge):
        tokens = _mapped(block.merge, mass, mask)
    else:
        _, tokens = block.split(mass)
        _, kept = block.split.compute_mask(mass, mask)
        tokens = _flat(averaging(block.merge)(tokens, mask=kept))
    mask = None if mask is None else block.block_mask(mask)
    return ops.concatenate([mass[:, :1], tokens], axis=1), mask


def _mapped(merge, mass, mask):
    """The mean by the sizes of a map over the token axis."""
    tokens = mass[:, 1:]
    length = tokens.shape[1]
    count = merge.kernel.shape[1]
    if len(merge.grid_shape) == 1:
        count = merged_length(length, merge.strides)
    sizes = ops.cast(ops.abs(merge.kernel[:length, :count]), mass.dtype)
    valid = ops.ones_like(tokens)
    if mask is not None:
        tokens, valid = (zero_masked(part, mask[:, 1:]) for part in (tokens, valid))
    total, most = (ops.einsum("bnc,nm->bmc", part, sizes) for part in (tokens, valid))
    return total / ops.maximum(most, 1e-30)


def _flat(tokens):
    return ops.reshape(tokens, (tokens.shape[0], -1, 1))
