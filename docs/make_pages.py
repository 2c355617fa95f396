"""Writes those pages of the site that are made of other files of the project.

    python docs/make_pages.py [FOLDER]

`docs/project` holds what is read in the repository too (changelog, benchmarks,
examples) and the help of the command line, with links that lead within the site;
`docs/guides` the executed notebooks as pages, and a gallery of them. Both are written
anew each time. It needs Python alone.
"""

import base64
import json
import os
import pathlib
import re
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
# Page to the file that it shows.
PAGES = {
    "project/benchmarks.md": "benchmarks/README.md",
    "project/examples.md": "examples/README.md",
    "project/changelog.md": "CHANGELOG.md",
    "project/security.md": "SECURITY.md",
    "project/contributing.md": "CONTRIBUTING.md",
}
# The guides, as the gallery orders them, and which of its pictures stands for one, if
# not the first.
GUIDES = (
    "quickstart",
    "three_doors",
    "raw_data",
    "texts",
    "series",
    "images",
    "sounds",
    "explanation",
    "decisions",
    "long_inputs",
    "several_devices",
    "ablations",
    "long_range_arena",
    "fine_tuning",
    "export_and_serve",
    "own_modality",
)
THUMBNAILS = {
    "quickstart": 3,
    "images": 3,
    "sounds": 2,
    "decisions": 2,
    "long_inputs": 2,
}
# What else links in these files lead to.
SHOWN = {
    **{file: page for page, file in PAGES.items()},
    "README.md": "index.md",
    **{f"guides/{name}.ipynb": f"guides/{name}.md" for name in GUIDES},
}
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def relinked(text, file, page, docs):
    """The text of a file of the project, with links that lead within the site.

    Pictures are copied beside the page. What the site does not show is named by its
    path.
    """

    def link(match):
        picture, words, target = match.groups()
        if re.match(r"[a-z]+:|#", target):
            return match[0]
        target, mark, anchor = target.partition("#")
        target = os.path.normpath(pathlib.Path(file).parent / target)
        if picture:
            copy = (docs / page).parent / "pictures" / target.replace("/", "_")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / target, copy)
            return f"![{words}](pictures/{copy.name})"
        if not (ROOT / target).exists():
            raise ValueError(f"{file} links to {target!r}, which does not exist.")
        if target.startswith("docs/") and target.endswith(".md"):
            shown = target.removeprefix("docs/")
        elif target in SHOWN:
            shown = SHOWN[target]
        else:
            return words if words == target else f"{words} (`{target}`)"
        shown = os.path.relpath(shown, pathlib.Path(page).parent)
        return f"[{words}]({shown}{mark}{anchor})"

    return LINK.sub(link, text)


def page_of(path, docs):
    """An executed notebook as Markdown; its pictures are written beside the page."""
    shutil.copy(path, docs / "guides")
    pictures = docs / "guides" / "pictures"
    pictures.mkdir(exist_ok=True)
    parts, count = [], 0
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"]).strip("\n")
        if cell["cell_type"] == "markdown":
            page = f"guides/{path.stem}.md"
            parts.append(relinked(source, f"guides/{path.name}", page, docs))
            continue
        if source:
            parts.append(f"```python\n{source}\n```")
        printed = ""
        for output in [*cell["outputs"], {}]:
            data = output.get("data", {})
            picture = "image/png" in data
            # Prints that follow each other are several outputs if they are flushed.
            if "text" in output and output["name"] != "stderr":
                printed += "".join(output["text"])
            elif "text/plain" in data and not picture:
                printed += "".join([*data["text/plain"], "\n"])
            if output and not picture:
                continue
            if printed.strip():
                parts.append(f"```{{ .text .output }}\n{printed.rstrip()}\n```")
            printed = ""
            if picture:
                count += 1
                file = pictures / f"{path.stem}_{count}.png"
                file.write_bytes(base64.b64decode(data["image/png"]))
                parts.append(f"![Picture {count}](pictures/{file.name})")
    parts.insert(1, f"This page is a notebook, executed: [{path.name}]({path.name}).")
    return "\n\n".join(parts) + "\n"


def about(path):
    """The title of a guide and what its first cell lists: needs, time, data, score."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    first = "".join(cells[0]["source"])
    listed = dict(re.findall(r"^- (\w+): (.*(?:\n  .*)*)", first, re.MULTILINE))
    return first.partition("\n")[0].removeprefix("# "), listed


def gallery_of(docs):
    """A card for each guide: a picture, its title, how long it takes, its data."""
    cards = []
    for name in GUIDES:
        title, listed = about(ROOT / "guides" / f"{name}.ipynb")
        pictures = sorted((docs / "guides" / "pictures").glob(f"{name}_*.png"))
        shown = THUMBNAILS.get(name, 1)
        picture = f"![](pictures/{pictures[shown - 1].name}){{ loading=lazy }}"
        cards.append(
            "\n\n".join(
                (
                    '<div markdown="1">',
                    f"[{picture}]({name}.md)",
                    f"### [{title}]({name}.md)",
                    f"{_sentence(listed['Time'])} {_sentence(listed['Data'])}",
                    "</div>",
                )
            )
        )
    head = (
        "# Guides\n\nScripts that are notebooks: each runs from the first line to the "
        "last on TensorFlow, JAX and torch, on data that you have without downloading "
        "anything. They are in the folder `guides` of the repository."
    )
    cards = "\n\n".join(cards)
    return f'{head}\n\n<div class="gallery" markdown="1">\n\n{cards}\n\n</div>\n'


def _sentence(words):
    return f"{words[0].upper()}{words[1:]}."


def command_line():
    """What `keras-maelre --help` says, and that of each of its commands."""
    sys.path.insert(0, str(ROOT))
    os.environ["COLUMNS"] = "80"
    from keras_maelre_cli.main import COMMANDS, make_parser

    parser = make_parser()
    (commands,) = (a for a in parser._actions if a.dest == "command")
    helps = {"keras-maelre": parser, **commands.choices}
    assert len(helps) == len(COMMANDS) + 1
    parts = ["# Command line", "The same as `keras-maelre COMMAND --help`."]
    for name, command in helps.items():
        parts += [f"## {name}", f"```text\n{command.format_help().rstrip()}\n```"]
    return "\n\n".join(parts) + "\n"


def main(docs=DOCS):
    docs = pathlib.Path(docs)
    for folder in ("guides", "project"):
        shutil.rmtree(docs / folder, ignore_errors=True)
        (docs / folder).mkdir(parents=True)
    pages = {}
    for page, file in PAGES.items():
        text = (ROOT / file).read_text(encoding="utf-8")
        pages[page] = relinked(text, file, page, docs)
    for name in GUIDES:
        pages[f"guides/{name}.md"] = page_of(ROOT / "guides" / f"{name}.ipynb", docs)
    pages["guides/index.md"] = gallery_of(docs)
    pages["project/command_line.md"] = command_line()
    for page, text in pages.items():
        (docs / page).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
