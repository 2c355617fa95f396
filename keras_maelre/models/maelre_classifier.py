"""The MAELRE encoder with a classification head."""

import numbers

import keras

from keras_maelre.models.input_checks import CheckedInputs
from keras_maelre.models.maelre_backbone import MaelreBackbone
from keras_maelre.models.preset_io import HEAD_ARGUMENTS, PresetIO
from keras_maelre.models.raw_samples import (
    check_preprocessor,
    checked_class_names,
    labelled_probabilities,
)


@keras.saving.register_keras_serializable(package="keras_maelre")
class MaelreClassifier(PresetIO, CheckedInputs, keras.Model):
    """Classifies long inputs: `MaelreBackbone` and one Dense layer on its class token.

    The outputs are logits in float32, whatever the dtype policy: train with
    `from_logits=True`, and apply a softmax (one label) or a sigmoid (several) to get
    probabilities.

    Args:
        backbone: A `MaelreBackbone`.
        num_classes: Integer, the number of logits.
        preprocessor: Optional, what turns raw samples into the model's input: one of
            `keras_maelre.preprocessing`. It is saved with the classifier; only
            `predict_raw` uses it, `fit` and `predict` take what it returns.
        class_names: Optional sequence of strings, one per class.
        multi_label: Boolean. Whether a sample may have several labels, so that every
            probability is a sigmoid of its own.
        name: Optional string.
        trainable: Boolean, whether training changes any of the weights.

    Raises:
        ValueError: If `num_classes` is no positive integer, the preprocessor makes
            inputs of another modality or shape, or a class has no name.
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

    def __init__(
        self,
        backbone,
        num_classes,
        preprocessor=None,
        class_names=None,
        multi_label=False,
        name=None,
        trainable=True,
    ):
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
        if preprocessor is not None:
            check_preprocessor(preprocessor, backbone)
        if class_names is not None:
            class_names = checked_class_names(class_names, num_classes)
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
        self.preprocessor = preprocessor
        self.class_names = class_names
        self.multi_label = bool(multi_label)
        self.modality = backbone.modality
        self.vocabulary_size = backbone.vocabulary_size
        self.signal_shape = backbone.signal_shape

    def predict_raw(self, samples, batch_size=32, verbose=0):
        """Classifies raw samples: documents, files, arrays of any length.

        Args:
            samples: A list of what `preprocessor` takes.
            batch_size: Integer, how many samples the model sees at a time.
            verbose: As in `predict`.

        Returns:
            A list with one dictionary per sample: the probability of every class by
            its name (by its number where the classifier has no `class_names`), the
            most probable first.

        Raises:
            ValueError: If the classifier has no preprocessor, or a sample is bad.

        Example:

        ```python
        classifier = keras_maelre.MaelreClassifier.from_preset(
            "tiny_series",
            class_names=["calm", "storm"],
            preprocessor=SeriesPreprocessor.from_preset("tiny_series"),
        )
        classifier.predict_raw([np.random.normal(size=2000)])
        # [{"storm": 0.53, "calm": 0.47}]
        ```
        """
        if self.preprocessor is None:
            raise ValueError(
                "`predict_raw` needs a classifier with a preprocessor: pass "
                "`preprocessor` to `from_preset`, or set the attribute."
            )
        logits = self.predict(
            self.preprocessor(samples), batch_size=batch_size, verbose=verbose
        )
        return labelled_probabilities(logits, self.class_names, self.multi_label)

    def get_config(self):
        return {
            "name": self.name,
            "trainable": self.trainable,
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            **self._head_arguments(),
            "preprocessor": keras.saving.serialize_keras_object(self.preprocessor),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        for key in ("backbone", "preprocessor"):
            if isinstance(config.get(key), dict):
                config[key] = keras.saving.deserialize_keras_object(
                    config[key], custom_objects=custom_objects
                )
        return cls(**config)

    def _head_arguments(self):
        return {
            "num_classes": self.num_classes,
            "preprocessor": self.preprocessor,
            "class_names": self.class_names,
            "multi_label": self.multi_label,
        }

    # What `from_preset` needs: the arguments of the model as one flat dictionary.

    def _arguments(self):
        return {
            **self.backbone._arguments(),
            **self._head_arguments(),
            "name": self.name,
            "trainable": self.trainable,
        }

    @classmethod
    def _argument_names(cls):
        return MaelreBackbone._argument_names() | set(HEAD_ARGUMENTS)

    @classmethod
    def _from_arguments(cls, arguments):
        arguments = dict(arguments)
        own = {
            key: arguments.pop(key)
            for key in (*HEAD_ARGUMENTS, "name", "trainable")
            if key in arguments
        }
        return cls(MaelreBackbone(**arguments), **own)
