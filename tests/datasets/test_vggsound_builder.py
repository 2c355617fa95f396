import pathlib
import tempfile
from unittest import mock

import keras  # noqa: F401  (its backend has to be imported before TensorFlow)
import numpy as np
import pytest

tfds = pytest.importorskip("tensorflow_datasets", reason="needs the extra [data]")
soundfile = pytest.importorskip("soundfile", reason="needs the extra [audio]")
from keras_maelre.datasets.vggsound_builder import VGGSound  # noqa: E402

TABLE = """\
---g-f_I2yQ,1,people marching,test
--0PQM4-hqg,30,"waterfall, burbling",train
-_x,123,people marching,train
gone,5,people marching,train
"""
CLIPS = ("---g-f_I2yQ_000001", "--0PQM4-hqg_000030", "-_x_000123")


def write_files(folder):
    """A small table and its clips, one of them missing; every clip is distinct."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vggsound.csv").write_text(TABLE)
    rng = np.random.default_rng(0)
    for clip in CLIPS:
        soundfile.write(folder / f"{clip}.wav", rng.uniform(-1, 1, 500), 16000)


class TestVGGSound(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = VGGSound
    SPLITS = {"train": 2, "test": 1}  # noqa: RUF012

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.EXAMPLE_DIR = folder.name
        write_files(pathlib.Path(folder.name))
        patch = mock.patch.object(VGGSound, "NUM_CLASSES", 2)
        patch.start()
        cls.addClassCleanup(patch.stop)
        super().setUpClass()


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(VGGSound, "NUM_CLASSES", 2)


def prepare(folder):
    builder = VGGSound(data_dir=folder / "data")
    config = tfds.download.DownloadConfig(manual_dir=folder / "manual")
    builder.download_and_prepare(download_config=config)
    return builder


def test_holds_what_the_files_hold(tmp_path, few):
    write_files(tmp_path / "manual")
    with pytest.warns(UserWarning, match=r"left out: 1, .*gone_000005"):
        prepare(tmp_path)
    # Made anew: what was stored has to suffice.
    builder = VGGSound(data_dir=tmp_path / "data")
    label = builder.info.features["label"]
    assert label.names == ["people marching", "waterfall, burbling"]
    found = {}
    for split in ("train", "test"):
        for example in tfds.as_numpy(builder.as_dataset(split=split)):
            clip = example["clip"].decode()
            found[clip] = (split, label.int2str(int(example["label"])))
            wave, _ = soundfile.read(tmp_path / "manual" / f"{clip}.wav")
            assert example["audio"].dtype == "int16"
            np.testing.assert_allclose(example["audio"] / 32768, wave, atol=1e-4)
    assert found == {
        CLIPS[0]: ("test", "people marching"),
        CLIPS[1]: ("train", "waterfall, burbling"),
        CLIPS[2]: ("train", "people marching"),
    }


def test_other_rates_are_resampled(tmp_path, few):
    pytest.importorskip("soxr", reason="needs the extra [audio]")
    write_files(tmp_path / "manual")
    path = tmp_path / "manual" / f"{CLIPS[0]}.wav"
    soundfile.write(path, np.zeros((4410, 2)), 44100)
    with pytest.warns(UserWarning, match="left out"):
        builder = prepare(tmp_path)
    example = next(iter(tfds.as_numpy(builder.as_dataset(split="test"))))
    assert example["audio"].shape == (1600,)


def test_missing_table_is_explained(tmp_path, few):
    (tmp_path / "manual").mkdir()
    (tmp_path / "manual" / "notes.txt").write_text("something else")
    with pytest.raises(
        FileNotFoundError, match=r"vggsound\.csv is not in(.|\n)*six digits"
    ):
        prepare(tmp_path)


def test_other_classes_are_refused(tmp_path):
    write_files(tmp_path / "manual")
    with pytest.raises(ValueError, match="must have 309 classes. Received: 2"):
        prepare(tmp_path)
