"""The preset that brings weights with the package."""

import h5py
import keras
import numpy as np
import pytest

from keras_maelre import MaelreBackbone, MaelreClassifier
from keras_maelre.models import presets
from keras_maelre.preprocessing import BytePreprocessor, SeriesPreprocessor
from keras_maelre.training import linear_probe

NAME = "tiny_series_synthetic"
MOST_BYTES = 4 * 2**20


def stored():
    return presets.FOLDER / NAME / "model.weights.h5"


def stored_arrays():
    found = {}

    def keep(name, node):
        if isinstance(node, h5py.Dataset):
            found[name] = node[()]

    with h5py.File(stored()) as file:
        file.visititems(keep)
    return found


def waves(count, seed):
    """Sines, sawtooths, squares and noisy sines of any phase and number."""
    generator = np.random.default_rng(seed)
    y = np.arange(count) % 4
    cycles, phase = generator.uniform(3, 6, count), generator.uniform(0, 1, count)
    place = cycles[:, None] * np.linspace(0, 1, 200) + phase[:, None]
    sine = np.sin(2 * np.pi * place)
    kinds = [sine, 2 * (place % 1) - 1, np.sign(sine)]
    kinds.append(sine + generator.normal(0, 0.6, sine.shape))
    X = np.choose(y[:, None], kinds)
    return X + generator.normal(0, 0.3, X.shape), y


def test_the_file_is_small_and_half_precision():
    assert stored().stat().st_size < MOST_BYTES
    weights = [a for name, a in stored_arrays().items() if "seed" not in name]
    assert {array.dtype.name for array in weights} == {"float16"}
    count = MaelreBackbone.presets[NAME]["parameters"]
    assert sum(array.size for array in weights) == count
    assert MaelreBackbone.from_preset(NAME).count_params() == count


@pytest.mark.parametrize("policy", [None, "mixed_bfloat16", "float64"])
def test_weights_are_those_stored_under_every_policy(policy):
    options = {} if policy is None else {"dtype": policy}
    backbone = MaelreBackbone.from_preset(NAME, **options)
    assert backbone.dtype_policy.name == (policy or keras.config.dtype_policy().name)
    found = sorted(float(np.abs(w).sum()) for w in backbone.get_weights())
    wanted = sorted(
        float(np.abs(array.astype(backbone.variable_dtype)).sum())
        for name, array in stored_arrays().items()
        if "seed" not in name
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_without_weights_it_is_an_architecture():
    trained = MaelreBackbone.from_preset(NAME)
    new = MaelreBackbone.from_preset(NAME, load_weights=False)
    kernels = [model.get_layer("stem").get_weights()[0] for model in (trained, new)]
    assert kernels[0].shape == kernels[1].shape
    assert np.abs(kernels[0] - kernels[1]).max() > 0.1


def test_a_classifier_reads_raw_series():
    classifier = MaelreClassifier.from_preset(NAME, class_names=["calm", "storm"])
    assert classifier.pooling == "blocks"
    assert classifier.preprocessor.get_config() == {
        **SeriesPreprocessor((256, 2)).get_config(),
        "resize": True,
        "differences": True,
    }
    series = [np.random.normal(size=n) for n in (100, 400)]
    assert classifier.predict_proba(series).shape == (2, 2)
    own = SeriesPreprocessor.from_preset(NAME, normalize=False)
    assert own.get_config() == {
        **classifier.preprocessor.get_config(),
        "normalize": False,
    }


@pytest.mark.parametrize("by", ["preprocessor", "input_shape"])
def test_another_length(by):
    preprocessor = SeriesPreprocessor((512, 2), differences=True)
    change = preprocessor if by == "preprocessor" else (512, 2)
    classifier = MaelreClassifier.from_preset(NAME, num_classes=3, **{by: change})
    assert classifier.signal_shape == classifier.preprocessor.input_shape == (512, 2)
    assert classifier.preprocessor.resize is (by == "input_shape")
    short, long = (
        model.get_layer("position_embedding").get_weights()[0]
        for model in (MaelreBackbone.from_preset(NAME), classifier.backbone)
    )
    assert long.shape == (512, 32)
    # Each position lies between two of the longer grid.
    between = (long[::2] + long[1::2]) / 2
    assert np.corrcoef(between.ravel(), short.ravel())[0, 1] > 0.95


def test_what_it_does_not_fit():
    with pytest.raises(ValueError, match="argument `num_classes` is needed"):
        MaelreClassifier.from_preset(NAME)
    with pytest.raises(ValueError, match=r"\(input_shape\).*\(7, 2, 32\) -> \(7, 6"):
        MaelreClassifier.from_preset(NAME, num_classes=2, input_shape=(256, 6))
    with pytest.raises(ValueError, match="prepares bytes.*Received: .*synthetic"):
        BytePreprocessor.from_preset(NAME)
    with pytest.raises(ValueError, match="is the name of a built-in preset"):
        MaelreBackbone.from_preset(NAME).save_to_preset(NAME)


def test_a_directory_of_its_name_is_refused(tmp_path, monkeypatch):
    MaelreBackbone.from_preset(NAME).save_to_preset(tmp_path / NAME)
    monkeypatch.chdir(tmp_path)
    for model_class in (MaelreBackbone, MaelreClassifier):
        with pytest.raises(ValueError, match="both a built-in preset and a saved one"):
            model_class.from_preset(NAME)


def test_it_is_saved_and_loaded_like_any_other(tmp_path):
    classifier = MaelreClassifier.from_preset(NAME, num_classes=3)
    classifier.save_to_preset(tmp_path / "mine")
    loaded = MaelreClassifier.from_preset(tmp_path / "mine")
    series = np.random.normal(size=(2, 300))
    np.testing.assert_array_equal(
        loaded.predict_proba(series), classifier.predict_proba(series)
    )


def test_a_probe_tells_more_than_on_new_weights():
    """Simulated series, few of each class."""
    x, y = waves(24, seed=1)
    x_test, y_test = waves(200, seed=2)
    scores = {}
    for preset in (NAME, "tiny_series"):
        keras.utils.set_random_seed(0)
        preprocessor = SeriesPreprocessor.from_preset(NAME)
        classifier = MaelreClassifier.from_preset(
            preset, num_classes=4, pooling="blocks", preprocessor=preprocessor
        )
        linear_probe(classifier, x, y)
        found = np.argmax(classifier.predict_proba(x_test), axis=1)
        scores[preset] = np.mean(found == y_test)
    assert scores[NAME] > scores["tiny_series"] + 0.05, scores
