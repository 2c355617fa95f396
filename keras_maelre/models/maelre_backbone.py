"""The MAELRE encoder as a functional Keras model."""

import inspect

import keras

from keras_maelre import modalities
from keras_maelre.checks import (
    check_choice,
    check_flag,
    check_integer,
    check_path,
    check_rate,
)
from keras_maelre.layers.class_token import ClassToken, SplitClassToken
from keras_maelre.layers.maelre_block import MERGES, MaelreBlock
from keras_maelre.layers.position_embedding import PositionEmbedding
from keras_maelre.models import preset_files, presets
from keras_maelre.models.attention_plan import (
    NUM_BLOCKS,
    resolve_attention,
    token_grids,
)
from keras_maelre.models.embedding import embed
from keras_maelre.models.layer_states import take_states
from keras_maelre.models.maelre_model import MaelreModel
from keras_maelre.models.pooling import head_dtype
from keras_maelre.models.token_embeddings import TokenTable, check_reads_text
from keras_maelre.models.transfer import transfer_weights


@keras.saving.register_keras_serializable(package="keras_maelre")
class MaelreBackbone(MaelreModel):
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
            frames, mel)`), `"image"` (`(batch, height, width, channels)`), or a
            `keras_maelre.modalities.Modality` of your own.
        input_shape: Tuple of integers, the shape of an input without the batch. Of
            text, bytes and series its length is the most there may be; audio and
            image have exactly this shape.
        width: Integer, the width of block 1; it doubles with each block.
        depths: Four integers, the transformer layers of each block.
        num_heads: Four integers, the attention heads of each block.
        attention: `"auto"` (linear while a block has more tokens than its width),
            a kind of attention (`"linear"`, `"dot"`, `"focused"`, `"window"`,
            `"long_short"`, `"performer"`, `"nystrom"`, `"linformer"`, `"pool"`,
            `"conv"`, `"axial"` (on grids), or one of your own, see
            `keras_maelre.layers.EncoderLayer`), or four of them. The weights of
            `"linear"`, `"dot"`, `"window"`, `"nystrom"` and `"axial"` fit each other.
        merge: `"conv"`, `"max"` (a convolution, LayerNorm and max pooling),
            `"residual"` (a convolution beside average pooling), or an ablation:
            `"average"` pooling, a `"linear"` map over the tokens, `"none"` (all tokens
            kept, widths still double).
        feature_map: Of linear attention: `"elu"` (ELU + 1), `"relu"`, `"softplus"`
            `"focused"`, or a callable that maps a tensor to a non-negative one.
        attention_window: Integer from 1 to 4096, of `"window"` and `"long_short"`
            attention: how many tokens before and after itself a token attends to.
        relative_positions: Boolean. Whether dot-product attention on a grid (audio and
            image) adds relative positions to its scores, see
            `keras_maelre.layers.DotAttention`.
        dropout_rate: Float in [0, 1), dropout on both branches of every layer.
        drop_path_rate: Float in [0, 1), stochastic depth of the last layer; the rate
            rises linearly from 0 at the first.
        remat: Boolean. Whether training recomputes the activations of every layer in
            the backward pass: less memory, about a third more time.
        chunk_size: Integer or `None`. How many tokens a layer processes at a time,
            which bounds the memory of its intermediate results; in training together
            with `remat`. The result is the same. `None`: all at once.
        dtype: String or `keras.DTypePolicy`, as `"mixed_bfloat16"`. In float32 what
            a sample gives does not depend on its padding or its batch; in half
            precision it does by rounding: logits of about 5 by up to 0.003
            (`"mixed_float16"`) and 0.023 (`"mixed_bfloat16"`), measured on torch.
        name: Optional string.
        trainable: Boolean, whether training changes any of the weights.
        **options: Options of the modality, of text and bytes: `vocabulary_size`,
            `embedding_dim`, `padding_id` and `trainable_embeddings`.

    Returns (when called):
        A dictionary: `"cls"`, `(batch, 8 * width)`, the class token after the final
        LayerNorm; `"tokens"`, the other tokens after it, `(batch, tokens, 8 * width)`
        or on their grid `(batch, height, width, 8 * width)`; as a pyramid needs them,
        `"block_1"` to `"block_4"`, the tokens of every block before merging; and, of
        token ids, `"summary"`, the mean of their embeddings, `(batch, embedding_dim)`.

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
        attention_window=32,
        relative_positions=False,
        dropout_rate=0.0,
        drop_path_rate=0.0,
        remat=False,
        chunk_size=None,
        dtype=None,
        name=None,
        trainable=True,
        **options,
    ):
        modality = modalities.get(modality, **options)
        input_shape = modality.check_input_shape(input_shape)
        check_choice("merge", merge, MERGES)
        width = check_integer("width", width)
        depths = _one_per_block("depths", depths)
        num_heads = _one_per_block("num_heads", num_heads)
        remat = check_flag("remat", remat)
        dropout_rate = check_rate("dropout_rate", dropout_rate)
        drop_path_rate = check_rate("drop_path_rate", drop_path_rate)
        trainable = check_flag("trainable", trainable)
        dtype = keras.dtype_policies.get(dtype or keras.config.dtype_policy())
        widths = [width * 2**i for i in range(NUM_BLOCKS)]

        # === Layers ===
        stem = modality.stem(width, dtype)
        stem_grid = modality.grid(input_shape)
        grids = token_grids(stem_grid, merge)
        plan = resolve_attention(attention, grids, widths)
        positions = PositionEmbedding(stem_grid, dtype=dtype, name="position_embedding")
        class_token = ClassToken(dtype=dtype, name="class_token")

        blocks = []
        rates = _drop_path_rates(drop_path_rate, depths)
        for i in range(NUM_BLOCKS):
            is_last = i == NUM_BLOCKS - 1
            blocks.append(
                MaelreBlock(
                    depths[i],
                    num_heads[i],
                    attention=plan[i],
                    feature_map=feature_map,
                    attention_window=attention_window,
                    relative_positions=relative_positions,
                    merge="none" if is_last else merge,
                    output_dim=None if is_last else 2 * widths[i],
                    grid_shape=grids[i],
                    dropout_rate=dropout_rate,
                    drop_path_rate=rates[i],
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
        inputs = modality.input(input_shape)
        x = modality.tokens(inputs, stem)
        x = class_token(positions(x))
        outputs = {}
        summary = modality.summary(inputs, stem, head_dtype(dtype))
        if summary is not None:
            outputs["summary"] = summary
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
        self.depths = depths
        self.num_heads = num_heads
        self.attention = attention if attention == "auto" else plan
        self.attention_plan = plan
        self.merge = merge
        self.feature_map = blocks[0].feature_map
        self.attention_window = blocks[0].attention_window
        self.relative_positions = blocks[0].relative_positions
        self.dropout_rate = dropout_rate
        self.drop_path_rate = drop_path_rate
        self.remat = remat
        self.chunk_size = chunk_size
        self.token_grids = tuple(grids)

    @classmethod
    def from_preset(cls, preset, load_weights=True, token_embeddings=None, **kwargs):
        """Builds a backbone from a built-in preset, or loads a saved one.

        A built-in preset is an architecture: its weights are new and must be
        trained. `"tiny_series_synthetic"` and a directory written by
        `save_to_preset` bring their weights.

        Args:
            preset: String. A name in `presets`, a directory written by
                `save_to_preset` on any backend, or `"hf://user/repository"` (with
                `"@revision"` if need be), which is fetched by huggingface_hub. Of a
                saved classifier the backbone is taken.
            load_weights: Boolean. Whether a preset with weights brings them.
            token_embeddings: Optional, of text models: a directory as Hugging Face's
                libraries save models, with `.safetensors` files, or a pair of it and
                the name of the tensor if that cannot be told; or a RoBERTa preset of
                keras-hub (`"roberta_base_en"`) or a local directory of one; or a table
                itself, as `keras_maelre.preprocessing.semantic_embeddings` returns it.
                The token table is copied and frozen, as the paper has it, unless
                `trainable_embeddings=True` is passed too, and sets `vocabulary_size`,
                `embedding_dim` and `padding_id` of a built-in preset. Otherwise a
                built-in preset's table is new and trainable.
            **kwargs: What to change: `dtype`, `attention`, `merge`, `feature_map`,
                `attention_window`, `relative_positions`, `input_shape` (another length
                or size: positions are resampled), `dropout_rate`, `drop_path_rate`,
                `remat`, `name`, and the other arguments of the constructor.

        Returns:
            A model of the class that this is called on.

        Raises:
            ValueError: If the preset is unknown or damaged, or if saved weights do
                not fit what was changed.
            TypeError: If a keyword is unknown.

        Example:

        ```python
        backbone = keras_maelre.MaelreBackbone.from_preset("tiny_series", width=16)
        backbone.save_to_preset("my_backbone")
        backbone = keras_maelre.MaelreBackbone.from_preset("my_backbone")
        ```
        """
        preset = check_path("preset", preset)
        load_weights = check_flag("load_weights", load_weights)
        if preset_files.is_built_in(preset):
            return cls.from_architecture(preset, token_embeddings, **kwargs)
        if preset in presets.PRETRAINED:
            # Not the policy that it is stored in.
            kwargs = {"dtype": None, **kwargs}
        directory = preset_files.find_directory(preset)
        saved = preset_files.load(directory, MaelreModel, load_weights)
        saved = getattr(saved, "backbone", saved)
        return cls.from_saved(saved, load_weights, token_embeddings, **kwargs)

    @classmethod
    def from_architecture(cls, name, token_embeddings=None, **kwargs):
        """Builds a backbone with new weights from the built-in preset of a name."""
        config = presets.PRESETS[name]["config"]
        if token_embeddings is None:
            return cls._build({**config, **kwargs})
        check_reads_text(config["modality"], token_embeddings)
        table = TokenTable(token_embeddings)
        backbone = cls._build({**config, **table.arguments(kwargs)})
        table.load(backbone)
        return backbone

    @classmethod
    def from_saved(cls, saved, load_weights=True, token_embeddings=None, **kwargs):
        """Returns a loaded backbone with some of its arguments changed."""
        if token_embeddings is not None:
            check_reads_text(saved.modality.name, token_embeddings)
            kwargs = {"trainable_embeddings": False, **kwargs}
        backbone = saved
        if kwargs or not isinstance(saved, cls):
            # One that was loaded to be changed need not keep the name it had.
            arguments = {**saved.get_config(), "modality": saved.modality}
            arguments.pop("name")
            states = take_states(arguments)
            backbone = cls._build({**arguments, **kwargs})
            if kwargs.get("trainable"):
                states.pop("frozen")
            backbone.restore_layer_states(states)
            if load_weights:
                _adopt_weights(saved, backbone, kwargs)
            if "trainable" not in kwargs and not saved.trainable:
                backbone.trainable = False
        if token_embeddings is not None:
            TokenTable(token_embeddings).load(backbone)
        return backbone

    @classmethod
    def _build(cls, arguments):
        modality = modalities.get(arguments["modality"])
        known = cls.argument_names() | modality.option_names()
        unknown = sorted(set(arguments) - known)
        if unknown:
            raise TypeError(
                f"{cls.__name__} has no argument {unknown[0]!r}. Known are "
                f"{sorted(known)}."
            )
        return cls(**arguments)

    @classmethod
    def argument_names(cls):
        """The names of the arguments of the constructor, as a set."""
        names = set(inspect.signature(MaelreBackbone).parameters)
        return (names | set(inspect.signature(cls).parameters)) - {"options", "kwargs"}

    def embed(
        self, samples, blocks=(1, 2, 3, 4), scales=(1,), batch_size=32, verbose=0
    ):
        """Returns features of inputs as NumPy arrays, for models of another kind.

        The class token, of token ids the mean of their embeddings, and of every one of
        `blocks` mean, deviation, maximum and minimum of its tokens. They are good
        features before any training.

        Args:
            samples: Array or iterable of inputs of the model, of any number: they are
                read in pools, and no memory but that of the features grows with them.
            blocks: Tuple of integers from 1 to 4, the blocks whose tokens are
                summarised; `()` for the class token alone.
            scales: Tuple of positive integers, of modalities of variable length: at
                scale `n` a sample is divided into `n` windows, whose features are
                averaged. The features of all scales stand beside each other.
            batch_size: Integer, how many inputs the model sees at a time.
            verbose: 0 or 1. 1 shows a progress bar.

        Returns:
            Float array of shape `(samples, features)`.

        Raises:
            TypeError: If an argument is of the wrong type.
            ValueError: If an argument is out of range, or a sample is bad.

        Example:

        ```python
        import numpy as np
        from keras_maelre import MaelreBackbone

        backbone = MaelreBackbone.from_preset("tiny_series")
        x = np.random.normal(size=(4, 500, 1)).astype("float32")
        backbone.embed(x).shape  # (4, 2176)
        backbone.embed(x, blocks=(), scales=(1, 2, 4)).shape  # (4, 768)
        ```
        """
        return embed(self, samples, None, blocks, scales, batch_size, verbose)

    def set_dropout(self, dropout_rate=None, drop_path_rate=None):
        """Changes the rates of all layers, before the next training is compiled.

        Args:
            dropout_rate: Float in [0, 1), or `None` to leave it as it is.
            drop_path_rate: Float in [0, 1), the rate of the last layer, or `None` to
                leave it as it is.

        Example:

        ```python
        backbone.set_dropout(drop_path_rate=0.1)
        ```
        """
        if dropout_rate is None:
            dropout_rate = self.dropout_rate
        if drop_path_rate is None:
            drop_path_rate = self.drop_path_rate
        # Both are looked at before either is set.
        dropout_rate = check_rate("dropout_rate", dropout_rate)
        drop_path_rate = check_rate("drop_path_rate", drop_path_rate)
        self.dropout_rate, self.drop_path_rate = dropout_rate, drop_path_rate
        rates = _drop_path_rates(self.drop_path_rate, self.depths)
        for i in range(NUM_BLOCKS):
            block = self.get_layer(f"block_{i + 1}")
            block.set_dropout(self.dropout_rate, rates[i])

    def get_config(self):
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            "modality": keras.saving.serialize_keras_object(self.modality),
            "input_shape": self.signal_shape,
            "width": self.width,
            "depths": self.depths,
            "num_heads": self.num_heads,
            "attention": self.attention,
            "merge": self.merge,
            "feature_map": self.feature_map,
            "attention_window": self.attention_window,
            "relative_positions": self.relative_positions,
            "dropout_rate": self.dropout_rate,
            "drop_path_rate": self.drop_path_rate,
            "remat": self.remat,
            "chunk_size": self.chunk_size,
            **self.layer_states(),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        states = take_states(config)
        if isinstance(config["modality"], dict):
            config["modality"] = keras.saving.deserialize_keras_object(
                config["modality"], custom_objects=custom_objects
            )
        backbone = cls(**config)
        backbone.restore_layer_states(states)
        return backbone


def _one_per_block(name, value):
    if not isinstance(value, (list, tuple)) or len(value) != NUM_BLOCKS:
        raise ValueError(
            f"Argument `{name}` must hold {NUM_BLOCKS} integers, one per block. "
            f"Received: {name}={value!r}"
        )
    return tuple(check_integer(f"{name}[{i}]", n) for i, n in enumerate(value))


def _drop_path_rates(last, depths):
    """The rates of the layers, block by block: they rise linearly from 0."""
    scale = last / max(sum(depths) - 1, 1)
    return [
        [scale * (sum(depths[:i]) + j) for j in range(depth)]
        for i, depth in enumerate(depths)
    ]


def _adopt_weights(source, target, changes):
    """Gives a changed backbone the weights it was loaded with."""
    changes = [name for name, value in changes.items() if value is not None]
    report = transfer_weights(source, target)
    misfits = [*report.left, *(f"{name} is not used" for name in report.unused)]
    hint = ""
    if not misfits:
        misfits = [line for line in report.adapted if "position" not in line]
        hint = " `keras_maelre.transfer_weights` can adapt them:"
    if misfits:
        raise ValueError(
            "The saved weights do not fit what was changed "
            f"({', '.join(sorted(changes))}).{hint} {'; '.join(misfits)}"
        )
