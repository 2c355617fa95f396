"""A TensorFlow Datasets builder of MeSHup.

Importing this module needs the extra `[data]`; nothing else in the package imports
it.
"""

from typing import ClassVar

import tensorflow_datasets as tfds

from keras_maelre.datasets.meshup import frequent_labels, read_articles, split_of

FILE = "MeSHup.json"
INSTRUCTIONS = f"""\
The authors of MeSHup (arXiv 2204.13604) offer the corpus in their repository
xdwang0726/MeSHup. Download and unpack it, and put it under the name {FILE} into the
manual directory (by default ~/tensorflow_datasets/downloads/manual/)."""


class Meshup(tfds.core.GeneratorBasedBuilder):
    """Full biomedical articles and the MeSH terms that 50 or more articles have.

    Each example is a `text`, the `labels` as a list of indices, and the `pmid`. The
    splits `train`, `validation` and `test` hold 80, 10 and 10 percent. What is read,
    and which article is in which split, is as in `read_meshup` with its defaults.

    Example:

    ```python
    import keras

    from keras_maelre.datasets.meshup_builder import Meshup

    builder = Meshup(data_dir="data")
    builder.download_and_prepare()
    names = builder.info.features["labels"].feature.names
    encode = keras.layers.CategoryEncoding(len(names), output_mode="multi_hot")
    dataset = builder.as_dataset(split="train").map(
        lambda article: (article["text"], encode(article["labels"]))
    )
    ```
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict] = {"1.0.0": "Split by a hash of the PMID."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = INSTRUCTIONS
    MIN_ARTICLES = 50

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description="Full text of biomedical articles and their MeSH terms.",
            features=tfds.features.FeaturesDict(
                {
                    "pmid": tfds.features.Text(),
                    "text": tfds.features.Text(),
                    # Which labels there are is known once the file has been read.
                    "labels": tfds.features.Sequence(tfds.features.ClassLabel()),
                }
            ),
            homepage="https://arxiv.org/abs/2204.13604",
            citation=(
                "Wang, Mercer and Rudzicz (2022). MeSHup: A Corpus for Full Text "
                "Biomedical Document Indexing. LREC."
            ),
        )

    def _split_generators(self, dl_manager):
        path = dl_manager.manual_dir / FILE
        if not path.exists():
            raise FileNotFoundError(f"There is no file {path}\n{INSTRUCTIONS}")
        # The file is read once for the labels and once per split, rather than kept:
        # it is larger than the memory of most machines.
        names = frequent_labels(
            (labels for _, _, labels in read_articles(path)), self.MIN_ARTICLES, path
        )
        self.info.features["labels"].feature.names = names
        known = frozenset(names)
        return {
            split: self._generate_examples(path, split, known)
            for split in ("train", "validation", "test")
        }

    def _generate_examples(self, path, split, known):
        for index, (pmid, text, labels) in enumerate(read_articles(path)):
            labels = [name for name in labels if name in known]
            if labels and split_of(pmid) == split:
                yield index, {"pmid": pmid, "text": text, "labels": labels}
