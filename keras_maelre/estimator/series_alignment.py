"""Whether the steps of series mean the same in all of them."""

import keras
import numpy as np

from keras_maelre.augmentation import RandomRoll, WindowSlice
from keras_maelre.estimator.series_input import some_samples
from keras_maelre.training import linear_probe
from keras_maelre.training.tasks import SMALLEST_WINDOW

# What shifted copies must gain in cross-entropy: aligned series lose most by a mistake.
GAIN = 0.05  # of that with windows


def are_aligned(classifier, samples, targets, groups, seed, verbose):
    """Returns whether series are aligned: shifts in time would harm.

    A linear probe on samples and shifted copies of them is compared with one on samples
    and copies that are windows of 80 to 100 %, stretched to the whole.

    Args:
        classifier: A `MaelreClassifier` with a preprocessor, left as it is.
        samples: List or array of raw samples.
        targets: Integers, or rows of zeros and ones.
        groups: Optional array with the group of each sample.
        seed: Integer.
        verbose: 0 prints nothing.
    """
    x, y, groups = some_samples(samples, targets, groups, seed)
    # A copy is held out with its sample.
    groups = np.tile(np.arange(len(y)) if groups is None else groups, 2)
    targets = np.concatenate([y, y])
    preprocessor, temperature = classifier.preprocessor, classifier.temperature
    weights = classifier.get_weights()
    inputs = np.asarray(preprocessor(x))
    options = {"rate": 1.0, "seed": seed, "dtype": inputs.dtype.name}
    changes = {
        "windows": WindowSlice(SMALLEST_WINDOW, **options),
        "shifts": RandomRoll(**options),
    }
    losses = {}
    # The copies are made already as the model takes them.
    classifier.preprocessor = None
    try:
        for name, change in changes.items():
            copies = keras.ops.convert_to_numpy(change(inputs, training=True))
            both = np.concatenate([inputs, copies])
            report = linear_probe(classifier, both, targets, groups=groups, seed=seed)
            losses[name] = report.loss
    finally:
        classifier.preprocessor = preprocessor
        classifier.set_weights(weights)
        classifier.temperature = temperature
    aligned = losses["shifts"] > (1 - GAIN) * losses["windows"]
    if verbose:
        found = ", ".join(f"{loss:.4f} with {name}" for name, loss in losses.items())
        print(f"Series {'' if aligned else 'not '}aligned: held-out loss {found}.")
    return aligned
