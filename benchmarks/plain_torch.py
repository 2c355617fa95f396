"""MAELRE in plain PyTorch: what the Keras models are compared with.

The architecture of "Modality Agnostic Efficient Long Range Encoder" (arXiv
2507.19409), section 3, written by hand in eager PyTorch, without Keras. It computes
what `keras_maelre.MaelreClassifier` does, and takes over its weights.

    python benchmarks/plain_torch.py                           # the four base presets
    python benchmarks/plain_torch.py tiny_bytes wide_text --batch 2

Run as a script, it prints for every preset how far the logits of both are apart, and
exits with 1 if that is more than 1e-4 of their scale. `KERAS_BACKEND` selects the
backend of the Keras model. Results are in benchmarks/README.md.
"""

import argparse
import sys

import numpy as np
import torch  # before TensorFlow, which some builds of both require
import torch.nn.functional as F
from torch import nn

TOLERANCE = 1e-4
BASE_PRESETS = ("base_text", "base_series", "base_audio", "base_image")


# === Model ===

FEATURE_MAPS = {
    "elu": lambda x: F.elu(x) + 1,
    "relu": F.relu,
    "softplus": F.softplus,
}


def linear_attention(query, key, value, mask, feature_map):
    """Attention with `phi(q) . phi(k)` as similarity, all sums in float32.

    Args:
        query: Float tensor of shape `(batch, heads, tokens, head_dim)`.
        key: Float tensor of the same shape.
        value: Float tensor of the same shape.
        mask: Boolean tensor of shape `(batch, tokens)`, `True` = keep, or `None`.
        feature_map: Callable, maps a tensor to a non-negative one.
    """
    with torch.autocast(value.device.type, enabled=False):
        query, key = feature_map(query.float()), feature_map(key.float())
        scale = 1 / key.shape[2]
        if mask is not None:
            scale = scale * mask[:, None, :, None]
        key = key * scale
        state = key.transpose(2, 3) @ value.float()
        normalizer = key.sum(2).unsqueeze(3)
        out = (query @ state) / (query @ normalizer).clamp_min(1e-12)
    return out.to(value.dtype)


class Attention(nn.Module):
    """Multi-head self-attention, `kind` "linear" or "dot"."""

    def __init__(self, dim, num_heads, kind, feature_map):
        super().__init__()
        self.num_heads = num_heads
        self.kind = kind
        self.feature_map = FEATURE_MAPS[feature_map]
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, x, mask):
        heads = self.qkv(x).unflatten(2, (3, self.num_heads, -1))
        query, key, value = heads.permute(2, 0, 3, 1, 4).unbind(0)
        if self.kind == "linear":
            x = linear_attention(query, key, value, mask, self.feature_map)
        else:
            mask = None if mask is None else mask[:, None, None, :]
            x = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.out(x.transpose(1, 2).flatten(2))


class TransformerLayer(nn.Module):
    """`x + Attention(LN(x))`, then `x + MLP(LN(x))`."""

    def __init__(self, dim, num_heads, kind, feature_map):
        super().__init__()
        self.attention_norm = nn.LayerNorm(dim, eps=1e-6)
        self.attention = Attention(dim, num_heads, kind, feature_map)
        self.mlp_norm = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim)
        )

    def forward(self, x, mask):
        x = x + self.attention(self.attention_norm(x), mask)
        return x + self.mlp(self.mlp_norm(x))


class TokenMerge(nn.Module):
    """Quarters the tokens by a convolution and doubles their width.

    The first token, the class token, is only widened.

    Args:
        dim: Integer, the width of the tokens.
        grid: Tuple of one integer for a sequence, whose length may vary, or the
            height and width on which the tokens lie.
    """

    def __init__(self, dim, grid):
        super().__init__()
        self.grid = grid
        if len(grid) == 1:
            self.conv = nn.Conv1d(dim, dim, 9, stride=4, padding=4)
        else:
            self.conv = nn.Conv2d(dim, dim, 3, stride=2, padding=1)
        self.expand = nn.Linear(dim, 2 * dim)

    def forward(self, x, mask):
        cls, tokens = x[:, :1], x[:, 1:]
        if mask is not None:
            kept = mask[:, 1:]
            tokens = tokens.masked_fill(~kept.unsqueeze(2), 0)
            # A merged token is kept if any of its four is.
            kept = F.pad(kept, (0, -kept.shape[1] % 4)).unflatten(1, (-1, 4)).any(2)
            mask = torch.cat([mask[:, :1], kept], 1)
        tokens = tokens.transpose(1, 2)
        if len(self.grid) == 2:
            tokens = tokens.unflatten(2, self.grid)
        tokens = self.conv(tokens).flatten(2).transpose(1, 2)
        return self.expand(torch.cat([cls, tokens], 1)), mask


class Maelre(nn.Module):
    """The MAELRE classifier: stem, four blocks, one linear layer on the class token.

    Padding (ids equal to `padding_id`, time steps that are NaN in every channel) is
    masked. The model is in float32; use `torch.autocast` for another precision.

    Args:
        modality: `"text"`, `"bytes"`, `"series"`, `"audio"` or `"image"`.
        input_shape: Tuple of integers, the shape of an input without the batch:
            `(tokens,)`, `(length, channels)`, `(frames, mel)` or `(height, width,
            channels)`. Of text, bytes and series it is the most there may be.
        num_classes: Integer.
        width: Integer, the width of block 1; it doubles with each block.
        depths: Integers, the transformer layers of each block.
        num_heads: Integers, the heads of each block.
        attention: `"linear"` or `"dot"` for each block.
        feature_map: Of linear attention: `"elu"` (ELU + 1), `"relu"`, `"softplus"`.
        vocabulary_size: Integer, of text and bytes.
        embedding_dim: Integer, the width of the token table of text and bytes.
        padding_id: Integer, of text and bytes.
        trainable_embeddings: Boolean, whether the token table is trained.

    Example:

    ```python
    model = Maelre("series", (3750, 1), num_classes=6)
    model(torch.randn(2, 3000, 1)).shape  # (2, 6)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 3.
    """

    def __init__(
        self,
        modality,
        input_shape,
        num_classes,
        width=96,
        depths=(2, 3, 16, 3),
        num_heads=(1, 2, 4, 8),
        attention=("linear", "linear", "dot", "dot"),
        feature_map="elu",
        vocabulary_size=None,
        embedding_dim=None,
        padding_id=None,
        trainable_embeddings=True,
    ):
        super().__init__()
        self.modality = modality
        self.padding_id = padding_id
        grid = tuple(input_shape[:1])
        if modality in ("text", "bytes"):
            self.embedding = nn.Embedding(vocabulary_size, embedding_dim)
            self.embedding.requires_grad_(trainable_embeddings)
            self.stem = nn.Conv1d(embedding_dim, width, 21, padding=10)
        elif modality == "series":
            self.stem = nn.Conv1d(input_shape[1], width, 7, padding=3)
        else:
            channels = 1 if modality == "audio" else input_shape[2]
            self.stem = nn.Conv2d(channels, width, 7, stride=4, padding=3)
            grid = tuple(-(-n // 4) for n in input_shape[:2])
        self.positions = nn.Parameter(torch.empty(int(np.prod(grid)), width))
        self.cls = nn.Parameter(torch.empty(width))
        nn.init.trunc_normal_(self.positions, std=0.02)
        nn.init.trunc_normal_(self.cls, std=0.02)

        self.blocks = nn.ModuleList()
        self.merges = nn.ModuleList()
        dim = width
        for i, depth in enumerate(depths):
            if i > 0:
                self.merges.append(TokenMerge(dim, grid))
                grid = tuple(-(-n // (4 if len(grid) == 1 else 2)) for n in grid)
                dim *= 2
            self.blocks.append(
                nn.ModuleList(
                    TransformerLayer(dim, num_heads[i], attention[i], feature_map)
                    for _ in range(depth)
                )
            )
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.head = nn.Linear(dim, num_classes)

    def forward(self, x):
        x, mask = self.embed(x)
        x = x + self.positions[: x.shape[1]]
        x = torch.cat([self.cls.expand(len(x), 1, -1), x], 1)
        if mask is not None:
            mask = F.pad(mask, (1, 0), value=True)
        for i, block in enumerate(self.blocks):
            if i > 0:
                x, mask = self.merges[i - 1](x, mask)
            for layer in block:
                x = layer(x, mask)
        return self.head(self.norm(x[:, 0]))

    def embed(self, x):
        """From the input to `(batch, tokens, width)` and the mask, if there is one."""
        mask = None
        if self.modality in ("text", "bytes"):
            mask = x != self.padding_id
            x = self.embedding(x)
        elif self.modality == "series":
            mask = ~x.isnan().all(2)
        if mask is not None:
            x = x.masked_fill(~mask.unsqueeze(2), 0).transpose(1, 2)
        elif self.modality == "audio":
            x = x.unsqueeze(1)
        else:
            x = x.permute(0, 3, 1, 2)
        return self.stem(x).flatten(2).transpose(1, 2), mask

    @classmethod
    def from_keras(cls, classifier):
        """Builds the module that computes what a Keras classifier does.

        Configuration and weights are taken over, the precision is not.

        Args:
            classifier: A `keras_maelre.MaelreClassifier`, on any backend.

        Raises:
            ValueError: If the configuration has no counterpart here, or if a weight
                of either side is left over.
        """
        config = classifier.backbone.get_config()
        modality = classifier.modality
        for kind in classifier.backbone.attention_plan:
            if kind not in ("linear", "dot"):
                raise ValueError(
                    "The plain model has only linear and dot attention. Received a "
                    f"classifier with attention {kind!r}"
                )
        supported = {
            "merge": ("conv",),
            "feature_map": tuple(FEATURE_MAPS),
            "dropout_rate": (0.0,),
            "drop_path_rate": (0.0,),
            "remat": (False,),
        }
        for name, values in supported.items():
            if config[name] not in values:
                raise ValueError(
                    f"The plain model has only {name} in {values}. Received a "
                    f"classifier with {name}={config[name]!r}"
                )
        model = cls(
            modality=modality.name,
            input_shape=config["input_shape"],
            num_classes=classifier.num_classes,
            width=config["width"],
            depths=config["depths"],
            num_heads=config["num_heads"],
            attention=classifier.backbone.attention_plan,
            feature_map=config["feature_map"],
            # Of token ids alone; the names are those of this class.
            **modality.get_config(),
        )
        paths = [variable.path for variable in classifier.weights]
        values = classifier.get_weights()
        load_keras_weights(model, dict(zip(paths, values, strict=True)))
        return model


# === Weight map ===


def same(value):
    return value


def output_first(kernel):
    """Dense `(in, out)`, convolution `(*window, in, out)` -> `(out, in, *window)`."""
    return np.moveaxis(kernel, (-1, -2), (0, 1))


def flat_grid(positions):
    return positions.reshape(-1, positions.shape[-1])


def weight_map(model):
    """Which Keras weight each parameter is, and how its axes are turned.

    Args:
        model: A `Maelre`.

    Returns:
        A list of (name of the parameter, path of the Keras weight, function from
        the array of the latter to that of the former).
    """

    def kernel_bias(module, layer):
        return [
            (f"{module}.weight", f"{layer}/kernel", output_first),
            (f"{module}.bias", f"{layer}/bias", same),
        ]

    def gamma_beta(module, layer):
        return [
            (f"{module}.weight", f"{layer}/gamma", same),
            (f"{module}.bias", f"{layer}/beta", same),
        ]

    rows = kernel_bias("stem", "stem/conv")
    if model.modality in ("text", "bytes"):
        rows.append(("embedding.weight", "stem/embedding/embeddings", same))
    rows.append(("positions", "position_embedding/embeddings", flat_grid))
    rows.append(("cls", "class_token/token", same))
    for i, block in enumerate(model.blocks):
        for j in range(len(block)):
            here, there = f"blocks.{i}.{j}", f"block_{i + 1}/layer_{j + 1}"
            rows += gamma_beta(f"{here}.attention_norm", f"{there}/attention_norm")
            rows += kernel_bias(f"{here}.attention.qkv", f"{there}/attention/qkv")
            rows += kernel_bias(
                f"{here}.attention.out", f"{there}/attention/output_dense"
            )
            rows += gamma_beta(f"{here}.mlp_norm", f"{there}/mlp_norm")
            rows += kernel_bias(f"{here}.mlp.0", f"{there}/mlp_hidden")
            rows += kernel_bias(f"{here}.mlp.2", f"{there}/mlp_output")
    for i in range(len(model.merges)):
        rows += kernel_bias(f"merges.{i}.conv", f"block_{i + 1}/merge")
        rows += kernel_bias(f"merges.{i}.expand", f"block_{i + 1}/expand")
    rows += gamma_beta("norm", "norm")
    rows += kernel_bias("head", "logits")
    return rows


def load_keras_weights(model, weights):
    """Copies the weights of a Keras classifier into the module.

    Args:
        model: A `Maelre`.
        weights: Dictionary from the path of a weight to its array.

    Raises:
        ValueError: If a weight of either side is left over, or shapes differ.
    """
    rows = weight_map(model)
    parameters = model.state_dict()
    left = set(weights) ^ {path for _, path, _ in rows}
    left |= set(parameters) ^ {name for name, _, _ in rows}
    if left:
        raise ValueError(f"Weights without a counterpart: {sorted(left)}")
    for name, path, turn in rows:
        value = turn(np.asarray(weights[path], "float32"))
        if value.shape != tuple(parameters[name].shape):
            raise ValueError(
                f"{path} does not fit {name} of shape "
                f"{tuple(parameters[name].shape)}. Received: shape {value.shape}"
            )
        parameters[name].copy_(torch.from_numpy(value))


# === Comparison ===


def randomise(classifier, seed=0):
    """Gives every weight a value that no initialiser would.

    Fresh biases are zero and fresh scales one: with them, a forgotten bias or two
    swapped normalisations would go unseen. Activations stay of order one.

    Args:
        classifier: A `keras_maelre.MaelreClassifier`.
        seed: Integer.
    """
    rng = np.random.default_rng(seed)
    values = []
    for variable in classifier.weights:
        value = rng.standard_normal(variable.shape, "float32")
        if variable.name == "kernel":
            value /= np.sqrt(np.prod(variable.shape[:-1]))
        elif variable.name == "gamma":
            value = 1 + 0.3 * value
        elif variable.name in ("bias", "beta"):
            value *= 0.3
        values.append(value)
    classifier.set_weights(values)


def random_inputs(classifier, batch, seed=0):
    """A batch of random inputs of the largest size, as a NumPy array."""
    rng = np.random.default_rng(seed)
    shape = (batch, *classifier.signal_shape)
    if classifier.modality.dtype == "int32":
        return rng.integers(0, classifier.modality.vocabulary_size, shape, "int32")
    return rng.standard_normal(shape, "float32")


def logits_difference(classifier, plain, inputs):
    """The largest difference of logits, relative to their standard deviation."""
    expected = classifier.predict(inputs, batch_size=len(inputs), verbose=0)
    with torch.inference_mode():
        logits = plain.eval()(torch.from_numpy(inputs)).numpy()
    # Not `max`: that of Python would lose a NaN.
    return float(np.abs(logits - expected).max() / expected.std())


def main(argv=None):
    # Not at the top: the model above needs no Keras, and torch must come first.
    import keras

    import keras_maelre

    parser = argparse.ArgumentParser(
        description="Compares the Keras models with the plain PyTorch model."
    )
    parser.add_argument("presets", nargs="*", default=BASE_PRESETS)
    parser.add_argument("--batch", type=int, default=1, help="samples")
    args = parser.parse_args(argv)

    backend = keras.backend.backend()
    different = False
    for preset in args.presets:
        classifier = keras_maelre.MaelreClassifier.from_preset(preset)
        randomise(classifier)
        plain = Maelre.from_keras(classifier)
        inputs = random_inputs(classifier, args.batch)
        difference = logits_difference(classifier, plain, inputs)
        parameters = sum(value.numel() for value in plain.parameters())
        print(
            f"{preset:12} {backend:10} {parameters:11,} parameters, "
            f"difference {difference:.1e}",
            flush=True,
        )
        # A NaN compares as false, and must count as different.
        different |= not difference <= TOLERANCE
    return int(different)


if __name__ == "__main__":
    sys.exit(main())
