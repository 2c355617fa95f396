"""The MAELRE encoder with a classification head."""

import threading
import warnings

import keras
import numpy as np

from keras_maelre.checks import (
    check_choice,
    check_flag,
    check_integer,
    check_number,
    check_path,
)
from keras_maelre.layers.generalized_mean import GeneralizedMean
from keras_maelre.layers.running_standardization import RunningStandardization
from keras_maelre.modalities.cut_padding import few_shapes
from keras_maelre.models import pooling as poolings
from keras_maelre.models import preset_files, presets
from keras_maelre.models.adaptable_model import AdaptableModel
from keras_maelre.models.embedding import embed
from keras_maelre.models.layer_states import take_states
from keras_maelre.models.maelre_backbone import MaelreBackbone
from keras_maelre.models.maelre_model import MaelreModel
from keras_maelre.models.predictions import (
    check_outputs,
    decisions,
    named_predictions,
    probabilities,
)
from keras_maelre.models.preprocessors import implied_arguments
from keras_maelre.models.sample_model import check_samples
from keras_maelre.models.sample_stream import stream_outputs
from keras_maelre.models.targets import (
    encode_targets,
    wants_integers,
    wants_rows,
)

HEAD_ARGUMENTS = (
    "num_classes",
    "preprocessor",
    "class_names",
    "multi_label",
    "temperature",
    "thresholds",
    "pooling",
)
NO_HEAD = (
    "The preset holds a backbone without a head: argument `num_classes` is needed."
)


@keras.saving.register_keras_serializable(package="keras_maelre")
class MaelreClassifier(AdaptableModel):
    """Classifies long inputs: `MaelreBackbone` and one Dense layer on what it pools.

    The outputs are logits in float32, whatever the dtype policy: train with
    `from_logits=True`, and apply a softmax (single-label) or a sigmoid (multi-label) to
    get probabilities, as `predict_proba` does.

    Raw samples: with a `preprocessor`, everything that `fit`, `evaluate`, `predict` and
    their `*_on_batch` versions are given is raw: lists of documents or paths, arrays,
    and the batches of a `PyDataset`, a generator, a `tf.data.Dataset` or a torch
    `DataLoader`. For inputs that are preprocessed already set
    `classifier.preprocessor = None`. Calling the classifier, `classifier(x)`, always
    takes inputs of the model.

    Labels are integers, class names, or rows of numbers; see `fit`.

    Args:
        backbone: A `MaelreBackbone`.
        num_classes: Integer, the number of logits.
        preprocessor: Optional, what turns raw samples into the model's input: one of
            `keras_maelre.preprocessing`. It is saved with the classifier.
        class_names: Optional sequence of strings, one per class.
        multi_label: Boolean. Whether a sample may have any number of labels, so that
            every probability is a sigmoid of its own.
        temperature: Float above 0. Logits are divided by it before they become
            probabilities; see `keras_maelre.training.fit_temperature`.
        thresholds: Float in `[0, 1]`, or one for each class: what the probability of a
            label must exceed for a multi-label classifier to assign it. Defaults to
            0.5; see `keras_maelre.training.tune_thresholds`.
        pooling: What the Dense layer sees: `"cls"`, the class token, as the paper has
            it; `"mean"`, the mean of the final tokens; `"gem"`, their generalized
            mean with a trained exponent, from 3 on; `"blocks"`, the class token
            beside mean, deviation, maximum and minimum of the tokens of all four
            blocks, and of token ids the mean of their embeddings, standardised. The
            last suits small data; see `keras_maelre.training.linear_probe`.
        name: Optional string.
        trainable: Boolean, whether training changes any of the weights.

    Raises:
        ValueError: If an argument is out of range, the preprocessor makes inputs of
            another modality or shape, or a class has no name.
        TypeError: If an argument is of the wrong type.

    Example:

    ```python
    import keras
    import numpy as np
    import keras_maelre

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
        temperature=1.0,
        thresholds=None,
        pooling="cls",
        name=None,
        trainable=True,
    ):
        if not isinstance(backbone, MaelreBackbone):
            raise TypeError(
                "Argument `backbone` must be a MaelreBackbone. "
                f"Received: backbone={backbone!r}"
            )
        num_classes = check_integer("num_classes", num_classes)
        multi_label = check_flag("multi_label", multi_label)
        trainable = check_flag("trainable", trainable)
        check_choice("pooling", pooling, poolings.POOLINGS)
        if class_names is not None:
            class_names = _checked_class_names(class_names, num_classes)
        # === Layers ===
        policy = backbone.dtype_policy
        dtype = poolings.head_dtype(policy)
        pooler = standardization = None
        if pooling == "gem":
            pooler = GeneralizedMean(dtype=dtype, name="token_gem")
        if pooling == "blocks":
            standardization = RunningStandardization(dtype=dtype, name="standardize")
        head = keras.layers.Dense(num_classes, dtype=dtype, name="logits")

        # === Functional Model ===
        inputs = backbone.input
        features = poolings.pool(backbone(inputs), pooler or pooling, dtype)
        if standardization is not None:
            features = standardization(features)
        outputs = head(features)
        super().__init__(inputs=inputs, outputs=outputs, name=name)
        if not trainable:
            self.trainable = False

        # === Config ===
        self.dtype_policy = policy
        self.backbone = backbone
        self.pooler = pooler
        self.standardization = standardization
        self.head = head
        self.pooling = pooling
        self.num_classes = num_classes
        self.class_names = class_names
        self.multi_label = multi_label
        self.modality = backbone.modality
        self.signal_shape = backbone.signal_shape
        self._predicting = threading.Lock()
        self.preprocessor = preprocessor
        self.temperature = temperature
        self.thresholds = thresholds

    @property
    def head_layers(self):
        """The layers with weights that are not the backbone's, as a tuple."""
        parts = (self.pooler, self.standardization, self.head)
        return tuple(layer for layer in parts if layer is not None)

    @property
    def pooled(self):
        """What `pool` takes for the pooling of this classifier."""
        return self.pooler or self.pooling

    @property
    def temperature(self):
        """Float, what logits are divided by before they become probabilities."""
        return self._temperature

    @temperature.setter
    def temperature(self, temperature):
        self._temperature = check_number("temperature", temperature, above=0.0)

    @property
    def thresholds(self):
        """`None`, a float or a tuple of floats, one for each class."""
        return self._thresholds

    @thresholds.setter
    def thresholds(self, thresholds):
        if thresholds is None:
            self._thresholds = None
            return
        if not self.multi_label:
            raise ValueError(
                "Argument `thresholds` needs a multi-label classifier. "
                f"Received: thresholds={thresholds!r}"
            )
        try:
            values = np.asarray(thresholds, "float64")
        except (TypeError, ValueError) as error:
            raise TypeError(
                "Argument `thresholds` must hold numbers. "
                f"Received: thresholds={thresholds!r}"
            ) from error
        # Written so that NaN fails too.
        fits = values.shape in ((), (self.num_classes,))
        if not fits or not np.all((values >= 0) & (values <= 1)):
            raise ValueError(
                "Argument `thresholds` must be a number in [0, 1], or "
                f"{self.num_classes} of them. Received: thresholds={thresholds!r}"
            )
        is_single = values.shape == ()
        self._thresholds = float(values) if is_single else tuple(values.tolist())

    # === Labels ===

    def encode_targets(self, y):
        """Returns labels as the compiled loss takes them.

        Args:
            y: As in `fit`.

        Raises:
            ValueError: If a label is not one of the classes.
            TypeError: If `y` is of another kind.
        """
        loss = getattr(self, "loss", None)
        encoded = encode_targets(
            y,
            self.num_classes,
            self.class_names,
            self.multi_label,
            rows=wants_rows(loss),
        )
        if encoded.ndim == 2 and wants_integers(loss):
            raise ValueError(
                "Argument `y` holds a row of numbers for each sample, and the compiled "
                "loss SparseCategoricalCrossentropy takes integers: compile with "
                "CategoricalCrossentropy, or pass integers. "
                f"Received: shape {encoded.shape}"
            )
        return encoded

    # === Predictions ===

    def predict_proba(self, samples, batch_size=32, verbose=0):
        """Returns the probabilities of samples.

        Args:
            samples: Iterable of raw samples, of any number: they are read in pools, and
                memory does not grow with them. Without a preprocessor: an array of
                inputs.
            batch_size: Integer, how many samples the model sees at a time.
            verbose: 0 or 1. 1 shows a progress bar.

        Returns:
            Float array of shape `(samples, num_classes)`, after `temperature`.

        Raises:
            ValueError: If a sample is bad.

        Example:

        ```python
        import numpy as np
        import keras_maelre

        classifier = keras_maelre.MaelreClassifier.from_preset(
            "tiny_series",
            num_classes=2,
            preprocessor=keras_maelre.preprocessing.SeriesPreprocessor((3750, 1)),
        )
        classifier.predict_proba([np.random.normal(size=2000)]).shape  # (1, 2)
        ```
        """
        made = list(self._stream_probabilities(samples, batch_size, verbose))
        return np.concatenate(made) if made else np.zeros((0, self.num_classes))

    def _stream_probabilities(self, samples, batch_size, verbose):
        batch_size = check_integer("batch_size", batch_size)
        if self.preprocessor is None:
            pools = iter([self.predict(samples, batch_size, verbose)])
        else:
            check_samples(samples, sized=False)
            pools = stream_outputs(
                samples,
                self.preprocessor,
                self.modality,
                self._forward,
                batch_size,
                verbose,
            )
        for logits in pools:
            logits = check_outputs(logits, "logits")
            yield probabilities(logits, self.multi_label, self.temperature)

    def _forward(self, x):
        self.check_inputs(x)
        # The state that Keras keeps while it predicts is one per model.
        with self._predicting:
            return keras.Model.predict_on_batch(self, x)

    def predict_raw(self, samples, batch_size=32, verbose=0):
        """Classifies raw samples: documents, files, arrays of any length.

        Args:
            samples: Iterable of what `preprocessor` takes, of any number: they are
                read in pools, and memory does not grow with them.
            batch_size: Integer, how many samples the model sees at a time.
            verbose: 0 or 1. 1 shows a progress bar.

        Returns:
            A list with one dictionary per sample: the probability of every class by
            its name (by its number where the classifier has no `class_names`), the
            most probable first. Its attribute `labels` is the tuple of the classes
            that the classifier decides for, after `thresholds`.

        Raises:
            ValueError: If the classifier has no preprocessor, or a sample is bad.

        Example:

        ```python
        import numpy as np
        from keras_maelre import MaelreClassifier
        from keras_maelre.preprocessing import SeriesPreprocessor

        classifier = MaelreClassifier.from_preset(
            "tiny_series",
            class_names=["calm", "storm"],
            preprocessor=SeriesPreprocessor.from_preset("tiny_series"),
        )
        answers = classifier.predict_raw([np.random.normal(size=2000)])
        answers[0]  # {"storm": 0.53, "calm": 0.47}
        answers[0].labels  # ("storm",)
        ```
        """
        if self.preprocessor is None:
            raise ValueError(
                "`predict_raw` needs a classifier with a preprocessor: pass "
                "`preprocessor` to `from_preset`, or set the attribute."
            )
        answers = []
        for rows in self._stream_probabilities(samples, batch_size, verbose):
            answers += named_predictions(rows, self.decide(rows), self.class_names)
        return answers

    def warm_up(self, lengths=None, batch_size=1):
        """Compiles what `predict_raw` will need, before the first request comes.

        Inputs are cut to one of few lengths (2, 3, 4, 6, 8, 12, 16, ...), and each of
        them is compiled when it is first met: seconds on JAX, less on TensorFlow. On
        torch nothing is compiled.

        Args:
            lengths: Iterable of integers, the lengths of the inputs to come along
                their first axis (steps, bytes or tokens): all shapes that these take
                are compiled. `None` where all inputs have one shape, as images have.
            batch_size: Integer, how many samples come at a time.

        Returns:
            List of the shapes of inputs that are ready, as tuples.

        Raises:
            ValueError: If `lengths` are missing, out of range, or of inputs that have
                one shape.

        Example:

        ```python
        from keras_maelre import MaelreClassifier
        from keras_maelre.preprocessing import SeriesPreprocessor

        classifier = MaelreClassifier.from_preset(
            "tiny_series", num_classes=2, preprocessor=SeriesPreprocessor((500, 1))
        )
        classifier.warm_up([300, 350, 380])  # [(1, 384, 1)]
        ```
        """
        batch_size = check_integer("batch_size", batch_size)
        longest = getattr(self.preprocessor, "input_shape", self.signal_shape)[0]
        if (lengths is None) == self.modality.variable_length:
            raise ValueError(
                "Argument `lengths` must hold integers where inputs have different "
                "lengths, and be None elsewhere. Received: "
                f"lengths={lengths!r} for {self.modality.description}"
            )
        sizes = {longest}
        if lengths is not None:
            sizes = {
                min(few_shapes(check_integer("lengths", n, high=longest)), longest)
                for n in lengths
            }
        shapes = [(batch_size, size, *self.signal_shape[1:]) for size in sorted(sizes)]
        for shape in shapes:
            self._forward(np.zeros(shape, self.modality.dtype))
        return shapes

    def embed(self, samples, blocks=None, scales=(1,), batch_size=32, verbose=0):
        """Returns features of samples as NumPy arrays, for models of another kind.

        Args:
            samples: As in `predict_proba`.
            blocks: As in `MaelreBackbone.embed`; `None` for what the head of this
                classifier sees by its `pooling`, before it is standardised.
            scales: As in `MaelreBackbone.embed`.
            batch_size: Integer, how many samples the model sees at a time.
            verbose: 0 or 1. 1 shows a progress bar.

        Returns:
            Float array of shape `(samples, features)`.

        Raises:
            TypeError: If an argument is of the wrong type.
            ValueError: If an argument is out of range, or a sample is bad.

        Example:

        ```python
        import numpy as np
        from keras_maelre import MaelreClassifier
        from keras_maelre.preprocessing import SeriesPreprocessor

        classifier = MaelreClassifier.from_preset(
            "tiny_series",
            num_classes=2,
            pooling="blocks",
            preprocessor=SeriesPreprocessor((500, 1)),
        )
        series = [np.random.normal(size=n) for n in (500, 320)]
        classifier.embed(series, scales=(1, 2, 4)).shape  # (2, 6528)
        ```
        """
        pooled = self.pooled if blocks is None else blocks
        return embed(
            self.backbone,
            samples,
            self.preprocessor,
            pooled,
            scales,
            batch_size,
            verbose,
        )

    def decide(self, probabilities):
        """Returns which labels probabilities amount to.

        Args:
            probabilities: Float array of shape `(samples, num_classes)`, as
                `predict_proba` returns it.

        Returns:
            Boolean array of the same shape: the most probable class, or all classes of
            a multi-label classifier that exceed their threshold.
        """
        return decisions(probabilities, self.multi_label, self.thresholds)

    # === Configuration and presets ===

    @classmethod
    def from_preset(cls, preset, load_weights=True, token_embeddings=None, **kwargs):
        """Builds a classifier from a built-in preset, or loads a saved one.

        A built-in preset is an architecture: its weights are new and must be
        trained. `"tiny_series_synthetic"`, an encoder of series of one channel that
        is pretrained on synthetic ones, and a directory written by `save_to_preset`
        bring their weights.

        Args:
            preset: String. A name in `presets`, a directory written by
                `save_to_preset` on any backend, or `"hf://user/repository"` (with
                `"@revision"` if need be), which is fetched by huggingface_hub. A
                backbone gets a new head, and needs `num_classes`: so does
                `"tiny_series_synthetic"`, with `pooling="blocks"` and the preprocessor
                that it was trained with unless others are passed.
            load_weights: Boolean. Whether a preset with weights brings them.
            token_embeddings: See `MaelreBackbone.from_preset`.
            **kwargs: What to change: `num_classes`, `class_names`, `preprocessor`,
                `multi_label`, `temperature`, `thresholds` and `pooling`, and what
                `MaelreBackbone.from_preset` takes. `class_names` alone sets
                `num_classes` too, and a `preprocessor` the `input_shape`,
                `vocabulary_size` and `padding_id` of a built-in preset. A saved
                classifier loaded with other classes or another pooling gets a new
                head, and a warning says so.

        Returns:
            A model of the class that this is called on.

        Raises:
            ValueError: If the preset is unknown or damaged, or if saved weights do
                not fit what was changed.
            TypeError: If a keyword is unknown.

        Example:

        ```python
        import keras_maelre

        model = keras_maelre.MaelreClassifier.from_preset("tiny_audio", num_classes=10)
        model.save_to_preset("my_model")
        model = keras_maelre.MaelreClassifier.from_preset("my_model")
        ```
        """
        preset = check_path("preset", preset)
        load_weights = check_flag("load_weights", load_weights)
        if kwargs.get("class_names") is not None:
            _check_listed(kwargs["class_names"])
            kwargs = {"num_classes": len(kwargs["class_names"]), **kwargs}
        names = {*HEAD_ARGUMENTS, "name", "trainable"}
        own = {name: kwargs.pop(name) for name in names & set(kwargs)}
        if preset_files.is_built_in(preset):
            entry = presets.PRESETS[preset]
            implied = implied_arguments(
                own.get("preprocessor"), entry["config"]["modality"]
            )
            if token_embeddings is not None:
                # The table has a row for every id, and may have more.
                implied.pop("vocabulary_size", None)
            backbone = MaelreBackbone.from_architecture(
                preset, token_embeddings, **{**implied, **kwargs}
            )
            return cls(backbone, **{"num_classes": entry["num_classes"], **own})
        if preset in presets.PRETRAINED:
            entry = presets.PRETRAINED[preset]
            if "preprocessor" not in own:
                made = keras.saving.get_registered_object(entry["preprocessor"])
                shape = {k: v for k, v in kwargs.items() if k == "input_shape"}
                own["preprocessor"] = made.from_preset(preset, **shape)
            if "num_classes" not in own:
                raise ValueError(NO_HEAD)
            implied = implied_arguments(own["preprocessor"], entry["modality"])
            backbone = MaelreBackbone.from_preset(
                preset, load_weights, token_embeddings, **{**implied, **kwargs}
            )
            return cls(backbone, **{"pooling": entry["pooling"], **own})
        directory = preset_files.find_directory(preset)
        saved = preset_files.load(directory, MaelreModel, load_weights)
        changed = {*own, *kwargs} or token_embeddings is not None
        if isinstance(saved, cls) and not changed:
            return saved
        return cls._from_saved(saved, load_weights, token_embeddings, own, kwargs)

    @classmethod
    def _from_saved(cls, saved, load_weights, token_embeddings, own, kwargs):
        """Gives a loaded model the class and the arguments that were asked for."""
        is_classifier = isinstance(saved, MaelreClassifier)
        arguments = saved._head_arguments() if is_classifier else {}
        count = arguments.get("num_classes")
        if own.get("num_classes", count) is None:
            raise ValueError(NO_HEAD)
        if own.get("num_classes", count) != count:
            arguments.pop("class_names", None)
            arguments.pop("thresholds", None)
        if own.get("multi_label", True) is False:
            arguments.pop("thresholds", None)
        preprocessor = arguments.get("preprocessor")
        if preprocessor is not None and "input_shape" in kwargs:
            shape = saved.modality.check_input_shape(kwargs["input_shape"])
            config = {**preprocessor.get_config(), "input_shape": shape}
            arguments["preprocessor"] = type(preprocessor).from_config(config)
        if own.get("trainable"):
            # Asked of the whole, it is asked of the backbone too.
            kwargs = {**kwargs, "trainable": True}
        source = saved.backbone if is_classifier else saved
        backbone = MaelreBackbone.from_saved(
            source, load_weights, token_embeddings, **kwargs
        )
        arguments["trainable"] = saved.trainable
        target = cls(backbone, **{**arguments, **own})
        if count != target.num_classes:
            warnings.warn(
                f"The preset has {count or 'no'} classes and {target.num_classes} were "
                "asked for: the head is new and must be trained.",
                stacklevel=3,
            )
        elif saved.pooling != target.pooling:
            warnings.warn(
                f"The head of the preset sees pooling={saved.pooling!r} and "
                f"{target.pooling!r} was asked for: the head is new and must be "
                "trained.",
                stacklevel=3,
            )
        elif load_weights:
            states = saved.layer_states()
            if own.get("trainable"):
                states.pop("frozen")
            target.restore_layer_states(states)
            for old, new in zip(saved.head_layers, target.head_layers, strict=True):
                new.set_weights(old.get_weights())
        return target

    def get_config(self):
        return {
            "name": self.name,
            "trainable": self.trainable,
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            **self._head_arguments(),
            "preprocessor": keras.saving.serialize_keras_object(self.preprocessor),
            **self.layer_states(),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        states = take_states(config)
        for key in ("backbone", "preprocessor"):
            if isinstance(config.get(key), dict):
                config[key] = keras.saving.deserialize_keras_object(
                    config[key], custom_objects=custom_objects
                )
        classifier = cls(**config)
        classifier.restore_layer_states(states)
        return classifier

    def _head_arguments(self):
        return {name: getattr(self, name) for name in HEAD_ARGUMENTS}


def _checked_class_names(class_names, num_classes):
    """Returns the names as a tuple, or raises an error unless they fit."""
    _check_listed(class_names)
    names = tuple(str(name) for name in class_names)
    if len(names) != num_classes or len(set(names)) < len(names):
        raise ValueError(
            f"Argument `class_names` must hold {num_classes} distinct names. "
            f"Received: {len(names)} names, {len(set(names))} of them distinct"
        )
    return names


def _check_listed(class_names):
    """Raises a TypeError at what is not several names, such as a string."""
    if isinstance(class_names, (str, bytes)) or not hasattr(class_names, "__len__"):
        raise TypeError(
            "Argument `class_names` must be a list of strings. "
            f"Received: class_names={class_names!r}"
        )
