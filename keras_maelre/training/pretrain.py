"""Learning from samples without labels."""

import keras
import numpy as np

from keras_maelre.checks import check_integer
from keras_maelre.models import MaelreBackbone, MaelreClassifier
from keras_maelre.models.sample_batches import is_batches
from keras_maelre.training.masked_batches import MaskedBatches, OrderedMaskedBatches
from keras_maelre.training.masked_model import MaskedModel
from keras_maelre.training.masking import LOOKED_AT, Masking
from keras_maelre.training.recipe import Recipe
from keras_maelre.training.training_run import run


def pretrain(
    model,
    x,
    validation_data=None,
    validation_split=0.1,
    groups=None,
    mask_fraction=None,
    mask_span=None,
    learning_rate=1e-3,
    epochs=50,
    time_limit=None,
    batch_size=32,
    output=None,
    resume=False,
    callbacks=(),
    seed=0,
    workers=0,
    verbose="auto",
):
    """Trains the encoder of a model on samples without labels.

    Parts of every sample are hidden, and the model learns to tell what was there: ids
    of texts and bytes by their cross-entropy, values of series, sounds and images by
    the mean squared error, after they were standardised by mean and deviation of the
    samples. A light decoder on the tokens of all four blocks does the telling. It is
    thrown away in the end, and the head of a classifier is not touched: `recipe(...)`
    or `small_data_recipe(...)` trains on from there, and the estimator does from a
    preset that is saved. Dropout is off meanwhile.

    Padding and gaps are never hidden, and change neither the loss nor what is learned.

    Args:
        model: A `MaelreClassifier`, or a `MaelreBackbone`, changed in place.
        x: Raw samples if the model is a classifier with a preprocessor, and otherwise
            an array of inputs; in memory.
        validation_data: Optional further samples, to look at after every epoch.
        validation_split: Float in `[0, 1)`, the fraction of the samples to look at if
            there is no `validation_data`. The weights of the epoch are kept that tells
            best what is hidden of these.
        groups: Optional array of shape `(samples,)`: samples of one group are all
            trained or all validated on.
        mask_fraction: Float in `(0, 1)`, how much of a sample is hidden. Defaults to
            0.2 of texts and bytes, and 0.5 of all else.
        mask_span: Integer, the length of the runs that are hidden, in steps or ids; of
            images and sounds the side of squares, in patches. Defaults to 1 token, 6
            bytes, 1/32 of series, 1/8 of images and sounds.
        learning_rate: Float above 0, after the warm-up.
        epochs: As in `Recipe.fit`.
        time_limit: As in `Recipe.fit`.
        batch_size: Integer.
        output: As in `Recipe.fit`; the `preset` in the folder holds the model.
        resume: As in `Recipe.fit`.
        callbacks: List of Keras callbacks.
        seed: Integer, of the split, the batches, what is hidden, and the decoder.
        workers: Integer, threads that make batches ahead.
        verbose: As in `keras.Model.fit`. 0 prints nothing at all.

    Returns:
        A `keras.callbacks.History`, as `Recipe.fit` returns it.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is out of range, all samples are too short, the
            modality lacks the attribute `patch`, the encoder is frozen or quantized,
            or a resumed training differs from the one that was started.

    Example:

    ```python
    import numpy as np
    from keras_maelre import MaelreClassifier
    from keras_maelre.preprocessing import SeriesPreprocessor
    from keras_maelre.training import pretrain, small_data_recipe

    classifier = MaelreClassifier.from_preset(
        "tiny_series",
        class_names=["calm", "storm"],
        pooling="blocks",
        preprocessor=SeriesPreprocessor((100, 1)),
    )
    series = [np.random.normal(size=n).cumsum() for n in range(60, 100)]
    pretrain(classifier, series, epochs=2, verbose=0)
    small_data_recipe("series").fit(
        classifier, series[:8], ["calm", "storm"] * 4, epochs=2, verbose=0
    )
    ```

    Reference:
        "BERT" (arXiv 1810.04805), section 3.1, of texts; "SimMIM: A Simple Framework
        for Masked Image Modeling" (arXiv 2111.09886), section 3, of signals.
    """
    backbone = _checked_backbone(model)
    seed = check_integer("seed", seed, low=0)
    _check_samples("x", x, model)
    if validation_data is not None:
        _check_samples("validation_data", validation_data, model)
        validation_data = validation_data, np.zeros(len(validation_data), int)
    masking = Masking(backbone, mask_fraction, mask_span)
    training = MaskedTraining(masking, learning_rate, seed)
    rates = backbone.dropout_rate, backbone.drop_path_rate
    with backbone.strategy_scope():
        masked = MaskedModel(model, masking.outputs, seed)
    try:
        return run(
            training,
            masked,
            x,
            np.zeros(len(x), int),
            validation_data=validation_data,
            validation_split=validation_split,
            groups=groups,
            sample_weight=None,
            epochs=epochs,
            time_limit=time_limit,
            batch_size=batch_size,
            output=output,
            resume=resume,
            callbacks=callbacks,
            seed=seed,
            workers=workers,
            verbose=verbose,
        )
    finally:
        backbone.set_dropout(*rates)


class MaskedTraining:
    """What `training_run.run` asks a recipe for, without labels.

    Args:
        masking: A `Masking`.
        learning_rate: Float above 0.
        seed: Integer.
    """

    probe = False
    restore_best_weights = True
    few_steps_advice = "use more epochs or smaller batches"

    def __init__(self, masking, learning_rate, seed):
        self.masking, self.seed = masking, seed
        # Optimizer, schedule and averages are those of the recipes.
        self.recipe = Recipe(masking.modality.name, learning_rate=learning_rate)
        self.ema = self.recipe.ema

    def monitored(self, model):
        return "loss", "min"

    def labels(self, model, y):
        return y

    def batches(self, model, x, y, sample_weight=None, total_steps=None, **kwargs):
        batches = MaskedBatches(x, self.masking, **_common(model), **kwargs)
        if self.masking.guess is None:
            count = min(LOOKED_AT, len(x))
            some = np.linspace(0, len(x) - 1, count).astype(int)
            self.masking.measure(batches.inputs[some])
        return batches

    def ordered_batches(self, model, x, y, sample_weight=None, **kwargs):
        return OrderedMaskedBatches(
            x, self.masking, seed=self.seed, **_common(model), **kwargs
        )

    def compile(self, model, total_steps, **kwargs):
        model.backbone.set_dropout(0.0, 0.0)
        kind, metrics = keras.losses.MeanSquaredError, []
        options = {"reduction": "mean_with_sample_weight"}
        if self.masking.is_tokens:
            kind = keras.losses.SparseCategoricalCrossentropy
            options["from_logits"] = True
            metrics = [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]
        with model.strategy_scope():
            model.compile(
                optimizer=self.recipe.optimizer(model, total_steps),
                loss=kind(**options),
                weighted_metrics=metrics,
                **kwargs,
            )

    def settings(self, model):
        return {
            "learning_rate": self.recipe.learning_rate,
            "mask_fraction": self.masking.fraction,
            "mask_span": self.masking.span,
        }

    def title(self, model):
        return f"Pretraining of {model.source_name}: telling what is hidden"

    def rows(self, batches):
        masking = self.masking
        # A run of steps or ids, a square of patches.
        size = " by ".join(str(masking.span * n) for n in masking.patch)
        axes = ", ".join(batches.modality.axes[: len(masking.patch)])
        guess = "the frequencies of ids" if masking.is_tokens else "the mean"
        return {
            "hidden": f"{masking.fraction:.0%} of a sample, {size} ({axes}) at a time",
            "expect": f"a loss below {masking.guess:.3f}, that of answering {guess}",
        }


def _common(model):
    return {"preprocessor": model.preprocessor, "modality": model.modality}


def _checked_backbone(model):
    if not isinstance(model, (MaelreBackbone, MaelreClassifier)):
        raise TypeError(
            "Argument `model` must be a MaelreClassifier or a MaelreBackbone. "
            f"Received: model={model!r}"
        )
    backbone = getattr(model, "backbone", model)
    if backbone.quantization():
        raise ValueError("The model is quantized: pretrain it before that.")
    if not backbone.trainable_variables:
        raise ValueError(
            "The encoder is frozen, and pretraining would change nothing: set "
            "`trainable = True` or call `unfreeze` first."
        )
    return backbone


def _check_samples(name, x, model):
    unfit = isinstance(x, (str, bytes, dict)) or not hasattr(x, "__len__")
    if is_batches(x) or unfit:
        raise TypeError(
            f"Argument `{name}` must be a list or an array of samples, in memory and "
            f"without labels. Received: {type(x).__name__}"
        )
    if getattr(model, "preprocessor", None) is None:
        model.check_inputs(np.asarray(x))
