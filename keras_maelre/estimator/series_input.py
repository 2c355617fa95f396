"""The form in which series go in: at full length, or resized."""

import sys

import numpy as np

from keras_maelre.datasets import stratified_split
from keras_maelre.models.sample_batches import take
from keras_maelre.preprocessing import SeriesPreprocessor
from keras_maelre.training import linear_probe

# Longer series may be as good in fewer steps, which train faster.
RESIZED = (256, 1024)
# What a slower form must gain in cross-entropy to be taken.
GAIN = 0.01
# The samples that decide.
MOST_SAMPLES = 500


def series_candidates(samples):
    """Returns preprocessors to choose from for series, the fastest first.

    Args:
        samples: List of series, or array of shape `(samples, length)` or `(samples,
            length, channels)`.

    Raises:
        TypeError, ValueError: If a sample is bad.
    """
    channels = _count_channels(samples)
    lengths = SeriesPreprocessor((sys.maxsize, channels)).lengths(samples)
    longest, shortest = int(lengths.max()), int(lengths.min())
    resized = [steps for steps in RESIZED if steps < longest]
    if shortest < longest <= RESIZED[-1]:
        # The shapes of ragged ones may say more than their durations.
        resized.append(longest)
    gaps = any(
        np.isnan(np.asarray(sample, "float64")[:length]).any()
        for sample, length in zip(samples, lengths, strict=True)
    )
    made = [
        SeriesPreprocessor((steps, 2 * channels), resize=True, differences=True)
        for steps in resized
        if not gaps  # which cannot be resized
    ]
    shape = (longest, 2 * channels)
    return [*made, SeriesPreprocessor(shape, truncate=True, differences=True)]


def choose_by_probe(
    build, presets, candidates, samples, targets, groups, seed, verbose
):
    """Returns the classifier whose linear probe is best, and its preset.

    Held-out samples decide. The first preset chooses the preprocessor, and the others
    are tried with that. Of two that are about as good it is the former.

    Args:
        build: Function from a preset and a preprocessor to a new classifier.
        presets: List of names.
        candidates: List of preprocessors.
        samples: List or array of raw samples.
        targets: Integers, or rows of zeros and ones.
        groups: Optional array with the group of each sample.
        seed: Integer.
        verbose: 0 prints nothing.
    """
    if len(candidates) == len(presets) == 1:
        return build(presets[0], candidates[0]), presets[0]
    x, y, groups = some_samples(samples, targets, groups, seed)
    best, chosen, least = None, None, np.inf
    for preset in presets:
        for preprocessor in candidates:
            classifier = build(preset, preprocessor)
            report = linear_probe(classifier, x, y, groups=groups, seed=seed)
            if verbose:
                steps = preprocessor.input_shape[0]
                done = "resized" if preprocessor.resize else "padded"
                print(f"Series {done} to {steps} steps, {preset}: {report}")
            if best is None or report.loss < least - GAIN:
                best, chosen, least = classifier, preset, report.loss
        candidates = [best.preprocessor]
    return best, chosen


def some_samples(samples, targets, groups, seed):
    """Returns as many samples, targets and groups of each class as a choice needs."""
    chosen = np.arange(len(samples))
    if len(samples) > MOST_SAMPLES:
        part = stratified_split(targets, MOST_SAMPLES / len(samples), seed=seed)
        chosen = np.flatnonzero(part)
    groups = None if groups is None else np.asarray(groups)[chosen]
    return take(samples, chosen), targets[chosen], groups


def _count_channels(samples):
    """The channels of the first series; those of another number are an error later."""
    if isinstance(samples, np.ndarray):
        return samples.shape[2] if samples.ndim == 3 else 1
    try:
        shape = np.shape(samples[0])
    except ValueError:  # parts of unequal length
        shape = ()
    if len(shape) not in (1, 2):
        raise ValueError(
            "Argument `X` must hold series of shape (length,) or (length, channels). "
            f"Received: sample 0 of type {type(samples[0]).__name__} and shape {shape}"
        )
    return shape[1] if len(shape) == 2 else 1
