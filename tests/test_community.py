"""Files for other people's machines say what the project is."""

import pathlib
import re
import tomllib

import pytest

import keras_maelre

ROOT = pathlib.Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FILES = ("CITATION.cff", ".github/workflows/ci.yml", "mkdocs.yml")


@pytest.fixture(scope="module")
def yaml():
    return pytest.importorskip("yaml", reason="PyYAML, which keras-hub brings")


@pytest.mark.parametrize("name", FILES)
def test_file_is_yaml(name, yaml):
    assert isinstance(yaml.safe_load((ROOT / name).read_text()), dict)


def test_issue_forms_ask_something(yaml):
    forms = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml"))
    assert len(forms) == 3
    for path in forms:
        form = yaml.safe_load(path.read_text())
        assert form["name"] and form["description"]
        identifiers = [part["id"] for part in form["body"]]
        assert len(set(identifiers)) == len(identifiers) > 0


def test_workflow_tries_every_backend_from_the_oldest_python(yaml):
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    jobs = workflow["jobs"]
    for name in ("oldest", "newest"):
        backends = jobs[name]["strategy"]["matrix"]["backend"]
        assert sorted(backends) == ["jax", "tensorflow", "torch"]
    pythons = {
        name: step["with"]["python-version"]
        for name, job in jobs.items()
        for step in job["steps"]
        if "setup-python" in step.get("uses", "")
    }
    assert PROJECT["requires-python"] == f">={pythons['oldest']}"
    targets = re.findall(r"^(\S+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    commands = [step.get("run", "") for job in jobs.values() for step in job["steps"]]
    called = re.findall(r"^make (\S+)", "\n".join(commands), re.MULTILINE)
    assert called and set(called) <= set(targets)


def test_citation_has_version_and_license():
    text = (ROOT / "CITATION.cff").read_text()
    assert f"version: {keras_maelre.__version__}\n" in text
    assert f"license: {PROJECT['license']}\n" in text
