"""The average of several trainings of one model."""

import keras
import numpy as np

from keras_maelre.models import MaelreClassifier

# What names a model, or was fitted to the answers of one alone.
OWN = ("name", "temperature", "thresholds")


def average_presets(presets):
    """Returns a classifier whose weights are the average of those of several.

    Of trainings that started from the same weights, and that differ in data, order or
    settings, the average is often better than the best of them, at the cost of one.
    Trainings from different random starts have no useful average.

    The name is that of the first, and `temperature` and `thresholds`, which belong to
    the answers of one, are left at their defaults: fit them again.

    Args:
        presets: List of at least two presets, as `MaelreClassifier.from_preset` takes
            them.

    Returns:
        A `MaelreClassifier`, or a registered subclass if the presets are of one.

    Raises:
        TypeError: If `presets` is not a list.
        ValueError: If there are fewer than two, their configurations differ, or they
            hold weights that are not floats, such as those of quantized layers.

    Example:

    ```python
    import keras_maelre
    from keras_maelre.training import average_presets

    model = keras_maelre.MaelreClassifier.from_preset("tiny_series", num_classes=2)
    model.save_to_preset("first")  # trained on in one way
    model.save_to_preset("second")  # and in another
    average_presets(["first", "second"]).save_to_preset("average")
    ```

    Reference:
        "Model soups: averaging weights of multiple fine-tuned models improves accuracy
        without increasing inference time" (arXiv 2203.05482), section 2.
    """
    if isinstance(presets, (str, bytes)) or not isinstance(presets, (list, tuple)):
        raise TypeError(
            f"Argument `presets` must be a list. Received: presets={presets!r}"
        )
    if len(presets) < 2:
        raise ValueError(
            "Argument `presets` must hold at least two presets. "
            f"Received: presets={presets!r}"
        )
    average, sums = None, None
    # One at a time: many large models would fill memory.
    for preset in presets:
        model = MaelreClassifier.from_preset(preset)
        _check_floats(model, preset)
        values = [np.array(weight, "float64") for weight in model.get_weights()]
        if average is None:
            average, sums, config = model, values, _comparable(model)
            continue
        _check_same(config, _comparable(model), presets[0], preset)
        sums = [total + value for total, value in zip(sums, values, strict=True)]
    average.set_weights([total / len(presets) for total in sums])
    average.temperature, average.thresholds = 1.0, None
    return average


def _check_floats(model, preset):
    for weight in model.weights:
        dtype = keras.backend.standardize_dtype(weight.dtype)
        if "float" not in dtype:
            raise ValueError(
                "Argument `presets` must hold models whose weights are floats: "
                f"quantized ones have no average. Received: {weight.path} of dtype "
                f"{dtype} in {str(preset)!r}"
            )


def _comparable(model):
    config = keras.saving.serialize_keras_object(model)
    for name in OWN:
        config["config"].pop(name)
    config["config"]["backbone"]["config"].pop("name")
    return {"class": config["registered_name"], **config["config"]}


def _check_same(config, other, first, preset, where=""):
    for name in sorted(config.keys() | other.keys()):
        one, two = config.get(name), other.get(name)
        if isinstance(one, dict) and isinstance(two, dict):
            _check_same(one, two, first, preset, f"{where}{name}.")
        elif one != two:
            raise ValueError(
                "Argument `presets` must hold models of the same configuration. "
                f"Received: {where}{name}={one!r} in {str(first)!r} and {two!r} in "
                f"{str(preset)!r}"
            )
