"""Starting a model from the weights of another, across modalities."""

import dataclasses

import keras
import numpy as np

from keras_maelre.layers.position_embedding import resample_positions


@dataclasses.dataclass(frozen=True)
class TransferReport:
    """What `transfer_weights` did, one line per weight of the target.

    Attributes:
        copied: Weights taken over as they are.
        adapted: Weights averaged over input channels or resampled to a new grid.
        left: Weights without a counterpart; they keep the values they had.
        unused: Weights of the source's backbone that the target has no place for.
    """

    copied: tuple
    adapted: tuple
    left: tuple
    unused: tuple = ()

    def __str__(self):
        lines = [f"{len(self.copied)} weights copied"]
        for title, entries in (("adapted", self.adapted), ("left", self.left)):
            lines.append(f"{len(entries)} weights {title}")
            lines += [f"  {entry}" for entry in entries]
        if self.unused:
            lines.append(f"{len(self.unused)} weights of the source not used")
            lines += [f"  {entry}" for entry in self.unused]
        return "\n".join(lines)


def transfer_weights(source, target):
    """Initialises a model from the weights of another, of any modality.

    Weights of the same name and shape are copied. The stem is averaged over its input
    channels where their numbers differ, and positions are resampled to the new grid.
    What has no counterpart stays as it is, and the head of a classifier always does:
    its classes are others.

    Args:
        source: `MaelreBackbone` or `MaelreClassifier`, trained.
        target: `MaelreBackbone` or `MaelreClassifier`, changed in place.

    Returns:
        A `TransferReport`; printing it tells what was copied, adapted and left.

    Raises:
        TypeError: If an argument is neither model.
        ValueError: If the source is quantized or adapted at low rank and the target is
            not: part of what it has learned would be left behind.

    Example:

    ```python
    images = keras_maelre.MaelreClassifier.from_preset("tiny_image", num_classes=10)
    audio = keras_maelre.MaelreClassifier.from_preset("tiny_audio", num_classes=50)
    print(keras_maelre.transfer_weights(images, audio))
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 4.3: the audio models start from an image model.
    """
    known = named_weights(_backbone("source", source))
    _check_states(_backbone("source", source), _backbone("target", target))
    copied, adapted, left = [], [], []
    wanted = named_weights(_backbone("target", target))
    unused = tuple(sorted(known.keys() - wanted))
    for name, variable in wanted.items():
        if name not in known:
            left.append(f"{name} {tuple(variable.shape)}: the source has none")
            continue
        value = keras.ops.convert_to_numpy(known[name])
        if value.shape == tuple(variable.shape):
            variable.assign(value)
            copied.append(name)
            continue
        change = f"{name}: {value.shape} -> {tuple(variable.shape)}"
        new_value, how = _fit(name, value, tuple(variable.shape))
        if new_value is None:
            left.append(f"{change} does not fit")
        else:
            variable.assign(new_value)
            adapted.append(f"{change}, {how}")
    if hasattr(target, "head"):
        left += [
            f"{variable.path} {tuple(variable.shape)}: a head is not transferred"
            for layer in target.head_layers
            for variable in layer.weights
        ]
    return TransferReport(tuple(copied), tuple(adapted), tuple(left), unused)


def _backbone(argument, model):
    backbone = getattr(model, "backbone", model)
    if not hasattr(backbone, "token_grids"):
        raise TypeError(
            f"Argument `{argument}` must be a MaelreBackbone or a MaelreClassifier. "
            f"Received: {argument}={model!r}"
        )
    return backbone


def _check_states(source, target):
    """Raises a ValueError unless kernels alone hold what the source has learned."""
    own, other = source.layer_states(), target.layer_states()
    for kind, remedy in (
        ("quantization", "transfer before `quantize`"),
        ("lora", "call `merge_lora` before"),
    ):
        if own[kind] != other[kind] and own[kind]:
            raise ValueError(
                f"Argument `source` has layers with {kind} that the target lacks: "
                f"{remedy}. Received: {own[kind]}"
            )


def named_weights(backbone):
    """The weights of a backbone by their path, without the states of seeds."""
    return {
        variable.path: variable
        for layer in backbone.layers
        for variable in layer.weights
    }


def _fit(name, value, shape):
    """Adapts a weight to a shape; returns it and how, or `None` twice."""
    if name == "position_embedding/embeddings":
        if len(value.shape) == len(shape) and value.shape[-1] == shape[-1]:
            return resample_positions(value, shape[:-1]), "resampled"
    if name.endswith(("/row_positions", "/column_positions")):
        if value.shape[-1] == shape[-1]:
            return resample_positions(value, shape[:-1]), "resampled"
    if name == "stem/conv/kernel":
        same_window = value.shape[:-2] == shape[:-2] and len(value.shape) == len(shape)
        if same_window and value.shape[-1] == shape[-1]:
            mean = value.mean(axis=-2, keepdims=True)
            return np.broadcast_to(mean, shape), "averaged over input channels"
    return None, None
