"""What cannot be exported is refused at once, and nothing is left behind."""

import subprocess

import keras
import numpy as np
import pytest

import keras_maelre
from keras_maelre.deployment import exporting, formats, job
from tests.deployment.models import raw_classifier
from tests.models.tiny import tiny_classifier

BACKEND = keras.backend.backend()


@pytest.fixture(autouse=True)
def nothing_long(monkeypatch):
    """An error must come before anything is saved, traced or started."""

    def too_late(*args, **kwargs):
        raise AssertionError("work began")

    monkeypatch.setattr(keras_maelre.MaelreClassifier, "save_to_preset", too_late)
    monkeypatch.setattr(subprocess, "run", too_late)
    # What is installed here is not what this is about.
    monkeypatch.setattr(formats, "is_installed", lambda package: True)


@pytest.fixture(scope="module")
def series():
    return raw_classifier("series")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"format": "pmml"}, ValueError, "`format` must be one of.*onnx.*pmml"),
        ({"format": "litert"}, ValueError, r"`path` must end in '.tflite'.*model.onnx"),
        ({"raw_input": 1}, TypeError, "`raw_input` must be True or False"),
        ({"batch": 0}, ValueError, "`batch` must be a positive integer.*0"),
        ({"batch": "all"}, TypeError, "`batch` must be a positive integer"),
        ({"length": 41}, ValueError, "`length` must be an integer from 1 to 40.*41"),
        ({"license": 5}, TypeError, "`license` must be a string"),
    ],
)
def test_arguments(series, arguments, error, message, tmp_path):
    with pytest.raises(error, match=message):
        keras_maelre.export(series, tmp_path / "model.onnx", **arguments)
    assert not list(tmp_path.iterdir())


def test_what_is_not_a_classifier(series, tmp_path):
    with pytest.raises(TypeError, match="must be a MaelreClassifier"):
        keras_maelre.export(series.backbone, tmp_path / "model.onnx")


def test_places(series, tmp_path):
    with pytest.raises(ValueError, match="folder that can be written to.*nowhere"):
        keras_maelre.export(series, tmp_path / "nowhere" / "model.onnx")
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="folder that can be written to"):
        keras_maelre.export(series, tmp_path / "file" / "model.onnx")
    (tmp_path / "model.onnx").mkdir()
    with pytest.raises(ValueError, match="must be that of a file"):
        keras_maelre.export(series, tmp_path / "model.onnx")
    with pytest.raises(ValueError, match="a new folder, or of a SavedModel"):
        keras_maelre.export(series, tmp_path, "saved_model")
    with pytest.raises(TypeError, match="`path`"):
        keras_maelre.export(series, None)


def test_inputs_that_a_file_cannot_take(tmp_path):
    path = tmp_path / "model.onnx"
    with pytest.raises(ValueError, match="raw_input=True needs.*preprocessor"):
        keras_maelre.export(tiny_classifier("text"), path)

    class Other(keras_maelre.preprocessing.SeriesPreprocessor):
        pass

    other = tiny_classifier("series", preprocessor=Other((50, 2)))
    with pytest.raises(ValueError, match="cannot hold what Other.*raw_input=False"):
        keras_maelre.export(other, path)
    image = raw_classifier("image")
    with pytest.raises(ValueError, match=r"`length` must be None.*\(24, 20, 3\)"):
        keras_maelre.export(image, path, length=24)
    audio = raw_classifier("audio")
    with pytest.raises(ValueError, match="`length`.*from 50 to 689"):
        keras_maelre.export(audio, path, length=49)


def test_what_is_not_installed(series, tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "is_installed", lambda package: package == BACKEND)
    for format in ("onnx", "openvino"):
        with pytest.raises(ImportError, match=r"needs .* pip install"):
            keras_maelre.export(series, tmp_path / "model.onnx", format)


def test_the_present_backend_is_preferred(monkeypatch):
    present = BACKEND if BACKEND != "jax" else "tensorflow"
    assert formats.choose_backend("onnx") == present
    monkeypatch.setattr(formats, "is_installed", lambda name: name != present)
    assert formats.choose_backend("onnx") != present


class TestFailures:
    """A writer that fails, or writes nonsense."""

    @pytest.fixture(autouse=True)
    def work(self, monkeypatch):
        monkeypatch.undo()
        monkeypatch.setattr(exporting, "choose_backend", lambda format: BACKEND)

    def test_a_file_that_disagrees_is_not_kept(self, series, tmp_path, monkeypatch):
        def write(job):
            with open(job.path, "w") as file:
                file.write("new")

        def run(path, format, batches):
            return [np.full((len(x), 3), 1 / 3) for x in batches], "a runtime"

        monkeypatch.setattr(job, "write", write)
        monkeypatch.setattr(job, "run", run)
        path = tmp_path / "model.onnx"
        path.write_text("old")
        with pytest.raises(RuntimeError, match=r"differ by up to 0\.\d+ on a batch of"):
            keras_maelre.export(series, path)
        assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]
        assert path.read_text() == "old"
        nan = [np.full((3, 3), np.nan), np.full((1, 3), np.nan)]
        monkeypatch.setattr(job, "run", lambda *args: (nan, "a runtime"))
        with pytest.raises(RuntimeError, match="differ by up to nan"):
            keras_maelre.export(series, path)

    def test_a_runtime_that_is_missing_is_told(self, series, tmp_path, monkeypatch):
        monkeypatch.setattr(job, "write", lambda job: open(job.path, "w").close())
        monkeypatch.setattr(job, "is_installed", lambda package: False)
        with pytest.warns(UserWarning, match=r"not compared.*onnxruntime.*pip install"):
            result = keras_maelre.export(series, tmp_path / "model.onnx")
        assert result.difference is None and "not compared with Keras" in str(result)
        assert (tmp_path / "model.onnx").is_file()

    def test_a_writer_that_fails(self, series, tmp_path, monkeypatch):
        def write(job):
            open(job.path, "w").close()
            raise KeyError("no such operation")

        monkeypatch.setattr(job, "write", write)
        with pytest.raises(RuntimeError, match="nothing was left.*no such operation"):
            keras_maelre.export(series, tmp_path / "model.onnx")
        assert not list(tmp_path.iterdir())

    @pytest.mark.slow
    def test_a_process_that_fails(self, tmp_path):
        """A class that the other process does not know."""

        @keras.saving.register_keras_serializable(package="test_export")
        class Own(keras_maelre.MaelreClassifier):
            pass

        own = tiny_classifier("series", cls=Own)
        format, name = (
            ("litert", "m.tflite") if BACKEND != "tensorflow" else ("torch", "m.pt2")
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(exporting, "choose_backend", formats.choose_backend)
            with pytest.raises(RuntimeError, match="on (tensorflow|torch).*Own"):
                keras_maelre.export(own, tmp_path / name, format, raw_input=False)
        assert not list(tmp_path.iterdir())
