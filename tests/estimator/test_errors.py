"""Whatever is wrong is named: the argument, what came, and what is possible."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from keras_maelre.preprocessing import BytePreprocessor, SeriesPreprocessor
from tests.estimator.small import documents, estimator, ragged, waves

SERIES, NAMES = waves(8)
TEXTS, SEASONS = documents(8)
SOUNDS = [np.full(2000, 0.1, "f4")] * 8

# Parameters of the estimator, the error and what its message says.
PARAMETERS = {
    "modality": ({"modality": "video"}, ValueError, "`modality` must be one of"),
    "modality_type": ({"modality": 3}, ValueError, "Received: modality=3"),
    "preset": ({"preset": "huge"}, ValueError, "Built-in presets: .*Received|Received"),
    "preset_type": ({"preset": 3}, TypeError, "`preset` must be a string, a path or"),
    "preset_other": ({"preset": "tiny_text"}, ValueError, "of modality 'series'"),
    "epochs": ({"epochs": 0}, ValueError, "`epochs` must be a positive integer"),
    "epochs_type": ({"epochs": 1.5}, TypeError, "Received: epochs=1.5"),
    "time_limit": ({"time_limit": 0}, ValueError, "`time_limit` must be a finite"),
    "time_limit_type": ({"time_limit": "1h"}, TypeError, "time_limit='1h'"),
    "time_limit_nan": ({"time_limit": np.nan}, ValueError, "time_limit=nan"),
    "batch_size": ({"batch_size": -1}, ValueError, "`batch_size` must be a positive"),
    "learning_rate": ({"learning_rate": 0.0}, ValueError, "learning_rate=0.0"),
    "learning_rate_type": ({"learning_rate": "1"}, TypeError, "learning_rate='1'"),
    "class_weight": ({"class_weight": "even"}, TypeError, "`class_weight` must be"),
    "class_weight_value": (
        {"class_weight": {"fast": -1, "slow": 1}},
        ValueError,
        r"class_weight\['fast'\]=-1",
    ),
    "class_weight_label": (
        {"class_weight": {"fats": 1, "slow": 1}},
        ValueError,
        "fast.* not in class_weight",
    ),
    "random_state": ({"random_state": "seed"}, ValueError, "seed"),
    "validation_all": ({"validation_fraction": 1.0}, ValueError, "validation_fraction"),
    "validation_type": ({"validation_fraction": [0]}, TypeError, "validation_fraction"),
    "validation_word": ({"validation_fraction": "x"}, ValueError, '"auto" or a number'),
    "output_type": ({"output": 3}, TypeError, "`output` must be the path"),
    "output_state": (
        {"output": "run", "random_state": None},
        ValueError,
        "`output` needs an integer `random_state`",
    ),
    "input_shape": ({"input_shape": (0, 1)}, ValueError, "`input_shape` must be"),
    "input_shape_axes": ({"input_shape": (24,)}, ValueError, r"\(steps, channels\)"),
    "aligned": ({"aligned": "yes"}, ValueError, '`aligned` must be "auto", True or'),
    "aligned_type": ({"aligned": 1}, ValueError, "Received: aligned=1"),
    "aligned_twice": (
        {"aligned": False, "recipe": {"augmentation": []}},
        ValueError,
        "not both",
    ),
    "channels_first": ({"channels_first": 1}, TypeError, "`channels_first` must be"),
    "preprocessor": ({"preprocessor": "log"}, TypeError, "`preprocessor` must be one"),
    "preprocessor_other": (
        {"preprocessor": BytePreprocessor((24,))},
        ValueError,
        "must make series inputs",
    ),
    "preprocessor_twice": (
        {"preprocessor": SeriesPreprocessor((24, 1)), "input_shape": (24, 1)},
        ValueError,
        "not both",
    ),
    "recipe": ({"recipe": [("ema", False)]}, TypeError, "`recipe` must be a dict"),
    "recipe_unknown": ({"recipe": {"momentum": 1}}, TypeError, "'momentum'"),
    "recipe_value": ({"recipe": {"ema": "no"}}, TypeError, "ema='no'"),
    "recipe_twice": (
        {"recipe": {"learning_rate": 1e-3}, "learning_rate": 1e-3},
        ValueError,
        "not both",
    ),
    "verbose": ({"verbose": 3}, ValueError, "integer from 0 to 2"),
    "verbose_type": ({"verbose": True}, TypeError, "verbose=True"),
}


@pytest.mark.parametrize("case", PARAMETERS)
def test_parameter(case):
    parameters, error, message = PARAMETERS[case]
    made = estimator(**parameters)  # what is stored is checked when it is fitted
    with pytest.raises(error, match=message):
        made.fit(SERIES, NAMES)
    assert not hasattr(made, "classifier_")


def _changed(position, value):
    changed = [*SERIES]
    changed[position] = value
    return changed


# Modality, samples, labels, the error and what its message says.
DATA = {
    "one_string": ("text", "one text", SEASONS, TypeError, "`X` must be a list"),
    "none": ("text", None, SEASONS, TypeError, "type NoneType"),
    "a_set": ("text", set(TEXTS), SEASONS, TypeError, "type set"),
    "a_generator": ("text", (t for t in TEXTS), SEASONS, TypeError, "type generator"),
    "no_sample": ("text", [], [], ValueError, "at least one sample"),
    "no_text": ("text", [*TEXTS[:7], 3], SEASONS, TypeError, "int at sample 7"),
    "empty_text": ("bytes", [*TEXTS[:7], " "], SEASONS, ValueError, "sample 7"),
    "rows_of_text": ("text", [TEXTS] * 8, SEASONS, TypeError, "list at sample 0"),
    "table_of_text": ("text", np.array([TEXTS]), SEASONS, ValueError, r"\(samples,\)"),
    "numbers": ("bytes", np.eye(8), SEASONS, ValueError, r"shape \(8, 8\)"),
    "flat": ("series", np.arange(8.0), NAMES, ValueError, "Expected 2D array"),
    "flat_list": ("series", [1.0, 2.0], NAMES[:2], ValueError, "of type float"),
    "grids": ("series", np.ones((8, 4, 4, 4)), NAMES, ValueError, "Found array|shape"),
    "masked": ("series", np.ma.array(SERIES), NAMES, TypeError, "`X` must not be a N"),
    "infinity": ("series", SERIES * np.inf, NAMES, ValueError, "infinity"),
    "gap": ("series", _changed(3, [np.inf] * 9), NAMES, ValueError, "sample 3"),
    "other_channels": (
        "series",
        _changed(2, np.ones((9, 2))),
        NAMES,
        ValueError,
        r"sample 2 of shape \(9, 2\)",
    ),
    "words": ("series", _changed(0, "wave"), NAMES, ValueError, "of type str"),
    "objects": (
        "series",
        np.array([["a"] * 3] * 8),
        NAMES,
        ValueError,
        "must hold numbers",
    ),
    "no_file": ("audio", ["no.wav"] * 8, NAMES, FileNotFoundError, "no.wav"),
    "loud": ("audio", [1e5 * s for s in SOUNDS], NAMES, ValueError, "1, 1"),
    "no_image": ("image", ["no.png"] * 8, NAMES, FileNotFoundError, "no.png"),
    "no_label": ("series", SERIES, None, ValueError, "requires y to be passed"),
    "few_labels": ("series", SERIES, NAMES[:7], ValueError, "`X` and `y` must have"),
    "one_class": ("series", SERIES, ["a"] * 8, ValueError, "at least two classes"),
    "real": ("series", SERIES, np.arange(8) / 3, ValueError, "continuous"),
    "nan_label": ("series", SERIES, [np.nan] * 8, ValueError, "y contains NaN"),
    "none_label": ("series", SERIES, ["a", None] * 4, ValueError, "not None"),
    "mixed_labels": ("series", SERIES, ["a", 1] * 4, TypeError, "one type"),
    "mixed_objects": (
        "series",
        SERIES,
        np.array(["a", 1] * 4, object),
        TypeError,
        "one type",
    ),
    "mixed_collections": ("series", SERIES, [["a"], "b"] * 4, TypeError, "sample 1"),
    "mixed_in_lists": ("series", SERIES, [["a"], [1]] * 4, TypeError, "one type"),
    "no_labels": ("series", SERIES, [[], []] * 4, ValueError, "at least two classes"),
    "counts": ("series", SERIES, np.full((8, 3), 2), ValueError, "zeros and ones"),
    "counts_of_many": (
        "series",
        SERIES,
        np.ones((8, 3)) * [1, 2, 3],
        ValueError,
        "zeros and ones",
    ),
}


@pytest.mark.parametrize("case", DATA)
def test_data(case):
    modality, X, y, error, message = DATA[case]
    with pytest.raises(error, match=message):
        estimator(modality).fit(X, y)


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"sample_weight": np.ones(7)}, ValueError, "`X` and `sample_weight`"),
        ({"sample_weight": np.ones((8, 1))}, ValueError, "one number for each sample"),
        ({"sample_weight": -np.ones(8)}, ValueError, "of at least 0"),
        ({"sample_weight": np.full(8, np.nan)}, ValueError, "finite numbers"),
        ({"sample_weight": np.zeros(8)}, ValueError, "must not be zero"),
        ({"sample_weight": ["1"] * 8}, ValueError, "dtype <U1"),
        ({"sample_weight": 1.0}, ValueError, "`X` and `sample_weight`"),
        ({"groups": ["a"] * 7}, ValueError, "`X` and `groups`"),
    ],
)
def test_one_for_each_sample(options, error, message):
    with pytest.raises(error, match=message):
        estimator().fit(SERIES, NAMES, **options)


def test_class_weight_of_multi_label_targets():
    with pytest.raises(ValueError, match="`class_weight` is for single-label"):
        estimator(class_weight="balanced").fit(SERIES, np.eye(8, 3, dtype=int))


def test_aligned_texts():
    with pytest.raises(ValueError, match="`aligned` is for series"):
        estimator("text", aligned=True).fit(TEXTS, SEASONS)


def test_channels_first_of_texts():
    with pytest.raises(ValueError, match="`channels_first` is for series and image"):
        estimator("text", channels_first=True).fit(TEXTS, SEASONS)


@pytest.mark.compiles_long
def test_a_text_backbone_needs_its_preprocessor(tmp_path):
    fitted = estimator("text").fit(TEXTS, SEASONS)
    fitted.classifier_.backbone.save_to_preset(tmp_path)
    with pytest.raises(ValueError, match="saved without a preprocessor"):
        estimator("text", preset=tmp_path).fit(TEXTS, SEASONS)
    with pytest.raises(ValueError, match="must be of modality 'bytes'"):
        estimator("bytes", preset=tmp_path).fit(TEXTS, SEASONS)


def test_before_fit():
    for call in (
        lambda e: e.predict(SERIES),
        lambda e: e.predict_proba(SERIES),
        lambda e: e.score(SERIES, NAMES),
        lambda e: e.save("nowhere"),
    ):
        with pytest.raises(NotFittedError):
            call(estimator())


@pytest.mark.compiles_long
def test_after_fit():
    fitted = estimator().fit(SERIES, NAMES)
    with pytest.raises(ValueError, match="24 features"):
        fitted.predict(SERIES[:, :20])
    with pytest.raises(ValueError, match="sample 1"):
        fitted.predict([SERIES[0], np.full(5, np.nan)])
    with pytest.raises(ValueError, match="at least one sample"):
        fitted.predict([])
    X, _ = ragged(8)
    fitted = estimator().fit(X, [["a"], ["b", "c"]] * 4)
    with pytest.raises(ValueError, match="'d' for sample 1"):
        fitted.score(X[:2], [["a"], ["d"]])
