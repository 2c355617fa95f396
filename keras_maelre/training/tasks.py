"""What differs from one modality's training to another's."""

import keras

from keras_maelre import augmentation as augment

# Keras' own layers for images do not all work in half precision.
FULL = {"dtype": "float32"}
# Of aligned series, in shares of the whole.
SMALLEST_WINDOW = 0.8


def _shifts(modality):
    return [augment.RandomRoll(rate=1.0)]


def _series_augmentation(modality):
    """A random mix of what the paper lists, and a random shift in time."""
    return [*_shifts(modality), *_series_warps()]


def _series_warps():
    return [
        # Flight tones differ in pitch by a few percent: time may not warp by more.
        augment.TimeWarp(stddev=0.02, rate=0.5),
        augment.MagnitudeWarp(stddev=0.3, rate=0.5),
        augment.Scaling(stddev=0.2, rate=0.5),
        augment.Jitter(stddev=(0.0, 0.3), rate=0.5),
        augment.RandomDrop(drop_fraction=0.1, segments=3, rate=0.5),
    ]


def _audio_augmentation(modality):
    """What the paper does to 1024 frames of 128 bands, in proportion to the clips.

    Of half a second of sound its 192 frames would leave nothing.
    """
    return [
        augment.SpectrogramRoll(10 / 1024),
        augment.FrequencyMask(48 / 128),
        augment.TimeMask(192 / 1024),
        augment.SpectrogramNoise(),
    ]


def _image_augmentation(modality):
    # Normalized pixels reach from -2.2 to 2.7. A factor of 0.1 turns by 36 degrees.
    return [
        augment.RandomResizedCrop(),
        keras.layers.RandomFlip("horizontal", **FULL),
        keras.layers.RandAugment(value_range=(-2.2, 2.7), factor=0.1, **FULL),
    ]


def _text_augmentation(modality):
    return [augment.TokenDrop(modality.padding_id, drop_fraction=0.4)]


def _bytes_augmentation(modality):
    # Runs of about a word: a byte that is missing alone can be read from the others.
    return [augment.TokenDrop(modality.padding_id, drop_fraction=0.2, span=6)]


def _series_mixing(modality):
    return [augment.SeriesMixUp(0.2)]


def _image_mixing(modality):
    return [keras.layers.MixUp(0.8, **FULL), keras.layers.CutMix((1.0, 1.0), **FULL)]


# Thousands of documents are soon known by heart. Dropped tokens, dropout, averages and
# this weight and rate were tried together, on one set (examples/README.md).
DOCUMENTS = {
    "learning_rate": 5e-4,
    "positive_weight": 2.0,
    "label_smoothing": 0.0,
    "dropout_rate": 0.1,
}

# Sections 4.1 to 4.4 of the paper in this order. Rates and fractions that the paper
# does not print are ours. Augmentation and mixing are functions of the modality.
TASKS = {
    "text": {**DOCUMENTS, "augmentation": _text_augmentation},
    "bytes": {**DOCUMENTS, "augmentation": _bytes_augmentation},
    "series": {"augmentation": _series_augmentation, "mixing": _series_mixing},
    "audio": {
        "balanced": True,
        "augmentation": _audio_augmentation,
        "mixing": _series_mixing,
    },
    "image": {"augmentation": _image_augmentation, "mixing": _image_mixing},
}


def _windows(modality):
    # Shifts destroy what aligned series are told apart by.
    return [augment.WindowSlice(SMALLEST_WINDOW, rate=1.0)]


def _small_series_augmentation(modality):
    return [*_windows(modality), *_series_warps()]


def _small_audio_augmentation(modality):
    return [
        augment.FrequencyMask(0.2),
        augment.TimeMask(0.1),
        augment.SpectrogramNoise(),
    ]


def _small_image_augmentation(modality):
    return [
        augment.RandomResizedCrop(area_factor=(0.4, 1.0)),
        keras.layers.RandomFlip("horizontal", **FULL),
    ]


# What all of the small-data recipes share. Chosen on the validation parts of
# development sets, benchmarks/README.md.
SMALL = {
    "probe": True,
    "learning_rate": 1e-3,
    "drop_path_rate": 0.0,
    "balanced": False,
    "mixing": [],
    # What is changed is little, and what is trained need not begin anew.
    "full_regularization_steps": 1,
}
SMALL_TASKS = {
    "text": {**SMALL, "augmentation": _text_augmentation, "dropout_rate": 0.1},
    "bytes": {**SMALL, "augmentation": _bytes_augmentation, "dropout_rate": 0.1},
    "series": {**SMALL, "augmentation": _small_series_augmentation},
    "audio": {
        **SMALL,
        "augmentation": _small_audio_augmentation,
        "mixing": _series_mixing,
        # Of some dozens of sounds to validate on the best epoch is the luckiest.
        "restore_best_weights": False,
    },
    "image": {
        **SMALL,
        "augmentation": _small_image_augmentation,
        # So it is of 120 photographs, and level with the last of 320.
        "restore_best_weights": False,
    },
}


def small_series(pretrained, aligned):
    """What differs where an encoder is pretrained, or series are not aligned."""
    changes = dict(SMALL_TASKS["series"])
    if pretrained:
        # By what new weights are trained with they lose what they know.
        changes["learning_rate"] = 2e-4
        changes["restore_best_weights"] = False
        changes["augmentation"] = _windows if aligned else _shifts
    elif not aligned:
        changes["augmentation"] = _series_augmentation
    return changes
