"""The pages of the site: nothing public without one, no link that leads nowhere."""

import importlib
import json
import pathlib
import pkgutil
import re
import subprocess
import sys

import pytest

import keras_maelre

ROOT = pathlib.Path(__file__).parent.parent
DOCS = ROOT / "docs"


@pytest.fixture
def scripts(monkeypatch):
    """What the folder of the site may import."""
    monkeypatch.syspath_prepend(DOCS)


def resolve(path):
    """The object of a dotted path."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The pages as they are built: those of `docs`, and those that are made."""
    folder = tmp_path_factory.mktemp("docs")
    script = DOCS / "make_pages.py"
    subprocess.run([sys.executable, script, folder], check=True, timeout=60)
    pages = {path.relative_to(folder): path for path in folder.rglob("*.md")}
    for path in DOCS.rglob("*.md"):
        page = path.relative_to(DOCS)
        # Those of an earlier `make docs` are not of the tree.
        if page.parts[0] not in ("guides", "project"):
            pages[page] = path
    return folder, pages


def test_every_public_name_has_a_page():
    directives = [
        path
        for page in (DOCS / "reference").glob("*.md")
        for path in re.findall(r"^::: ([\w.]+)$", page.read_text(), re.MULTILINE)
    ]
    assert len(set(directives)) == len(directives), "a name has two pages"
    # Read from files, a function in a module of its own name is hidden by the module.
    files = [ROOT / f"{path.replace('.', '/')}.py" for path in directives]
    assert not [file for file in files if file.exists()]
    assert "keras_maelre.explain" not in directives
    shown = {id(resolve(path)) for path in directives}
    folders = [m.name for m in pkgutil.iter_modules(keras_maelre.__path__) if m.ispkg]
    public = {}
    for name in ("", *(f".{folder}" for folder in folders)):
        module = importlib.import_module(f"keras_maelre{name}")
        for attribute in module.__all__:
            value = getattr(module, attribute)
            # The names of a module have pages of their own.
            if not isinstance(value, type(module)):
                public[f"{module.__name__}.{attribute}"] = value
    assert len(public) > 100
    assert not [name for name, value in public.items() if id(value) not in shown]


def test_no_link_leads_nowhere(site):
    """Links within the site; `mkdocs build --strict` looks at the anchors too."""
    folder, pages = site
    wrong = []
    for page, path in pages.items():
        text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
        targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)|src=\"([^\"]+)\"", text)
        for target in filter(None, (a or b for a, b in targets)):
            if re.match(r"[a-z]+:", target):
                continue
            places = ((base / page.parent / target) for base in (DOCS, folder))
            if not any(place.resolve().exists() for place in places):
                wrong.append(f"{page}: {target}")
    assert not wrong


def test_navigation_holds_every_page(site):
    _, pages = site
    navigation = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
    listed = re.findall(r"(\S+\.md)$", navigation, re.MULTILINE)
    assert sorted(listed) == sorted(page.as_posix() for page in pages)


def test_guides_say_what_they_take(site, scripts):
    """The gallery has a card with a picture for every guide."""
    from make_pages import GUIDES, about

    folder, _ = site
    assert sorted(GUIDES) == sorted(p.stem for p in ROOT.glob("guides/*.py"))
    gallery = (folder / "guides" / "index.md").read_text()
    for name in GUIDES:
        title, listed = about(ROOT / "guides" / f"{name}.ipynb")
        assert list(listed) == ["Needs", "Time", "Data", "Expect"], name
        assert title in gallery and f"pictures/{name}_" in gallery
        script = (ROOT / "guides" / f"{name}.py").read_text()
        assert "# ## What next" in script, name


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_picture_of_the_idea_shows_the_model(scheme, scripts):
    """What the picture says is what the preset is; `draw_architecture.py` draws it."""
    from draw_architecture import PRESET, blocks_of, lines_of

    picture = (DOCS / "pictures" / f"architecture_{scheme}.svg").read_text()
    classifier = keras_maelre.MaelreClassifier.from_preset(PRESET)
    for number, block in enumerate(blocks_of(classifier), start=1):
        for line in lines_of(number, block):
            assert f">{line}</text>" in picture
    assert f": {keras_maelre.count_macs(classifier) / 1e9:.1f} G" in picture


def section_of(page, anchor):
    """The section that a link to a page's anchor leads to, up to the next heading."""
    from make_pages import PAGES

    text = (ROOT / PAGES[page]).read_text()
    parts = re.split(r"^#+ (.+)$", text, flags=re.MULTILINE)[1:]
    slug = re.sub(r"_\d+$", "", anchor)
    # Headings of one name are numbered in the site's anchors.
    place = int(anchor[len(slug) + 1 :] or 0)
    titles = [re.sub(r"[^\w\s-]", "", t.lower()).replace(" ", "-") for t in parts[::2]]
    which = [i for i, title in enumerate(titles) if title == slug][place]
    return parts[2 * which + 1]


def test_scores_of_the_chooser_are_measured(scripts):
    """Every score of a row stands in one of the sections that the row links to."""
    rows = re.findall(
        r"^\| .*\]\(project/.*\|$", (DOCS / "chooser.md").read_text(), re.M
    )
    assert len(rows) >= 15
    for row in rows:
        links = re.findall(r"\((project/\w+\.md)#([\w-]+)\)", row)
        found = "".join(section_of(*link) for link in links)
        scores = re.findall(r"(?<![\d.])\.\d{3}\b", row)
        # Of the estimator also what both together score.
        assert len(scores) == 2 + ("`MaelreEstimator" in row), row
        assert all(score in found for score in scores), row


def test_the_table_of_the_readme_is_of_the_chooser():
    """Each row has the scores that the chooser has for the same data."""
    chosen = (DOCS / "chooser.md").read_text().splitlines()
    text = (ROOT / "README.md").read_text()
    section = text.partition("## When to use it, and when not")[2].partition("##")[0]
    rows = re.findall(r"^\| (\w[\w-]+)(.* \d.*)\|$", section, re.MULTILINE)
    assert len(rows) == 8
    for name, cells in rows:
        scores = set(re.findall(r"(?<![\d.])\.\d{3}\b", cells))
        assert len(scores) == 3, name
        assert any(
            line.startswith(f"| [{name}]") and all(score in line for score in scores)
            for line in chosen
        ), name


def test_what_a_cell_prints_is_one_block(tmp_path, scripts):
    """Flushed prints are outputs of their own in a notebook; a picture divides them."""
    from make_pages import page_of

    def printed(*lines):
        return {"output_type": "stream", "name": "stdout", "text": list(lines)}

    outputs = [
        printed("  first\n"),
        {"output_type": "stream", "name": "stderr", "text": ["a warning\n"]},
        printed("second\n"),
        {"output_type": "execute_result", "data": {"text/plain": ["3"]}},
        {
            "output_type": "display_data",
            "data": {"image/png": "", "text/plain": ["<>"]},
        },
        printed("last\n"),
    ]
    cells = [
        {"cell_type": "markdown", "source": ["# Title"]},
        {"cell_type": "code", "source": ["run()"], "outputs": outputs},
    ]
    notebook = tmp_path / "some.ipynb"
    notebook.write_text(json.dumps({"cells": cells}))
    (tmp_path / "guides").mkdir()
    page = page_of(notebook, tmp_path)
    blocks = re.findall(r"```\{ .text .output \}\n(.*?)\n```", page, re.DOTALL)
    assert blocks == ["  first\nsecond\n3", "last"]
    assert page.index("second") < page.index("![Picture 1]") < page.index("last")
