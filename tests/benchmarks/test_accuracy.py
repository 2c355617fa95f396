"""The comparison of accuracies: its rows, its resumption, its table and picture."""

import functools
import io
import json

import keras
import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the extra [sklearn]")
pytest.importorskip("matplotlib", reason="the extra [examples]")

import accuracy  # noqa: E402
import arena  # noqa: E402

from keras_maelre import datasets  # noqa: E402
from keras_maelre.training import small_data_recipe  # noqa: E402


@pytest.fixture
def waves(tmp_path):
    generator = np.random.default_rng(0)
    y = np.arange(40) % 2
    x = np.sin(np.where(y, 0.9, 0.2)[:, None] * np.arange(32))
    x += 0.1 * generator.normal(size=x.shape)
    np.savez(tmp_path / "waves.npz", X=x, y=y, is_test=np.arange(40) >= 28)
    return tmp_path / "waves.npz"


@pytest.fixture
def icons(tmp_path):
    """Pictures as files, so that the loader takes them for pictures."""
    image = pytest.importorskip("PIL.Image", reason="the extra [image]")
    generator = np.random.default_rng(0)
    files = []
    for _ in range(12):
        file = io.BytesIO()
        pixels = generator.integers(0, 256, (16, 16, 3), "uint8")
        image.fromarray(pixels).save(file, "png")
        files.append(np.frombuffer(file.getvalue(), "uint8"))
    np.savez(
        tmp_path / "icons.npz",
        jpeg=np.concatenate(files),
        offset=np.cumsum([0, *map(len, files)]),
        y=np.arange(12) % 2,
        is_test=np.arange(12) >= 8,
    )
    return tmp_path / "icons.npz"


def run(path, *arguments):
    output = path.parent / "out" / "accuracy.json"
    accuracy.main([str(path), *map(str, arguments), "--output", str(output)])
    return json.loads(output.read_text())


@pytest.mark.compiles_long
def test_everything_is_measured_once(waves, monkeypatch):
    arguments = ["--attention", "linear", "--tools", "--seeds", 1, "--epochs", 2]
    if keras.backend.backend() == "torch":
        arguments += ["--published", "transformer"]
    rows = run(waves, *arguments)
    kinds = {row["model"]: row["kind"] for row in rows}
    assert kinds.pop("MiniRocket and ridge regression") == "tool"
    assert kinds.pop("linear") == "MAELRE"
    assert kinds in ({}, {"Transformer": "published"})
    for row in rows:
        assert 0 <= row["test"] <= 1 and row["cpu_seconds"] > 0
        assert (row["budget"] is None) == (row["kind"] == "tool")
        if row["budget"]:
            # 28 samples less a fifth are one batch an epoch.
            assert (row["budget"], row["epochs"], row["steps"]) == ("2 epochs", 2, 2)
            assert row["weights"] > 1e5 and 0 <= row["validation"] <= 1
    folder = waves.parent / "out"
    assert (folder / "accuracy.png").stat().st_size > 1000
    assert (folder / "accuracy.md").read_text() == accuracy.table(rows) + "\n"

    def measure_again(*args, **kwargs):
        raise AssertionError("measured again")

    monkeypatch.setattr(accuracy, "measure_network", measure_again)
    monkeypatch.setattr(accuracy, "measure_tool", measure_again)
    assert run(waves, *arguments) == rows
    with pytest.raises(AssertionError, match="measured again"):
        run(waves, *arguments, "--seeds", 2)


def test_each_budget_is_a_training_of_its_own(waves, monkeypatch):
    asked = []

    def measure(recipe, data, budget, seed, price, build):
        asked.append((budget, seed))
        return {"test": 0.5, "cpu_seconds": 1.0, "steps": 1, "weights": 10}

    monkeypatch.setattr(accuracy, "measure_network", measure)
    rows = run(waves, "--attention", "dot", "--seconds", 5, 20, "--seeds", 2)
    assert [(budget["time_limit"], seed) for budget, seed in asked] == [
        (5, 0),
        (20, 0),
        (5, 1),
        (20, 1),
    ]
    assert {row["budget"] for row in rows} == {"5 CPU s", "20 CPU s"}


@pytest.mark.parametrize("data", ["waves", "icons"])
def test_ablations_leave_out_one_thing_each(data, request, monkeypatch):
    path = request.getfixturevalue(data)
    plans = {}

    def measure(recipe, data, budget, seed, price, build):
        backbone = build()[0].backbone
        plans[len(plans)] = (backbone.attention_plan, backbone.merge)
        return {"test": 0.5, "cpu_seconds": 1.0, "steps": 1, "weights": 10}

    monkeypatch.setattr(accuracy, "measure_network", measure)
    rows = run(path, "--ablations", "--seeds", 1, "--epochs", 1)
    paper = ("linear", "linear", "dot", "dot")
    assert dict(zip([row["model"] for row in rows], plans.values(), strict=True)) == {
        "as in the paper": (paper, "conv"),
        "all dot": (("dot",) * 4, "conv"),
        "all linear": (("linear",) * 4, "conv"),
        "no merging": (paper, "none"),
        "average merging": (paper, "average"),
        "linear merging": (paper, "linear"),
    }


@pytest.mark.compiles_long
def test_documents_of_several_labels_are_scored_by_micro_f1():
    words = ("heart", "bone", "skin")
    y = np.array([[i % 2, i % 3 == 0, 1] for i in range(36)], "uint8")
    texts = [
        " ".join(np.array(words)[row == 1].repeat(4)) + f" {i}"
        for i, row in enumerate(y)
    ]
    data = datasets.ClassificationDataset(
        texts[:24], y[:24], texts[24:], y[24:], class_names=words
    )
    head = {
        "preprocessor": accuracy.whole_samples("text", data, "tiny"),
        "class_names": words,
        "multi_label": True,
    }
    build = functools.partial(accuracy.maelre, "text", "tiny", head, {})
    recipe = small_data_recipe("text", probe=False)
    row = accuracy.measure_network(recipe, data, {"epochs": 2}, 0, None, build)
    assert 0 < row["test"] <= 1 and 0 < row["validation"] <= 1
    assert accuracy.measure_tool("text", data, 0)["test"] == 1
    answers = np.array([[1, 0, 1], *data.y_test[1:]])
    wrong = (answers != data.y_test).sum()
    right = (answers & data.y_test).sum()
    assert accuracy.score(data, answers) == pytest.approx(
        2 * right / (2 * right + wrong), abs=1e-4
    )


@pytest.mark.compiles_long
def test_as_many_steps_are_trained_as_their_price_allows(waves):
    prices = waves.parent / "prices.json"
    measured = ["--attention", "dot", "pool", "--measure-prices", prices]
    run_nothing(waves, *measured)
    found = json.loads(prices.read_text())
    assert list(found) == ["waves: dot", "waves: pool"]
    assert all(price["step"] > 0 and price["check"] > 0 for price in found.values())
    run_nothing(waves, *measured)
    assert json.loads(prices.read_text()) == found  # not measured again

    # One batch an epoch is trained on and validated on, and looked at for statistics.
    prices.write_text(json.dumps({"waves: dot": {"step": 1.0, "check": 0.25}}))
    arguments = ["--attention", "dot", "--seeds", 1, "--prices", prices]
    (row,) = run(waves, *arguments, "--seconds", 7)
    assert (row["steps"], row["cpu_seconds"], row["priced"]) == (4, 4.0, True)
    with pytest.raises(KeyError, match="waves: pool"):
        run(waves, "--attention", "pool", *arguments[2:], "--seconds", 7)


def run_nothing(path, *arguments):
    output = path.parent / "nothing.json"
    accuracy.main([str(path), *map(str, arguments), "--output", str(output)])
    assert not output.exists()


def test_prices_are_of_seconds(waves, capsys):
    with pytest.raises(SystemExit):
        run(waves, "--prices", waves.parent / "none.json")
    assert "--prices needs a file" in capsys.readouterr().err


def test_tasks_of_the_arena_are_pictures_of_rows_and_expressions(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (8, 64), "uint8")
    np.savez(tmp_path / "grey.npz", X=x, y=np.arange(8) % 2, is_test=np.arange(8) > 5)
    task = arena.load_task(f"pixels:{tmp_path / 'grey.npz'}")
    assert (task.modality, task.name) == ("series", "grey")
    assert task.preprocessor.input_shape == (64, 1)
    task = arena.load_task("listops")
    assert (task.modality, task.preprocessor.input_shape) == ("bytes", (400,))
    assert "SIMULATED" in task.name and task.data.simulated
    assert (len(task.data.x_train), len(task.data.x_test)) == (4000, 1000)
    assert not arena.is_task("Worms.npz")


def test_published_names_are_checked_at_once(waves, capsys):
    pytest.importorskip("torch")
    with pytest.raises(SystemExit):
        run(waves, "--published", "transfomer")
    assert "known are transformer, linformer" in capsys.readouterr().err
    assert not (waves.parent / "out").exists()


def test_the_table_has_a_column_for_each_set_and_budget():
    row = {"seed": 0, "cpu_seconds": 9.6, "steps": 30, "weights": 1.5e6, "test": 0.5}
    rows = [
        {**row, "data": "A", "model": "linear", "budget": "10 CPU s"},
        {**row, "data": "A", "model": "linear", "budget": "10 CPU s", "test": 0.7},
        {**row, "data": "B", "model": "linear", "budget": "20 CPU s"},
        {"data": "A", "model": "words", "budget": None, "cpu_seconds": 1, "test": 0.9},
    ]
    assert accuracy.table(rows).splitlines() == [
        "| model | A, 10 CPU s | B, 20 CPU s |",
        "|---|---|---|",
        "| linear | test 0.600 ± 0.141; 30 steps, 10 CPU s, 1.50 M weights "
        "| test 0.500; 30 steps, 10 CPU s, 1.50 M weights |",
        "| words | test 0.900; 1 CPU s |  |",
    ]
