"""The tasks of Long Range Arena, from the command line to the report."""

import json

import keras
import long_range_arena
import numpy as np
import pytest
import two_towers

import keras_maelre
from tests.references.gradients import values

SMALL = ("--epochs", 1, "--batch-size", 8)


@pytest.fixture
def run(tmp_path):
    policy = keras.config.dtype_policy()

    def run_task(*arguments):
        output = ["--output", str(tmp_path / "run")]
        return long_range_arena.main([*map(str, (*arguments, *SMALL)), *output])

    yield run_task
    keras.config.set_dtype_policy(policy)


@pytest.mark.compiles_long
def test_listops(run, tmp_path, capsys):
    lengths = ("--shortest", 8, "--longest", 40)
    result = run("listops", "--samples", 40, *lengths)
    printed = capsys.readouterr().out
    assert printed.count("SIMULATED") >= 3 and result["simulated"]
    assert "none" in printed.partition("augmentation")[2].partition("\n")[0]
    assert json.loads((tmp_path / "run" / "result.json").read_text()) == result
    saved = keras_maelre.MaelreClassifier.from_preset(tmp_path / "run" / "preset")
    assert saved.signal_shape == (40,) and saved.num_classes == 10


@pytest.mark.compiles_long
def test_pathfinder(run, capsys):
    result = run("pathfinder", "--samples", 20)
    printed = capsys.readouterr().out
    assert result["simulated"] and result["name"] == "simulated_pathfinder"
    assert "RandomRoll" not in printed and "MixUp" not in printed


@pytest.mark.compiles_long
def test_image(run, tmp_path):
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (30, 64), "uint8")
    np.savez(tmp_path / "grey.npz", X=x, y=np.arange(30) % 3, is_test=x[:, 0] < 80)
    result = run("image", "--data", tmp_path / "grey.npz")
    assert result["name"] == "grey" and not result["simulated"]


@pytest.mark.compiles_long
def test_text(run, tmp_path, capsys):
    rows = [f"a {w} film,{w},{s}" for s in ("train", "test") for w in ("good", "bad")]
    path = tmp_path / "reviews.csv"
    path.write_text("\n".join(["text,label,split", *(rows * 6)]) + "\n")
    with pytest.warns(UserWarning):  # so few are the same
        result = run("text", "--data", path, "--length", 32)
    assert result["name"] == "reviews" and "TokenDrop" in capsys.readouterr().out


@pytest.fixture
def papers(tmp_path):
    """Pairs that are of one paper, or of two."""
    generator = np.random.default_rng(0)
    texts = ["".join(generator.choice(list('abcdef "'), 30)) + "." for _ in range(12)]
    folder = tmp_path / "aan"
    folder.mkdir()
    for split, count in (("train", 20), ("eval", 9), ("test", 9)):
        rows = []
        for i in range(count):
            same, (a, b) = i % 2, generator.choice(12, 2, replace=False)
            rows.append(f"{same}.0\t{a}\t{b}\t{texts[a]}\t{texts[a if same else b]}\n")
        (folder / f"new_aan_pairs.{split}.tsv").write_text("".join(rows))
    return folder


@pytest.mark.compiles_long
def test_retrieval(run, papers, tmp_path):
    result = run("retrieval", "--data", papers, "--length", 32)
    assert json.loads((tmp_path / "run" / "result.json").read_text()) == result
    model = keras.models.load_model(tmp_path / "run" / "two_towers.keras")
    batches = two_towers.PairBatches(
        *two_towers.read_pairs(papers, "test"),
        keras_maelre.preprocessing.BytePreprocessor((32,), truncate=True),
        batch_size=4,
    )
    assert len(batches) == 3 and len(batches[2][1]) == 1
    right = np.concatenate(
        [np.argmax(model.predict(x, verbose=0), axis=-1) == y for x, y in batches]
    )
    assert right.mean() == pytest.approx(result["accuracy"])


def test_both_towers_are_one_backbone():
    backbone = keras_maelre.MaelreBackbone.from_preset(
        "tiny_bytes", width=8, depths=(1, 1, 1, 1), input_shape=(16,)
    )
    model = two_towers.two_towers(backbone)
    assert model.count_params() == (
        backbone.count_params() + (4 * 64 + 1) * 64 + (64 + 1) * 2
    )
    ids = np.arange(1, 33).reshape(2, 16)
    joined = keras.Model(model.inputs, model.get_layer(index=-3).output)
    a, b, product, difference = np.split(values(joined, [ids[:1], ids[1:]]), 4, axis=-1)
    outputs = values(backbone, ids)["cls"]
    np.testing.assert_allclose(np.concatenate([a, b]), outputs, atol=1e-5)
    np.testing.assert_allclose(product, a * b, atol=1e-5)
    np.testing.assert_allclose(difference, a - b, atol=1e-5)


def test_pairs_are_read_as_they_are(papers):
    texts, others, labels = two_towers.read_pairs(papers, "train")
    assert len(texts) == len(others) == 20 and labels.tolist() == [0, 1] * 10
    same = [a == b for a, b in zip(texts, others, strict=True)]
    assert same == [bool(label) for label in labels]
    assert any('"' in text for text in texts)


@pytest.mark.parametrize(
    "row, message",
    [
        ("1\t2\t3\tonly one text\n", "row 1: .*Received: 4 fields"),
        ("1\t2\t3\ta\t\n", "row 1: must have a label"),
        ("0\t2\t3\ta\tb\nyes\t2\t3\ta\tb\n", "row 2: .*'yes'"),
        ("", "no rows"),
    ],
    ids=["fields", "empty text", "label", "no rows"],
)
def test_damaged_pairs_are_named(tmp_path, row, message):
    (tmp_path / "pairs.train.tsv").write_text(row)
    with pytest.raises(ValueError, match=message):
        two_towers.read_pairs(tmp_path, "train")


def test_missing_and_ambiguous_files_of_pairs(tmp_path):
    with pytest.raises(FileNotFoundError, match="test.tsv"):
        two_towers.read_pairs(tmp_path, "test")
    for name in ("a.test.tsv", "b.test.tsv"):
        (tmp_path / name).write_text("")
    with pytest.raises(ValueError, match="one file"):
        two_towers.read_pairs(tmp_path, "test")


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["listops", "--data", "x"], "generated"),
        (["text"], "text needs --data"),
        (["pathfinder", "--longest", "9"], "--longest is of listops"),
        (["retrieval", "--data", "x", "--init-from", "y"], "no --init-from"),
        (["chess"], "invalid choice"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_arguments_that_a_task_has_not(arguments, message, capsys):
    with pytest.raises(SystemExit):
        long_range_arena.main(arguments)
    assert message in capsys.readouterr().err


def test_results_of_tasks_do_not_replace_each_other():
    args = long_range_arena.parse(["listops"])
    assert args.output.parts[-2:] == ("long_range_arena", "listops")
    assert (args.samples, args.shortest, args.longest) == (20000, 500, 2000)
    assert args.size is None
