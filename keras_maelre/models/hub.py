"""Presets on the Hugging Face Hub."""

import pathlib
import tempfile

from keras_maelre.checks import check_flag

HF_SCHEME = "hf://"


def fetch(handle, files):
    """Returns the local directory of files of a repository, fetched if need be.

    Args:
        handle: String, `"hf://user/repository"`, with `"@revision"` if need be.
        files: List of strings, the names of the files.
    """
    repository, _, revision = handle[len(HF_SCHEME) :].partition("@")
    if not _is_repository(repository):
        raise ValueError(
            f"An {HF_SCHEME} handle must be '{HF_SCHEME}user/repository', with "
            f"'@revision' after it if need be. Received: preset={handle!r}"
        )
    found = _huggingface_hub(f"The preset {handle!r} is fetched").snapshot_download(
        repository, revision=revision or None, allow_patterns=list(files)
    )
    return pathlib.Path(found)


def push_to_hub(
    model, repository, card=None, private=False, revision=None, message=None
):
    """Saves a model as a preset to a repository of the Hugging Face Hub.

    The repository is made if it is missing. All files of the preset arrive in one
    commit: whoever loads `"hf://user/repository"` meanwhile gets the old or the new.
    huggingface_hub uses the credentials that `hf auth login` stored.

    Args:
        model: A `MaelreClassifier` or a `MaelreBackbone`.
        repository: String, `"user/repository"`.
        card: Optional `ModelCard`, what the model cannot tell of itself.
        private: Boolean, whether a repository that is made is private.
        revision: Optional string, the branch to commit to.
        message: Optional string, the message of the commit.

    Returns:
        String, the hash of the commit: `"hf://user/repository@HASH"` is this preset,
        whatever is pushed later.

    Raises:
        ImportError: If huggingface_hub is not installed.
        TypeError: If an argument is of the wrong type.
        ValueError: If `repository` is not one.

    Example:

    ```python
    from keras_maelre import MaelreClassifier, ModelCard, push_to_hub

    classifier = MaelreClassifier.from_preset("tiny_series", num_classes=2)

    def share():
        card = ModelCard(data="900 recordings of waves", license="apache-2.0")
        return push_to_hub(classifier, "user/waves", card=card)
    ```
    """
    if not hasattr(model, "save_to_preset"):
        raise TypeError(
            "Argument `model` must be a MaelreClassifier or a MaelreBackbone. "
            f"Received: model={model!r}"
        )
    private = check_flag("private", private)
    name = repository
    if isinstance(repository, str):
        name = repository.removeprefix(HF_SCHEME)
    if not isinstance(name, str) or not _is_repository(name) or "@" in name:
        raise ValueError(
            "Argument `repository` must be 'user/repository'; a branch is `revision`. "
            f"Received: repository={repository!r}"
        )
    api = _huggingface_hub("Presets are pushed").HfApi()
    with tempfile.TemporaryDirectory() as folder:
        # What cannot be saved is refused before anything is made.
        model.save_to_preset(folder, card=card)
        api.create_repo(name, private=private, exist_ok=True)
        commit = api.upload_folder(
            repo_id=name,
            folder_path=folder,
            revision=revision,
            commit_message=message or f"{type(model).__name__} of keras_maelre",
        )
    return commit.oid


def _is_repository(name):
    return name.count("/") == 1 and all(name.split("/"))


def _huggingface_hub(what):
    try:
        import huggingface_hub
    except ImportError as error:
        raise ImportError(
            f'{what} by huggingface_hub: pip install "keras_maelre[hub]"'
        ) from error
    return huggingface_hub
