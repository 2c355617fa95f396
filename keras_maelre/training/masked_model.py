"""A backbone that tells what was hidden of its input."""

import math

import keras
from keras import ops

from keras_maelre.models.attention_plan import NUM_BLOCKS
from keras_maelre.models.maelre_model import MaelreModel
from keras_maelre.models.pooling import head_dtype


class MaskedModel(MaelreModel):
    """A backbone and a light decoder, which says what is in cells of the input.

    Args:
        source: The `MaelreBackbone`, or the `MaelreClassifier` with it, that is
            trained, and saved as the preset.
        outputs: Integer, the values of a cell, or the ids that it may hold.
        seed: Integer, of the weights of the decoder.
    """

    def __init__(self, source, outputs, seed=0):
        backbone = getattr(source, "backbone", source)
        decoder = TokenDecoder(
            backbone.width,
            outputs,
            _strides(backbone),
            seed=seed,
            dtype=backbone.dtype_policy,
            name="decoder",
        )
        inputs = {
            "inputs": backbone.input,
            "places": keras.Input((None,), dtype="int32", name="places"),
        }
        tokens = backbone(inputs["inputs"])
        blocks = [tokens[f"block_{i + 1}"] for i in range(NUM_BLOCKS)]
        super().__init__(inputs=inputs, outputs=decoder([*blocks, inputs["places"]]))
        self.dtype_policy = backbone.dtype_policy
        # Not the source itself: Keras would take its head for a part of this model.
        self.save_source, self.source_name = source.save_to_preset, source.name
        self.backbone = backbone
        self.modality = backbone.modality
        self.preprocessor = getattr(source, "preprocessor", None)

    def save_to_preset(self, preset_dir, card=None):
        self.save_source(preset_dir, card)

    def get_config(self):
        return {"backbone": keras.saving.serialize_keras_object(self.backbone)}


class TokenDecoder(keras.layers.Layer):
    """Tokens of all blocks, brought back to the grid of the first and added up.

    A token of block 4 stands for 64 of block 1. One Dense layer makes of it as many
    vectors, one for each of them: a convolution transposed, whose kernel is as wide as
    its strides. What is hidden shows in the last blocks, which see far, and its place
    in the first: adding both up is all that it takes. Only cells that are asked for go
    through the two layers after it, so that many ids cost little.

    Args:
        dim: Integer, the width of the vectors that are added up.
        outputs: Integer, the width of the output.
        strides: For each block a tuple of integers, how many tokens of block 1 along
            each axis of the grid became one of its own.
        seed: Integer, of the weights.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: List of the tokens of each block, `(batch, *grid, width)`, and an
            integer tensor of the cells to tell of, `(batch, places)`.

    Returns:
        A tensor of shape `(batch, places, outputs)`, in float32 at least.
    """

    def __init__(self, dim, outputs, strides, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.dim, self.outputs, self.strides = dim, outputs, strides
        self.supports_masking = True
        options = {"epsilon": 1e-6, "dtype": self.dtype_policy}
        norm = keras.layers.LayerNormalization
        self.norms = [norm(**options, name=f"norm_{i}") for i in range(len(strides))]

        def dense(size, draw, dtype=self.dtype_policy, **kwargs):
            initializer = keras.initializers.GlorotUniform(16 * seed + draw)
            return keras.layers.Dense(
                size, kernel_initializer=initializer, dtype=dtype, **kwargs
            )

        self.spread = [
            dense(dim * math.prod(step), i, name=f"spread_{i}")
            for i, step in enumerate(strides)
        ]
        self.norm = norm(**options, name="norm")
        self.hidden = dense(2 * dim, 8, activation="gelu", name="hidden")
        self.told = dense(outputs, 9, head_dtype(self.dtype_policy), name="told")

    def build(self, input_shape):
        for shape, norm, spread in zip(
            input_shape[:-1], self.norms, self.spread, strict=True
        ):
            norm.build(shape)
            spread.build(shape)
        self.norm.build((None, None, self.dim))
        self.hidden.build((None, None, self.dim))
        self.told.build((None, None, 2 * self.dim))

    def call(self, inputs):
        *blocks, places = inputs
        first = blocks[0]
        sizes = ops.shape(first)[1:-1]
        total = 0.0
        for x, norm, spread, strides in zip(
            blocks, self.norms, self.spread, self.strides, strict=True
        ):
            total = total + self._unmerged(spread(norm(x)), strides, sizes)
        count = math.prod(sizes) if len(sizes) > 1 else sizes[0]
        # A row for each cell of each sample.
        rows = ops.reshape(total, (-1, self.dim))
        start = ops.expand_dims(ops.arange(ops.shape(places)[0]) * count, -1)
        x = ops.take(rows, ops.cast(places, start.dtype) + start, axis=0)
        return self.told(self.hidden(self.norm(x)))

    def _unmerged(self, x, strides, sizes):
        if len(strides) == 1:
            x = ops.reshape(x, (ops.shape(x)[0], -1, self.dim))
            return x[:, : sizes[0]]
        rows, columns = x.shape[1:-1]
        x = ops.reshape(x, (-1, rows, columns, *strides, self.dim))
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
        shape = (-1, rows * strides[0], columns * strides[1], self.dim)
        return ops.reshape(x, shape)[:, : sizes[0], : sizes[1]]

    def compute_mask(self, inputs, previous_mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (*input_shape[-1], self.outputs)


def _strides(backbone):
    axes = len(backbone.token_grids[0])
    step = 1 if backbone.merge == "none" else {1: 4, 2: 2}[axes]
    return [(step**i,) * axes for i in range(NUM_BLOCKS)]
