"""What the documentation shows must run, and say what is so."""

import inspect
import json
import pathlib
import re

import keras
import numpy as np
import pytest

import keras_maelre
import keras_maelre.deployment
import keras_maelre.estimator

ROOT = pathlib.Path(__file__).parent.parent
MODULES = (
    keras_maelre,
    keras_maelre.augmentation,
    keras_maelre.datasets,
    keras_maelre.deployment,
    keras_maelre.estimator,
    keras_maelre.explanation,
    keras_maelre.layers,
    keras_maelre.modalities,
    keras_maelre.preprocessing,
    keras_maelre.training,
)
PUBLIC = {
    f"{module.__name__}.{name}": getattr(module, name)
    for module in MODULES
    for name in module.__all__
    if callable(getattr(module, name))
}
# `keras_maelre` has it too.
del PUBLIC["keras_maelre.estimator.MaelreEstimator"]
# Downloads by hand come first; the tests of their builders run them on small files.
NOT_RUN = {
    "keras_maelre.datasets.load_imagenet",
    "keras_maelre.datasets.load_mosquito_sound",
}


def code_of(text):
    """The Python code of a docstring or a Markdown page."""
    text = inspect.cleandoc(text)
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    prompts = re.findall(r"^(?:>>>|\.\.\.) ?(.*)$", text, flags=re.MULTILINE)
    return "\n".join([*blocks, *prompts])


def names_of(module):
    return {name: getattr(module, name) for name in module.__all__}


@pytest.fixture
def namespace(tmp_path, monkeypatch):
    """What an example may use without saying so."""
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(size=(12, 100, 1)).astype("float32")
    y = np.arange(12) % 6
    names = {"keras": keras, "np": np, "keras_maelre": keras_maelre, "x": x, "y": y}
    for module in (keras_maelre, *MODULES[1:]):
        names.update(names_of(module))
    classifier = keras_maelre.MaelreClassifier.from_preset(
        "tiny_series", input_shape=(100, 1)
    )
    classifier.compile("adamw", "categorical_crossentropy")
    names["classifier"] = classifier
    return names


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_docstring_is_whole(name):
    """One line first, then the parts that a reader looks for."""
    text = inspect.getdoc(PUBLIC[name])
    first, _, rest = text.partition("\n")
    assert first.endswith("."), first
    assert "Example:" in rest, "no example"
    parameters = inspect.signature(PUBLIC[name]).parameters
    if any(p not in ("self", "kwargs") for p in parameters):
        assert "Args:" in rest, "no Args"


# What has two names has one example.
RUN = {value: name for name, value in PUBLIC.items() if name not in NOT_RUN}


@pytest.mark.parametrize("name", sorted(RUN.values()))
def test_docstring_example_runs(name, namespace):
    code = code_of(inspect.getdoc(PUBLIC[name]))
    assert code.strip(), "the example has no code"
    if name.endswith(".ResumableTraining"):
        # It resumes a training; here is one.
        fresh = keras_maelre.training.ResumableTraining(
            "run/checkpoint", {"preset": "tiny_series"}
        )
        classifier = namespace["classifier"]
        namespace["y"] = np.eye(6)[namespace["y"]]
        namespace["x"] = namespace["x"][:4]
        namespace["y"] = namespace["y"][:4]
        classifier.fit(
            namespace["x"], namespace["y"], epochs=49, callbacks=[fresh], verbose=0
        )
    exec(compile(code, name, "exec"), namespace)


def test_readme_runs(namespace):
    exec(compile(code_of((ROOT / "README.md").read_text()), "README", "exec"), {})


def test_table_of_presets_is_right():
    text = (ROOT / "docs" / "presets.md").read_text()
    rows = re.findall(r"^\| `(\w+)_` .*?\|(.*)\|$", text, re.M)
    modalities = ("text", "bytes", "series", "audio", "image")
    assert [size for size, _ in rows] == ["tiny", "small", "base", "wide"]
    for size, cells in rows:
        for modality, cell in zip(modalities, cells.split("|"), strict=True):
            preset = keras_maelre.MaelreClassifier.presets[f"{size}_{modality}"]
            assert abs(float(cell) - preset["parameters"] / 1e6) <= 0.051


@pytest.mark.parametrize("name", sorted(p.stem for p in ROOT.glob("guides/*.py")))
def test_notebook_is_the_guide_executed(name):
    """The notebook holds the cells of the script, their outputs, and no error."""
    jupytext = pytest.importorskip("jupytext", reason="the extra [guides]")
    script = jupytext.read(ROOT / "guides" / f"{name}.py")
    notebook = json.loads((ROOT / "guides" / f"{name}.ipynb").read_text())
    sources = ["".join(cell["source"]) for cell in notebook["cells"]]
    assert sources == [cell.source for cell in script.cells]
    outputs = [
        output for cell in notebook["cells"] for output in cell.get("outputs", [])
    ]
    assert all(output["output_type"] != "error" for output in outputs)
    pictures = sum("image/png" in output.get("data", {}) for output in outputs)
    assert pictures == sum("plt.show()" in source for source in sources)
