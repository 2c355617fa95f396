"""The comparison with peers: its measurements, its table and its resumption.

The processes that it starts need torch, whatever the backend of the Keras models.
"""

import contextlib
import importlib.util
import io
import json
import pathlib

import pytest

torch = pytest.importorskip("torch")

import environment  # noqa: E402
import numpy as np  # noqa: E402

import keras_maelre  # noqa: E402
from benchmarks import peers  # noqa: E402

ROOT = pathlib.Path(__file__).parent.parent.parent
SERIES = ("--quick", "--groups", "series", "--models", "transformer")


def run(folder, *arguments):
    return peers.main([*SERIES, *arguments, "--output", str(folder)])


def load(folder):
    return json.loads((folder / "peers.json").read_text())


def keys(rows):
    return [(row["model"], row["mode"]) for row in rows]


# === Processes that measure ===


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The folder and the printed text of one small run."""
    folder = tmp_path_factory.mktemp("peers")
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        with contextlib.redirect_stdout(printed):
            assert run(folder, "--repeats", "3") == 0
    return folder, printed.getvalue()


@pytest.mark.compiles_long
def test_every_model_and_mode_is_measured(measured):
    rows = load(measured[0])["rows"]
    assert keys(rows) == [
        ("series", "inference"),
        ("series", "training"),
        ("transformer", "inference"),
        ("transformer", "training"),
    ]
    for row in rows:
        seconds = sorted(row["step_seconds"])
        assert len(seconds) == row["timed_steps"] == 3
        # Of the median, for each of the two samples of a batch.
        assert row["milliseconds_per_sample"] == pytest.approx(500 * seconds[1])
        assert row["memory_bytes"] > 4 * row["parameters"]
        assert row["threads"] >= 1
    assert rows[1]["memory_bytes"] > rows[0]["memory_bytes"]


@pytest.mark.compiles_long
def test_models_have_their_sizes(measured):
    maelre, _, transformer, _ = load(measured[0])["rows"]
    classifier = keras_maelre.MaelreClassifier.from_preset(
        "tiny_series", num_classes=10, input_shape=(256, 1)
    )
    assert maelre["parameters"] == classifier.count_params()
    assert maelre["macs"] == keras_maelre.count_macs(classifier)
    assert maelre["tokens"] == 257

    tokens, width, depth = 256, 64, 2
    stem, head, norm = 8 * width, 10 * width + 10, 2 * width
    layer = 12 * width**2 + 9 * width + 2 * norm
    parameters = stem + tokens * width + depth * layer + norm + head
    assert transformer["parameters"] == parameters
    macs = 12 * tokens * width**2 + 2 * tokens**2 * width
    assert transformer["macs"] == 7 * tokens * width + depth * macs + 10 * width
    assert transformer["tokens"] == tokens


@pytest.mark.compiles_long
def test_ratios_are_quotients(measured):
    rows = load(measured[0])["rows"]
    for maelre, peer in zip(rows[:2], rows[2:], strict=True):
        for key in ("milliseconds_per_sample", "memory_bytes"):
            assert maelre[f"{key}_ratio"] == 1
            assert peer[f"{key}_ratio"] == pytest.approx(peer[key] / maelre[key])


@pytest.mark.compiles_long
def test_report_and_picture(measured):
    folder, printed = measured
    text = (folder / "peers.md").read_text()
    assert printed.strip() == text.strip()
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 4
    assert len({line.count("|") for line in lines}) == 1
    assert "tiny_series | 257 |" in lines[2]
    assert "Transformer, 2 x 64, 2 heads" in lines[3]
    for row in load(folder)["rows"]:
        ratio = f"| {row['milliseconds_per_sample_ratio']:.2f} |"
        assert ratio in lines[2 if row["model"] == "series" else 3]
    assert f"torch {torch.__version__}" in text
    assert (folder / "peers.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.compiles_long
def test_resume_measures_nothing_again(measured, tmp_path, monkeypatch):
    monkeypatch.setattr(peers, "start_one", lambda *_: pytest.fail("measured again"))
    (tmp_path / "peers.json").write_text((measured[0] / "peers.json").read_text())
    assert run(tmp_path, "--repeats", "3", "--resume") == 0
    assert load(tmp_path) == load(measured[0])
    # Without being asked to, it would measure.
    with pytest.raises(pytest.fail.Exception, match="measured again"):
        run(tmp_path, "--repeats", "3")


# === Processes that are only made believe ===


@pytest.fixture
def started(monkeypatch):
    """What was started; `fail` and `interrupt` hold what is to go wrong."""

    class Started(list):
        fail, interrupt = (), ()

    calls = Started()

    def start_one(name, mode, args):
        if (name, mode) in calls.interrupt:
            raise KeyboardInterrupt
        calls.append((name, mode))
        if (name, mode) in calls.fail:
            return None
        cost = 1 + len(name) + len(mode)
        return {
            "model": name,
            "mode": mode,
            "group": peers.group_of(name),
            "title": peers.title(name, peers.QUICK),
            "milliseconds_per_sample": cost,
            "timed_steps": 3,
            "step_seconds": [cost / 1e3] * 3,
            "memory_bytes": 1e6 * cost,
            "parameters": 1000,
            "macs": 10**6,
            "tokens": 256,
            "threads": 1,
        }

    monkeypatch.setattr(peers, "start_one", start_one)
    # The packages of the peers, which nothing imports here, count as installed.
    find_spec = importlib.util.find_spec
    packages = {peer.package for peer in peers.PEERS.values()}
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: True if name in packages else find_spec(name),
    )
    return calls


ALL = [("series", "inference"), ("series", "training")]
ALL += [("transformer", "inference"), ("transformer", "training")]


def test_an_interrupted_run_goes_on(started, tmp_path):
    started.interrupt = [ALL[2]]
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    assert keys(load(tmp_path)["rows"]) == ALL[:2]

    started.clear()
    started.interrupt = ()
    assert run(tmp_path, "--resume") == 0
    assert started == ALL[2:]
    rows = load(tmp_path)["rows"]
    assert keys(rows) == ALL
    assert rows[2]["milliseconds_per_sample_ratio"] == pytest.approx(21 / 16)


def test_a_failed_model_does_not_stop_the_others(started, tmp_path, capsys):
    started.fail = [ALL[0]]
    assert run(tmp_path) == 1
    assert "series (inference)" in capsys.readouterr().err
    rows = load(tmp_path)["rows"]
    assert keys(rows) == ALL[1:]
    # Nothing to compare with in this mode.
    assert "memory_bytes_ratio" not in rows[1]
    assert rows[2]["memory_bytes_ratio"] == pytest.approx(20 / 15)

    started.clear()
    started.fail = ()
    assert run(tmp_path, "--resume") == 0
    assert started == ALL[:1]
    assert "memory_bytes_ratio" in load(tmp_path)["rows"][1]


def test_rows_of_another_setting_are_not_resumed(started, tmp_path):
    run(tmp_path)
    with pytest.raises(ValueError, match="batch_size: 2, now 4"):
        run(tmp_path, "--resume", "--batch-size", "4")


def test_all_groups_are_in_one_table(started, tmp_path):
    assert peers.main(["--quick", "--output", str(tmp_path)]) == 0
    assert len(started) == 2 * (len(peers.GROUPS) + len(peers.PEERS))
    text = (tmp_path / "peers.md").read_text()
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    groups = [line.split("|")[1].strip() for line in lines]
    assert groups == sorted(groups, key=peers.GROUPS.index)
    assert [groups.count(name) for name in peers.GROUPS] == [5, 5, 2, 4]
    first = [line for i, line in enumerate(lines) if groups.index(groups[i]) == i]
    assert all("MAELRE" in line for line in first)
    assert "RoBERTa-base, 4 windows of 64" in lines[1]
    # 1 + 7 + 9 milliseconds a document.
    assert "one window takes 4.25 ms in inference" in text


def test_a_missing_package_is_named_before_anything_runs(
    started, tmp_path, monkeypatch
):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name == "linformer" else find_spec(name),
    )
    with pytest.raises(ImportError, match=r'linformer.*pip install "keras_maelre\[ben'):
        peers.main(["--groups", "series", "--output", str(tmp_path)])
    assert not started
    assert run(tmp_path) == 0


def test_a_peer_of_another_group_is_an_error(started, tmp_path, capsys):
    with pytest.raises(SystemExit):
        peers.main(["--groups", "text", "--models", "vit", "--output", str(tmp_path)])
    assert "--models vit: not in --groups" in capsys.readouterr().err
    assert not started


# === Measurements ===


@pytest.mark.parametrize(
    ("seconds", "expected"), [(1e9, [1, 2, 4, 8]), (103, [1, 2]), (0, [1])]
)
def test_steps_stop_at_the_budget_and_the_first_is_not_counted(
    seconds, expected, monkeypatch
):
    now = [0]
    durations = iter([100, 1, 2, 4, 8, 16])

    def step():
        now[0] += next(durations)

    monkeypatch.setattr(peers.time, "perf_counter", lambda: now[0])
    assert peers.time_steps(step, 4, seconds) == expected


def test_memory_sees_what_is_held_and_what_was():
    size = 64 * 2**20
    before = environment.memory("VmRSS")
    block = np.ones(size, "uint8")
    held = environment.memory("VmRSS")
    assert held - before >= 0.9 * size
    del block
    assert environment.memory("VmHWM") >= 0.99 * held


def test_peers_get_inputs_of_equal_size():
    for scale in (peers.QUICK, peers.FULL):
        for group, shape in scale.input_shapes.items():
            x, y = peers.make_inputs(group, scale, 3)
            assert x.shape == (3, *shape)
            assert y.shape == (3,)
        # Of fewer than 12 blocks BigBird would attend to everything.
        (tokens,) = scale.input_shapes["text"]
        assert tokens > 11 * scale.window // 8
        assert tokens % scale.window == 0
