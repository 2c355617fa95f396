"""The cost of a model in multiply-accumulates."""

import math

from keras_maelre.models.attention_plan import token_grids


def count_macs(model, input_shape=None):
    """Counts the multiply-accumulates of one forward pass, by formula.

    Products of two operands are counted: the convolutions, the Dense layers, and those
    of an attention (with linear attention the state `phi(K)^T V` and its use by the
    queries). Sums, normalizations, feature maps and lookups are not.

    Args:
        model: `MaelreBackbone` or `MaelreClassifier`.
        input_shape: Tuple of integers without the batch, or an integer length; by
            default the most that the model takes.

    Returns:
        Integer, multiply-accumulates per sample.

    Raises:
        ValueError: If the model does not take inputs of `input_shape`.
        NotImplementedError: If a kind of attention of your own does not tell its cost.

    Example:

    ```python
    model = keras_maelre.MaelreClassifier.from_preset("base_series")
    keras_maelre.count_macs(model) / 1e9  # 11.26
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 3 for the complexities, tables 1 to 4 for what its own counter prints.
    """
    return sum(macs_by_part(model, input_shape).values())


def macs_by_part(model, input_shape=None):
    """Counts them for each part: stem, blocks with their merging, and head.

    Args:
        model: See `count_macs`.
        input_shape: See `count_macs`.

    Returns:
        Dictionary from `"stem"`, `"block_1"` to `"block_4"` and `"head"` to integers.
    """
    backbone = getattr(model, "backbone", model)
    signal_shape = backbone.signal_shape
    if input_shape is None:
        input_shape = signal_shape
    if isinstance(input_shape, int):
        input_shape = (input_shape, *signal_shape[1:])
    backbone.modality.check_shape((None, *input_shape), signal_shape)

    stem = backbone.get_layer("stem")
    parts = {"stem": backbone.modality.count_stem_macs(stem, input_shape)}
    grids = token_grids(backbone.modality.grid(input_shape), backbone.merge)
    for i, grid in enumerate(grids):
        width = backbone.width * 2**i
        tokens = math.prod(grid) + 1
        block = 0
        for layer in backbone.get_layer(f"block_{i + 1}").encoder_layers:
            attention = layer.attention
            block += (8 + attention.projections) * tokens * width**2
            block += attention.count_macs(tokens)
        if i + 1 < len(grids):
            merged = math.prod(grids[i + 1])
            if backbone.merge in ("conv", "residual"):
                block += merged * 9 * width**2
            elif backbone.merge == "max":
                # Three places on each axis, for each token.
                block += math.prod(grid) * 3 ** len(grid) * width**2
            elif backbone.merge == "linear":
                block += merged * math.prod(grid) * width
            block += (merged + 1) * 2 * width**2
        parts[f"block_{i + 1}"] = block
    parts["head"] = math.prod(model.head.kernel.shape) if hasattr(model, "head") else 0
    return parts
