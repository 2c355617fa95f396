"""A model that takes raw samples, in whatever they come."""

import functools

import keras

from keras_maelre.checks import check_integer, check_number
from keras_maelre.modalities.cut_padding import cut_padding
from keras_maelre.models import sample_batches
from keras_maelre.models.batch_errors import keeps_errors
from keras_maelre.models.maelre_model import MaelreModel, as_array
from keras_maelre.models.predictions import check_outputs
from keras_maelre.models.preprocessors import check_preprocessor
from keras_maelre.models.sample_batches import one_per_sample
from keras_maelre.models.targets import wants_rows


class SampleModel(MaelreModel):
    """Base of models with a preprocessor: `fit` and its like take raw samples.

    A subclass has the attributes `backbone`, `num_classes` and `multi_label`, and
    implements `encode_targets(y)`, from labels to what the compiled loss takes.
    """

    @property
    def preprocessor(self):
        """What turns raw samples into inputs, or `None`: then `fit` takes inputs."""
        return self._preprocessor

    @preprocessor.setter
    def preprocessor(self, preprocessor):
        if preprocessor is not None:
            check_preprocessor(preprocessor, self.backbone)
        self._preprocessor = preprocessor

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        class_weight=None,
        sample_weight=None,
        **kwargs,
    ):
        """Trains the classifier, as `fit` of every Keras model does.

        Args:
            x: Raw samples or batches of them if the classifier has a preprocessor, and
                otherwise inputs of the model.
            y: Labels. Single-label: class names or integers, of shape `(samples,)`.
                Multi-label: a collection of names or integers for each sample. Either:
                numbers of shape `(samples, num_classes)`. Integers become rows where
                the compiled loss takes rows.
            **kwargs: The other arguments are those of `keras.Model.fit`.

        Returns:
            A `keras.callbacks.History`.

        Raises:
            ValueError: If a sample or a label is bad, or the learning rate falls to 0
                before the last step.

        Example:

        ```python
        import numpy as np
        from keras_maelre import MaelreClassifier
        from keras_maelre.preprocessing import SeriesPreprocessor

        classifier = MaelreClassifier.from_preset(
            "tiny_series",
            input_shape=(200, 1),
            class_names=["calm", "storm"],
            preprocessor=SeriesPreprocessor((200, 1)),
        )
        classifier.compile("adamw", keras.losses.SparseCategoricalCrossentropy(True))
        series = [np.random.normal(size=n) for n in (120, 80, 200, 150)]
        classifier.fit(series, ["calm", "storm", "storm", "calm"], epochs=2)
        ```
        """
        if validation_split:
            if validation_data is not None:
                raise ValueError(
                    "Pass `validation_split` or `validation_data`, not both."
                )
            x, y, sample_weight, validation_data = _split(
                x, y, sample_weight, validation_split
            )
        size = 32 if batch_size is None else check_integer("batch_size", batch_size)
        epochs = check_integer("epochs", epochs, low=0)
        if validation_data is not None:
            validation_size = kwargs.get("validation_batch_size") or size
            validation_data = self._validation(validation_data, validation_size)
        x, y, sample_weight = self._ready(x, y, sample_weight, size, shuffle)
        is_batches = sample_batches.is_batches(x)
        return super().fit(
            x,
            y,
            batch_size=None if is_batches else batch_size,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            validation_data=validation_data,
            shuffle=shuffle and not isinstance(x, sample_batches.SampleBatches),
            class_weight=class_weight,
            sample_weight=sample_weight,
            **kwargs,
        )

    def evaluate(
        self,
        x=None,
        y=None,
        batch_size=None,
        verbose="auto",
        sample_weight=None,
        **kwargs,
    ):
        """Returns loss and metrics; `x` and `y` are those of `fit`.

        Args:
            x: As in `fit`.
            y: As in `fit`.
            **kwargs: The other arguments are those of `keras.Model.evaluate`.
        """
        size = 32 if batch_size is None else check_integer("batch_size", batch_size)
        # `fit` passes, every epoch, what it has made ready before the first.
        if not kwargs.get("_use_cached_eval_dataset"):
            x, y, sample_weight = self._ready(x, y, sample_weight, size)
        return super().evaluate(
            x,
            y,
            batch_size=None if sample_batches.is_batches(x) else batch_size,
            verbose=verbose,
            sample_weight=sample_weight,
            **kwargs,
        )

    def predict(self, x, batch_size=None, verbose="auto", steps=None, callbacks=None):
        """Returns the logits; `x` is that of `fit`.

        Args:
            x: As in `fit`.
            batch_size: Integer, 32 by default.
            verbose: As in `keras.Model.predict`.
            steps: As in `keras.Model.predict`.
            callbacks: As in `keras.Model.predict`.

        Returns:
            Float array of shape `(samples, num_classes)`.

        Raises:
            ValueError: If a sample is bad, or a logit is not finite.
        """
        size = 32 if batch_size is None else check_integer("batch_size", batch_size)
        x, _, _ = self._ready(x, None, None, size, labelled=False)
        logits = super().predict(
            x,
            batch_size=None if sample_batches.is_batches(x) else batch_size,
            verbose=verbose,
            steps=steps,
            callbacks=callbacks,
        )
        return check_outputs(logits, "logits")

    def train_on_batch(self, x, y=None, sample_weight=None, **kwargs):
        """As `keras.Model.train_on_batch`, for what `fit` takes."""
        x, y, sample_weight = _unpacked(self._prepare(x, y, sample_weight))
        return super().train_on_batch(x, y, sample_weight, **kwargs)

    def test_on_batch(self, x, y=None, sample_weight=None, **kwargs):
        """As `keras.Model.test_on_batch`, for what `evaluate` takes."""
        x, y, sample_weight = _unpacked(self._prepare(x, y, sample_weight))
        return super().test_on_batch(x, y, sample_weight, **kwargs)

    def predict_on_batch(self, x):
        """As `keras.Model.predict_on_batch`, for what `predict` takes."""
        return super().predict_on_batch(self._prepare(x))

    def check_given(self, x):
        """Nothing more: `_ready` has looked at the inputs, before their labels."""

    def _ready(self, x, y, sample_weight, batch_size, shuffle=False, labelled=True):
        """Returns what Keras' own `fit` and such are to be given."""
        if sample_batches.is_batches(x):
            if y is not None or sample_weight is not None:
                raise ValueError(
                    "Arguments `y` and `sample_weight` must be None where `x` yields "
                    f"batches, which hold them. Received: x of {type(x).__name__}"
                )
            # Of batches that are not ours, TensorFlow is told one length for all.
            cut = keras.backend.backend() != "tensorflow"
            prepare = functools.partial(self._prepare, cut=cut)
            ready = sample_batches.prepared(x, prepare, self._prepare_symbolic)
            return ready, y, sample_weight
        if self.preprocessor is None and x is not None:
            super().check_given(x)
        else:
            check_samples(x)
        # All labels are looked at before the first of them is trained on.
        if y is not None:
            y = self.encode_targets(y)
        elif labelled:
            raise ValueError("Argument `y` is missing: training needs labels.")
        sample_weight = one_per_sample("sample_weight", sample_weight, x)
        if self.preprocessor is None:
            return x, y, sample_weight
        batches = sample_batches.SampleBatches(
            x, self._prepare, y, sample_weight, batch_size, shuffle
        )
        return batches, None, None

    def _validation(self, data, batch_size):
        if sample_batches.is_batches(data):
            ready, _, _ = self._ready(data, None, None, batch_size)
            return ready
        if not isinstance(data, (tuple, list)) or not 2 <= len(data) <= 3:
            raise TypeError(
                "Argument `validation_data` must be a tuple (x, y), with sample "
                "weights after it if need be, or batches. "
                f"Received: {type(data).__name__}"
            )
        x, y, sample_weight = _unpacked(data)
        x, y, sample_weight = self._ready(x, y, sample_weight, batch_size)
        if sample_batches.is_batches(x):
            return x
        return (x, y) if sample_weight is None else (x, y, sample_weight)

    def _prepare(self, x, y=None, sample_weight=None, cut=True):
        """Makes one batch ready: preprocessed, checked, its labels encoded."""
        # Batches of a DataLoader are tensors, whose values a model does not look at.
        x = as_array(x)
        if self.preprocessor is not None:
            x = self.preprocessor(x)
            x = cut_padding(x, self.modality) if cut else x
        self.check_inputs(x)
        y = None if y is None else self.encode_targets(y)
        return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)

    def _prepare_symbolic(self, x, y=None, sample_weight=None):
        """The same for a batch of `tf.data`."""
        import tensorflow as tf

        if self.preprocessor is not None:
            x = self.preprocessor(x)

        @keeps_errors
        def checked(x):
            self.check_inputs(x)
            return x

        @keeps_errors
        def encoded(y):
            return self.encode_targets(y).astype(dtype.as_numpy_dtype)

        shape = x.shape
        x = tf.numpy_function(checked, [x], x.dtype)
        x.set_shape(shape)
        if y is not None:
            rows = self.multi_label or wants_rows(getattr(self, "loss", None))
            rows = rows or y.shape.rank == 2 and y.shape[1] == self.num_classes
            dtype = tf.float32 if rows else tf.int32
            y = tf.numpy_function(encoded, [y], dtype)
            y.set_shape((None, self.num_classes) if rows else (None,))
        return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)


def check_samples(samples, sized=True):
    """Raises a TypeError unless samples can be taken one by one."""
    fits = hasattr(samples, "__len__") or not sized and hasattr(samples, "__iter__")
    if not fits or isinstance(samples, (str, bytes, dict)):
        raise TypeError(
            "Raw samples must be a list or an array of them. Received: "
            f"{type(samples).__name__}. Put a single sample in a list."
        )


def _unpacked(data):
    if not isinstance(data, (tuple, list)):
        return data, None, None
    return (*data, None, None)[:3]


def _split(x, y, sample_weight, fraction):
    """Splits the last samples off for validation, as Keras does."""
    fraction = check_number("validation_split", fraction, above=0.0, below=1.0)
    if sample_batches.is_batches(x):
        raise ValueError(
            "Argument `validation_split` needs samples in memory. "
            f"Received: x of {type(x).__name__}"
        )
    count = len(x)
    kept = count - int(count * fraction)
    if kept in (0, count):
        raise ValueError(
            f"Argument `validation_split`={fraction} of {count} samples leaves none "
            f"to {'validate' if kept else 'train'} on."
        )
    parts = [
        [None if v is None else v[where] for v in (x, y, sample_weight)]
        for where in (slice(kept), slice(kept, None))
    ]
    return (*parts[0], tuple(parts[1]))
