"""A modality that the package does not know, defined outside it."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_maelre import (
    MaelreBackbone,
    MaelreClassifier,
    count_macs,
    layers,
    modalities,
)
from keras_maelre.training import recipe
from tests.models.tiny import predict

PATCH = (4, 8, 8)  # frames, rows and columns of a token


@keras.saving.register_keras_serializable(package="tests")
class TubeStem(keras.layers.Layer):
    """Projects tubes of pixels, frame after frame, to tokens."""

    def __init__(self, dim, **kwargs):
        super().__init__(**kwargs)
        self.conv = keras.layers.Conv3D(dim, PATCH, PATCH, dtype=self.dtype_policy)

    def build(self, input_shape):
        self.conv.build(input_shape)

    def call(self, video):
        x = self.conv(video)
        return keras.ops.reshape(x, (keras.ops.shape(x)[0], -1, x.shape[-1]))


@keras.saving.register_keras_serializable(package="tests")
class Video(modalities.Modality):
    name = "video"
    axes = ("frames", "height", "width", "channels")
    description = "video clips"
    input_name = "video"

    def stem(self, width, dtype):
        return TubeStem(width, dtype=dtype, name="stem")

    def grid(self, input_shape):
        sizes = [n // p for n, p in zip(input_shape, PATCH, strict=False)]
        return (sizes[0] * sizes[1] * sizes[2],)


@keras.saving.register_keras_serializable(package="tests")
class Dna(modalities.Tokens):
    name = "dna"
    description = "letters of DNA, A 1 to T 4"

    def __init__(self, vocabulary_size=5, embedding_dim=8, padding_id=0, **kwargs):
        super().__init__(vocabulary_size, embedding_dim, padding_id, **kwargs)


class DnaPreprocessor:
    """Strings of letters to ids; all that a classifier asks of a preprocessor."""

    modality = Dna()

    def __init__(self, input_shape):
        self.input_shape = tuple(input_shape)

    def __call__(self, samples):
        ids = np.zeros((len(samples), *self.input_shape), "int32")
        for row, letters in zip(ids, samples, strict=True):
            row[: len(letters)] = ["ACGT".index(letter) + 1 for letter in letters]
        return ids


def video_classifier():
    backbone = MaelreBackbone(Video(), (8, 32, 32, 1), width=16, depths=(1, 1, 1, 1))
    return MaelreClassifier(backbone, 2)


def clips(count=16):
    """Simulated clips: a square that moves to the right or to the left."""
    x = np.random.default_rng(0).normal(0, 0.1, (count, 8, 32, 32, 1))
    for i in range(count):
        for t in range(8):
            left = 2 * t if i % 2 else 14 - 2 * t
            x[i, t, 10:20, left : left + 10] += 1
    return x.astype("float32"), np.arange(count) % 2


@pytest.mark.compiles_long
def test_video_is_trained_saved_and_loaded(tmp_path):
    keras.utils.set_random_seed(0)
    model = video_classifier()
    x, y = clips()
    made = recipe(Video(), learning_rate=3e-3)
    made.fit(model, x, y, epochs=15, batch_size=8, validation_data=(x, y), verbose=0)
    assert np.mean(predict(model, x).argmax(axis=-1) == y) > 0.9
    model.save_to_preset(tmp_path)
    loaded = MaelreClassifier.from_preset(tmp_path)
    assert loaded.modality == Video()
    np.testing.assert_allclose(predict(loaded, x), predict(model, x), atol=1e-5)


def test_video_has_costs_and_checks():
    model = video_classifier()
    assert model.backbone.token_grids[0] == (2 * 4 * 4,)
    stem = 32 * (4 * 8 * 8 * 1) * 16
    assert count_macs(model) > stem
    with pytest.raises(ValueError, match=r"video model.*\(batch, 8, 32, 32, 1\)"):
        model(np.zeros((1, 8, 32, 16, 1), "float32"))
    with pytest.raises(ValueError, match="`input_shape`.*frames, height"):
        MaelreBackbone(Video(), (8, 32))


def test_letters_are_padded_cut_and_classified(tmp_path):
    model = MaelreClassifier(
        MaelreBackbone(Dna(), (64,), width=16, depths=(1, 1, 1, 1)),
        2,
        preprocessor=DnaPreprocessor((64,)),
    )
    samples = ["ACGT" * n for n in (2, 16, 5)]
    together = model.predict_proba(samples)
    alone = np.concatenate([model.predict_proba([sample]) for sample in samples])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    with pytest.raises(ValueError, match=r"\[0, 5\).*7"):
        model(np.full((1, 9), 7))


LOAD = """
import sys, keras_maelre
keras_maelre.MaelreClassifier.from_preset(sys.argv[1])
"""


def test_without_its_class_a_preset_is_refused(tmp_path):
    video_classifier().save_to_preset(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", LOAD, tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode and "does not describe a MAELRE model" in done.stderr
    assert "Video" in done.stderr


def test_names_and_options():
    assert modalities.get("bytes", embedding_dim=8) == modalities.Bytes(embedding_dim=8)
    assert modalities.get(Dna(), padding_id=4).padding_id == 4
    for name, cls in modalities.MODALITIES.items():
        made = cls()
        assert made.name == name and cls.from_config(made.get_config()) == made
        assert hash(made) == hash(cls())
    with pytest.raises(ValueError, match="'text', 'bytes'.*'smell'"):
        modalities.get("smell")
    with pytest.raises(TypeError, match="3"):
        modalities.get(3)
    with pytest.raises(TypeError, match="'mel'.*'embedding_dim'"):
        modalities.get("bytes", mel=3)
    with pytest.raises(ValueError, match="`padding_id`.*0 to 4.*5"):
        Dna(padding_id=5)
    assert isinstance(modalities.Series().stem(8, "float32"), layers.SeriesStem)
