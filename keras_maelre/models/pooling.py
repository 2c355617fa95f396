"""What a head sees of a backbone's outputs."""

import keras

from keras_maelre.layers.token_statistics import TokenStatistics
from keras_maelre.models.attention_plan import NUM_BLOCKS

POOLINGS = ("cls", "mean", "gem", "blocks")
BLOCKS = tuple(range(1, NUM_BLOCKS + 1))


def pool(outputs, pooling, dtype):
    """Returns the features that a head sees, as a tensor of a functional model.

    Args:
        outputs: Dictionary of tensors, the outputs of a `MaelreBackbone`.
        pooling: One of `POOLINGS`, or in place of `"gem"`, which has a weight, the
            layer that pools the tokens.
        dtype: Dtype of statistics: float32, or float64.
    """
    if isinstance(pooling, keras.layers.Layer):
        return pooling(outputs["tokens"])
    if pooling == "cls":
        return outputs["cls"]
    if pooling == "mean":
        mean = TokenStatistics(["mean"], dtype=dtype, name="token_mean")
        return mean(outputs["tokens"])
    return block_statistics(outputs, BLOCKS, dtype)


def block_statistics(outputs, blocks, dtype):
    """Returns the class token beside the statistics of the tokens of blocks.

    Where the inputs are token ids, the mean of their embeddings is between the two.

    Args:
        outputs: As in `pool`.
        blocks: Tuple of integers, from 1 to 4.
        dtype: As in `pool`.
    """
    features = [outputs["cls"]]
    if "summary" in outputs:
        features.append(outputs["summary"])
    for i in blocks:
        statistics = TokenStatistics(dtype=dtype, name=f"statistics_{i}")
        features.append(statistics(outputs[f"block_{i}"]))
    if not blocks:
        return outputs["cls"]
    return keras.layers.Concatenate(dtype=dtype, name="features")(features)


def summary_columns(classifier):
    """Returns which features of a classifier are the summary of its inputs.

    A slice, or `None` where there is no summary.
    """
    outputs = classifier.backbone.output
    if classifier.pooling != "blocks" or "summary" not in outputs:
        return None
    start = outputs["cls"].shape[-1]
    return slice(start, start + outputs["summary"].shape[-1])


def head_dtype(policy):
    """The dtype of heads: half precision would quantise statistics and logits."""
    return "float64" if policy.compute_dtype == "float64" else "float32"
