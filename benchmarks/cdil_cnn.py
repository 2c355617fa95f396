"""CDIL-CNN in torch: circular dilated convolutions over all of a sequence."""

import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import weight_norm


class CdilCnn(nn.Module):
    """Layers of convolutions whose dilation doubles, on a circle of tokens.

    There are as many layers as it takes until a token sees the whole circle. The paper
    averages the logits of all positions, which is what a linear layer makes of the
    average of the tokens that come out here.

    Padding that a batch has lies on the circle too, as zeros at first.

    Args:
        length: Integer, the most tokens.
        width: Integer, the channels.
        kernel_size: Odd integer.

    Call arguments:
        x: Tensor of shape `(batch, tokens, width)`.

    Example:

    ```python
    CdilCnn(length=1024, width=64)(torch.randn(2, 1000, 64)).shape  # (2, 1000, 64)
    ```

    Reference:
        "Classification of Long Sequential Data using Circular Dilated Convolutional
        Neural Networks" (arXiv 2201.02143), section 3.
    """

    def __init__(self, length, width, kernel_size=3):
        super().__init__()
        # In steps to either side, the layers see half, 1 + 2 + 4 + ... of them.
        layers, seen = 0, 0
        while 2 * seen + 1 < length - 1:
            seen += (kernel_size // 2) * 2**layers
            layers += 1
        self.layers = nn.ModuleList(
            CdilLayer(width, kernel_size, 2**i) for i in range(max(layers, 1))
        )

    def forward(self, x):
        tokens = x.shape[1]
        # A circle must be as long as the widest step of a kernel.
        missing = max(0, self.layers[-1].margin - tokens)
        x = F.pad(x.transpose(1, 2), (0, missing))
        for layer in self.layers:
            x = layer(x)
        return x[..., :tokens].transpose(1, 2)


class CdilLayer(nn.Module):
    """A circular dilated convolution, ReLU, and the input added to it."""

    def __init__(self, width, kernel_size, dilation):
        super().__init__()
        self.margin = kernel_size // 2 * dilation
        self.conv = weight_norm(nn.Conv1d(width, width, kernel_size, dilation=dilation))

    def forward(self, x):
        around = F.pad(x, (self.margin, self.margin), mode="circular")
        return F.relu(self.conv(around)) + x
