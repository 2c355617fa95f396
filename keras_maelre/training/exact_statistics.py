"""Statistics of a head's features, of the weights that are looked at."""

import keras
import numpy as np

from keras_maelre.models.embedding import embedder_of

MOST_SAMPLES = 512


class ExactStatistics(keras.callbacks.Callback):
    """Standardizes the features of a classifier by samples without augmentation.

    What `RunningStandardization` has seen in training are the features of augmented
    samples, of weights that have changed since, and never those of averaged weights.
    Before each validation, and in the end, this callback replaces them by what the
    weights of the moment make of the samples themselves. It comes after
    `AveragedWeights` and before callbacks that keep weights.

    Args:
        classifier: A `MaelreClassifier` with a `standardization`.
        batch_size: Integer.
        seed: Integer, of the choice of at most 512 samples.

    Reference:
        "Rethinking 'Batch' in BatchNorm" (arXiv 2105.07576), section 3.
    """

    def __init__(self, classifier, batch_size, seed):
        super().__init__()
        self.classifier, self.batch_size, self.seed = classifier, batch_size, seed
        # The `PreparedInputs` of the samples, once it is known how many fit in time.
        self.inputs = None
        self.is_current = False

    def count_batches(self, count):
        """The batches of one pass over the statistics of a number of samples."""
        return -(-min(count, MOST_SAMPLES) // self.batch_size)

    def on_train_begin(self, logs=None):
        self.is_current = False

    def on_epoch_begin(self, epoch, logs=None):
        self.is_current = False

    def on_test_begin(self, logs=None):
        self.update()

    def on_train_end(self, logs=None):
        # Nothing was trained since the last epoch was validated.
        if not self.is_current:
            self.update()

    def update(self):
        """Computes the statistics with the weights that the classifier has."""
        chosen = np.random.default_rng(self.seed).permutation(len(self.inputs.x))
        chosen = np.sort(chosen[:MOST_SAMPLES])
        forward = embedder_of(self.classifier.backbone, self.classifier.pooled)
        parts = [
            forward(self.inputs[chosen[start : start + self.batch_size]])
            for start in range(0, len(chosen), self.batch_size)
        ]
        features = np.concatenate(parts).astype("float64")
        self.classifier.standardization.set_statistics(
            features.mean(axis=0), features.var(axis=0)
        )
        self.is_current = True
