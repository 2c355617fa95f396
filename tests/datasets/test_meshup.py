import json

import numpy as np
import pytest

from keras_maelre.datasets import meshup, read_meshup
from keras_maelre.datasets.meshup import read_articles, split_of

HUMANS, HEART, RARE = "Humans", "Heart", "Nail-Patella Syndrome"


def article(i, **changes):
    """An article with all fields of the corpus."""
    whole = {
        "pmid": str(1000 + i),
        "title": f"Title {i}: naïve “quotes”",
        "abstractText": f"Abstract {i}.",
        "mesh": {"D006801": HUMANS, **({"D006321": HEART} if i % 3 == 0 else {})},
        "authors": ["A,B"],
        "journal": "J",
        "year": "2019",
        "doi": "None",
        "chemicals": "None",
        "supplMesh": "None",
        "INTRO": "Intro.",
        "METHODS": "Methods, {braces} and ]brackets[.",
        "RESULTS": "",
        "DISCUSS": "Discussion.",
        "FIG_CAPTIONS": "A caption.",
        "TABLE_CAPTIONS": "",
    }
    whole.update(changes)
    return {key: value for key, value in whole.items() if value is not None}


def write(path, articles, indent=4):
    path.write_text(json.dumps({"articles": articles}, indent=indent))
    return path


def test_what_the_file_holds(tmp_path):
    articles = [article(i) for i in range(60)]
    data = read_meshup(write(tmp_path / "corpus.json", articles), min_articles=5)
    assert data.class_names == (HEART, HUMANS)
    assert data.multi_label and not data.simulated and data.name == "corpus"
    wanted = {"train": {}, "test": {}}
    for i in range(60):
        split = "test" if split_of(str(1000 + i)) == "test" else "train"
        text = (
            f"Title {i}: naïve “quotes”\n\nAbstract {i}.\n\nIntro.\n\n"
            "Methods, {braces} and ]brackets[.\n\nDiscussion."
        )
        wanted[split][text] = [int(i % 3 == 0), 1]
    for split in wanted:
        texts = getattr(data, f"x_{split}")
        assert texts == list(wanted[split])
        rows = getattr(data, f"y_{split}")
        np.testing.assert_array_equal(rows, list(wanted[split].values()))


def test_rare_labels_are_left_out(tmp_path):
    articles = [article(i) for i in range(40)]
    for i in range(4):
        articles[i]["mesh"]["D009261"] = RARE
    only_rare = article(99, mesh={"D009261": RARE})
    path = write(tmp_path / "corpus.json", [*articles, only_rare])
    data = read_meshup(path, min_articles=6)
    assert data.class_names == (HEART, HUMANS)
    assert len(data.x_train) + len(data.x_test) == 40
    assert data.skipped == ("article 1099: no label with 6 articles",)
    kept = read_meshup(path, min_articles=5)
    assert kept.class_names == (HEART, HUMANS, RARE) and not kept.skipped
    assert kept.y_train[:, 2].sum() + kept.y_test[:, 2].sum() == 5


def test_a_label_counts_once_an_article(tmp_path):
    twice = article(0, mesh={"D1": RARE, "D2": RARE})
    path = write(tmp_path / "c.json", [*(article(i) for i in range(1, 40)), twice])
    assert RARE not in read_meshup(path, min_articles=2).class_names


def test_fields_may_be_missing(tmp_path):
    articles = [
        article(0, INTRO=None, METHODS=None, RESULTS=None, DISCUSS=None),
        article(1, abstractText=None, INTRO=" ", METHODS=None),
        # As files of BioASQ have it.
        {"pmid": 7, "title": "T", "abstractText": "A", "meshMajor": [HEART, HUMANS]},
    ]
    read = list(read_articles(write(tmp_path / "corpus.json", articles)))
    assert read == [
        ("1000", "Title 0: naïve “quotes”\n\nAbstract 0.", [HUMANS, HEART]),
        ("1001", "Title 1: naïve “quotes”\n\nDiscussion.", [HUMANS]),
        ("7", "T\n\nA", [HEART, HUMANS]),
    ]


@pytest.mark.parametrize("indent", [None, 1, 4])
@pytest.mark.parametrize("chunk", [1, 7, 100, 10_000])
def test_pieces_of_any_size(tmp_path, monkeypatch, indent, chunk):
    articles = [article(i, DISCUSS='x\\"]},{' * i) for i in range(12)]
    path = write(tmp_path / "corpus.json", articles, indent)
    whole = list(read_articles(path))
    monkeypatch.setattr(meshup, "CHUNK", max(chunk, 20))  # the opening is one piece
    assert list(read_articles(path)) == whole
    assert [pmid for pmid, _, _ in whole] == [a["pmid"] for a in articles]


def test_articles_are_read_one_by_one(tmp_path, monkeypatch):
    """What is damaged further on is not met before."""
    monkeypatch.setattr(meshup, "CHUNK", 4000)
    path = write(tmp_path / "corpus.json", [article(i) for i in range(50)])
    path.write_text(path.read_text()[:-200])
    articles = read_articles(path)
    assert next(articles)[0] == "1000"
    with pytest.raises(ValueError, match="article 50 is damaged or cut off"):
        list(articles)


def test_damage_does_not_swallow_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(meshup, "CHUNK", 1000)
    monkeypatch.setattr(meshup, "LONGEST_ARTICLE", 5000)
    path = write(tmp_path / "corpus.json", [article(i) for i in range(200)])
    path.write_text(path.read_text().replace('"pmid": "1003"', '"pmid" "1003"'))
    with pytest.raises(ValueError, match="article 4 is damaged"):
        list(read_articles(path))


def test_split_is_fixed():
    splits = [split_of(pmid) for pmid in range(20_000)]
    shares = {name: splits.count(name) / 20_000 for name in set(splits)}
    assert shares.keys() == {"train", "validation", "test"}
    assert abs(shares["train"] - 0.8) < 0.01
    assert abs(shares["validation"] - 0.1) < 0.01
    assert [split_of(pmid, seed=1) for pmid in range(20_000)] != splits
    # The same on every machine, for ever.
    assert splits[:12] == [split_of(str(pmid)) for pmid in range(12)]
    special = {i: split for i, split in enumerate(splits[:12]) if split != "train"}
    assert special == {3: "validation", 11: "test"}


def test_seed_changes_the_split(tmp_path):
    path = write(tmp_path / "corpus.json", [article(i) for i in range(80)])
    first = read_meshup(path, 2)
    assert read_meshup(path, 2).x_test == first.x_test
    assert read_meshup(path, 2, seed=1).x_test != first.x_test


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pmid": None}, "article 2 must be an object.*'pmid'"),
        ({"mesh": None}, "article 2 must be an object.*'meshMajor'"),
        ({"mesh": ["Heart"]}, "article 2 must be an object"),
        ({"mesh": None, "meshMajor": "Heart"}, "article 2: `meshMajor`.*'Heart'"),
        ({"mesh": None, "meshMajor": {"a": 1}}, "article 2: `meshMajor`"),
        ({"pmid": ["5"]}, "article 2: `pmid`"),
        ({"mesh": {"D1": 5}}, "article 2: texts and labels must be strings"),
        ({"title": 5}, "article 2: texts and labels must be strings"),
        ({"METHODS": ["a", "b"]}, "article 2: texts and labels must be strings"),
    ],
)
def test_articles_of_another_form(tmp_path, changes, message):
    path = write(tmp_path / "corpus.json", [article(0), article(1, **changes)])
    with pytest.raises(ValueError, match=message):
        read_meshup(path)


def test_no_text(tmp_path):
    empty = {"pmid": "5", "title": " ", "mesh": {"D1": HEART}}
    path = write(tmp_path / "corpus.json", [article(0), empty])
    with pytest.raises(ValueError, match="article 2 has no text"):
        read_meshup(path)


@pytest.mark.parametrize("content", ["", "[]", '{"year": 1, "articles": []}'])
def test_files_of_another_form(tmp_path, content):
    (tmp_path / "corpus.json").write_text(content)
    with pytest.raises(ValueError, match=r'corpus.json must start with {"articles"'):
        read_meshup(tmp_path / "corpus.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"articles": [{"pmid": "\xff"}]}', "corpus.json is not UTF-8"),
        (b'{"articles": [' + b"[" * 100_000, "corpus.json, article 1 is damaged"),
        (b'{"articles": [' + b"9" * 10_000 + b"]}", "corpus.json, article 1 is dam"),
    ],
)
def test_damaged_files_are_named(tmp_path, content, message):
    (tmp_path / "corpus.json").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_meshup(tmp_path / "corpus.json")


@pytest.mark.parametrize("content", ['{"articles": [5]}', '{"articles": ["a"]}'])
def test_entries_that_are_no_articles(tmp_path, content):
    (tmp_path / "corpus.json").write_text(content)
    with pytest.raises(ValueError, match="article 1 must be an object"):
        read_meshup(tmp_path / "corpus.json")


def test_no_label_left(tmp_path):
    path = write(tmp_path / "corpus.json", [article(i) for i in range(9)])
    with pytest.raises(ValueError, match="`min_articles`=50.*Humans.*9"):
        read_meshup(path)


@pytest.mark.parametrize("count", [0, 2.5, "many"])
def test_wrong_min_articles(tmp_path, count):
    with pytest.raises((TypeError, ValueError), match="`min_articles`"):
        read_meshup(tmp_path / "corpus.json", min_articles=count)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        read_meshup(tmp_path / "absent.json")
