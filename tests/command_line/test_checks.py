"""What is installed."""

import importlib.util

import keras

from keras_maelre_cli import checks
from tests.command_line.small import run


def test_versions_and_backend(capsys):
    assert run("checks") == 0
    text = capsys.readouterr().out
    assert f"keras              {keras.__version__}\n" in text
    assert text.endswith(f"keras_maelre runs on {keras.backend.backend()}\n")


def test_what_is_missing_is_named_with_its_command(monkeypatch, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        checks.importlib.util,
        "find_spec",
        lambda name, *a: None if name in ("jax", "PIL") else find(name, *a),
    )
    assert run("checks") == 0
    text = capsys.readouterr().out
    assert '  jax              not installed: pip install "keras_maelre[jax]"' in text
    assert '  pillow           not installed: pip install "keras_maelre[image]"' in text
