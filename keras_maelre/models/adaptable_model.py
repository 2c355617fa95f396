"""A classifier that is trained in part: frozen by block, or adapted at low rank."""

from keras_maelre.checks import check_integer
from keras_maelre.layers.dense import Dense
from keras_maelre.models import adapter_files, layer_states
from keras_maelre.models.attention_plan import NUM_BLOCKS
from keras_maelre.models.sample_model import SampleModel

# All products of a transformer layer; "qkv" is query, key and value in one.
ADAPTED = r"/(qkv|input_dense|output_dense|mlp_hidden|mlp_output)$"
# What comes before block 1.
FIRST_LAYERS = ("stem", "position_embedding", "class_token")


class AdaptableModel(SampleModel):
    """Base of models with a `backbone` and `head_layers`, to be trained in part.

    What is frozen or adapted is part of the configuration: presets and `.keras` files
    bring it back. After each of the methods here a model must be compiled (again), as
    Keras would otherwise go on with the weights that it was compiled for.
    """

    # === Freezing ===

    def freeze(self, blocks):
        """Keeps training from changing the first blocks, and what comes before them.

        What is frozen already stays so; `unfreeze` thaws. Dropout is as it was: see
        `MaelreBackbone.set_dropout`.

        Args:
            blocks: Integer from 0 to 4. 0 freezes stem, positions and class token
                alone; 4 all but the head.

        Raises:
            TypeError: If `blocks` is not an integer.
            ValueError: If it is out of range.

        Example:

        ```python
        from keras_maelre import MaelreClassifier

        classifier = MaelreClassifier.from_preset("tiny_series", num_classes=2)
        classifier.freeze(blocks=2)
        classifier.compile("adamw", "mse")
        classifier.save_to_preset("half_frozen")
        ```
        """
        blocks = check_integer("blocks", blocks, low=0, high=NUM_BLOCKS)
        if blocks == NUM_BLOCKS:
            self.backbone.trainable = False
        names = [*FIRST_LAYERS, *(f"block_{i + 1}" for i in range(blocks))]
        for name in names:
            self.backbone.get_layer(name).trainable = False
        self._layers_changed()

    def unfreeze(self):
        """Lets training change every weight again.

        A token table that was built with `trainable_embeddings=False` stays as it is.

        Raises:
            ValueError: If the classifier is adapted at low rank, which keeps the rest
                frozen.
        """
        if self.lora():
            raise ValueError(
                "An adapted classifier trains its adapters and its head alone: call "
                "`merge_lora` before `unfreeze`."
            )
        self._thaw()
        for layer in self._flatten_layers():
            if getattr(layer, "trainable_embeddings", True) is False:
                layer.embedding.trainable = False
        self._layers_changed()

    # === Low-rank adaptation ===

    def enable_lora(self, rank, layers=ADAPTED, alpha=None):
        """Adapts layers at low rank: their adapters and the head are all that trains.

        A kernel `W` becomes `W + alpha / rank * A B`, where `A` and `B` have `rank`
        columns and rows, and `B` starts as 0. Everything else of the backbone is
        frozen. A preset or `.keras` file keeps kernels and adapters apart.

        Args:
            rank: Integer, at most the smaller side of the kernels.
            layers: Regular expression, or a list of them: of the Dense layers of the
                backbone, those whose path holds a match are adapted. Defaults to all
                products of the transformer layers; `"qkv$"` is queries, keys and
                values alone, and `"block_4/"` everything in the last block.
            alpha: Float above 0, or `None` for `rank`.

        Raises:
            TypeError: If an argument is of the wrong type.
            ValueError: If an argument is out of range, `layers` matches no layer, or
                the classifier is adapted already.

        Example:

        ```python
        import numpy as np
        from keras_maelre import MaelreClassifier
        from keras_maelre.training import recipe

        x, y = np.random.normal(size=(40, 100, 1)), np.arange(40) % 2
        classifier = MaelreClassifier.from_preset(
            "tiny_series", input_shape=(100, 1), num_classes=2
        )
        classifier.enable_lora(rank=4)
        recipe("series").fit(classifier, x, y, epochs=1, verbose=0)
        classifier.save_adapter("adapter.h5")
        classifier.merge_lora()
        ```

        Reference:
            "LoRA: Low-Rank Adaptation of Large Language Models" (arXiv 2106.09685),
            section 4.1.
        """
        if self.lora():
            raise ValueError(
                "The classifier is adapted already: call `merge_lora` before it is "
                f"adapted again. Adapted are {sorted(self.lora())}"
            )
        chosen = layer_states.select(self.adaptable_layers(), layers, "layers")
        for layer in chosen.values():
            # Looked at before the first is changed.
            layer_states.check_adapter(layer, rank, alpha)
        self.adapt_layers({path: (rank, alpha) for path in chosen})

    def lora(self):
        """Returns `[rank, alpha]` of the adapted layers by their paths."""
        return layer_states.read(self._layers_by_path(), self)["lora"]

    def merge_lora(self):
        """Adds the adapters to the kernels: the same answers, from an ordinary model.

        The backbone stays frozen; see `unfreeze`.

        Raises:
            ValueError: If there are no adapters, or the adapted layers are quantized.
        """
        layers = self._layers_by_path()
        adapted = [layers[path] for path in self._adapted("merge_lora")]
        for layer in adapted:
            if layer.quantization_mode is not None:
                raise ValueError(
                    f"The adapted layer {layer.path!r} is quantized, and its rounded "
                    "kernel cannot hold the adapter: merge before `quantize`."
                )
        for layer in adapted:
            layer.merge_lora()
        self.backbone.trainable = False
        self._layers_changed()

    def save_adapter(self, path):
        """Saves adapters and head alone: what training changed since `enable_lora`.

        The file is small. It holds the hash of the weights that it belongs to, the
        names of the classes, temperature and thresholds.

        Args:
            path: String or path of a file, which is replaced as a whole.

        Raises:
            ValueError: If the classifier has no adapters.
        """
        self._adapted("save_adapter")
        adapter_files.save(self, path)

    def load_adapter(self, path):
        """Gives a classifier the adapters and the head that `save_adapter` saved.

        Adapters that it has are replaced; if it has none, it is adapted as the saved
        one was.

        Args:
            path: String or path of a file.

        Raises:
            ValueError: If the file is damaged, or belongs to a classifier with other
                weights, classes or adapted layers.

        Example:

        ```python
        import numpy as np
        from keras_maelre import MaelreClassifier

        classifier = MaelreClassifier.from_preset("tiny_series", num_classes=2)
        classifier.save_to_preset("base")
        classifier.enable_lora(rank=4)
        classifier.save_adapter("adapter.h5")  # once it is trained

        classifier = MaelreClassifier.from_preset("base")
        classifier.load_adapter("adapter.h5")
        ```
        """
        adapter_files.load(self, path)

    def adapt_layers(self, adapters):
        """Enables adapters, `{path: (rank, alpha)}`, and freezes all but the head."""
        layers = self._layers_by_path()
        for path, (rank, alpha) in adapters.items():
            layer_states.adapt(layers[path], rank, alpha)
        self._thaw()
        for layer in self.backbone._flatten_layers(include_self=False):
            if not any(part.path in adapters for part in layer._flatten_layers()):
                layer.trainable = False
        self._layers_changed()

    def adaptable_layers(self):
        """The layers of the backbone that can be adapted, by their paths."""
        layers = self.backbone._flatten_layers(include_self=False)
        return {layer.path: layer for layer in layers if isinstance(layer, Dense)}

    def _adapted(self, method):
        adapters = self.lora()
        if not adapters:
            raise ValueError(
                f"`{method}` needs adapters, which `enable_lora` or `load_adapter` "
                "makes, and the classifier has none."
            )
        return adapters

    def _thaw(self):
        # On TensorFlow, a layer that is set to what it is does not tell its parts.
        for layer in self._flatten_layers():
            layer.trainable = True

    def _layers_changed(self):
        """Forgets what was compiled or traced for the layers as they were."""
        self.compiled = False
        self.train_function = self.test_function = self.predict_function = None
