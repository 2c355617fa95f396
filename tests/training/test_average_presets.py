"""The average of trainings is their mean, of one model alone."""

import keras
import numpy as np
import pytest

from keras_maelre import MaelreClassifier
from keras_maelre.training import average_presets
from tests.models.tiny import randomize, tiny_classifier


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    for i in range(3):
        model = randomize(tiny_classifier("series", class_names=["a", "b", "c"]), i)
        model.temperature = 1.0 + i
        model.save_to_preset(folder / str(i))
    return folder


def test_weights_are_the_mean(saved):
    paths = [saved / str(i) for i in range(3)]
    models = [MaelreClassifier.from_preset(path) for path in paths]
    average = average_presets(paths)
    assert average.class_names == ("a", "b", "c") and average.temperature == 1.0
    for weight, *values in zip(
        average.weights, *(model.weights for model in models), strict=True
    ):
        mean = np.mean([np.array(value, "float64") for value in values], axis=0)
        np.testing.assert_array_equal(np.array(weight), mean.astype("float32"))
    # Sums of float32 would differ in some of a million weights.
    assert sum(weight.shape[0] for weight in average.weights) > 100


def test_one_preset_twice_is_itself(saved):
    average = average_presets([saved / "0"] * 3)
    model = MaelreClassifier.from_preset(saved / "0")
    for one, other in zip(average.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"class_names": ["a", "b", "d"]}, "class_names"),
        ({"num_classes": 4}, "class_names|num_classes"),
        ({"drop_path_rate": 0.3}, "backbone.config.drop_path_rate=.*0.3"),
        ({"attention": ("dot",) * 4}, "backbone.config.attention"),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:The preset has")
def test_configurations_that_differ(saved, tmp_path, change, message):
    MaelreClassifier.from_preset(saved / "0", **change).save_to_preset(tmp_path)
    with pytest.raises(ValueError, match=f"same configuration.*{message}"):
        average_presets([saved / "0", tmp_path])


def test_quantized_models_have_no_average(saved, tmp_path):
    model = MaelreClassifier.from_preset(saved / "0")
    model.quantize("int8")
    model.save_to_preset(tmp_path)
    with pytest.raises(ValueError, match="floats.*int8"):
        average_presets([tmp_path, saved / "0"])


@pytest.mark.parametrize(
    "presets, error",
    [("a", TypeError), (3, TypeError), ([], ValueError), (["a"], ValueError)],
    ids=str,
)
def test_what_is_no_list_of_presets(presets, error):
    with pytest.raises(error, match="`presets` must"):
        average_presets(presets)


def test_half_precision_is_summed_exactly(tmp_path):
    """bfloat16 has 8 bits: sums of many would lose the small ones."""
    for i in range(3):
        model = tiny_classifier("series", dtype="bfloat16")
        for weight in model.weights:
            weight.assign(np.full(tuple(weight.shape), [256.0, 1.0, 1.0][i]))
        model.save_to_preset(tmp_path / str(i))
    average = average_presets([tmp_path / str(i) for i in range(3)])
    value = keras.ops.convert_to_numpy(average.weights[0]).astype("float32")
    # 258 / 3; 256 + 1 + 1 in bfloat16 is 256.
    assert np.all(value == 86.0)
