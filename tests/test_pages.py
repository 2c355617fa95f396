"""The code of the site's pages runs, and gives what its comments say."""

import ast
import pathlib
import re
import shlex

import pytest

from keras_maelre_cli.main import main

DOCS = pathlib.Path(__file__).parent.parent / "docs"
# Another backend's process writes the file of the page on serving.
SLOW = ("serving",)
PAGES = [
    pytest.param(path, marks=pytest.mark.slow) if path.stem in SLOW else path
    for path in (
        DOCS / "index.md",
        DOCS / "getting_started.md",
        DOCS / "presets.md",
        *sorted(set(DOCS.glob("howto/*.md")) - {DOCS / "howto" / "index.md"}),
    )
]


def run_python(code, name, names):
    """Runs code; a line `expression  # literal` must have the value of the literal.

    Other comments are for people.
    """
    lines = code.splitlines()
    for statement in ast.parse(code).body:
        source = "\n".join(lines[statement.lineno - 1 : statement.end_lineno])
        if not isinstance(statement, ast.Expr):
            exec(compile("\n" * (statement.lineno - 1) + source, name, "exec"), names)
            continue
        value = eval(compile(source.strip(), name, "eval"), names)
        comment = source.rpartition("  # ")[2]
        if re.fullmatch(r"True|\d+|\([\d, ]+\)", comment):
            assert value == ast.literal_eval(comment), source
            names.setdefault("compared", []).append(source)


@pytest.mark.compiles_long
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_code_of_a_page_runs(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text, names = path.read_text(), {}
    blocks = re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)
    for language, code in blocks:
        if language == "python":
            run_python(code, path.name, names)
        elif language == "sh" and path.stem == "command_line":
            for line in code.splitlines():
                program, *arguments = shlex.split(line)
                assert program == "keras-maelre"
                assert main(arguments) == 0, line
    said = len(re.findall(r"  # (?:True|\d+|\([\d, ]+\))$", text, re.MULTILINE))
    assert len(names.get("compared", [])) == said
