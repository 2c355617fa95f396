"""What differs from one modality's training to another's."""

import keras

from keras_maelre import augmentation as augment

# Keras' own layers for images do not all work in half precision.
FULL = {"dtype": "float32"}


def _series_augmentation(modality):
    """A random mix of what the paper lists, and a random shift in time."""
    return [
        augment.RandomRoll(rate=1.0),
        # Flight tones differ in pitch by a few percent: time may not warp by more.
        augment.TimeWarp(stddev=0.02, rate=0.5),
        augment.MagnitudeWarp(stddev=0.3, rate=0.5),
        augment.Scaling(stddev=0.2, rate=0.5),
        augment.Jitter(stddev=(0.0, 0.3), rate=0.5),
        augment.RandomDrop(drop_fraction=0.1, segments=3, rate=0.5),
    ]


def _audio_augmentation(modality):
    return [
        augment.SpectrogramRoll(),
        augment.FrequencyMask(),
        augment.TimeMask(),
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
