"""An estimator survives files, pickles and copies."""

import copy
import json
import pickle

import numpy as np
import pytest

from keras_maelre import MaelreEstimator, augmentation
from keras_maelre.estimator import estimator_files
from keras_maelre.preprocessing import SeriesPreprocessor
from tests.estimator.small import TOLERANCE, difference, documents, estimator, waves

pytestmark = pytest.mark.compiles_long


@pytest.fixture(scope="module")
def data():
    return waves()


@pytest.fixture(scope="module")
def fitted(data):
    X, y = data
    return estimator(
        class_weight={"fast": 2.0, "slow": 1},
        input_shape=(24, 1),
        recipe={"augmentation": [augmentation.Jitter(0.1)], "ema": False},
    ).fit(X, y)


def test_saved_and_loaded_it_is_the_same(fitted, data, tmp_path):
    fitted.save(tmp_path / "saved")
    loaded = MaelreEstimator.load(tmp_path / "saved")
    X, y = data
    assert difference(loaded, fitted, X) <= TOLERANCE
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
    assert loaded.history_ == fitted.history_
    assert loaded.n_features_in_ == 24
    mine, theirs = loaded.get_params(), fitted.get_params()
    for params in (mine, theirs):
        layer = params.pop("recipe")["augmentation"][0]
        assert isinstance(layer, augmentation.Jitter)
    assert mine == theirs
    loaded.fit(X, y)


def test_labels_and_a_preprocessor_come_back(tmp_path):
    X, _ = waves()
    y = np.arange(16) % 2 * 7
    one = estimator(preprocessor=SeriesPreprocessor((24, 1))).fit(X, y)
    one.save(tmp_path)
    other = MaelreEstimator.load(tmp_path)
    assert other.predict(X).dtype == y.dtype
    np.testing.assert_array_equal(other.predict(X), one.predict(X))
    assert other.preprocessor.get_config() == one.preprocessor.get_config()


def test_multi_label_text(tmp_path):
    X, _ = documents()
    y = [["sea"], ["ski", "ice"], [], ["sea", "ice"]] * 4
    one = estimator("text").fit(X, y)
    one.classifier_.thresholds = [0.2, 0.4, 0.6]
    one.save(tmp_path)
    for other in (MaelreEstimator.load(tmp_path), pickle.loads(pickle.dumps(one))):
        assert other.classifier_.thresholds == (0.2, 0.4, 0.6)
        np.testing.assert_array_equal(other.predict(X), one.predict(X))
        assert other.score(X, y) == one.score(X, y)


@pytest.mark.parametrize("copied", ["pickle", "deepcopy"])
def test_copies(copied, fitted, data):
    copies = {
        "pickle": lambda e: pickle.loads(pickle.dumps(e)),
        "deepcopy": copy.deepcopy,
    }
    other = copies[copied](fitted)
    assert difference(other, fitted, data[0]) <= TOLERANCE
    assert other.classifier_ is not fitted.classifier_
    weights = other.classifier_.get_weights()
    other.classifier_.set_weights([0 * w for w in weights])
    assert difference(other, fitted, data[0]) > 0
    unfitted = copies[copied](estimator(epochs=7))
    assert unfitted.get_params() == estimator(epochs=7).get_params()


def test_saving_is_all_or_nothing(fitted, data, tmp_path, monkeypatch):
    fitted.save(tmp_path)
    before = sorted(path.name for path in tmp_path.rglob("*"))
    newer = estimator().fit(*data)

    def fails(*args):
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(estimator_files.os, "replace", fails)
        with pytest.raises(OSError, match="full"):
            newer.save(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == before
    assert difference(MaelreEstimator.load(tmp_path), fitted, data[0]) <= TOLERANCE
    newer.save(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    assert difference(MaelreEstimator.load(tmp_path), newer, data[0]) <= TOLERANCE


def test_what_cannot_be_stored_is_named(data, tmp_path):
    one = estimator(recipe={"augmentation": lambda modality: []}).fit(*data)
    with pytest.raises(TypeError, match="`recipe` cannot be saved: it holds a funct"):
        one.save(tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda saved: saved.pop("parameters"),
        lambda saved: saved["parameters"].update(width=3),
        lambda saved: saved.update(preset="../elsewhere"),
        lambda saved: saved["classes"][1].append("third"),
        lambda saved: saved.update(dtype="complicated"),
        lambda saved: saved["parameters"].update(recipe=["python", "1 + 1"]),
    ],
    ids=["lacking", "unknown", "elsewhere", "classes", "dtype", "kind"],
)
def test_damage_is_named(damage, fitted, tmp_path):
    fitted.save(tmp_path)
    file = tmp_path / "estimator.json"
    saved = json.loads(file.read_text())
    damage(saved)
    file.write_text(json.dumps(saved))
    with pytest.raises(ValueError, match="estimator.json"):
        MaelreEstimator.load(tmp_path)


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match="must be a folder that `MaelreEstimator.sav"):
        MaelreEstimator.load(tmp_path)
