"""What the parameters of an estimator, and what it is fitted to, must be."""

import numbers
import os

import numpy as np

from keras_maelre import modalities
from keras_maelre.checks import (
    check_choice,
    check_flag,
    check_integer,
    check_number,
    check_rate,
)
from keras_maelre.estimator.raw_samples import MOVABLE


def check_parameters(estimator):
    """Checks what nothing further below checks, or checks too late.

    Args:
        estimator: A `MaelreEstimator`.

    Raises:
        TypeError: If a parameter is of the wrong type.
        ValueError: If one is out of range, or two do not go together.
    """
    check_choice("modality", estimator.modality, tuple(modalities.MODALITIES))
    if estimator.epochs is not None:
        check_integer("epochs", estimator.epochs)
    check_integer("batch_size", estimator.batch_size)
    check_integer("verbose", estimator.verbose, 0, 2)
    fraction = estimator.validation_fraction
    if not isinstance(fraction, str):
        check_rate("validation_fraction", fraction)
    elif fraction != "auto":
        raise ValueError(
            'Argument `validation_fraction` must be "auto" or a number in [0, 1). '
            f"Received: validation_fraction={fraction!r}"
        )
    _check_aligned(estimator)
    check_flag("channels_first", estimator.channels_first)
    check_flag("compare", estimator.compare)
    if estimator.time_limit is not None:
        check_number("time_limit", estimator.time_limit, above=0.0)
    if estimator.channels_first and estimator.modality not in MOVABLE:
        raise ValueError(
            f"Argument `channels_first` is for {' and '.join(MOVABLE)}. "
            f"Received: channels_first=True of modality {estimator.modality!r}"
        )
    if estimator.preprocessor is not None and estimator.input_shape is not None:
        raise ValueError(
            "Pass `preprocessor` or `input_shape`, not both: a preprocessor has an "
            f"input shape. Received: input_shape={estimator.input_shape!r}"
        )
    made = getattr(estimator.preprocessor, "modality", estimator.modality)
    if modalities.get(made).name != estimator.modality:
        raise ValueError(
            f"Argument `preprocessor` must make {estimator.modality} inputs. Received: "
            f"a {type(estimator.preprocessor).__name__}, which makes {made} inputs"
        )
    if estimator.output is not None:
        if not isinstance(estimator.output, (str, os.PathLike)):
            raise TypeError(
                "Argument `output` must be the path of a folder. "
                f"Received: output={estimator.output!r}"
            )
        if not isinstance(estimator.random_state, numbers.Integral):
            raise ValueError(
                "Argument `output` needs an integer `random_state`: a training "
                "goes on only with the random numbers that it began with. "
                f"Received: random_state={estimator.random_state!r}"
            )
    _check_class_weight(estimator.class_weight)
    extra = estimator.extra_features
    if isinstance(extra, str) and extra == "auto":
        return
    if extra is not None and (
        isinstance(extra, type)
        or not hasattr(extra, "fit_transform")
        or not hasattr(extra, "get_params")
    ):
        raise TypeError(
            'Argument `extra_features` must be "auto" or a transformer of '
            "scikit-learn, with `fit_transform`, `transform` and `get_params`. "
            f"Received: extra_features={extra!r}"
        )


def _check_aligned(estimator):
    if isinstance(estimator.aligned, str) and estimator.aligned == "auto":
        return
    if not isinstance(estimator.aligned, (bool, np.bool_)):
        raise ValueError(
            'Argument `aligned` must be "auto", True or False. '
            f"Received: aligned={estimator.aligned!r}"
        )
    if estimator.modality != "series":
        raise ValueError(
            "Argument `aligned` is for series. Received: "
            f"aligned={estimator.aligned!r} of modality {estimator.modality!r}"
        )
    if isinstance(estimator.recipe, dict) and "augmentation" in estimator.recipe:
        raise ValueError(
            "Pass `aligned` or `recipe['augmentation']`, not both. "
            f"Received: aligned={estimator.aligned!r}"
        )


def _check_class_weight(class_weight):
    if class_weight is None or class_weight == "balanced":
        return
    if not isinstance(class_weight, dict):
        raise TypeError(
            'Argument `class_weight` must be None, "balanced" or a dictionary from '
            f"labels to weights. Received: class_weight={class_weight!r}"
        )
    for label, weight in class_weight.items():
        check_number(f"class_weight[{label!r}]", weight, above=0.0)


def check_lengths(X, **others):
    for name, values in others.items():
        if values is None:
            continue
        shape = np.shape(np.asarray(values))
        if shape[:1] != (len(X),):
            raise ValueError(
                f"Arguments `X` and `{name}` must have the same number of samples. "
                f"Received: {len(X)} samples, and `{name}` of shape {shape}"
            )


def checked_weights(sample_weight):
    weights = np.asarray(sample_weight)
    if weights.ndim != 1 or weights.dtype.kind not in "biuf":
        raise ValueError(
            "Argument `sample_weight` must hold one number for each sample. "
            f"Received: shape {weights.shape}, dtype {weights.dtype}"
        )
    # Written so that NaN fails too.
    if not np.isfinite(weights).all() or weights.min() < 0:
        raise ValueError(
            "Argument `sample_weight` must hold finite numbers of at least 0. "
            f"Received: values from {weights.min()} to {weights.max()}"
        )
    if not weights.any():
        raise ValueError("Argument `sample_weight`: some weight must not be zero.")
    return weights.astype(float)
