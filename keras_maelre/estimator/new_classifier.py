"""The classifier that an estimator trains, before it is trained."""

import os
import warnings

import numpy as np

from keras_maelre.estimator.default_preprocessor import default_preprocessor
from keras_maelre.estimator.series_input import choose_by_probe, series_candidates
from keras_maelre.models import MaelreClassifier
from keras_maelre.models.presets import PRETRAINED, SIZES
from keras_maelre.models.sample_batches import take
from keras_maelre.preprocessing import semantic_embeddings
from keras_maelre.preprocessing.encoded_text import EncodedText
from keras_maelre.preprocessing.semantic_embeddings import DOCUMENTS_A_DIMENSION

# What is learned from thousands of documents is less than RoBERTa's 768 wide. More of
# them have more dimensions to be found.
SEMANTIC_DIM, MOST_SEMANTIC_DIM = 256, 512


def new_classifier(
    estimator, samples, classes, multi_label, targets, groups, held_out, seed
):
    """Returns a classifier to train, with its preprocessor, and its preset.

    Args:
        estimator: A `MaelreEstimator`.
        samples: List or array of raw samples.
        classes: Array of labels.
        multi_label: Boolean.
        targets: Integers, or rows of zeros and ones.
        groups: Optional array with the group of each sample.
        held_out: Array of booleans: the samples to validate on.
        seed: Integer.

    Raises:
        TypeError, ValueError: If a sample is bad, or the preset does not fit.
    """
    preset = _preset(estimator)
    head = {
        "class_names": [str(label) for label in classes],
        "multi_label": multi_label,
    }
    if preset not in MaelreClassifier.presets:
        return _from_saved(estimator, preset, samples, head), preset
    head["pooling"] = "blocks"
    candidates = _preprocessors(estimator, preset, samples)
    presets = [preset]
    if estimator.preset is None and _is_of_pretrained(candidates[0]):
        presets = [*PRETRAINED, preset]
    if isinstance(candidates[0], EncodedText):
        # Documents that they were made from are told apart by them more easily than
        # others: what is validated on may not be among those.
        documents = take(samples, np.flatnonzero(~held_out))
        found = len(documents) // DOCUMENTS_A_DIMENSION
        dim = min(max(found, SEMANTIC_DIM), MOST_SEMANTIC_DIM)
        head["token_embeddings"] = semantic_embeddings(
            candidates[0], documents, dim, seed=seed
        )
        head["trainable_embeddings"] = True
    return choose_by_probe(
        lambda name, made: MaelreClassifier.from_preset(
            name, **head, preprocessor=made
        ),
        presets,
        candidates,
        samples,
        targets,
        groups,
        seed,
        estimator.verbose,
    )


def _preprocessors(estimator, preset, samples):
    """Returns those to choose from, of a built-in preset."""
    modality, given = estimator.modality, estimator.preprocessor
    if given is not None:
        return [given]
    if modality == "series" and estimator.input_shape is None:
        return series_candidates(samples)
    limit = MaelreClassifier.presets[preset]["input_shape"]
    return [default_preprocessor(modality, samples, estimator.input_shape, limit)]


def _from_saved(estimator, preset, samples, head):
    if estimator.preprocessor is not None:
        head["preprocessor"] = estimator.preprocessor
    elif estimator.input_shape is not None:
        head["input_shape"] = estimator.input_shape
    with warnings.catch_warnings():
        # It is about to be trained.
        warnings.filterwarnings("ignore", ".*the head is new and must be trained")
        classifier = MaelreClassifier.from_preset(preset, **head)
    modality = classifier.modality.name
    if modality != estimator.modality:
        raise ValueError(
            f"Argument `preset` must be of modality {estimator.modality!r}. Received: "
            f"preset={preset!r}, which is of {modality!r}"
        )
    if classifier.preprocessor is None:
        if modality == "text":
            raise ValueError(
                f"The preset {preset!r} was saved without a preprocessor: pass the "
                "`preprocessor` whose token ids it knows."
            )
        shape = classifier.signal_shape
        classifier.preprocessor = default_preprocessor(modality, samples, shape, shape)
    return classifier


def _preset(estimator):
    """Returns the preset as the classifier takes it."""
    preset = estimator.preset
    if preset is None:
        return f"tiny_{estimator.modality}"
    if not isinstance(preset, (str, os.PathLike)):
        raise TypeError(
            "Argument `preset` must be a string, a path or None. "
            f"Received: preset={preset!r}"
        )
    preset = os.fspath(preset)
    if preset in SIZES:
        return f"{preset}_{estimator.modality}"
    if preset in MaelreClassifier.presets:
        own = [f"{size}_{estimator.modality}" for size in SIZES]
        own += [
            n for n in PRETRAINED if PRETRAINED[n]["modality"] == estimator.modality
        ]
        if preset not in own:
            raise ValueError(
                f"Argument `preset` must be of modality {estimator.modality!r}: one of "
                f"{own} or a saved one. Received: preset={preset!r}"
            )
    return preset


def _is_of_pretrained(preprocessor):
    """Whether it makes series of one channel and their differences."""
    differences = getattr(preprocessor, "differences", False)
    return differences and preprocessor.input_shape[1] == 2
