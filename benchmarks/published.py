"""Published models at the size of the tiny presets, to be trained as MAELRE is.

The token encoders take the place of the four blocks: they stand between the stem and
the learned positions of MAELRE and the mean of the tokens, and have as many layers as
a tiny MAELRE, all at one width, without merging. Models of images take images and
spectrograms, models of token ids take texts, with stems and positions of their own; one
linear layer classifies. Random weights, no drop path.
"""

import importlib.util
import typing

import keras
import torch
import torch.nn.functional as F
from cdil_cnn import CdilCnn
from peers import INSTALL, import_torchvision
from torch import nn
from torch_backbone import DROPOUT, TorchBackbone, TorchLayer

from keras_maelre import MaelreClassifier, modalities
from keras_maelre.estimator.new_classifier import SEMANTIC_DIM
from keras_maelre.layers import PositionEmbedding, TokenStatistics
from keras_maelre.models.preprocessors import implied_arguments

WIDTH, LAYERS, HEADS = 128, 5, 4
LINFORMER_RANK = 32
# The package would take 110 of heads of 32: 17 GB for 32 series of 4097 steps.
PERFORMER_FEATURES = 64
REFORMER_BUCKET = 32  # tokens; a round of hashing wants pairs of buckets
LONGFORMER_WINDOW = 64
CDIL_WIDTH = 192
# The four stages of models of images, as those of a tiny MAELRE in width or in depth.
STAGE_WIDTHS, STAGE_LAYERS, STAGE_HEADS = (32, 64, 128, 256), (1, 1, 2, 1), (1, 2, 4, 8)

# === Encoders of tokens: (batch, tokens, width) and a mask to the like ===


class Transformer(nn.Module):
    """Dot-product attention over all tokens, in layers with LayerNorm first."""

    def __init__(self, tokens, width=WIDTH):
        super().__init__()
        layers = []
        for _ in range(LAYERS):
            layer = nn.TransformerEncoderLayer(
                width,
                HEADS,
                4 * width,
                dropout=DROPOUT,
                activation="gelu",
                batch_first=True,
                norm_first=True,
            )
            # Of the weights of attention, which no kernel that saves memory has.
            layer.self_attn.dropout = 0.0
            layers.append(layer)
        self.layers = nn.ModuleList(layers)
        self.norm = nn.LayerNorm(width)
        # The fused kernel of evaluation would hold all weights of attention.
        torch.backends.mha.set_fastpath_enabled(False)

    def forward(self, x, mask):
        padding = None if mask is None else ~mask
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=padding)
        return self.norm(x)


class Packaged(nn.Module):
    """An encoder of a package, and LayerNorm; padding is zeros on the way in.

    Args:
        encoder: Module.
        width: Integer.
        mask_name: String, how it calls the mask, or `None` if it knows none.
        norm: Boolean, whether the encoder ends without a LayerNorm.
    """

    def __init__(self, encoder, width=WIDTH, mask_name=None, norm=True):
        super().__init__()
        self.encoder, self.mask_name = encoder, mask_name
        self.norm = nn.LayerNorm(width) if norm else nn.Identity()

    def forward(self, x, mask):
        named = {}
        if mask is not None:
            x = x * mask.unsqueeze(-1)
            named = {self.mask_name: mask} if self.mask_name else {}
        return self.norm(self.encoder(x, **named))


def linformer(tokens):
    import linformer

    encoder = linformer.Linformer(
        WIDTH, tokens, LAYERS, k=min(LINFORMER_RANK, tokens), heads=HEADS
    )
    return Packaged(encoder)


def performer(tokens):
    import performer_pytorch

    encoder = performer_pytorch.Performer(
        dim=WIDTH,
        depth=LAYERS,
        heads=HEADS,
        dim_head=WIDTH // HEADS,
        nb_features=PERFORMER_FEATURES,
        ff_dropout=DROPOUT,
        # New random features would not fit averaged or restored weights.
        feature_redraw_interval=None,
    )
    return Packaged(encoder, mask_name="mask")


def reformer(tokens):
    import reformer_pytorch

    encoder = reformer_pytorch.Reformer(
        WIDTH,
        LAYERS,
        heads=HEADS,
        bucket_size=REFORMER_BUCKET,
        ff_chunks=1,
        ff_dropout=DROPOUT,
    )
    return Packaged(reformer_pytorch.Autopadder(encoder), mask_name="input_mask")


def cdil_cnn(tokens):
    return Packaged(CdilCnn(tokens, CDIL_WIDTH), CDIL_WIDTH, norm=False)


# === Encoders of token ids: (batch, tokens) to features ===


class FirstToken(nn.Module):
    """A model of `transformers`, read at a token that is put before all others."""

    def __init__(self, model, padding_id, first_id, **named):
        super().__init__()
        self.model, self.named = model, named
        self.padding_id, self.first_id = padding_id, first_id

    def forward(self, ids):
        ids = F.pad(ids.long(), (1, 0), value=self.first_id)
        named = {name: make(ids) for name, make in self.named.items()}
        kept = (ids != self.padding_id).long()
        return self.model(ids, attention_mask=kept, **named).last_hidden_state[:, 0]


def transformers_sizes(modality, tokens):
    return {
        "vocab_size": modality.vocabulary_size + 1,
        "pad_token_id": modality.padding_id,
        # Positions are counted from the padding id, and there is one more token.
        "max_position_embeddings": tokens + modality.padding_id + 2,
        "type_vocab_size": 1,
        "layer_norm_eps": 1e-5,
        "hidden_size": WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "intermediate_size": 4 * WIDTH,
        "hidden_dropout_prob": DROPOUT,
        "attention_probs_dropout_prob": 0.0,
    }


def roberta(modality, tokens):
    import transformers

    config = transformers.RobertaConfig(**transformers_sizes(modality, tokens))
    model = transformers.RobertaModel(config, add_pooling_layer=False)
    return FirstToken(model, modality.padding_id, modality.vocabulary_size)


def longformer(modality, tokens):
    import transformers

    config = transformers.LongformerConfig(
        attention_window=LONGFORMER_WINDOW, **transformers_sizes(modality, tokens)
    )
    model = transformers.LongformerModel(config, add_pooling_layer=False)

    def first_sees_all(ids):
        return F.pad(torch.zeros_like(ids[:, 1:]), (1, 0), value=1)

    return FirstToken(
        model,
        modality.padding_id,
        modality.vocabulary_size,
        global_attention_mask=first_sees_all,
    )


# === Encoders of images: (batch, height, width, channels) to features ===


class ChannelsFirst(nn.Module):
    """A model of `timm`, which has channels first, of images or spectrograms."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        x = x.unsqueeze(1) if x.ndim == 3 else x.permute(0, 3, 1, 2)
        return self.model(x)


def poolformer(size, channels):
    from timm.models.metaformer import GroupNorm1, MetaFormer, Pooling

    # PoolFormer-S12 at three eighths of its width.
    return MetaFormer(
        in_chans=channels,
        num_classes=0,
        depths=(2, 2, 6, 2),
        dims=(24, 48, 120, 192),
        token_mixers=Pooling,
        downsample_norm=None,
        mlp_act=nn.GELU,
        mlp_bias=True,
        norm_layers=GroupNorm1,
        layer_scale_init_values=1e-5,
        res_scale_init_values=None,
        use_mlp_head=False,
    )


def caformer(size, channels):
    from timm.models import metaformer

    convolution, attention = metaformer.SepConv, metaformer.Attention
    return metaformer.MetaFormer(
        in_chans=channels,
        num_classes=0,
        depths=STAGE_LAYERS,
        dims=STAGE_WIDTHS,
        token_mixers=[convolution, convolution, attention, attention],
        norm_layers=[metaformer.LayerNorm2dNoBias] * 2
        + [metaformer.LayerNormNoBias] * 2,
        use_mlp_head=False,
    )


def mvitv2(size, channels):
    from timm.models.mvitv2 import MultiScaleVit, MultiScaleVitCfg

    # Relative positions are for squares alone.
    square = size[0] == size[1]
    config = MultiScaleVitCfg(
        depths=STAGE_LAYERS,
        embed_dim=STAGE_WIDTHS,
        num_heads=STAGE_HEADS,
        rel_pos_type="spatial" if square else "none",
        use_abs_pos=not square,
    )
    return MultiScaleVit(config, img_size=size, in_chans=channels, num_classes=0)


def swin(size, channels):
    from timm.models.swin_transformer import SwinTransformer

    return SwinTransformer(
        img_size=size,
        in_chans=channels,
        num_classes=0,
        embed_dim=STAGE_WIDTHS[0],
        depths=STAGE_LAYERS,
        num_heads=STAGE_HEADS,
        window_size=4,
        drop_path_rate=0.0,
    )


# === The table, and a classifier of it ===

IDS, GRIDS = ("text", "bytes"), ("image", "audio")
EVERYWHERE = ("series", *IDS, *GRIDS)


class Published(typing.NamedTuple):
    title: str
    modalities: tuple
    package: str | None
    build: typing.Callable


PUBLISHED = {
    "transformer": Published("Transformer", EVERYWHERE, None, Transformer),
    "linformer": Published("Linformer", EVERYWHERE, "linformer", linformer),
    "performer": Published("Performer", EVERYWHERE, "performer_pytorch", performer),
    "reformer": Published("Reformer", EVERYWHERE, "reformer_pytorch", reformer),
    "cdil_cnn": Published("CDIL-CNN", EVERYWHERE, None, cdil_cnn),
    "roberta": Published("RoBERTa, cut small", IDS, "transformers", roberta),
    "longformer": Published("Longformer, cut small", IDS, "transformers", longformer),
    "poolformer": Published("PoolFormer, cut small", GRIDS, "timm", poolformer),
    "caformer": Published("CAFormer, cut small", GRIDS, "timm", caformer),
    "mvitv2": Published("MViTv2, cut small", GRIDS, "timm", mvitv2),
    "swin": Published("Swin, cut small", GRIDS, "timm", swin),
}


def require(names):
    """Raises now what would otherwise come in the middle of a long run.

    Args:
        names: Iterable of names in `PUBLISHED`.
    """
    if keras.backend.backend() != "torch":
        raise ValueError(
            "Published models are of torch: set KERAS_BACKEND=torch. "
            f"Received: {keras.backend.backend()}"
        )
    for name in names:
        package = PUBLISHED[name].package
        if package is not None and importlib.util.find_spec(package) is None:
            raise ImportError(f"{name} needs {package}: {INSTALL}")
        if package in ("timm", "transformers"):
            if importlib.util.find_spec("torchvision"):
                import_torchvision()


def published_classifier(name, modality, preprocessor, **head):
    """Builds a classifier around a published encoder.

    Args:
        name: String, one of `PUBLISHED`.
        modality: String.
        preprocessor: One of `keras_maelre.preprocessing`.
        **head: Other arguments of `MaelreClassifier`.
    """
    if modality not in PUBLISHED[name].modalities:
        raise ValueError(
            f"{name} is of {PUBLISHED[name].modalities}. Received: {modality!r}"
        )
    require([name])
    arguments = implied_arguments(preprocessor, modality)
    signal_shape = arguments.pop("input_shape")
    if modality in IDS:
        arguments["embedding_dim"] = SEMANTIC_DIM
    modality = modalities.get(modality, **arguments)
    inputs = modality.input(signal_shape)
    build = PUBLISHED[name].build
    if PUBLISHED[name].modalities == IDS:
        layer = TorchLayer(build(modality, *signal_shape), WIDTH, axes=2)
        features = layer(inputs)
    elif PUBLISHED[name].modalities == GRIDS:
        channels = signal_shape[2] if len(signal_shape) == 3 else 1
        module = build(signal_shape[:2], channels)
        features = TorchLayer(ChannelsFirst(module), module.num_features, axes=2)(
            inputs
        )
    else:
        features = token_features(name, modality, signal_shape, inputs)
    backbone = TorchBackbone(modality, signal_shape, inputs, features)
    return MaelreClassifier(backbone, preprocessor=preprocessor, **head)


def token_features(name, modality, signal_shape, inputs):
    """The mean of what an encoder makes of the tokens of MAELRE's own stem."""
    width = CDIL_WIDTH if name == "cdil_cnn" else WIDTH
    policy = keras.config.dtype_policy()
    grid = modality.grid(signal_shape)
    tokens = grid[0] * (grid[1] if len(grid) == 2 else 1)
    x = modality.tokens(inputs, modality.stem(width, policy))
    if name != "cdil_cnn":  # convolutions see where they are
        x = PositionEmbedding(grid, name="position_embedding")(x)
    encoder = PUBLISHED[name].build(tokens)
    x = TorchLayer(encoder, width, axes=3, masked=True)(x)
    return TokenStatistics(["mean"], name="mean")(x)
