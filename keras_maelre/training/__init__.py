"""What the recipes of the examples are made of."""

from keras_maelre.training.adamw import AdamW
from keras_maelre.training.average_presets import average_presets
from keras_maelre.training.averaged_weights import AveragedWeights
from keras_maelre.training.batches import (
    AugmentedBatches,
    OrderedBatches,
)
from keras_maelre.training.best_weights import BestWeights
from keras_maelre.training.calibration import (
    expected_calibration_error,
    fit_temperature,
    plot_reliability,
)
from keras_maelre.training.classification_report import ClassificationReport
from keras_maelre.training.layer_rates import layer_rates
from keras_maelre.training.learning_rate_range import (
    LearningRateRange,
    learning_rate_range,
)
from keras_maelre.training.linear_probe import linear_probe
from keras_maelre.training.multi_label_loss import ArticleLabelCrossentropy
from keras_maelre.training.multi_label_metrics import (
    ExampleBasedF1,
    LabelBasedF1,
    MicroF1,
)
from keras_maelre.training.multi_label_report import MultiLabelReport
from keras_maelre.training.pictures import plot_learning_curve
from keras_maelre.training.pretrain import pretrain
from keras_maelre.training.recipe import Recipe, recipe, small_data_recipe
from keras_maelre.training.resumable_training import ResumableTraining
from keras_maelre.training.schedule import WarmupCosine
from keras_maelre.training.sequence_parallel import SequenceParallel
from keras_maelre.training.thresholds import tune_thresholds

__all__ = [
    "AdamW",
    "ArticleLabelCrossentropy",
    "AugmentedBatches",
    "AveragedWeights",
    "BestWeights",
    "ClassificationReport",
    "ExampleBasedF1",
    "LabelBasedF1",
    "LearningRateRange",
    "MicroF1",
    "MultiLabelReport",
    "OrderedBatches",
    "Recipe",
    "ResumableTraining",
    "SequenceParallel",
    "WarmupCosine",
    "average_presets",
    "expected_calibration_error",
    "fit_temperature",
    "layer_rates",
    "learning_rate_range",
    "linear_probe",
    "plot_learning_curve",
    "plot_reliability",
    "pretrain",
    "recipe",
    "small_data_recipe",
    "tune_thresholds",
]
