"""A TensorFlow Datasets builder of MosquitoSound.

Importing this module needs the extra `[data]`; nothing else in the package
imports it before `load_mosquito_sound` is called.
"""

from pathlib import Path
from typing import ClassVar

import numpy as np
import tensorflow_datasets as tfds

from keras_maelre.datasets.ucr_file import SUFFIXES, UcrFile

INSTRUCTIONS = """\
MosquitoSound belongs to the UCR/UEA time series classification archive,
https://www.timeseriesclassification.com, data set "MosquitoSound". Download and
unpack it, and put these two files into the manual directory (by default
~/tensorflow_datasets/downloads/manual/):
  MosquitoSound_TRAIN.ts
  MosquitoSound_TEST.ts
The pair MosquitoSound_TRAIN.tsv and MosquitoSound_TEST.tsv may be used instead if
its labels are the names of the species."""


class MosquitoSound(tfds.core.GeneratorBasedBuilder):
    """Flight tones of six mosquito species, 139,783 series in either split.

    Each example is a `series`, float32 of shape `(3750, 1)`, and a `label`, the
    index of the species.

    Example:

    ```python
    from keras_maelre.datasets.mosquito_sound_builder import MosquitoSound

    builder = MosquitoSound(data_dir="data")
    print(builder.info.features)
    ```
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict] = {"1.0.0": "The archive's training and test split."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = INSTRUCTIONS
    LENGTH = 3750
    # 0.625 s recordings: 3,750 samples at 6 kHz.
    SAMPLE_RATE = 6000.0
    SPECIES = (
        "Aedes_aegypti",
        "Aedes_albopictus",
        "Anopheles_arabiensis",
        "Anopheles_gambiae",
        "Culex_pipiens",
        "Culex_quinquefasciatus",
    )

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description="Optical recordings of the wingbeats of six mosquito species.",
            features=tfds.features.FeaturesDict(
                {
                    "series": tfds.features.Tensor(
                        shape=(self.LENGTH, 1), dtype=np.float32
                    ),
                    "label": tfds.features.ClassLabel(names=self.SPECIES),
                }
            ),
            supervised_keys=("series", "label"),
            homepage="https://www.timeseriesclassification.com",
            citation=(
                "Fanioudakis, Geismar and Potamitis (2018). Mosquito wingbeat "
                "analysis and classification using deep learning. EUSIPCO."
            ),
        )

    def _split_generators(self, dl_manager):
        train, test = find_files(dl_manager.manual_dir)
        return {
            "train": self._generate_examples(train),
            "test": self._generate_examples(test),
        }

    def _generate_examples(self, path):
        names = {name.casefold(): name for name in self.SPECIES}
        for index, (series, label) in enumerate(UcrFile(path)):
            if series.shape != (self.LENGTH, 1):
                raise ValueError(
                    f"{path}: series {index} must have {self.LENGTH} values in one "
                    f"channel. Received shape: {series.shape}"
                )
            if label.casefold() not in names:
                # A number does not say which species it means, and a wrong guess
                # would go unnoticed.
                raise ValueError(
                    f"{path}: the label of series {index} must be one of "
                    f"{', '.join(self.SPECIES)}. Received: {label!r}. "
                    "`read_ucr` reads the file with the labels it has."
                )
            yield index, {"series": series, "label": names[label.casefold()]}


def find_files(manual_dir):
    """Finds the training and the test file of MosquitoSound in a folder.

    Args:
        manual_dir: Path of the folder.

    Returns:
        The paths of the training and the test file.

    Raises:
        FileNotFoundError: If no pair is there; the message says what to fetch.
    """
    for suffix in SUFFIXES:
        pair = [
            Path(manual_dir) / f"MosquitoSound_{split}{suffix}"
            for split in ("TRAIN", "TEST")
        ]
        if all(file.exists() for file in pair):
            return pair
    raise FileNotFoundError(
        f"The files of MosquitoSound are not in {manual_dir}\n{INSTRUCTIONS}"
    )
