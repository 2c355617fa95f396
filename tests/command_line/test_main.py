"""Help, errors and exit codes of all commands."""

import os
import re
import runpy
import subprocess
import sys

import pytest

from keras_maelre_cli import info
from keras_maelre_cli.main import COMMANDS, make_parser
from tests.command_line.small import run, series_preset

NAMES = [command.__name__.rpartition(".")[2] for command in COMMANDS]
PROGRAM = """
import sys
from keras_maelre_cli.main import main

names, preset = sys.argv[1].split(","), sys.argv[2]
for argv in ([], *([name] for name in names)):
    try:
        main([*argv, "--help"])
    except SystemExit as done:
        assert done.code == 0
assert main(["info", preset]) == 0
print(sorted({"keras", "keras_maelre", "numpy"} & set(sys.modules)))
"""


def test_help_and_info_import_no_keras(tmp_path):
    series_preset(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, ",".join(NAMES), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith("[]\n"), done.stdout[-200:]


@pytest.mark.parametrize("name", NAMES)
def test_help_shows_an_example_that_parses(name, capsys):
    assert run(name, "--help") == 0
    example = capsys.readouterr().out.partition("example:")[2]
    lines = re.findall(rf"keras-maelre ({name}\b.*)$", example, re.M)
    assert lines
    for line in lines:
        words = line.partition(" >")[0].split()
        assert make_parser().parse_args(words).command == name


@pytest.mark.parametrize("argv", [(), ("unknown",), ("train",), ("info",)])
def test_wrong_usage_is_refused(argv, capsys):
    assert run(*argv) == 2
    assert "usage: keras-maelre" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--epochs", "0", "must be at least 1, received 0"),
        ("--epochs", "few", "must be an integer, received 'few'"),
        ("--minutes", "-1", "must be above 0, received -1"),
        ("--validation", "1", "must lie in [0, 1), received 1"),
        ("--seed", "-1", "must be at least 0, received -1"),
        ("--input-shape", "5,x", "must be an integer, received 'x'"),
    ],
)
def test_values_are_checked(option, value, message, capsys):
    assert run("train", "data", option, value) == 2
    error = capsys.readouterr().err
    assert option in error and message in error


def test_an_error_is_one_line(tmp_path, capsys):
    assert run("info", tmp_path) == 2
    error = capsys.readouterr().err
    assert error.startswith("keras-maelre info: error: ") and error.count("\n") == 1


def test_traceback_shows_where_it_comes_from(tmp_path):
    with pytest.raises(ValueError, match="not a saved preset"):
        run("info", tmp_path, "--traceback")


def test_interruption(monkeypatch, capsys):
    def interrupted(folder):
        raise KeyboardInterrupt

    monkeypatch.setattr(info, "preset_folder", interrupted)
    assert run("info", "preset") == 130
    assert "Interrupted" in capsys.readouterr().err


def test_the_package_runs_as_a_program(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["keras_maelre", "--help"])
    with pytest.raises(SystemExit) as done:
        runpy.run_module("keras_maelre", run_name="__main__")
    assert done.value.code == 0
    assert "usage: keras-maelre" in capsys.readouterr().out


def test_tab_completion(tmp_path):
    pytest.importorskip("argcomplete", reason="the extra [completion]")
    line = "keras-maelre train data --mod"
    program = "from keras_maelre_cli.main import main; main()"
    subprocess.run(
        [sys.executable, "-c", program],
        env={
            **os.environ,
            "_ARGCOMPLETE": "1",
            "_ARGCOMPLETE_STDOUT_FILENAME": str(tmp_path / "found"),
            "COMP_LINE": line,
            "COMP_POINT": str(len(line)),
        },
        check=True,
    )
    assert (tmp_path / "found").read_text().strip() == "--modality"
