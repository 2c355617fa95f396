"""The MAELRE encoder as a functional Keras model."""

import inspect

import keras

from keras_maelre.checks import check_integer, check_rate
from keras_maelre.layers.aligned_conv import merged_length
from keras_maelre.layers.class_token import ClassToken, SplitClassToken
from keras_maelre.layers.maelre_block import MERGES, MaelreBlock
from keras_maelre.layers.position_embedding import PositionEmbedding
from keras_maelre.layers.stem import PatchStem, SeriesStem, TokenStem
from keras_maelre.models.attention_plan import (
    NUM_BLOCKS,
    resolve_attention,
    token_grids,
)
from keras_maelre.models.input_checks import CheckedInputs
from keras_maelre.models.preset_io import PresetIO

# What an input of each modality looks like, without the batch.
INPUT_AXES = {
    "text": ("tokens",),
    "bytes": ("bytes",),
    "series": ("length", "channels"),
    "audio": ("frames", "mel"),
    "image": ("height", "width", "channels"),
}
PATCH_STRIDES = 4


@keras.saving.register_keras_serializable(package="keras_maelre")
class MaelreBackbone(PresetIO, CheckedInputs, keras.Model):
    """MAELRE: an encoder of long inputs of any modality, without a head.

    A stem turns the input into tokens, which get learned positions and a class
    token. Four blocks of transformer layers follow; the first three end by merging
    every four tokens into one of twice the width. Attention is linear while the
    tokens are many and dot-product once they are few.

    Masking: ids equal to `padding_id`, and time steps that are NaN in every channel,
    are padding. No token attends to them, convolutions see zeros there, and the
    outputs of the others are those of the input without padding.

    Args:
        modality: `"text"` or `"bytes"` (token ids, `(batch, length)`), `"series"`
            (`(batch, length, channels)`), `"audio"` (log-mel spectrograms, `(batch,
            frames, mel)`) or `"image"` (`(batch, height, width, channels)`).
        input_shape: Tuple of integers, the shape of an input without the batch. Of
            text, bytes and series its length is the most there may be; audio and
            image have exactly this shape.
        width: Integer, the width of block 1; it doubles with each block.
        depths: Four integers, the transformer layers of each block.
        num_heads: Four integers, the attention heads of each block.
        attention: `"auto"` (linear while a block has more tokens than its width),
            `"linear"`, `"dot"`, or four of the latter two. The weights fit any plan.
        merge: `"conv"`, or an ablation: `"average"` pooling, a `"linear"` map over
            the tokens, `"none"` (all tokens kept, widths still double).
        feature_map: Of linear attention: `"elu"` (ELU + 1), `"relu"`, `"softplus"`
            or a callable that maps a tensor to a non-negative one.
        vocabulary_size: Integer, of text and bytes only.
        embedding_dim: Integer, width of the token table, of text and bytes only.
        padding_id: Integer, the id that stands for no token, of text and bytes only.
        trainable_embeddings: Boolean, whether the token table is trained.
        dropout_rate: Float in [0, 1), dropout on both branches of every layer.
        drop_path_rate: Float in [0, 1), stochastic depth of the last layer; the rate
            rises linearly from 0 at the first.
        remat: Boolean. Whether training recomputes the activations of every layer in
            the backward pass: less memory, about a third more time.
        chunk_size: Integer or `None`. How many tokens a layer processes at a time,
            which bounds the memory of its intermediate results; in training together
            with `remat`. The result is the same. `None`: all at once.
        dtype: String or `keras.DTypePolicy`, as `"mixed_bfloat16"`.
        name: Optional string.
        trainable: Boolean, whether training changes any of the weights.

    Returns (when called):
        A dictionary: `"cls"`, `(batch, 8 * width)`, the class token after the final
        LayerNorm; `"tokens"`, the other tokens after it, `(batch, tokens, 8 * width)`
        or on their grid `(batch, height, width, 8 * width)`; and, as a pyramid needs
        them, `"block_1"` to `"block_4"`, the tokens of every block before merging.

    Raises:
        ValueError: If an argument is none of the above, or an input has another
            rank, width or length than `input_shape` allows.

    Example:

    ```python
    backbone = keras_maelre.MaelreBackbone.from_preset("tiny_series")
    outputs = backbone(np.random.normal(size=(2, 3000, 1)))
    outputs["cls"].shape  # (2, 256)
    outputs["tokens"].shape  # (2, 47, 256)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 3.
    """

    def __init__(
        self,
        modality,
        input_shape,
        width=96,
        depths=(2, 3, 16, 3),
        num_heads=(1, 2, 4, 8),
        attention="auto",
        merge="conv",
        feature_map="elu",
        vocabulary_size=None,
        embedding_dim=None,
        padding_id=None,
        trainable_embeddings=True,
        dropout_rate=0.0,
        drop_path_rate=0.0,
        remat=False,
        chunk_size=None,
        dtype=None,
        name=None,
        trainable=True,
    ):
        input_shape = _checked_input_shape(modality, input_shape)
        if merge not in MERGES:
            raise ValueError(
                f"Argument `merge` must be one of {MERGES}. Received: merge={merge!r}"
            )
        check_integer("width", width)
        for argument, value in (("depths", depths), ("num_heads", num_heads)):
            if not isinstance(value, (list, tuple)) or len(value) != NUM_BLOCKS:
                raise ValueError(
                    f"Argument `{argument}` must hold {NUM_BLOCKS} integers, one per "
                    f"block. Received: {argument}={value!r}"
                )
        dropout_rate = check_rate("dropout_rate", dropout_rate)
        drop_path_rate = check_rate("drop_path_rate", drop_path_rate)
        dtype = keras.dtype_policies.get(dtype or keras.config.dtype_policy())
        widths = [width * 2**i for i in range(NUM_BLOCKS)]

        # === Layers ===
        if modality in ("text", "bytes"):
            for argument, value in (
                ("vocabulary_size", vocabulary_size),
                ("embedding_dim", embedding_dim),
                ("padding_id", padding_id),
            ):
                if value is None:
                    raise ValueError(
                        f'Argument `{argument}` is needed with modality="{modality}". '
                        f"Received: {argument}=None"
                    )
            stem = TokenStem(
                vocabulary_size,
                embedding_dim,
                width,
                padding_id,
                trainable_embeddings=trainable_embeddings,
                dtype=dtype,
                name="stem",
            )
        elif modality == "series":
            stem = SeriesStem(width, dtype=dtype, name="stem")
        else:
            stem = PatchStem(width, strides=PATCH_STRIDES, dtype=dtype, name="stem")
        stem_grid = _stem_grid(modality, input_shape)
        grids = token_grids(stem_grid, merge)
        plan = resolve_attention(attention, grids, widths)
        positions = PositionEmbedding(stem_grid, dtype=dtype, name="position_embedding")
        class_token = ClassToken(dtype=dtype, name="class_token")

        blocks, first = [], 0
        for i in range(NUM_BLOCKS):
            is_last = i == NUM_BLOCKS - 1
            rates = [
                drop_path_rate * (first + j) / max(sum(depths) - 1, 1)
                for j in range(depths[i])
            ]
            first += depths[i]
            blocks.append(
                MaelreBlock(
                    depths[i],
                    num_heads[i],
                    attention=plan[i],
                    feature_map=feature_map,
                    merge="none" if is_last else merge,
                    output_dim=None if is_last else 2 * widths[i],
                    grid_shape=grids[i],
                    dropout_rate=dropout_rate,
                    drop_path_rate=rates,
                    remat=remat,
                    chunk_size=chunk_size,
                    return_tokens=True,
                    dtype=dtype,
                    name=f"block_{i + 1}",
                )
            )
        norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=dtype, name="norm")
        splits = [
            SplitClassToken(
                grid if len(grid) == 2 else None, dtype=dtype, name=f"split_{i + 1}"
            )
            for i, grid in enumerate([*grids, grids[-1]])
        ]

        # === Functional Model ===
        if modality in ("text", "bytes"):
            inputs = keras.Input((None,), dtype="int32", name="token_ids")
            x = stem(inputs)
        elif modality == "series":
            inputs = keras.Input((None, input_shape[-1]), name="series")
            x = stem(inputs)
        elif modality == "audio":
            inputs = keras.Input(input_shape, name="log_mel")
            add_channel = keras.layers.Reshape(
                (*input_shape, 1), dtype=dtype, name="add_channel"
            )
            x = stem(add_channel(inputs))
        else:
            inputs = keras.Input(input_shape, name="image")
            x = stem(inputs)
        x = class_token(positions(x))
        outputs = {}
        for i, block in enumerate(blocks):
            x, tokens = block(x)
            _, outputs[f"block_{i + 1}"] = splits[i](tokens)
        outputs["cls"], outputs["tokens"] = splits[-1](norm(x))
        super().__init__(inputs=inputs, outputs=outputs, name=name)
        if not trainable:
            # Keras applies the argument of the same name before it knows the layers:
            # the weights would still be trained as part of another model.
            self.trainable = False

        # === Config ===
        # The loss scaling of mixed float16 asks the model for its policy.
        self.dtype_policy = dtype
        self.modality = modality
        self.signal_shape = input_shape
        self.width = width
        self.depths = tuple(depths)
        self.num_heads = tuple(num_heads)
        self.attention = attention if attention == "auto" else plan
        self.attention_plan = plan
        self.merge = merge
        self.feature_map = blocks[0].feature_map
        self.vocabulary_size = vocabulary_size
        self.embedding_dim = embedding_dim
        self.padding_id = padding_id
        self.trainable_embeddings = trainable_embeddings
        self.dropout_rate = dropout_rate
        self.drop_path_rate = drop_path_rate
        self.remat = remat
        self.chunk_size = chunk_size
        self.token_grids = tuple(grids)

    def get_config(self):
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            "modality": self.modality,
            "input_shape": self.signal_shape,
            "width": self.width,
            "depths": self.depths,
            "num_heads": self.num_heads,
            "attention": self.attention,
            "merge": self.merge,
            "feature_map": self.feature_map,
            "vocabulary_size": self.vocabulary_size,
            "embedding_dim": self.embedding_dim,
            "padding_id": self.padding_id,
            "trainable_embeddings": self.trainable_embeddings,
            "dropout_rate": self.dropout_rate,
            "drop_path_rate": self.drop_path_rate,
            "remat": self.remat,
            "chunk_size": self.chunk_size,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**config)

    # What `from_preset` needs: the arguments of the model as one flat dictionary.

    def _arguments(self):
        return self.get_config()

    @classmethod
    def _argument_names(cls):
        return set(inspect.signature(cls.__init__).parameters) - {"self"}

    @classmethod
    def _from_arguments(cls, arguments):
        return cls(**{k: v for k, v in arguments.items() if k != "num_classes"})


def _checked_input_shape(modality, input_shape):
    if modality not in INPUT_AXES:
        raise ValueError(
            f"Argument `modality` must be one of {tuple(INPUT_AXES)}. "
            f"Received: modality={modality!r}"
        )
    axes = INPUT_AXES[modality]
    shape = input_shape
    if isinstance(shape, int):
        shape = (shape,)
    if (
        not isinstance(shape, (list, tuple))
        or len(shape) != len(axes)
        or not all(isinstance(n, int) and n > 0 for n in shape)
    ):
        raise ValueError(
            f'With modality="{modality}", argument `input_shape` must be '
            f"({', '.join(axes)}) in positive integers, without the batch. "
            f"Received: input_shape={input_shape!r}"
        )
    return tuple(shape)


def _stem_grid(modality, input_shape):
    if modality in ("text", "bytes", "series"):
        return input_shape[:1]
    return tuple(merged_length(n, PATCH_STRIDES) for n in input_shape[:2])
