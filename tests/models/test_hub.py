"""Presets are pushed to a hub as a whole; the hub is a folder here."""

import builtins
import json
import shutil
import types

import huggingface_hub
import numpy as np
import pytest

from keras_maelre import MaelreClassifier, ModelCard, push_to_hub
from tests.models.tiny import randomize, tiny_classifier


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub in a folder, and the calls that it got."""
    calls = []

    class Api:
        def create_repo(self, repo_id, **kwargs):
            calls.append(("create_repo", repo_id, kwargs))

        def upload_folder(self, repo_id, folder_path, **kwargs):
            calls.append(("upload_folder", repo_id, kwargs))
            shutil.copytree(folder_path, tmp_path / repo_id, dirs_exist_ok=True)
            return types.SimpleNamespace(oid="0123abc")

    def snapshot_download(repository, revision=None, allow_patterns=None):
        calls.append(("snapshot_download", repository, {"revision": revision}))
        return str(tmp_path / repository)

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return calls


def test_pushed_and_loaded_by_its_revision(hub, tmp_path):
    model = randomize(tiny_classifier("series", class_names=["a", "b", "c"]))
    card = ModelCard(data="Waves.", license="mit")
    commit = push_to_hub(model, "someone/waves", card, private=True, message="First")
    assert sorted(p.name for p in (tmp_path / "someone" / "waves").iterdir()) == [
        *("README.md", "config.json", "model.weights.h5")
    ]
    assert "Waves." in (tmp_path / "someone" / "waves" / "README.md").read_text()
    loaded = MaelreClassifier.from_preset(f"hf://someone/waves@{commit}")
    assert loaded.class_names == ("a", "b", "c")
    for one, other in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    made, uploaded, fetched = hub
    assert made == (
        *("create_repo", "someone/waves"),
        {"private": True, "exist_ok": True},
    )
    assert uploaded == (
        *("upload_folder", "someone/waves"),
        {"revision": None, "commit_message": "First"},
    )
    assert fetched[2] == {"revision": "0123abc"}


def test_what_the_hub_holds_must_have_its_hash(hub, tmp_path):
    push_to_hub(tiny_classifier("series"), "hf://someone/waves")
    path = tmp_path / "someone" / "waves" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "weights_sha256": "0" * 64}))
    with pytest.raises(ValueError, match="damaged.*hash"):
        MaelreClassifier.from_preset("hf://someone/waves")


@pytest.mark.parametrize(
    "repository", ["waves", "a/b/c", "/waves", "a/", "a/b@main", "", 3, None]
)
def test_what_is_no_repository(hub, repository):
    with pytest.raises(ValueError, match="`repository` must be 'user/repository'"):
        push_to_hub(tiny_classifier("series"), repository)
    assert not hub


def test_what_cannot_be_saved_makes_no_repository(hub):
    with pytest.raises(TypeError, match="`card`"):
        push_to_hub(tiny_classifier("series"), "a/b", card="a card")
    with pytest.raises(TypeError, match="`model`"):
        push_to_hub("a model", "a/b")
    with pytest.raises(TypeError, match="`private`"):
        push_to_hub(tiny_classifier("series"), "a/b", private="no")
    assert not hub


def test_without_huggingface_hub(monkeypatch):
    original = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "huggingface_hub":
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r'pip install "keras_maelre\[hub\]"'):
        push_to_hub(tiny_classifier("series"), "a/b")
