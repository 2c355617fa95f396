"""A TensorFlow Datasets builder of VGGSound.

Importing this module needs the extras `[data]` and `[audio]`; nothing else in the
package imports it.
"""

import warnings
from pathlib import Path
from typing import ClassVar

import numpy as np
import tensorflow_datasets as tfds

from keras_maelre.datasets.vggsound import read_vggsound
from keras_maelre.preprocessing.read_sound import read_sound
from keras_maelre.preprocessing.resample import resample

INSTRUCTIONS = """\
VGGSound's table is at https://www.robots.ox.ac.uk/~vgg/data/vggsound/; its clips are
parts of YouTube videos, which you download yourself. Put into the manual directory
(by default ~/tensorflow_datasets/downloads/manual/):
  vggsound.csv
  <video>_<start as six digits>.wav, .flac or .ogg   in any subfolders
Clips that are missing or damaged are left out, and a warning counts them."""


class VGGSound(tfds.core.GeneratorBasedBuilder):
    """Sounds of videos, clips of ten seconds in 309 classes.

    Each example is an `audio`, int16 of shape `(samples,)`, one channel at 16 kHz; a
    `label`, the index of the class; and the `clip`, its video and start.

    Example:

    ```python
    from keras_maelre.datasets.vggsound_builder import VGGSound

    builder = VGGSound(data_dir="data")
    print(builder.info.features)
    ```
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict] = {"1.0.0": "The authors' training and test split."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = INSTRUCTIONS
    SAMPLE_RATE = 16000
    NUM_CLASSES = 309

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description="Sounds of videos in 309 classes, ten seconds each.",
            features=tfds.features.FeaturesDict(
                {
                    "audio": tfds.features.Audio(
                        shape=(None,), dtype=np.int16, sample_rate=self.SAMPLE_RATE
                    ),
                    "label": tfds.features.ClassLabel(num_classes=self.NUM_CLASSES),
                    "clip": tfds.features.Text(),
                }
            ),
            supervised_keys=("audio", "label"),
            homepage="https://www.robots.ox.ac.uk/~vgg/data/vggsound/",
            citation=(
                "Chen, Xie, Vedaldi and Zisserman (2020). VGGSound: A Large-Scale "
                "Audio-Visual Dataset. ICASSP."
            ),
        )

    def _split_generators(self, dl_manager):
        folder = Path(dl_manager.manual_dir)
        if not (folder / "vggsound.csv").is_file():
            raise FileNotFoundError(f"vggsound.csv is not in {folder}\n{INSTRUCTIONS}")
        data = read_vggsound(folder / "vggsound.csv", folder, missing="skip")
        if len(data.class_names) != self.NUM_CLASSES:
            raise ValueError(
                f"{folder / 'vggsound.csv'} must have {self.NUM_CLASSES} classes. "
                f"Received: {len(data.class_names)}"
            )
        if data.skipped:
            warnings.warn(
                f"Clips left out: {len(data.skipped)}, the first of them "
                f"{data.skipped[0]}",
                stacklevel=2,
            )
        # The names come from the table.
        self.info.features["label"].names = data.class_names
        return {
            "train": self._generate_examples(data.x_train, data.y_train),
            "test": self._generate_examples(data.x_test, data.y_test),
        }

    def _generate_examples(self, paths, labels):
        for path, label in zip(paths, labels, strict=True):
            wave = resample(*read_sound(path), self.SAMPLE_RATE)
            audio = np.round(32767 * np.clip(wave, -1, 1)).astype("int16")
            clip = Path(path).stem
            yield clip, {"audio": audio, "label": int(label), "clip": clip}
