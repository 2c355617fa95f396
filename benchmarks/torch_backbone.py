"""Modules of torch in the place of a `MaelreBackbone`, for the same training."""

import keras
import numpy as np
import torch

from keras_maelre import MaelreBackbone
from keras_maelre.models.maelre_model import MaelreModel

# Modules are built with this rate of dropout where that of a recipe belongs: on the
# branches of their layers, and not on the weights of attention.
DROPOUT = 0.1


class TorchBackbone(MaelreBackbone):
    """An encoder of torch under the head of a `MaelreClassifier`.

    Recipes train a classifier with this backbone as they train MAELRE: the same
    batches, augmentation, loss, optimizer, schedule, averages and choice of the epoch.
    It needs the torch backend and cannot be saved.

    Args:
        modality: A `Modality`.
        signal_shape: Tuple of integers, the shape of an input without the batch.
        inputs: The `keras.Input` of the modality.
        features: Symbolic tensor of shape `(batch, features)`, what `TorchLayer` makes
            of the inputs: the head sees it as it sees a class token.
    """

    def __init__(self, modality, signal_shape, inputs, features):
        # That of `MaelreBackbone` would build MAELRE.
        MaelreModel.__init__(self, inputs=inputs, outputs={"cls": features})
        self.dtype_policy = keras.config.dtype_policy()
        self.modality = modality
        self.signal_shape = signal_shape

    def set_dropout(self, dropout_rate=None, drop_path_rate=None):
        """Sets the rate wherever a module was built with dropout."""
        if drop_path_rate:
            raise ValueError(
                "Only recipes without drop path train all models alike. "
                f"Received: drop_path_rate={drop_path_rate}"
            )
        for layer in self.layers:
            if isinstance(layer, TorchLayer) and dropout_rate is not None:
                layer.set_dropout(dropout_rate)


class TorchLayer(keras.layers.TorchModuleWrapper):
    """A module of torch as a layer.

    Its weights have names by which the recipes' optimizer tells what does not decay:
    biases, and the scales of normalizations and the like ("gamma").

    Args:
        module: A `torch.nn.Module`. It is called with the inputs and, if `masked`, with
            a boolean mask of the tokens that are no padding, or `None`.
        width: Integer, the last axis of what comes out.
        axes: Integer, the axes that come out, the batch included.
        masked: Boolean.
    """

    def __init__(self, module, width, axes, masked=False):
        super().__init__(module, dtype="float32")
        self.width, self.axes, self.masked = width, axes, masked
        self.supports_masking = True
        self.dropouts = [
            part
            for part in module.modules()
            if isinstance(part, torch.nn.Dropout) and part.p > 0
        ]

    def _track_module_parameters(self):
        for name, parameter in self.module.named_parameters():
            name = name.replace(".", "_")
            if parameter.numel() == max(parameter.shape) and "bias" not in name:
                name = f"{name}_gamma"
            self._track_variable(
                keras.Variable(parameter, trainable=parameter.requires_grad, name=name)
            )
        self.built = True

    def set_dropout(self, rate):
        for part in self.dropouts:
            part.p = rate

    def call(self, x, mask=None, training=None):
        if not self.masked:
            return super().call(x, training=bool(training))
        # Attention without a mask is faster.
        mask = None if mask is None or mask.all() else mask
        return super().call(x, mask, training=bool(training))

    def compute_output_shape(self, input_shape):
        return (*input_shape[: self.axes - 1], self.width)


def count_torch_macs(classifier):
    """Multiply-accumulates of a sample of the full size, as torch counts them.

    Half the operations of matrix products and convolutions; see `peers.py`.
    """
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    modality = classifier.modality
    # No id of padding: nothing is masked.
    fill = 1 + getattr(modality, "padding_id", 0)
    sample = np.full((1, *classifier.signal_shape), fill, modality.dtype)
    with (
        torch.no_grad(),
        sdpa_kernel(SDPBackend.MATH),
        FlopCounterMode(display=False) as counter,
    ):
        classifier(sample, training=False)
    return counter.get_total_flops() // 2
