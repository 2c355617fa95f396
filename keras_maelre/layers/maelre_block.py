"""A stage of the encoder: transformer layers, then token merging."""

import keras
from keras import ops

from keras_maelre.checks import check_choice, check_flag, check_integer
from keras_maelre.layers.aligned_conv import check_grid_shape
from keras_maelre.layers.average_merge import AverageMerge1D, AverageMerge2D
from keras_maelre.layers.class_token import SplitClassToken
from keras_maelre.layers.conv_merge import ConvMerge1D, ConvMerge2D
from keras_maelre.layers.dense import Dense
from keras_maelre.layers.encoder_layer import EncoderLayer
from keras_maelre.layers.fast_paths import run_part
from keras_maelre.layers.initializers import clone_initializer
from keras_maelre.layers.linear_merge import LinearMerge
from keras_maelre.layers.masking import BlockMask, check_mask
from keras_maelre.layers.max_merge import MaxMerge1D, MaxMerge2D
from keras_maelre.layers.residual_merge import ResidualMerge1D, ResidualMerge2D

# Of a sequence, and of a grid.
MERGE_LAYERS = {
    "conv": (ConvMerge1D, ConvMerge2D),
    "average": (AverageMerge1D, AverageMerge2D),
    "max": (MaxMerge1D, MaxMerge2D),
    "residual": (ResidualMerge1D, ResidualMerge2D),
}
MERGES = (*MERGE_LAYERS, "linear", "none")


@keras.saving.register_keras_serializable(package="keras_maelre")
class MaelreBlock(keras.layers.Layer):
    """A stage of MAELRE: `depth` transformer layers, token merging, widening.

    The first token is the class token: it takes part in attention like any other, but
    it is not merged. Merging leaves a quarter of the tokens; a Dense layer then maps
    all of them, including the class token, to `output_dim`.

    Args:
        depth: Integer, the number of transformer layers.
        num_heads: Integer. Number of heads; must divide the width of the input.
        attention: See `EncoderLayer`.
        feature_map: See `LinearAttention`.
        attention_window: See `EncoderLayer`.
        relative_positions: See `DotAttention`; needs the height and width of a grid.
        merge: `"conv"` (the architecture), `"average"` or `"linear"` (ablations),
            `"max"` (`MaxMerge1D`), `"residual"` (`ResidualMerge1D`), or `"none"` to
            keep all tokens.
        output_dim: Integer, the width after the block, or `None` to leave the width
            as it is, without a Dense layer.
        grid_shape: `None` for a sequence, or the height and width of the grid whose
            tokens arrive row by row. The linear merge of a sequence, and some kinds of
            attention, need the maximum number of tokens, as a tuple of one integer.
        dropout_rate: Float in [0, 1).
        drop_path_rate: Float in [0, 1), or one per transformer layer.
        remat: Boolean. See `EncoderLayer`.
        chunk_size: Integer or `None`. See `EncoderLayer`.
        return_tokens: Boolean. Whether to return the tokens before merging as well.
        kernel_initializer: Initializer of all kernels.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(batch, 1 + tokens, dim)`.
        mask: Optional boolean tensor of shape `(batch, 1 + tokens)`, `True` = keep.
        training: Boolean. Whether dropout and drop path are active.

    Returns:
        A tensor of shape `(batch, 1 + merged, output_dim)`, where `merged` is
        `ceil(tokens / 4)` for a sequence; with `return_tokens` a tuple of it and the
        tokens before merging, of the shape of `x`. Both keep their masks.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is out of range or not one of the choices.

    Example:

    ```python
    import keras

    import keras_maelre

    x = keras.random.normal((2, 1 + 3750, 96))
    block = keras_maelre.layers.MaelreBlock(depth=2, num_heads=1, output_dim=192)
    block(x).shape  # (2, 1 + 938, 192)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        sections 3.1 and 3.2.
    """

    def __init__(
        self,
        depth,
        num_heads,
        attention="linear",
        feature_map="elu",
        attention_window=32,
        relative_positions=False,
        merge="conv",
        output_dim=None,
        grid_shape=None,
        dropout_rate=0.0,
        drop_path_rate=0.0,
        remat=False,
        chunk_size=None,
        return_tokens=False,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.depth = check_integer("depth", depth)
        self.num_heads = check_integer("num_heads", num_heads)
        self.merge_kind = check_choice("merge", merge, MERGES)
        if output_dim is not None:
            output_dim = check_integer("output_dim", output_dim)
        self.output_dim = output_dim
        if grid_shape is not None:
            grid_shape = check_grid_shape(grid_shape)
        self.grid_shape = grid_shape
        self.remat = remat
        self.chunk_size = chunk_size
        self.return_tokens = check_flag("return_tokens", return_tokens)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.supports_masking = True

        self.encoder_layers = [
            EncoderLayer(
                num_heads,
                attention=attention,
                feature_map=feature_map,
                attention_window=attention_window,
                grid_shape=grid_shape,
                relative_positions=relative_positions,
                remat=remat,
                chunk_size=chunk_size,
                kernel_initializer=clone_initializer(self.kernel_initializer),
                dtype=self.dtype_policy,
                name=f"layer_{i + 1}",
            )
            for i in range(self.depth)
        ]
        self.set_dropout(dropout_rate, drop_path_rate)
        for name in (
            "attention_kind",
            "feature_map",
            "attention_window",
            "relative_positions",
        ):
            setattr(self, name, getattr(self.encoder_layers[0], name))
        is_grid = grid_shape is not None and len(grid_shape) == 2
        grid = self.grid_shape if is_grid else None
        self.split = SplitClassToken(grid, dtype=self.dtype_policy, name="split")
        self.merge = self._make_merge(is_grid)
        if self.merge is not None:
            self.block_mask = BlockMask(
                self.merge.strides, grid, name=f"{self.name}_mask"
            )

    def set_dropout(self, dropout_rate, drop_path_rate):
        """Sets the rates; a function compiled earlier keeps the old ones.

        Args:
            dropout_rate: Float in [0, 1).
            drop_path_rate: Float in [0, 1), or one per transformer layer.
        """
        rates = drop_path_rate
        if not isinstance(rates, (list, tuple)):
            rates = (rates,) * self.depth
        if len(rates) != self.depth:
            raise ValueError(
                "Argument `drop_path_rate` must be a number or one number per layer "
                f"({self.depth}). Received: drop_path_rate={drop_path_rate}"
            )
        for layer, rate in zip(self.encoder_layers, rates, strict=True):
            layer.set_dropout(dropout_rate, rate)
        self.dropout_rate = dropout_rate
        self.drop_path_rate = drop_path_rate

    def _make_merge(self, is_grid):
        if self.merge_kind == "none":
            return None
        kwargs = {"dtype": self.dtype_policy, "name": "merge"}
        if self.merge_kind != "average":
            kwargs["kernel_initializer"] = clone_initializer(self.kernel_initializer)
        if self.merge_kind == "linear":
            if self.grid_shape is None:
                raise ValueError(
                    'With merge="linear", argument `grid_shape` must be the maximum '
                    "number of tokens, as a tuple. Received: grid_shape=None"
                )
            return LinearMerge(self.grid_shape, strides=2 if is_grid else 4, **kwargs)
        return MERGE_LAYERS[self.merge_kind][is_grid](**kwargs)

    def build(self, input_shape):
        for layer in self.encoder_layers:
            layer.build(input_shape)
        self.split.build(input_shape)
        if self.merge is not None:
            _, tokens_shape = self.split.compute_output_shape(input_shape)
            self.merge.build(tokens_shape)
        if self.output_dim is not None:
            self.expand = Dense(
                self.output_dim,
                kernel_initializer=clone_initializer(self.kernel_initializer),
                dtype=self.dtype_policy,
                name="expand",
            )
            self.expand.build(input_shape)

    def call(self, x, mask=None, training=False):
        mask = check_mask(self, mask, x)
        for layer in self.encoder_layers:
            x = run_part(self, layer, x, mask=mask, training=training)
        merged = self.merge_tokens(x, mask)
        return (merged, x) if self.return_tokens else merged

    def merge_tokens(self, x, mask=None):
        """What follows the transformer layers: merging and widening."""
        if self.merge is not None:
            cls, patches = run_part(self, self.split, x)
            patch_mask = self.split.compute_mask(x, mask)[1]
            merged = run_part(self, self.merge, patches, mask=patch_mask)
            if len(merged.shape) == 4:
                count = merged.shape[1] * merged.shape[2]
                merged = ops.reshape(merged, (-1, count, x.shape[-1]))
            x = ops.concatenate([ops.expand_dims(cls, 1), merged], axis=1)
        if self.output_dim is not None:
            x = run_part(self, self.expand, x)
        return x

    def compute_mask(self, x, previous_mask=None):
        mask = previous_mask
        if mask is not None and self.merge is not None:
            mask = self.block_mask(mask)
        return (mask, previous_mask) if self.return_tokens else mask

    def compute_output_shape(self, input_shape):
        batch, length, dim = input_shape
        merged = length
        if self.merge is not None:
            _, tokens_shape = self.split.compute_output_shape(input_shape)
            merged = 1
            for n in self.merge.compute_output_shape(tokens_shape)[1:-1]:
                merged = None if n is None else merged * n
            merged = None if merged is None else merged + 1
        output_shape = (batch, merged, self.output_dim or dim)
        return (
            (output_shape, tuple(input_shape)) if self.return_tokens else output_shape
        )

    def get_config(self):
        return {
            **super().get_config(),
            "depth": self.depth,
            "num_heads": self.num_heads,
            "attention": self.attention_kind,
            "feature_map": self.feature_map,
            "attention_window": self.attention_window,
            "relative_positions": self.relative_positions,
            "merge": self.merge_kind,
            "output_dim": self.output_dim,
            "grid_shape": self.grid_shape,
            "dropout_rate": self.dropout_rate,
            "drop_path_rate": self.drop_path_rate,
            "remat": self.remat,
            "chunk_size": self.chunk_size,
            "return_tokens": self.return_tokens,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
