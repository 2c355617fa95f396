"""Readers of the tasks' data, each returning a `ClassificationDataset`."""

from keras_maelre.datasets.check_image import check_image
from keras_maelre.datasets.check_sound import check_sound
from keras_maelre.datasets.classification_dataset import ClassificationDataset
from keras_maelre.datasets.digits import load_digits_images
from keras_maelre.datasets.folder import read_folder
from keras_maelre.datasets.image_archive import read_image_archive
from keras_maelre.datasets.load_imagenet import load_imagenet
from keras_maelre.datasets.load_mosquito_sound import load_mosquito_sound
from keras_maelre.datasets.load_series import load_series
from keras_maelre.datasets.meshup import read_meshup
from keras_maelre.datasets.series_archive import read_npz
from keras_maelre.datasets.sound_table import read_sound_table
from keras_maelre.datasets.stratified_split import stratified_split
from keras_maelre.datasets.text_table import read_table
from keras_maelre.datasets.ucr import read_ucr
from keras_maelre.datasets.vggsound import read_vggsound
from keras_maelre.datasets.windows import average_windows, cut_windows

__all__ = [
    "ClassificationDataset",
    "average_windows",
    "check_image",
    "check_sound",
    "cut_windows",
    "load_digits_images",
    "load_imagenet",
    "load_mosquito_sound",
    "load_series",
    "read_folder",
    "read_image_archive",
    "read_meshup",
    "read_npz",
    "read_sound_table",
    "read_table",
    "read_ucr",
    "read_vggsound",
    "stratified_split",
]
