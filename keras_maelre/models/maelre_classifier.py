"""The MAELRE encoder with a classification head."""

import numbers

import keras

from keras_maelre.models.input_checks import CheckedInputs
from keras_maelre.models.maelre_backbone import MaelreBackbone
from keras_maelre.models.preset_io import PresetIO


@keras.saving.register_keras_serializable(package="keras_maelre")
class MaelreClassifier(PresetIO, CheckedInputs, keras.Model):
    """Classifies long inputs: `MaelreBackbone` and one Dense layer on its class token.

    The outputs are logits in float32, whatever the dtype policy: train with
    `from_logits=True`, and apply a softmax (one label) or a sigmoid (several) to get
    probabilities.

    Args:
        backbone: A `MaelreBackbone`.
        num_classes: Integer, the number of logits.
        name: Optional string.
        trainable: Boolean, whether training changes any of the weights.

    Raises:
        ValueError: If `num_classes` is no positive integer.
        TypeError: If `backbone` is no `MaelreBackbone`.

    Example:

    ```python
    classifier = keras_maelre.MaelreClassifier.from_preset("tiny_series", num_classes=3)
    classifier.compile(
        optimizer=keras.optimizers.AdamW(3e-4),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    x = np.random.normal(size=(8, 500, 1))
    classifier.fit(x, np.arange(8) % 3)
    classifier.predict(x).shape  # (8, 3)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 3.
    """

    def __init__(self, backbone, num_classes, name=None, trainable=True):
        if not isinstance(backbone, MaelreBackbone):
            raise TypeError(
                "Argument `backbone` must be a MaelreBackbone. "
                f"Received: backbone={backbone!r}"
            )
        is_integer = isinstance(num_classes, numbers.Integral)
        if not is_integer or isinstance(num_classes, bool) or num_classes < 1:
            raise ValueError(
                "Argument `num_classes` must be a positive integer. "
                f"Received: num_classes={num_classes!r}"
            )
        # One counted by NumPy could not be written to a configuration.
        num_classes = int(num_classes)
        # === Layers ===
        policy = backbone.dtype_policy
        head = keras.layers.Dense(
            num_classes,
            # Logits in half precision would quantise the probabilities.
            dtype="float64" if policy.compute_dtype == "float64" else "float32",
            name="logits",
        )

        # === Functional Model ===
        inputs = backbone.input
        outputs = head(backbone(inputs)["cls"])
        super().__init__(inputs=inputs, outputs=outputs, name=name)
        if not trainable:
            self.trainable = False

        # === Config ===
        self.dtype_policy = policy
        self.backbone = backbone
        self.head = head
        self.num_classes = num_classes
        self.modality = backbone.modality
        self.vocabulary_size = backbone.vocabulary_size
        self.signal_shape = backbone.signal_shape

    def get_config(self):
        return {
            "name": self.name,
            "trainable": self.trainable,
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            "num_classes": self.num_classes,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        if isinstance(config["backbone"], dict):
            config["backbone"] = keras.saving.deserialize_keras_object(
                config["backbone"], custom_objects=custom_objects
            )
        return cls(**config)

    # What `from_preset` needs: the arguments of the model as one flat dictionary.

    def _arguments(self):
        return {
            **self.backbone._arguments(),
            "num_classes": self.num_classes,
            "name": self.name,
            "trainable": self.trainable,
        }

    @classmethod
    def _argument_names(cls):
        return MaelreBackbone._argument_names() | {"num_classes"}

    @classmethod
    def _from_arguments(cls, arguments):
        arguments = dict(arguments)
        own = {k: arguments.pop(k) for k in ("name", "trainable") if k in arguments}
        num_classes = arguments.pop("num_classes")
        return cls(MaelreBackbone(**arguments), num_classes, **own)
