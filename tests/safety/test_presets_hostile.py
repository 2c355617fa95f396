"""What loading a preset from somebody else may do; see SECURITY.md.

Every preset here is the saved one with something changed by hand. It must be refused
with a ValueError, quickly, without memory to speak of, and without anything of it run.
"""

import copy
import hashlib
import json
import os
import pickle
import resource
import shutil
import time

import h5py
import keras
import numpy as np
import pytest
from keras.src.backend.common import global_state

from keras_maelre import MaelreBackbone, MaelreClassifier
from keras_maelre.preprocessing import SeriesPreprocessor, TextPreprocessor
from tests.models.tiny import tiny_classifier
from tests.safety.small import bytes_classifier, series, series_classifier

SECONDS = 5
MEGABYTES = 300


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A preset of each kind, saved once."""
    directory = tmp_path_factory.mktemp("saved")
    series_classifier().save_to_preset(directory / "series")
    bytes_classifier().save_to_preset(directory / "bytes")
    return directory


@pytest.fixture
def preset(saved, tmp_path):
    shutil.copytree(saved / "series", tmp_path / "preset")
    return tmp_path / "preset"


@pytest.fixture
def tokens(saved, tmp_path):
    shutil.copytree(saved / "bytes", tmp_path / "tokens")
    return tmp_path / "tokens"


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch):
    """Fails the test if a command is run or a pickle is loaded."""

    def refuse(*arguments, **kwargs):
        pytest.fail(f"a preset ran {arguments}")

    monkeypatch.setattr(os, "system", refuse)
    monkeypatch.setattr(os, "popen", refuse)
    monkeypatch.setattr(pickle, "loads", refuse)
    monkeypatch.setattr(pickle, "load", refuse)


def configuration(preset):
    return json.loads((preset / "config.json").read_text())


def write(preset, config):
    (preset / "config.json").write_text(json.dumps(config))


def change(preset, *path, value):
    """Sets one entry of the configuration."""
    config = configuration(preset)
    node = config["config"]
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    write(preset, config)


def sign(preset):
    """Gives a changed file of weights the hash that the configuration must hold."""
    config = configuration(preset)
    weights = (preset / "model.weights.h5").read_bytes()
    config["weights_sha256"] = hashlib.sha256(weights).hexdigest()
    write(preset, config)


def assert_refused(preset, message="does not describe|damaged", cls=MaelreClassifier):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.monotonic()
    with pytest.raises(ValueError, match=f"(?s){message}"):
        cls.from_preset(preset)
    assert time.monotonic() - begin < SECONDS
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown / 1024 < MEGABYTES


def test_the_presets_load_unchanged(preset, tokens):
    """What follows is refused for what is changed, not for being a copy."""
    sign(preset)
    write(tokens, configuration(tokens))
    model = MaelreClassifier.from_preset(preset)
    assert len(model.predict_raw(series())) == 6
    assert len(MaelreClassifier.from_preset(tokens).predict_raw(["a text"])) == 1


# === Code ===

LAMBDA = {
    "module": "keras.layers",
    "class_name": "Lambda",
    "config": {
        "name": "lambda",
        "function": {
            "class_name": "__lambda__",
            "config": {"code": "4wEAAAAAAAAAAAAAAAAAAAA=", "defaults": None},
        },
    },
    "registered_name": None,
}
FOREIGN = {
    "Lambda": LAMBDA,
    "lambda": LAMBDA["config"]["function"],
    "Dense": {
        "module": "keras.layers",
        "class_name": "Dense",
        "config": {"units": 10**9},
        "registered_name": None,
    },
    "TFSMLayer": {
        "module": "keras.layers",
        "class_name": "TFSMLayer",
        "config": {"filepath": "/tmp"},
        "registered_name": None,
    },
    "StringLookup": {
        "module": "keras.layers",
        "class_name": "StringLookup",
        "config": {"vocabulary": "/etc/hostname"},
        "registered_name": None,
    },
    "get_file": {
        "module": "keras.utils",
        "class_name": "function",
        "config": "get_file",
        "registered_name": "get_file",
    },
    "os.system": {
        "module": "os",
        "class_name": "system",
        "config": {"command": "true"},
        "registered_name": "system",
    },
    "posix function": {
        "module": "posix",
        "class_name": "function",
        "config": "system",
        "registered_name": "system",
    },
    "builtins.exec": {
        "module": "builtins",
        "class_name": "function",
        "config": "exec",
        "registered_name": "exec",
    },
    "subprocess": {
        "module": "subprocess",
        "class_name": "Popen",
        "config": {"args": ["true"]},
        "registered_name": "subprocess>Popen",
    },
    "keras internals": {
        "module": "keras.src.saving.saving_lib",
        "class_name": "H5IOStore",
        "config": {"path_or_io": "/tmp/x"},
        "registered_name": None,
    },
    "unknown": {
        "module": "keras_maelre.models",
        "class_name": "Unknown",
        "config": {},
        "registered_name": "keras_maelre>Unknown",
    },
    "policy": {
        "module": "os",
        "class_name": "system_DTypePolicy",
        "config": {},
        "registered_name": None,
    },
}
PLACES = {
    "backbone": ("backbone",),
    "modality": ("backbone", "config", "modality"),
    "dtype": ("backbone", "config", "dtype"),
    "feature_map": ("backbone", "config", "feature_map"),
    "preprocessor": ("preprocessor",),
    "within the preprocessor": ("preprocessor", "config", "input_shape"),
    "class_names": ("class_names",),
    "quantization": ("quantization",),
    "nowhere in particular": ("unheard_of",),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_objects(preset, kind, place):
    change(preset, *PLACES[place], value=copy.deepcopy(FOREIGN[kind]))
    assert_refused(preset, "neither a class of keras_maelre nor one that this program")


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_root(preset, kind):
    write(preset, {**configuration(preset), **FOREIGN[kind]})
    assert_refused(preset)


@pytest.mark.parametrize("kind", ["Lambda", "StringLookup", "subprocess"])
def test_a_foreign_object_beside_the_model(preset, kind):
    for key in ("compile_config", "build_config"):
        config = configuration(preset)
        config[key] = {"optimizer": FOREIGN[kind]}
        write(preset, config)
        assert_refused(preset, "neither a class of keras_maelre")


def test_a_preprocessor_alone_is_looked_at_too(preset):
    change(preset, "preprocessor", value=FOREIGN["StringLookup"])
    with pytest.raises(ValueError, match="neither a class of keras_maelre"):
        SeriesPreprocessor.from_preset(preset)


def test_unsafe_mode_of_keras_changes_nothing(preset):
    change(preset, "preprocessor", value=LAMBDA)
    keras.config.enable_unsafe_deserialization()
    try:
        assert_refused(preset, "neither a class of keras_maelre")
    finally:
        global_state.set_global_attribute("safe_mode_saving", None)


@pytest.mark.parametrize(
    "name",
    [
        "keras>Dense",
        "Dense",
        "keras_maelre>Series",
        "keras_maelre>SeriesPreprocessor",
        "keras_maelre>EncoderLayer",
        "os.system",
        "",
        None,
        3,
        ["keras_maelre>MaelreClassifier"],
    ],
    ids=repr,
)
def test_registered_name_of_the_root(preset, name):
    write(preset, {**configuration(preset), "registered_name": name})
    assert_refused(preset, "does not describe")


def test_module_paths_are_not_imported(preset, tmp_path, monkeypatch):
    (tmp_path / "evil.py").write_text("import pathlib\npathlib.Path('ran').touch()")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    config = configuration(preset)
    config["module"] = "evil"
    config["config"]["backbone"]["module"] = "evil"
    config["config"]["preprocessor"]["module"] = "evil"
    write(preset, config)
    MaelreClassifier.from_preset(preset)  # The registered names count, nothing else.
    config["config"]["preprocessor"]["registered_name"] = None
    write(preset, config)
    assert_refused(preset, "neither a class of keras_maelre")
    assert not (tmp_path / "ran").exists()


@keras.saving.register_keras_serializable(package="safety")
class Halving(SeriesPreprocessor):
    """A preprocessor of the user, with values that JSON does not have."""

    def __init__(self, factor=None, **kwargs):
        super().__init__(**kwargs)
        self.factor = np.full(2, 0.5) if factor is None else factor

    def get_config(self):
        return {
            **super().get_config(),
            "factor": keras.saving.serialize_keras_object(self.factor),
        }

    @classmethod
    def from_config(cls, config):
        return cls(**keras.saving.deserialize_keras_object(config))


def test_what_the_program_registered_is_known(tmp_path):
    model = series_classifier(preprocessor=Halving(input_shape=(24, 2)))
    model.save_to_preset(tmp_path)
    loaded = MaelreClassifier.from_preset(tmp_path)
    np.testing.assert_array_equal(loaded.preprocessor.factor, [0.5, 0.5])


# === Files ===


@pytest.mark.parametrize("argument", ["merges", "vocabulary"])
@pytest.mark.parametrize("path", ["../secret.txt", "secret.txt", "/etc/hostname"])
def test_tables_that_name_files(tokens, tmp_path, argument, path):
    (tmp_path / "secret.txt").write_text("two words\n")
    tables = {"vocabulary": {"<s>": 0, "<pad>": 1, "</s>": 2}, "merges": []}
    config = {"input_shape": [24], "truncate": False, **tables, argument: path}
    preprocessor = {
        "module": "keras_maelre.preprocessing.text_preprocessor",
        "class_name": "TextPreprocessor",
        "config": config,
        "registered_name": "keras_maelre>TextPreprocessor",
    }
    change(tokens, "preprocessor", value=preprocessor)
    assert_refused(tokens, f"`{argument}`")
    with pytest.raises(ValueError, match=f"`{argument}`") as caught:
        TextPreprocessor.from_preset(tokens)
    assert "two words" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["../../../etc/passwd", "/etc/passwd", "~", "a" * 5000, "\x00", "..\\..\\x"]
)
def test_names_that_are_paths(preset, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    change(preset, "name", value=name)
    before = sorted(tmp_path.rglob("*"))
    try:
        MaelreClassifier.from_preset(preset)
    except ValueError as error:
        assert "does not describe" in str(error)
    assert sorted(tmp_path.rglob("*")) == before


def test_pickles_are_not_read(preset):
    pickled = b"cos\nsystem\n(S'true'\ntR."
    (preset / "model.weights.h5").write_bytes(pickled)
    sign(preset)
    assert_refused(preset, "damaged")
    (preset / "model.pkl").write_bytes(pickled)
    (preset / "config.json").write_bytes(pickled)
    assert_refused(preset, "does not describe")


def edit_weights(preset, function):
    """Lets a function change the first array of a file of weights; signs the rest."""
    names = []
    with h5py.File(preset / "model.weights.h5", "r+") as file:
        file.visititems(
            lambda name, item: (
                names.append(name)
                if isinstance(item, h5py.Dataset) and item.size > 1
                else None
            )
        )
        function(file, sorted(names)[0])
    sign(preset)


def external_data(file, name):
    shape, dtype = file[name].shape, file[name].dtype
    del file[name]
    file.create_dataset(name, shape, dtype, external=[("/etc/hostname", 0, 10**6)])


def external_link(file, name):
    del file[name]
    file[name] = h5py.ExternalLink("/tmp/other.h5", "/x")


def soft_link(file, name):
    file["elsewhere"] = file[name][()]
    del file[name]
    file[name] = h5py.SoftLink("/elsewhere")


def linked_group(file, name):
    file["elsewhere"] = h5py.ExternalLink("/tmp/other.h5", "/")


def circle(file, name):
    file["circle"] = file["/"]


def virtual_data(file, name):
    shape, dtype = file[name].shape, file[name].dtype
    del file[name]
    layout = h5py.VirtualLayout(shape, dtype)
    layout[...] = h5py.VirtualSource("/tmp/other.h5", "x", shape=shape)
    file.create_virtual_dataset(name, layout)


def huge_data(file, name):
    del file[name]
    file.create_dataset(name, (10**6, 10**6), "float32", chunks=(100, 100))


def other_dtype(file, name):
    values = file[name][()]
    del file[name]
    file[name] = values.astype("int32")


def half_precision(file, name):
    values = file[name][()]
    del file[name]
    file[name] = values.astype("float16")


def other_shape(file, name):
    values = file[name][()]
    del file[name]
    file[name] = values[..., :-1]


def transposed(file, name):
    values = file[name][()]
    del file[name]
    file[name] = values.T.reshape(-1)


def text(file, name):
    del file[name]
    file[name] = "0.1 0.2"


def not_finite(file, name):
    file[name][...] = np.nan


def infinite(file, name):
    file[name][...] = -np.inf


def missing(file, name):
    del file[name]


def one_more(file, name):
    file["one_more"] = np.zeros(3, "float32")


def a_type(file, name):
    file["type"] = np.dtype("float32")


@pytest.mark.parametrize(
    "function",
    [
        external_data,
        external_link,
        soft_link,
        linked_group,
        circle,
        virtual_data,
        huge_data,
        other_dtype,
        half_precision,
        other_shape,
        transposed,
        text,
        not_finite,
        infinite,
        missing,
        one_more,
        a_type,
    ],
    ids=lambda function: function.__name__,
)
def test_files_of_weights(preset, function):
    """Weights that whoever changed them has signed: their hash fits."""
    edit_weights(preset, function)
    assert_refused(preset, "damaged or belong to another model")


def test_flipped_bytes(preset):
    path = preset / "model.weights.h5"
    weights = bytearray(path.read_bytes())
    for place in np.random.default_rng(0).integers(0, len(weights), 12):
        weights[place] ^= 0x10
        path.write_bytes(weights)
        assert_refused(preset, "hash")
        weights[place] ^= 0x10
    path.write_bytes(weights)
    MaelreClassifier.from_preset(preset)


@pytest.mark.parametrize("kept", [0, 1, 100, 5000, -1])
def test_cut_files(preset, kept):
    weights = (preset / "model.weights.h5").read_bytes()
    (preset / "model.weights.h5").write_bytes(weights[:kept])
    assert_refused(preset, "damaged")
    sign(preset)
    assert_refused(preset, "damaged")


@pytest.mark.parametrize("fraction", [0, 0.1, 0.5, 0.9, 0.999])
def test_cut_configurations(preset, fraction):
    text = (preset / "config.json").read_text().strip()
    (preset / "config.json").write_text(text[: int(len(text) * fraction)])
    assert_refused(preset, "config.json.*does not describe")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "3",
        '"MaelreClassifier"',
        "{}",
        '{"config": {}}',
        '{"registered_name": "keras_maelre>MaelreClassifier"}',
        '{"registered_name": "keras_maelre>MaelreClassifier", "config": null}',
        '{"registered_name": "keras_maelre>MaelreClassifier", "config": []}',
        '{"registered_name": "keras_maelre>MaelreBackbone", "config": {"width": 8}}',
        "[" * 100_000,
        '{"a":' * 100_000,
        "\ufeff{}",
    ],
    ids=lambda text: text[:30],
)
def test_what_is_not_a_configuration(preset, text):
    (preset / "config.json").write_text(text)
    assert_refused(preset, "does not describe")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\x00" * 100])
def test_a_configuration_that_is_not_text(preset, content):
    (preset / "config.json").write_bytes(content)
    assert_refused(preset, "does not describe")


def test_a_missing_or_wrong_hash(preset):
    config = configuration(preset)
    write(preset, {**config, "weights_sha256": "0" * 64})
    assert_refused(preset, "hash")
    write(preset, {**config, "weights_sha256": None})
    assert_refused(preset, "hash")
    del config["weights_sha256"]
    write(preset, config)
    assert_refused(preset, "weights_sha256")


def test_files_that_are_directories(preset):
    (preset / "config.json").unlink()
    (preset / "config.json").mkdir()
    assert_refused(preset, "lacks the file 'config.json'")


def test_configuration_of_another_model(preset, tokens, tmp_path):
    shutil.copy(tokens / "config.json", preset)
    assert_refused(preset, "damaged")
    sign(preset)
    assert_refused(preset, "damaged")
    tiny_classifier("series", width=16).save_to_preset(tmp_path / "wider")
    shutil.copy(tmp_path / "wider" / "config.json", preset)
    sign(preset)
    assert_refused(preset, "damaged")


# === Sizes ===

HUGE = [
    (("backbone", "config", "width"), 10**9),
    (("backbone", "config", "width"), 10**400),
    (("backbone", "config", "width"), 1e308),
    (("backbone", "config", "depths"), [10**7, 1, 1, 1]),
    (("backbone", "config", "depths"), [1, 1, 1, 10**7]),
    (("backbone", "config", "depths"), [1] * 10**5),
    (("backbone", "config", "depths"), [10**7, 1, 1, -(10**7)]),
    (("backbone", "config", "input_shape"), [10**12, 2]),
    (("backbone", "config", "input_shape"), [24, 10**12]),
    (("backbone", "config", "num_heads"), [10**12, 2, 4, 8]),
    (("backbone", "config", "num_heads"), [0, 2, 4, 8]),
    (("num_classes",), 10**12),
    (("num_classes",), -(10**12)),
    (("num_classes",), 1e12),
    (("preprocessor", "config", "input_shape"), [10**12, 2]),
    (("preprocessor", "config", "input_shape"), [24, 10**12]),
    (("preprocessor", "config", "truncate"), "no"),
    (("temperature",), 0),
    (("temperature",), float("nan")),
    (("thresholds",), [0.5] * 3),
    (("class_names",), ["a"] * 3),
    (("class_names",), ["a"]),
    (("multi_label",), "no"),
    (("trainable",), "no"),
    (("backbone", "config", "trainable"), "no"),
    (("backbone", "config", "remat"), "no"),
    (("backbone", "config", "dropout_rate"), 1e9),
    (("backbone", "config", "drop_path_rate"), float("nan")),
    (("backbone", "config", "chunk_size"), -1),
    (("backbone", "config", "attention"), ["quadratic"] * 4),
    (("backbone", "config", "attention"), ["dot"] * 10**5),
    (("backbone", "config", "attention"), "keras_maelre>MaelreClassifier"),
    (("backbone", "config", "attention"), "keras_maelre>SelfAttention"),
    (("backbone", "config", "attention"), ["os.system"] * 4),
    (("backbone", "config", "attention"), {"dot": 4}),
    (("backbone", "config", "attention_window"), 0),
    (("backbone", "config", "attention_window"), 10**12),
    (("backbone", "config", "attention_window"), "8"),
    (("backbone", "config", "merge"), "maximum"),
    (("backbone", "config", "feature_map"), "keras.layers.Dense"),
    (("backbone", "config", "feature_map"), "keras_maelre>MaelreClassifier"),
    (("backbone", "config", "feature_map"), "os.system"),
    (("backbone", "config", "dtype"), "float7"),
    (("backbone", "config", "dtype"), 3),
    (("backbone", "config", "modality"), "video"),
    (("backbone", "config", "modality"), {"name": "series"}),
    (("backbone", "config", "quantization"), {"stem": "int8", "x": "int8"}),
    (("backbone", "config", "quantization"), {"logits": "float1"}),
    (("quantization",), {"logits": "float1"}),
    (("backbone", "config", "unheard_of"), 1),
    (("unheard_of",), 1),
    (("backbone",), None),
    (("backbone",), 3),
    (("backbone", "config"), None),
    (("preprocessor",), 3),
    (("preprocessor",), "os.system"),
]


@pytest.mark.parametrize("path, value", HUGE, ids=lambda part: str(part)[:40])
def test_sizes_and_values(preset, path, value):
    change(preset, *path, value=value)
    assert_refused(preset)


@pytest.mark.parametrize(
    "changes",
    [
        {"vocabulary_size": 10**12},
        {"embedding_dim": 10**12},
        {"vocabulary_size": 10**12, "embedding_dim": 10**12},
        {"vocabulary_size": 1e12},
        {"padding_id": 10**12},
        {"padding_id": -1},
        {"trainable_embeddings": "no"},
        {"unheard_of": 1},
    ],
    ids=str,
)
def test_sizes_of_vocabularies(tokens, changes):
    for name, value in changes.items():
        change(tokens, "backbone", "config", "modality", "config", name, value=value)
    assert_refused(tokens)


@pytest.mark.parametrize(
    "kind, changes",
    [
        ("AudioPreprocessor", {"sampling_rate": 10**12}),
        ("AudioPreprocessor", {"frame_step_ms": 1e12}),
        ("AudioPreprocessor", {"input_shape": [10**12, 10**12]}),
        ("ImagePreprocessor", {"input_shape": [10**9, 10**9, 3]}),
        ("BytePreprocessor", {"input_shape": [10**12]}),
    ],
    ids=str,
)
def test_sizes_of_preprocessors(preset, kind, changes):
    preprocessor = {
        "module": "keras_maelre.preprocessing",
        "class_name": kind,
        "config": changes,
        "registered_name": f"keras_maelre>{kind}",
    }
    change(preset, "preprocessor", value=preprocessor)
    assert_refused(preset)


def test_a_backbone_is_looked_at_as_a_classifier_is(tmp_path):
    series_classifier().backbone.save_to_preset(tmp_path)
    change(tmp_path, "width", value=10**9)
    assert_refused(tmp_path, cls=MaelreBackbone)
    change(tmp_path, "width", value=8)
    change(tmp_path, "modality", value=LAMBDA)
    assert_refused(tmp_path, "neither a class", cls=MaelreBackbone)
