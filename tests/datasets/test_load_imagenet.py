import importlib.util
import io
import tarfile

import keras  # noqa: F401  (its backend has to be imported before TensorFlow)
import numpy as np
import pytest

from keras_maelre.datasets import load_imagenet
from keras_maelre.preprocessing import ImagePreprocessor

tfds = pytest.importorskip("tensorflow_datasets", reason="needs the extra [data]")
Image = pytest.importorskip("PIL.Image", reason="needs the extra [image]")

# Two of ImageNet's classes, and where they stand among the 1000.
SYNSETS = {"n01440764": 0, "n02102040": 217}
TRAINING = 3  # images of each
VALIDATION = 2


def picture(index):
    """A JPEG file of one colour, that tells it from the others."""
    file = io.BytesIO()
    Image.new("RGB", (40, 30), (20 * index, 128, 255)).save(file, "JPEG")
    return file.getvalue()


def add(archive, name, content):
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def write_archives(folder):
    """ImageNet's two archives, with the names they have, but few images."""
    folder.mkdir(parents=True)
    with tarfile.open(folder / "ILSVRC2012_img_train.tar", "w") as archive:
        for synset in SYNSETS:
            inner = io.BytesIO()
            with tarfile.open(fileobj=inner, mode="w") as images:
                for i in range(TRAINING):
                    content = picture(TRAINING * list(SYNSETS).index(synset) + i)
                    add(images, f"{synset}_{i}.JPEG", content)
            add(archive, f"{synset}.tar", inner.getvalue())
    with tarfile.open(folder / "ILSVRC2012_img_val.tar", "w") as archive:
        for i in range(VALIDATION):
            add(archive, f"ILSVRC2012_val_{i + 1:08d}.JPEG", picture(8 + i))


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Where ImageNet was prepared; its archives are gone."""
    path = tmp_path_factory.mktemp("tfds")
    manual = path / "downloads" / "manual"
    write_archives(manual)
    load_imagenet(path)
    for archive in manual.iterdir():
        archive.unlink()
    return path


@pytest.fixture
def data(data_dir):
    return load_imagenet(data_dir)


def test_loads_what_the_archives_hold(data):
    labels = {
        picture(TRAINING * i + j): label
        for i, label in enumerate(SYNSETS.values())
        for j in range(TRAINING)
    }
    assert len(data.x_train) == len(labels) and len(data.x_test) == VALIDATION
    assert {data.x_train[i]: data.y_train[i] for i in range(len(labels))} == labels
    assert sorted(data.x_test) == sorted(picture(8 + i) for i in range(VALIDATION))
    assert len(data.class_names) == 1000
    for synset, label in SYNSETS.items():
        assert data.class_names[label] == synset
    assert data.name == "imagenet2012"


def test_labels_are_read_once(data_dir, data):
    (folder,) = (data_dir / "imagenet2012").iterdir()
    assert np.load(folder / "labels_train.npy").tolist() == data.y_train.tolist()
    np.save(folder / "labels_train.npy", (data.y_train + 1)[::-1])
    again = load_imagenet(data_dir)
    assert again.y_train.tolist() == (data.y_train + 1)[::-1].tolist()
    # Those of another data set are no use.
    np.save(folder / "labels_train.npy", np.zeros(99, "int32"))
    assert load_imagenet(data_dir).y_train.tolist() == data.y_train.tolist()


def test_preprocessor_takes_the_images(data):
    images = ImagePreprocessor((16, 16, 3))(data.x_train)
    assert images.shape == (6, 16, 16, 3)
    assert len(np.unique(images[:, 8, 8, 0].round(3))) == 6


def test_slices_masks_and_indices_are_views(data):
    everything = list(data.x_train)
    mask = np.array([True, False, False, True, True, False])
    for index in (slice(1, 4), np.array([5, 0]), mask, [2, 2]):
        view = data.x_train[index]
        assert type(view) is type(data.x_train)
        expected = [everything[i] for i in np.arange(6)[index]]
        assert list(view) == expected and len(view) == len(expected)
    assert data.x_train[mask][1:][0] == everything[3]
    assert data.x_train[-1] == everything[-1]
    with pytest.raises(IndexError):
        data.x_train[6]


def test_missing_archives_are_explained(tmp_path):
    manual = tmp_path / "downloads" / "manual"
    write_archives(manual)
    (manual / "ILSVRC2012_img_val.tar").unlink()
    with pytest.raises(FileNotFoundError) as error:
        load_imagenet(tmp_path)
    assert "ILSVRC2012_img_train.tar" not in str(error.value)
    for part in (str(manual), "ILSVRC2012_img_val.tar", "image-net.org"):
        assert part in str(error.value)


def test_a_format_that_cannot_be_indexed_is_refused(tmp_path):
    manual = tmp_path / "downloads" / "manual"
    write_archives(manual)
    builder = tfds.builder("imagenet2012", data_dir=tmp_path, file_format="tfrecord")
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=manual)
    )
    with pytest.raises(ValueError, match="stored as tfrecord.*another `data_dir`"):
        load_imagenet(tmp_path)


class TinySounds(tfds.core.GeneratorBasedBuilder):
    """No images, and no split for testing unless it is given one."""

    VERSION = tfds.core.Version("1.0.0")
    splits = ("train",)

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict({"label": np.int64}),
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples() for split in self.splits}

    def _generate_examples(self):
        yield 0, {"label": 0}


def test_other_data_sets_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="tiny_sounds must have the splits.*: train"):
        load_imagenet(tmp_path / "one", name="tiny_sounds")
    monkeypatch.setattr(TinySounds, "splits", ("train", "test"))
    with pytest.raises(ValueError, match="features image and label. Received: label"):
        load_imagenet(tmp_path / "two", name="tiny_sounds")


@pytest.mark.parametrize(
    "absent", ["tensorflow", "tensorflow_datasets", "array_record"]
)
def test_missing_extra_names_the_command(tmp_path, monkeypatch, absent):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == absent else find_spec(name, *rest),
    )
    with pytest.raises(ImportError, match=rf"{absent}: pip install .*\[data\]"):
        load_imagenet(tmp_path)
