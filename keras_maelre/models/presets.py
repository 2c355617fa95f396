"""The table of named configurations."""

import pathlib

from keras_maelre import modalities

# Widths, depths: "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
# section 4. "tiny" is ours, for machines without a GPU.
SIZES = {
    "tiny": {"width": 32, "depths": (1, 1, 2, 1)},
    "small": {"width": 96, "depths": (1, 2, 11, 2)},
    "base": {"width": 96, "depths": (2, 3, 16, 3)},
    "wide": {"width": 160, "depths": (2, 3, 16, 3)},
}

MODALITIES = {
    "text": {"num_classes": 12338, "input_shape": (2048,)},
    "bytes": {"num_classes": 2, "input_shape": (4096,)},
    "series": {"num_classes": 6, "input_shape": (3750, 1)},
    "audio": {"num_classes": 309, "input_shape": (1024, 128)},
    "image": {"num_classes": 1000, "input_shape": (224, 224, 3)},
}

# Parameters of the classifier with the preset's number of classes.
PARAMETERS = {
    "tiny_text": 43_842_802,
    "small_text": 86_665_394,
    "base_text": 103_182_290,
    "wide_text": 205_362_578,
    "tiny_bytes": 1_677_826,
    "small_bytes": 37_369_282,
    "base_bytes": 53_886_178,
    "wide_bytes": 148_935_330,
    "tiny_series": 1_608_550,
    "small_series": 37_194_342,
    "base_series": 53_711_238,
    "wide_series": 148_654_726,
    "tiny_audio": 1_829_909,
    "small_audio": 37_857_813,
    "base_audio": 54_374_709,
    "wide_audio": 149_760_309,
    "tiny_image": 1_848_840,
    "small_image": 37_913_224,
    "base_image": 54_430_120,
    "wide_image": 149_852_200,
}


def _preset(size, modality):
    entry = MODALITIES[modality]
    about = modalities.MODALITIES[modality].description
    return {
        "description": (
            f"{size} MAELRE for {about}: width {SIZES[size]['width']}, depths "
            f"{SIZES[size]['depths']}. Architecture only: the weights are new."
        ),
        "parameters": PARAMETERS[f"{size}_{modality}"],
        "input_shape": entry["input_shape"],
        "num_classes": entry["num_classes"],
        "config": {
            "modality": modality,
            # In the audio preset block 3 has 512 tokens of width 384, and the paper's
            # costs show dot-product attention there: "auto" would choose otherwise.
            "attention": ("linear", "linear", "dot", "dot"),
            "num_heads": (1, 2, 4, 8),
            **SIZES[size],
            "input_shape": entry["input_shape"],
        },
    }


PRESETS = {
    f"{size}_{modality}": _preset(size, modality)
    for modality in MODALITIES
    for size in SIZES
}

# Presets that bring weights: backbones in `FOLDER`, kept in float16.
FOLDER = pathlib.Path(__file__).parent / "pretrained"
PRETRAINED = {
    "tiny_series_synthetic": {
        "description": (
            "tiny MAELRE for time series of one channel and their differences: width "
            "32, depths (1, 1, 2, 1). Pretrained by contrast on synthetic series; the "
            "head is new."
        ),
        "parameters": 1_495_424,
        "input_shape": (256, 2),
        "modality": "series",
        "pooling": "blocks",
        "preprocessor": "keras_maelre>SeriesPreprocessor",
        "preprocessing": {"resize": True, "differences": True},
    }
}

BUILT_IN = {**PRESETS, **PRETRAINED}


def preprocessing(name):
    """Returns the arguments of the preprocessor of a built-in preset."""
    entry = BUILT_IN[name]
    return {"input_shape": entry["input_shape"], **entry.get("preprocessing", {})}
