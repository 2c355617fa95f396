"""The examples of text, audio and image, from the command line to the report."""

import importlib.util
import inspect
import json
import pathlib

import keras
import numpy as np
import pytest
import simulated

EXAMPLES = pathlib.Path(__file__).parent.parent.parent / "examples"


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs the example of a name as its command line would."""
    monkeypatch.syspath_prepend(EXAMPLES)
    policy = keras.config.dtype_policy()

    def run_example(name, *arguments):
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        output = ["--output", str(tmp_path / "run"), "--batch-size", "8"]
        return module.main([*map(str, arguments), *output])

    yield run_example
    keras.config.set_dtype_policy(policy)


def check_outputs(result, folder, printed):
    assert json.loads((folder / "result.json").read_text()) == result
    for name in ("scores.png", "learning_curve.png", "preset/config.json"):
        assert (folder / name).stat().st_size > 100
    assert "Training of" in printed and "predicts the same" in printed


@pytest.fixture
def abstracts(tmp_path):
    """Two topics, each with a word that a child could find; some have both."""
    generator = np.random.default_rng(0)
    rows = ["text,labels,split"]
    for i in range(48):
        topics = [["heart"], ["bone"], ["heart", "bone"]][i % 3]
        filler = generator.choice(["the", "was", "seen", "in", "all"], 6)
        words = generator.permutation([*filler, *topics * 2])
        split = "train" if i < 36 else "test"
        rows.append(f"{' '.join(words)},{' '.join(topics)},{split}")
    path = tmp_path / "abstracts.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.mark.compiles_long
def test_mesh(run, abstracts, tmp_path, capsys):
    common = ("--data", abstracts, "--preset", "tiny_text", "--length", 64)
    result = run("mesh", *common, "--epochs", 1, "--vocabulary-size", 270)
    check_outputs(result, tmp_path / "run", capsys.readouterr().out)
    assert 0 <= result["micro_f1"] <= 1 and not result["simulated"]


@pytest.mark.slow
def test_mesh_by_bytes_resumes(run, abstracts, capsys):
    common = ("--data", abstracts, "--length", 64, "--epochs", 2)
    run("mesh", *common)
    run("mesh", *common, "--resume")
    assert "Going on after epoch 2 of 2" in capsys.readouterr().out


@pytest.mark.slow
def test_mesh_with_one_label_a_document(run, tmp_path, capsys):
    path = tmp_path / "reviews.csv"
    rows = [f"{w} film,{w},{s}" for s in ("train", "test") for w in ("good", "bad") * 6]
    path.write_text("\n".join(["text,label,split", *rows]) + "\n")
    options = ("--label-column", "label", "--one-label", "--length", 32)
    result = run("mesh", "--data", path, *options, "--epochs", 1)
    assert "accuracy" in result and "micro_f1" not in result
    assert "CategoricalCrossentropy" in capsys.readouterr().out


@pytest.fixture
def sounds(tmp_path):
    soundfile = pytest.importorskip("soundfile", reason="the extra [audio]")
    generator = np.random.default_rng(0)
    for label in ("hiss", "tone"):
        (tmp_path / "sounds" / label).mkdir(parents=True)
        for i in range(10):
            wave = generator.normal(0, 0.1, 4000)
            if label == "tone":
                wave = 0.3 * np.sin(np.arange(4000) * (0.2 + 0.02 * i))
            soundfile.write(tmp_path / "sounds" / label / f"{i}.wav", wave, 16000)
    return tmp_path / "sounds"


@pytest.mark.compiles_long
def test_vggsound(run, sounds, tmp_path, capsys):
    common = ("--data", sounds, "--frames", 32, "--epochs", 1)
    result = run("vggsound", *common)
    check_outputs(result, tmp_path / "run", capsys.readouterr().out)
    assert result["name"] == "sounds"


@pytest.mark.slow
def test_vggsound_refuses_or_skips_damaged_files(run, sounds, capsys):
    (sounds / "tone" / "3.wav").write_bytes(b"RIFF")
    common = ("--data", sounds, "--frames", 32, "--epochs", 1)
    with pytest.raises(ValueError, match="3.wav"):
        run("vggsound", *common)
    run("vggsound", *common, "--skip-missing")
    assert "1 files were skipped" in capsys.readouterr().out


@pytest.fixture
def pictures(tmp_path):
    image = pytest.importorskip("PIL.Image", reason="the extra [image]")
    generator = np.random.default_rng(0)
    for split, count in (("train", 12), ("test", 4)):
        for label, hue in (("green", 1), ("red", 0)):
            (tmp_path / "pictures" / split / label).mkdir(parents=True)
            for i in range(count):
                pixels = generator.integers(0, 60, (40, 50, 3), "uint8")
                pixels[..., hue] += 150
                path = tmp_path / "pictures" / split / label / f"{i}.png"
                image.fromarray(pixels).save(path)
    return tmp_path / "pictures"


@pytest.mark.compiles_long
def test_imagenet(run, pictures, tmp_path, capsys):
    result = run("imagenet", "--data", pictures, "--epochs", 1)
    check_outputs(result, tmp_path / "run", capsys.readouterr().out)


@pytest.mark.slow
def test_sounds_from_images(run, pictures, sounds, tmp_path, capsys):
    run("imagenet", "--data", pictures, "--epochs", 1)
    preset = (tmp_path / "run" / "preset").rename(tmp_path / "images")
    start = ("--init-from", preset, "--frames", 32)
    run("vggsound", "--data", sounds, "--epochs", 1, *start)
    assert "adapted" in capsys.readouterr().out


@pytest.mark.compiles_long
@pytest.mark.parametrize(
    "name, source, arguments",
    [
        ("mesh", "simulated_documents", {"samples": 24}),
        ("vggsound", "simulated_sounds", {"samples_per_class": 4}),
    ],
)
def test_simulated_data_is_called_simulated(
    run, name, source, arguments, capsys, monkeypatch
):
    make = getattr(simulated, source)

    def make_few(**given):
        inspect.signature(make).bind(**given)  # what the example asks for must do
        return make(**{**given, **arguments})

    monkeypatch.setattr(simulated, source, make_few)
    result = run(name, "--epochs", 1)
    printed = capsys.readouterr().out
    assert printed.count("SIMULATED") >= 3 and result["simulated"]
