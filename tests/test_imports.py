"""The house as CONTRIBUTING.md draws it: who imports whom, and no circles."""

import ast
import pathlib
import re

import pytest

import keras_maelre

PACKAGE = pathlib.Path(keras_maelre.__file__).parent
TABLE = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
BACKENDS = {"tensorflow", "jax", "torch"}


def allowed():
    """Folder to the folders that it may import, from the table of the house."""
    rows = re.findall(r"^\| `keras_maelre/(\w+)` \|[^|]*\|([^|]*)\|$", TABLE, re.M)
    return {name: set(re.findall(r"`(\w+)`", cell)) for name, cell in rows}


def imports(path):
    """The modules that a file imports, and whether at its top level."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        top = node in tree.body
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name, top
        elif isinstance(node, ast.ImportFrom):
            for name in node.names:
                yield f"{node.module}.{name.name}", top


def parts_of(folder):
    """The parts of the package that a folder imports."""
    found = {}
    for path in sorted((PACKAGE / folder).rglob("*.py")):
        for module, _ in imports(path):
            words = module.split(".")
            if words[0] == "keras_maelre" and len(words) > 1:
                found.setdefault(words[1], path.name)
    found.pop(folder, None)
    return found


def folders():
    return sorted(p.name for p in PACKAGE.iterdir() if (p / "__init__.py").is_file())


def test_the_table_has_every_folder():
    assert sorted(allowed()) == folders()


@pytest.mark.parametrize("folder", folders())
def test_a_folder_imports_what_it_may(folder):
    wrong = {
        part: file
        for part, file in parts_of(folder).items()
        if part not in allowed()[folder] | {"checks", "version"}
    }
    assert not wrong, f"{folder} imports {wrong}"


def test_there_are_no_circles():
    rest = {folder: allowed()[folder] for folder in folders()}
    while rest:
        free = [folder for folder, needs in rest.items() if not needs & set(rest)]
        assert free, f"a circle among {sorted(rest)}"
        for folder in free:
            del rest[folder]


def test_no_backend_is_imported_at_the_top_of_a_file():
    for path in PACKAGE.rglob("*.py"):
        for module, top in imports(path):
            assert not (top and module.split(".")[0] in BACKENDS), path
