"""The MeSHup corpus: full biomedical articles and their MeSH terms."""

import collections
import hashlib
import json
import re
from pathlib import Path

import numpy as np

from keras_maelre.checks import check_integer
from keras_maelre.datasets.classification_dataset import ClassificationDataset

TEXT_FIELDS = ("title", "abstractText", "INTRO", "METHODS", "RESULTS", "DISCUSS")
CHUNK = 2**20  # characters read at a time
# The longest an article may be, in characters: the rest of a damaged file of many
# gigabytes must not be taken for one.
LONGEST_ARTICLE = 2**26
OPENING = re.compile(r'\s*\{\s*"articles"\s*:\s*\[')
BETWEEN = re.compile(r"[\s,]*")


def read_meshup(path, min_articles=50, seed=0):
    """Reads the MeSHup corpus, or any JSON file of the same form.

    The file is an object whose first entry, `"articles"`, lists the articles:

    - `pmid`, a string or an integer, decides which split the article belongs to;
    - `title`, `abstractText`, and the sections `INTRO`, `METHODS`, `RESULTS` and
      `DISCUSS`, strings, are joined by blank lines. Any of them may be missing or
      empty, but not all. Captions are not read;
    - `mesh`, an object that maps the identifiers of MeSH descriptors to their names;
      or else `meshMajor`, a list of names, as in the files of the BioASQ challenge.

    Other entries are not read. A tenth of the articles, chosen by a hash of `pmid`
    and `seed`, are test articles; the paper holds out one ninth of the training
    articles for validation, see `split_of`.

    The file is read once, article by article, but what is kept has to fit into
    memory: the full corpus is some 40 GB of text, and the labels take one byte for
    each pair of an article and a label. The builder in
    `keras_maelre.datasets.meshup_builder` converts the file to a TensorFlow data set
    on disk instead.

    Args:
        path: Path of the JSON file.
        min_articles: Integer. Labels of fewer articles are left out, as in the paper;
            articles without any other label are left out too and listed in `skipped`.
        seed: Integer; the same seed gives the same split.

    Returns:
        A multi-label `ClassificationDataset`, named after the file.

    Raises:
        FileNotFoundError: If there is no such file.
        TypeError: If `min_articles` or `seed` is not an integer.
        ValueError: If the file is damaged or of another form, an article has no text,
            or no label is left.

    Example:

    ```python
    import json

    from keras_maelre.datasets import read_meshup

    articles = [
        {
            "pmid": str(i),
            "title": f"Article {i}",
            "abstractText": "On hearts.",
            "mesh": {"D006321": "Heart", "D006801": "Humans"},
        }
        for i in range(40)
    ]
    with open("meshup.json", "w") as file:
        json.dump({"articles": articles}, file)
    data = read_meshup("meshup.json", min_articles=2)
    print(data.describe())
    ```

    Reference:
        Wang, Mercer and Rudzicz, "MeSHup: A Corpus for Full Text Biomedical Document
        Indexing" (arXiv 2204.13604); "Modality Agnostic Efficient Long Range
        Encoder" (arXiv 2507.19409), section 4.1.
    """
    min_articles = check_integer("min_articles", min_articles)
    seed = check_integer("seed", seed, low=0)
    articles = list(read_articles(path))
    names = frequent_labels((labels for _, _, labels in articles), min_articles, path)
    index = {name: number for number, name in enumerate(names)}
    texts = {"train": [], "test": []}
    rows = {"train": [], "test": []}
    skipped = []
    for pmid, text, labels in articles:
        known = [index[name] for name in labels if name in index]
        if not known:
            skipped.append(f"article {pmid}: no label with {min_articles} articles")
            continue
        split = "test" if split_of(pmid, seed) == "test" else "train"
        texts[split].append(text)
        rows[split].append(known)
    return ClassificationDataset(
        x_train=texts["train"],
        y_train=_zeros_and_ones(rows["train"], len(names)),
        x_test=texts["test"],
        y_test=_zeros_and_ones(rows["test"], len(names)),
        class_names=names,
        name=Path(path).stem,
        skipped=tuple(skipped),
    )


def split_of(pmid, seed=0):
    """Returns the split of an article: `"train"`, `"validation"` or `"test"`.

    They hold 80, 10 and 10 percent. The split depends on the two arguments alone:
    articles keep theirs when others are added, and an article that is listed twice is
    in one split.
    """
    digest = hashlib.sha256(f"{seed} {pmid}".encode()).digest()
    tenth = int.from_bytes(digest[:8], "big") * 10 >> 64
    return {8: "validation", 9: "test"}.get(tenth, "train")


def read_articles(path):
    """Yields `(pmid, text, labels)` of each article, one in memory at a time."""
    for number, article in enumerate(_iterate_json(Path(path)), start=1):
        where = f"{path}, article {number}"
        try:
            pmid = article["pmid"]
            if "mesh" in article:
                labels = list(article["mesh"].values())
            else:
                labels = article["meshMajor"]
        except (KeyError, AttributeError, TypeError) as error:
            raise ValueError(
                f"{where} must be an object with `pmid` and `mesh` or `meshMajor`: "
                f"{type(error).__name__}: {error}"
            ) from error
        # A string is a sequence too, of letters.
        if not isinstance(labels, list):
            raise ValueError(
                f"{where}: `meshMajor` must be a list of names. Received: {labels!r}"
            )
        if isinstance(pmid, bool) or not isinstance(pmid, (str, int)):
            raise ValueError(
                f"{where}: `pmid` must be a string or an integer. Received: {pmid!r}"
            )
        parts = [article.get(field) or "" for field in TEXT_FIELDS]
        if not all(isinstance(part, str) for part in [*parts, *labels]):
            raise ValueError(f"{where}: texts and labels must be strings.")
        text = "\n\n".join(part.strip() for part in parts if part.strip())
        if not text:
            raise ValueError(f"{where} has no text in {', '.join(TEXT_FIELDS)}.")
        yield str(pmid), text, list(dict.fromkeys(labels))


def frequent_labels(label_lists, min_articles, path):
    """Returns the sorted labels of at least `min_articles` articles."""
    counts = collections.Counter()
    for labels in label_lists:
        counts.update(labels)
    names = sorted(name for name, count in counts.items() if count >= min_articles)
    if not names:
        raise ValueError(
            f"{path}: no label has `min_articles`={min_articles} articles. The most "
            f"frequent one: {counts.most_common(1)}"
        )
    return names


def _iterate_json(path):
    """Yields the entries of the list in `{"articles": [...]}`."""
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}")
    try:
        yield from _iterate_text(path)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: {error}") from error


def _iterate_text(path):
    decoder = json.JSONDecoder()
    with path.open(encoding="utf-8-sig") as file:
        text = file.read(CHUNK)
        opening = OPENING.match(text)
        if not opening:
            raise ValueError(
                f'{path} must start with {{"articles": [. Received: {text[:40]!r}'
            )
        position, number = opening.end(), 1
        while True:
            position = BETWEEN.match(text, position).end()
            if text[position : position + 1] == "]":
                return
            try:
                article, position = decoder.raw_decode(text, position)
            except (ValueError, RecursionError) as error:
                # Damaged, or not all of it is in memory yet.
                rest = len(text) - position
                more = file.read(max(CHUNK, rest)) if rest < LONGEST_ARTICLE else ""
                if not more:
                    raise ValueError(
                        f"{path}, article {number} is damaged or cut off: {error}"
                    ) from error
                text, position = text[position:] + more, 0
                continue
            yield article
            number += 1


def _zeros_and_ones(rows, columns):
    y = np.zeros((len(rows), columns), "uint8")
    for row, ones in enumerate(rows):
        y[row, ones] = 1
    return y
