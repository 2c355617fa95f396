"""Learning rates that fall from the head to the stem."""

import re

from keras_maelre.models.adaptable_model import FIRST_LAYERS


def layer_rates(classifier, decay):
    """Returns what the learning rate of each weight is multiplied by.

    Of `n` transformer layers the `i`-th gets `decay ** (n + 1 - i)`; stem, positions
    and class token come before the first, merges belong to the layer before them, and
    what comes after the last layer, the head above all, gets 1.

    Args:
        classifier: A `MaelreClassifier`.
        decay: Float in `(0, 1]`.

    Returns:
        Dictionary from the paths of variables to floats, as
        `AdamW(rate_factors=...)` takes it.

    Example:

    ```python
    from keras_maelre import MaelreClassifier
    from keras_maelre.training import AdamW, layer_rates

    classifier = MaelreClassifier.from_preset("tiny_series", num_classes=2)
    optimizer = AdamW(1e-3, rate_factors=layer_rates(classifier, 0.8))
    ```

    Reference:
        "Universal Language Model Fine-tuning for Text Classification"
        (arXiv 1801.06146), section 3.2, discriminative fine-tuning.
    """
    depths = classifier.backbone.depths
    top = sum(depths) + 1
    rates = {}
    for variable in classifier.backbone.weights:
        first, *rest = variable.path.split("/")
        depth, block = top, re.fullmatch(r"block_(\d+)", first)
        if first in FIRST_LAYERS:
            depth = 0
        elif block:
            index = int(block[1]) - 1
            layer = re.fullmatch(r"layer_(\d+)", rest[0])
            depth = sum(depths[:index]) + (int(layer[1]) if layer else depths[index])
        rates[variable.path] = decay ** (top - depth)
    return rates
