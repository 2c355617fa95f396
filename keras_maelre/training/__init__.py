"""What the recipes of the examples are made of."""

from keras_maelre.training.classification_report import (
    ClassificationReport,
    plot_learning_curve,
)
from keras_maelre.training.resumable_training import ResumableTraining
from keras_maelre.training.series_batches import SeriesBatches
from keras_maelre.training.split import split_by_group

__all__ = [
    "ClassificationReport",
    "ResumableTraining",
    "SeriesBatches",
    "plot_learning_curve",
    "split_by_group",
]
