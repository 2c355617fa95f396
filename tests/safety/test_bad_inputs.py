"""Bad input to every public door: an error that names the argument and what came."""

import keras
import numpy as np
import pytest

from keras_maelre import MaelreBackbone, MaelreClassifier, modalities
from keras_maelre.models.targets import encode_targets
from keras_maelre.preprocessing import AudioPreprocessor, SeriesPreprocessor
from keras_maelre.training import (
    AugmentedBatches,
    OrderedBatches,
    WarmupCosine,
    recipe,
)
from tests.models.tiny import FEW_STEPS, tiny_classifier
from tests.safety.small import (
    NAMES,
    STEPS,
    bytes_classifier,
    inputs,
    series,
    series_classifier,
)

LABELS = np.arange(6) % 3


def short(value):
    """The name of a case, the same in every process: no addresses, no arrays."""
    if not isinstance(value, dict):
        return ""
    return str(value)[:50].split("array")[0].split(" at 0x")[0]


def compiled(model):
    """Compiles for integer labels."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="sgd", loss=loss, **FEW_STEPS)
    return model


@pytest.fixture(scope="module")
def raw():
    return compiled(series_classifier())


@pytest.fixture(scope="module")
def plain():
    return compiled(series_classifier(raw=False))


@pytest.fixture(scope="module")
def documents():
    return compiled(bytes_classifier())


@pytest.fixture(scope="module")
def ids():
    return compiled(bytes_classifier(raw=False))


@pytest.fixture(scope="module")
def multi_label():
    model = series_classifier(multi_label=True)
    model.compile("sgd", keras.losses.BinaryCrossentropy(True), **FEW_STEPS)
    return model


# === Building and loading ===


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"backbone": "tiny_series"}, TypeError, "`backbone`.*'tiny_series'"),
        ({"num_classes": 0}, ValueError, "`num_classes`.*=0"),
        ({"num_classes": 2.0}, TypeError, "`num_classes`.*=2.0"),
        ({"num_classes": True}, TypeError, "`num_classes`.*=True"),
        ({"num_classes": "3"}, TypeError, "`num_classes`.*='3'"),
        ({"class_names": "abc"}, TypeError, "`class_names`.*'abc'"),
        ({"class_names": 3}, TypeError, "`class_names`.*3"),
        ({"class_names": ["a", "a", "b"]}, ValueError, "`class_names`.*2 of them"),
        ({"class_names": ["a", "b"]}, ValueError, "`class_names` must hold 3"),
        ({"multi_label": "no"}, TypeError, "`multi_label`.*'no'"),
        ({"multi_label": 1}, TypeError, "`multi_label`.*=1"),
        ({"trainable": "no"}, TypeError, "`trainable`.*'no'"),
        ({"temperature": 0}, ValueError, "`temperature`.*=0"),
        ({"temperature": np.nan}, ValueError, "`temperature`.*nan"),
        ({"temperature": "warm"}, TypeError, "`temperature`.*'warm'"),
        ({"thresholds": 0.5}, ValueError, "`thresholds`.*multi-label.*0.5"),
        (
            {"thresholds": 2, "multi_label": True},
            ValueError,
            r"`thresholds`.*\[0, 1\].*=2",
        ),
        (
            {"thresholds": [0.1, 0.2], "multi_label": True},
            ValueError,
            "`thresholds`.*3 of them",
        ),
        (
            {"thresholds": "half", "multi_label": True},
            TypeError,
            "`thresholds`.*'half'",
        ),
        (
            {"thresholds": [0.1, 0.2, np.nan], "multi_label": True},
            ValueError,
            "`thresholds`.*nan",
        ),
        ({"preprocessor": "bytes"}, TypeError, "`preprocessor`.*'bytes'"),
        ({"preprocessor": len}, TypeError, "`preprocessor`.*len"),
        (
            {"preprocessor": SeriesPreprocessor((STEPS + 1, 2))},
            ValueError,
            r"`preprocessor`.*\(24, 2\).*\(25, 2\)",
        ),
    ],
    ids=short,
)
def test_the_constructor(plain, arguments, error, message):
    with pytest.raises(error, match=f"(?s){message}"):
        MaelreClassifier(**{"backbone": plain.backbone, "num_classes": 3, **arguments})


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"preset": 3}, TypeError, "`preset`.*=3"),
        ({"preset": "tiny_serie"}, ValueError, "`preset`.*'tiny_serie'"),
        ({"preset": ""}, ValueError, "`preset`.*''"),
        ({"preset": "a\0b"}, ValueError, "`preset`"),
        ({"preset": "hf://"}, ValueError, "`?preset`?.*'hf://'"),
        ({"preset": "hf://alone"}, ValueError, "preset='hf://alone'"),
        ({"preset": "hf://a/b/c"}, ValueError, "preset='hf://a/b/c'"),
        ({"load_weights": "no"}, TypeError, "`load_weights`.*'no'"),
        ({"class_names": 5}, TypeError, "`class_names`.*5"),
        ({"class_names": "abc"}, TypeError, "`class_names`.*'abc'"),
        ({"droupout_rate": 0.1}, TypeError, "'droupout_rate'.*dropout_rate"),
        ({"num_classes": -1}, ValueError, "`num_classes`.*=-1"),
        ({"width": 0}, ValueError, "`width`.*=0"),
        ({"width": 8.0}, TypeError, "`width`.*8.0"),
        ({"width": "8"}, TypeError, "`width`.*'8'"),
        ({"depths": 3}, ValueError, "`depths`.*=3"),
        ({"depths": (1, 1, 1, "1")}, TypeError, r"`depths\[3\]`.*'1'"),
        ({"num_heads": (1, 2, 4, 0)}, ValueError, r"`num_heads\[3\]`.*=0"),
        ({"num_heads": (3, 2, 4, 8)}, ValueError, "num_heads=3"),
        ({"attention": 5}, ValueError, "`attention`.*5"),
        ({"attention": "quadratic"}, ValueError, "`attention`.*quadratic"),
        ({"attention": ("dot",)}, ValueError, "`attention`.*('dot',)"),
        ({"attention": ("dot", "linear", "auto", "dot")}, ValueError, "`attention`"),
        ({"attention": "axial"}, ValueError, "Axial.*grid.*`grid_shape`"),
        ({"relative_positions": 1}, TypeError, "`relative_positions`.*=1"),
        ({"relative_positions": True}, ValueError, "relative_positions=True.*grid"),
        ({"attention_window": 0}, ValueError, "`attention_window`.*=0"),
        ({"attention_window": 4097}, ValueError, "`attention_window`.*=4097"),
        ({"attention_window": "8"}, TypeError, "`attention_window`.*'8'"),
        ({"merge": None}, ValueError, "`merge`.*None"),
        ({"feature_map": "gelu"}, ValueError, "`feature_map`.*'gelu'"),
        ({"feature_map": print}, ValueError, "`feature_map`.*print"),
        ({"dropout_rate": 1}, ValueError, "`dropout_rate`.*=1"),
        ({"drop_path_rate": 2}, ValueError, "`drop_path_rate`.*=2"),
        ({"drop_path_rate": np.nan}, ValueError, "`drop_path_rate`.*nan"),
        ({"remat": "no"}, TypeError, "`remat`.*'no'"),
        ({"chunk_size": 0}, ValueError, "`chunk_size`.*=0"),
        ({"chunk_size": 2.5}, TypeError, "`chunk_size`.*2.5"),
        ({"dtype": "float7"}, (TypeError, ValueError), "float7"),
        ({"input_shape": (10,)}, ValueError, r"`input_shape`.*\(10,\)"),
        ({"input_shape": (0, 1)}, ValueError, r"`input_shape`.*\(0, 1\)"),
        ({"input_shape": "10"}, ValueError, "`input_shape`.*'10'"),
        ({"vocabulary_size": 9}, TypeError, "'vocabulary_size'"),
        ({"token_embeddings": "roberta"}, ValueError, "token_embeddings.*series"),
    ],
    ids=short,
)
def test_from_preset(arguments, error, message):
    call = {"preset": "tiny_series", "num_classes": 3, "input_shape": (STEPS, 2)}
    with pytest.raises(error, match=f"(?s){message}"):
        MaelreClassifier.from_preset(**{**call, **arguments})


def test_a_missing_directory_is_named(tmp_path):
    with pytest.raises(ValueError, match="`preset` must be.*nowhere"):
        MaelreClassifier.from_preset(tmp_path / "nowhere")
    (tmp_path / "file").write_text("no directory")
    with pytest.raises(ValueError, match="`preset` must be.*file"):
        MaelreClassifier.from_preset(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty.*lacks the file 'config.json'"):
        MaelreClassifier.from_preset(tmp_path / "empty")


@pytest.mark.parametrize(
    "preset_dir, error, message",
    [
        (3, TypeError, "`preset_dir`.*=3"),
        (None, TypeError, "`preset_dir`.*None"),
        ("", ValueError, "`preset_dir`.*''"),
        ("a\0b", ValueError, "`preset_dir`"),
        ("hf://user/model", ValueError, "preset_dir='hf://user/model'"),
        ("tiny_series", ValueError, "'tiny_series'.*built-in"),
    ],
    ids=repr,
)
def test_save_to_preset(raw, preset_dir, error, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        raw.save_to_preset(preset_dir)
    assert not list(tmp_path.iterdir())


def test_save_to_preset_over_a_file(raw, tmp_path):
    (tmp_path / "file").write_text("a file")
    with pytest.raises(OSError, match="file"):
        raw.save_to_preset(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "a file"


# === Samples ===

BAD_SAMPLES = [
    ({"a": series(1)[0]}, TypeError, "list.*dict"),
    ("a path", TypeError, "list.*str"),
    (b"bytes", TypeError, "list.*bytes"),
    (3, TypeError, "list.*int"),
    (None, TypeError, "list.*NoneType"),
    (inputs()[0], ValueError, r"sample \d+ of shape \(2,\)\. Put .* in a list"),
    ([["a", "b"]], (TypeError, ValueError), "ample 0"),
    ([{"x": 1}], (TypeError, ValueError), "ample 0"),
    ([None], (TypeError, ValueError), "ample 0"),
    ([np.zeros((0, 2))], ValueError, "ample 0"),
    ([np.zeros((5, 3))], ValueError, r"ample 0.*\(5, 3\)"),
    ([np.zeros((5, 2, 2))], ValueError, r"ample 0.*\(5, 2, 2\)"),
    ([np.zeros((99, 2))], ValueError, "24 steps.*ample 0 with 99"),
    ([np.full((5, 2), np.inf)], ValueError, "ample 0"),
    ([np.array([[1, np.nan], [2, 3]])], ValueError, "ample 0"),
    ([np.ma.masked_array(np.zeros((5, 2)), True)], TypeError, "ample 0.*masked"),
    ([np.zeros((5, 2)) + 1j], (TypeError, ValueError), "ample 0"),
    ([np.zeros((5, 2), "datetime64[s]")], (TypeError, ValueError), "ample 0"),
]


@pytest.mark.parametrize(
    "samples, error, message", BAD_SAMPLES, ids=map(str, range(len(BAD_SAMPLES)))
)
@pytest.mark.parametrize("door", ["fit", "evaluate", "predict", "predict_raw"])
def test_raw_samples(raw, samples, error, message, door):
    arguments = {}
    if door in ("fit", "evaluate"):
        arguments["y"] = np.zeros(
            len(samples) if hasattr(samples, "__len__") else 1, "int32"
        )
    with pytest.raises(error, match=message):
        getattr(raw, door)(samples, verbose=0, **arguments)


def test_the_place_of_a_bad_sample_is_told(raw):
    samples = [*series(40), np.full((4, 2), np.inf)]
    with pytest.raises(ValueError, match="sample 40"):
        raw.predict_raw(samples, batch_size=4)
    with pytest.raises(ValueError, match="sample 40"):
        raw.predict(samples, batch_size=4, verbose=0)


@pytest.mark.parametrize("door", ["fit", "evaluate", "predict", "predict_proba"])
def test_no_samples(raw, plain, door):
    arguments = {"y": []} if door in ("fit", "evaluate") else {}
    if door != "predict_proba":
        with pytest.raises(ValueError, match="at least one sample"):
            getattr(raw, door)([], verbose=0, **arguments)
    with pytest.raises(ValueError, match="at least one sample"):
        getattr(plain, door)(np.zeros((0, STEPS, 2)), verbose=0, **arguments)


@pytest.mark.parametrize("kind", [AugmentedBatches, OrderedBatches])
def test_the_place_of_a_bad_sample_in_batches(plain, kind):
    """That among all samples, not that in the batch."""
    samples = [*series(40), np.full((4, 2), np.inf), *series(1)]
    batches = kind(
        samples, np.arange(42) % 3, 3, 2, preprocessor=SeriesPreprocessor((STEPS, 2))
    )
    with pytest.raises(ValueError, match="sample 40"):
        plain.predict(batches, verbose=0)


def test_the_place_of_a_bad_sound_is_told():
    """At the beginning of a sentence, once."""
    shape = (64, 128)
    preprocessor = AudioPreprocessor(shape, truncate=True)
    model = tiny_classifier("audio", input_shape=shape, preprocessor=preprocessor)
    waves = [np.zeros(8000)] * 6 + [np.full(8000, 99.0)]
    with pytest.raises(ValueError, match="^Sample 6 must hold floats"):
        model.predict_raw(waves, batch_size=4)


def test_no_samples_have_no_predictions(raw):
    assert raw.predict_raw([]) == []
    assert raw.predict_proba([]).shape == (0, 3)


@pytest.mark.parametrize("door", ["fit", "evaluate", "predict", "predict_proba"])
@pytest.mark.parametrize(
    "x, error, message",
    [
        ([[1.0, 2.0]], (TypeError, ValueError), "list"),
        ({"x": inputs()}, ValueError, "(?s)'x'.*series|series.*'x'"),
        ("a path", ValueError, "x=a path.*str"),
        (inputs()[0], ValueError, r"\(24, 2\)"),
        (inputs()[:, :, :1], ValueError, r"\(6, 24, 1\)"),
        (inputs().astype(complex), TypeError, "complex128"),
        (inputs().astype(str), TypeError, "str"),
        (np.ma.masked_array(inputs(), True), TypeError, "masked"),
        (inputs() * 1e39, ValueError, "finite"),
    ],
    ids=[
        "list",
        "dict",
        "str",
        "rank",
        "channels",
        "complex",
        "strings",
        "mask",
        "inf",
    ],
)
def test_inputs_of_the_model(plain, door, x, error, message):
    arguments = {"y": LABELS} if door in ("fit", "evaluate") else {}
    with np.errstate(all="ignore"), pytest.raises(error, match=message):
        getattr(plain, door)(x, verbose=0, **arguments)


def test_values_too_large_for_the_arithmetic_are_an_error_and_not_nan():
    model = compiled(series_classifier(raw=False, dtype="mixed_float16"))
    with pytest.raises(ValueError, match="logits that are not finite.*sample 0"):
        model.predict(inputs() * np.float32(1e30), verbose=0)
    with pytest.raises(ValueError, match="logits that are not finite.*sample 0"):
        model.predict_proba(inputs() * np.float32(1e30))


def test_large_values_are_an_error_or_finite(plain):
    try:
        logits = plain.predict(inputs() * np.float32(1e30), verbose=0)
    except ValueError as error:
        assert "not finite" in str(error)
    else:
        assert np.isfinite(logits).all()


class Broken(keras.utils.PyDataset):
    """Fails at one of its batches, as a file that is gone, or is interrupted."""

    def __init__(self, bad, error):
        super().__init__()
        self.bad, self.error = bad, error

    def __len__(self):
        return 3

    def __getitem__(self, index):
        if index == self.bad:
            raise self.error
        return inputs(2), LABELS[:2]


@pytest.mark.parametrize("door", ["fit", "evaluate", "predict"])
@pytest.mark.parametrize("bad", [0, 2])
@pytest.mark.parametrize("error", [OSError("gone"), KeyboardInterrupt()], ids=repr)
def test_a_batch_that_fails_costs_no_weights(door, bad, error):
    model = compiled(series_classifier(raw=False))
    # Built and compiled before: then nothing looks at the first batch ahead.
    model.fit(inputs(2), LABELS[:2], verbose=0)
    before = model.predict(inputs(2), verbose=0)
    # TensorFlow makes an interruption of a batch an error of its own.
    kind = OSError if isinstance(error, OSError) else BaseException
    with pytest.raises(kind, match="(?i)gone|interrupt|^$"):
        getattr(model, door)(Broken(bad, error), verbose=0)
    after = model.predict(inputs(2), verbose=0)
    assert np.isfinite(after).all()
    if door != "fit":
        np.testing.assert_allclose(after, before, atol=1e-6)
    model.fit(inputs(2), LABELS[:2], verbose=0)


@pytest.mark.parametrize("size", [0, -1, True, 2.5, "8"], ids=repr)
@pytest.mark.parametrize(
    "door", ["fit", "evaluate", "predict", "predict_raw", "predict_proba"]
)
def test_batch_size(raw, door, size):
    arguments = {"y": LABELS} if door in ("fit", "evaluate") else {}
    with pytest.raises((TypeError, ValueError), match=f"`batch_size`.*{size!r}"):
        getattr(raw, door)(series(), batch_size=size, verbose=0, **arguments)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"validation_split": 1.0}, ValueError, "`validation_split`.*1.0"),
        ({"validation_split": -0.1}, ValueError, "`validation_split`.*-0.1"),
        ({"validation_split": "a"}, TypeError, "`validation_split`.*'a'"),
        ({"validation_split": 0.01}, ValueError, "`validation_split`.*validate"),
        (
            {"validation_split": 0.5, "validation_data": (series(), LABELS)},
            ValueError,
            "not both",
        ),
        ({"validation_data": (series(2), [0, 7])}, ValueError, "`y`.*label 7"),
        ({"validation_data": series(2)[0]}, (TypeError, ValueError), "validation_data"),
        ({"epochs": -1}, ValueError, "`epochs`.*=-1"),
        ({"epochs": "3"}, TypeError, "`epochs`.*'3'"),
        ({"epochs": 1.5}, TypeError, "`epochs`.*1.5"),
        ({"sample_weight": np.ones(5)}, ValueError, r"`sample_weight`.*6.*\(5,\)"),
        ({"sample_weight": ["a"] * 6}, (TypeError, ValueError), "`sample_weight`"),
        ({"sample_weight": [np.nan] * 6}, ValueError, "`sample_weight`.*nan"),
        ({"y": LABELS[:5]}, ValueError, "`y`.*6 and 5"),
        ({"y": None}, ValueError, "`y`"),
    ],
    ids=short,
)
def test_other_arguments_of_fit(raw, arguments, error, message):
    with pytest.raises(error, match=message):
        raw.fit(**{"x": series(), "y": LABELS, "verbose": 0, **arguments})


# === Labels ===

BAD_LABELS = [
    (["calm", "breeze", "rain"] * 2, ValueError, "`y`.*'calm'.*'rain'"),
    (LABELS + 1, ValueError, r"`y`.*\[0, 3\).*label 3"),
    (LABELS - 1, ValueError, r"`y`.*\[0, 3\).*label -1"),
    (LABELS + 0.5, TypeError, "`y`.*float64"),
    (LABELS + np.nan, (TypeError, ValueError), "`y`.*(float64|nan)"),
    (LABELS + np.inf, (TypeError, ValueError), "`y`.*(float64|inf)"),
    (LABELS + 1j, TypeError, "`y`.*complex128"),
    (np.ma.masked_array(LABELS, LABELS == 1), TypeError, "`y`.*masked"),
    ([None] * 6, TypeError, "`y`.*(object|None)"),
    (["calm", 1, None] * 2, (TypeError, ValueError), "`y`"),
    ([{"calm"}] * 6, (TypeError, ValueError), "`y`"),
    (LABELS.reshape(1, 6), ValueError, r"`y`.*\(1, 6\)"),
    (np.zeros((6, 2)), ValueError, r"`y`.*\(6, 2\)"),
    (np.zeros((6, 3, 1)), ValueError, r"`y`.*\(6, 3, 1\)"),
    (np.full((6, 3), np.nan), ValueError, "`y`.*NaN"),
    (np.eye(3)[LABELS] - 1, ValueError, "`y`.*-1"),
    (LABELS.astype("datetime64[s]"), TypeError, "`y`.*datetime64"),
    ("calm", (TypeError, ValueError), "`y`"),
    (b"calm", (TypeError, ValueError), "`y`"),
    (3, (TypeError, ValueError), "`y`"),
    ({"a": 1}, (TypeError, ValueError), "`y`"),
    ([b"\xff"] * 6, ValueError, "`y`"),
    ([10**30] * 6, (TypeError, ValueError), "`y`"),
    (np.full(6, 1e30), ValueError, "`y`"),
    ([[0, 1], [2], [], [0], [1], [2]], (TypeError, ValueError), "`y`"),
]


@pytest.mark.parametrize(
    "y, error, message", BAD_LABELS, ids=map(str, range(len(BAD_LABELS)))
)
@pytest.mark.parametrize("door", ["fit", "evaluate", "encode_targets"])
def test_labels(raw, y, error, message, door):
    with pytest.raises(error, match=f"(?s){message}"):
        if door == "encode_targets":
            raw.encode_targets(y)
        else:
            getattr(raw, door)(series(), y, verbose=0)


BAD_MULTI_LABELS = [
    (LABELS, ValueError, "`y`.*collection"),
    (["calm"] * 6, ValueError, "`y`.*collection"),
    ([["calm"], "storm"] * 3, TypeError, "`y`.*'storm'.*sample 1"),
    ([["calm"], 2] * 3, TypeError, "`y`.*2 for sample 1"),
    ([["calm"], None] * 3, TypeError, "`y`.*None for sample 1"),
    ([["rain"]] * 6, ValueError, "`y`.*'rain'"),
    ([[3]] * 6, ValueError, "`y`.*label 3"),
    ([[0, -1]] * 6, ValueError, "`y`.*label -1"),
    ([[0.5]] * 6, TypeError, "`y`.*float64"),
    ([[np.nan]] * 6, (TypeError, ValueError), "`y`"),
    ([["calm", 1]] * 6, (TypeError, ValueError), "`y`"),
    ([[[0]]] * 6, (TypeError, ValueError), "`y`"),
    (np.full((6, 3), 2), ValueError, r"`y`.*\[0, 1\].*2"),
    (np.full((6, 3), np.nan), ValueError, "`y`.*NaN"),
    (np.ones((6, 4)), ValueError, r"`y`.*\(6, 4\)"),
    (np.ones((6, 3, 3)), (TypeError, ValueError), r"`y`.*3, 3\)"),
    (np.ma.masked_array(np.ones((6, 3)), True), TypeError, "`y`.*masked"),
]


@pytest.mark.parametrize(
    "y, error, message", BAD_MULTI_LABELS, ids=map(str, range(len(BAD_MULTI_LABELS)))
)
@pytest.mark.parametrize("door", ["fit", "encode_targets"])
def test_multi_labels(multi_label, y, error, message, door):
    with pytest.raises(error, match=f"(?s){message}"):
        if door == "fit":
            multi_label.fit(series(), y, verbose=0)
        else:
            multi_label.encode_targets(y)


def test_labels_of_several_classes_are_not_taken_for_rows():
    twos = encode_targets([[0, 1], [1, 2]], 3, multi_label=True)
    np.testing.assert_array_equal(twos, [[1, 1, 0], [0, 1, 1]])
    of_one_class = encode_targets(np.array([[0], [1]]), 1, multi_label=True)
    np.testing.assert_array_equal(of_one_class, [[0], [1]])


def test_rows_need_a_loss_that_takes_them(plain):
    with pytest.raises(ValueError, match="`y`.*SparseCategoricalCrossentropy"):
        plain.fit(inputs(), np.eye(3)[LABELS], verbose=0)


def test_names_need_class_names():
    with pytest.raises(ValueError, match="`y` holds names.*`class_names`.*'calm'"):
        encode_targets(["calm"], 3)


# === Batches of somebody else ===


class Batches(keras.utils.PyDataset):
    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x, y

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.x, self.y


def as_generator(x, y):
    yield x, y


def as_loader(x, y):
    torch = pytest.importorskip("torch")
    data = torch.utils.data.TensorDataset(torch.as_tensor(x), torch.as_tensor(y))
    return torch.utils.data.DataLoader(data, batch_size=6)


def as_tf_dataset(x, y):
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(6)


KINDS = {
    "PyDataset": Batches,
    "generator": as_generator,
    "DataLoader": as_loader,
    "tf.data": as_tf_dataset,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("door", ["fit", "evaluate", "predict"])
@pytest.mark.parametrize("value", [-1, 300])
def test_ids_in_batches(ids, kind, door, value):
    x = np.full((6, STEPS), 7, "int32")
    x[4, 3] = value
    with pytest.raises(ValueError, match=rf"(?s)\[0, 257\).*{value}.*sample 4"):
        getattr(ids, door)(KINDS[kind](x, LABELS), verbose=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("door", ["fit", "evaluate", "predict"])
def test_infinities_in_batches(plain, kind, door):
    x = inputs()
    x[4, 3, 0] = np.inf
    with pytest.raises(ValueError, match=r"(?s)finite.*inf at \(4, 3, 0\)"):
        getattr(plain, door)(KINDS[kind](x, LABELS), verbose=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", ["raw", "plain"])
def test_labels_in_batches(request, kind, model):
    model = request.getfixturevalue(model)
    with pytest.raises(ValueError, match=r"(?s)`y`.*\[0, 3\).*label 3"):
        model.fit(KINDS[kind](inputs(), LABELS + 1), verbose=0)


@pytest.mark.parametrize("kind", KINDS)
def test_labels_beside_batches_are_refused(raw, kind):
    with pytest.raises(ValueError, match="`y`"):
        raw.fit(KINDS[kind](inputs(), LABELS), LABELS, verbose=0)


@pytest.mark.parametrize("door", ["train_on_batch", "test_on_batch"])
def test_single_batches(raw, plain, ids, door):
    with pytest.raises(ValueError, match="`y`.*label 3"):
        getattr(raw, door)(series(), LABELS + 1)
    bad = inputs()
    bad[1, 2, 0] = -np.inf
    with pytest.raises(ValueError, match="finite"):
        getattr(plain, door)(bad, LABELS)
    with pytest.raises(ValueError, match=r"\[0, 257\).*300"):
        getattr(ids, door)(np.full((6, STEPS), 300), LABELS)


def test_tensors_are_looked_at_too(ids, plain):
    tensor = keras.ops.convert_to_tensor
    with pytest.raises(ValueError, match=r"\[0, 257\).*300"):
        ids.predict(tensor(np.full((2, STEPS), 300, "int32")), verbose=0)
    with pytest.raises(ValueError, match="finite"):
        plain.predict(tensor(np.full((2, STEPS, 2), np.inf, "f4")), verbose=0)


@pytest.mark.parametrize(
    "samples, error, message",
    [
        ([""], ValueError, "empty.*sample 0"),
        (["  "], ValueError, "empty.*sample 0"),
        ([3], TypeError, "int at sample 0"),
        ([None], TypeError, "NoneType at sample 0"),
        (["\ud800"], ValueError, "UTF-8.*sample 0"),
        (["x" * 99], ValueError, "24 bytes.*sample 0 with 99"),
        ("one document", TypeError, "str"),
        ({"a": "b"}, TypeError, "dict"),
    ],
    ids=short,
)
@pytest.mark.parametrize("door", ["predict", "predict_raw"])
def test_documents(documents, samples, error, message, door):
    with pytest.raises(error, match=message):
        getattr(documents, door)(samples)


# === Recipes, batches, rates ===


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"task": "video"}, ValueError, "`task`.*'video'"),
        ({"task": 3}, TypeError, "`task`.*3"),
        ({"learning_rat": 1}, TypeError, "'learning_rat'.*learning_rate"),
        ({"learning_rate": -1}, ValueError, "`learning_rate`.*=-1"),
        ({"learning_rate": 0}, ValueError, "`learning_rate`.*=0"),
        ({"learning_rate": np.nan}, ValueError, "`learning_rate`.*nan"),
        ({"learning_rate": np.inf}, ValueError, "`learning_rate`.*inf"),
        ({"learning_rate": "a"}, TypeError, "`learning_rate`.*'a'"),
        ({"learning_rate": True}, TypeError, "`learning_rate`.*True"),
        ({"label_smoothing": 2}, ValueError, "`label_smoothing`.*=2"),
        ({"drop_path_rate": 2}, ValueError, "`drop_path_rate`.*=2"),
        ({"dropout_rate": -0.1}, ValueError, "`dropout_rate`.*-0.1"),
        ({"warmup_fraction": 2}, ValueError, "`warmup_fraction`.*=2"),
        ({"weight_decay": -1}, ValueError, "`weight_decay`.*=-1"),
        ({"global_clipnorm": 0}, ValueError, "`global_clipnorm`.*=0"),
        ({"positive_weight": 0}, ValueError, "`positive_weight`.*=0"),
        ({"ema_fraction": 0}, ValueError, "`ema_fraction`.*=0"),
        ({"ema": "no"}, TypeError, "`ema`.*'no'"),
        ({"balanced": "no"}, TypeError, "`balanced`.*'no'"),
        ({"restore_best_weights": 1}, TypeError, "`restore_best_weights`.*=1"),
        ({"augmentation": "jitter"}, TypeError, "`augmentation`.*'jitter'"),
        ({"mixing": [3]}, TypeError, r"`mixing`.*\[3\]"),
    ],
    ids=short,
)
def test_recipes(arguments, error, message):
    with pytest.raises(error, match=f"(?s){message}"):
        recipe(**{"task": "series", **arguments})


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"classifier": "tiny_series"}, TypeError, "`classifier`.*'tiny_series'"),
        ({"classifier": None}, TypeError, "`classifier`.*None"),
        ({"x": as_generator(series(), LABELS)}, TypeError, "`x`.*generator"),
        ({"x": {"a": 1}}, TypeError, "`x`.*dict"),
        ({"x": "a path"}, TypeError, "`x`.*str"),
        ({"x": []}, ValueError, "`x`"),
        ({"y": LABELS[:5]}, ValueError, "`x` and `y`.*6 and 5"),
        ({"y": LABELS + 1}, ValueError, "`y`.*label 3"),
        ({"y": ["rain"] * 6}, ValueError, "`y`.*'rain'"),
        ({"y": None}, TypeError, "`y`.*None"),
        ({"epochs": 0}, ValueError, "`epochs`.*=0"),
        ({"epochs": "2"}, TypeError, "`epochs`.*'2'"),
        ({"time_limit": 0}, ValueError, "`time_limit`.*=0"),
        ({"time_limit": "1h"}, TypeError, "`time_limit`.*'1h'"),
        ({"batch_size": 0}, ValueError, "`batch_size`.*=0"),
        ({"batch_size": True}, TypeError, "`batch_size`.*True"),
        ({"batch_size": 2.5}, TypeError, "`batch_size`.*2.5"),
        ({"validation_split": 1.0}, ValueError, "`validation_split`.*1.0"),
        ({"validation_split": "a"}, TypeError, "`validation_split`.*'a'"),
        (
            {"validation_data": series()},
            TypeError,
            "`validation_data`",
        ),
        ({"validation_data": 3}, TypeError, "`validation_data`"),
        ({"groups": [1, 2]}, ValueError, "`groups`.*6 and 2"),
        ({"sample_weight": [1.0]}, ValueError, "`sample_weight`"),
        ({"sample_weight": ["a"] * 6}, ValueError, "`sample_weight`"),
        ({"sample_weight": [-1.0] * 6}, ValueError, "`sample_weight`.*-1"),
        ({"resume": True}, ValueError, "`resume` needs `output`"),
        ({"resume": "no"}, TypeError, "`resume`.*'no'"),
        ({"output": 3}, TypeError, "`output`.*3"),
        ({"seed": -1}, ValueError, "`seed`.*=-1"),
        ({"seed": "a"}, TypeError, "`seed`.*'a'"),
        ({"workers": -1}, ValueError, "`workers`.*=-1"),
        ({"workers": "2"}, TypeError, "`workers`.*'2'"),
        ({"callbacks": [3]}, TypeError, r"`callbacks`.*3"),
    ],
    ids=short,
)
def test_fit_of_a_recipe(raw, arguments, error, message):
    call = {"classifier": raw, "x": series(), "y": LABELS, "epochs": 1, "verbose": 0}
    call |= {"validation_split": 0.0}
    with pytest.raises(error, match=f"(?s){message}"):
        recipe("series").fit(**{**call, **arguments})


def test_a_recipe_of_another_task(raw):
    with pytest.raises(ValueError, match="recipe for audio.*'series'"):
        recipe("audio").fit(raw, series(), LABELS, verbose=0)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"batch_size": 0}, ValueError, "`batch_size`.*=0"),
        ({"batch_size": True}, TypeError, "`batch_size`.*True"),
        ({"batch_size": 2.5}, TypeError, "`batch_size`.*2.5"),
        ({"num_classes": 0}, ValueError, "`num_classes`.*=0"),
        ({"num_classes": "3"}, TypeError, "`num_classes`.*'3'"),
        ({"y": LABELS[:5]}, ValueError, "`x` and `y`.*6 and 5"),
        ({"y": LABELS + 1}, ValueError, "`y`.*label 3"),
        ({"y": LABELS + np.nan}, (TypeError, ValueError), "`y`"),
        ({"x": []}, ValueError, "`x` and `y`.*0 and 6"),
        ({"sample_weight": [1.0]}, ValueError, "`sample_weight`.*6 samples"),
        ({"sample_weight": [np.nan] * 6}, ValueError, "`sample_weight`.*nan"),
        ({"modality": "video"}, ValueError, "`modality`.*'video'"),
        ({"preprocessor": "bytes"}, TypeError, "`preprocessor`.*'bytes'"),
    ],
    ids=short,
)
@pytest.mark.parametrize("kind", [AugmentedBatches, OrderedBatches])
def test_batches(kind, arguments, error, message):
    call = {"x": inputs(), "y": LABELS, "num_classes": 3}
    with pytest.raises(error, match=f"(?s){message}"):
        kind(**{**call, **arguments})


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"balanced": "no"}, TypeError, "`balanced`.*'no'"),
        ({"lengths": ["a"] * 6}, ValueError, "`lengths`"),
        ({"lengths": "abcdef"}, ValueError, "`lengths`"),
        ({"lengths": [1, 2]}, ValueError, "`lengths`.*6 samples"),
        ({"lengths": [-1] * 6}, ValueError, "`lengths`.*-1"),
        ({"seed": -1}, ValueError, "`seed`.*=-1"),
        ({"seed": 1.5}, TypeError, "`seed`.*1.5"),
        ({"workers": 1.5}, TypeError, "`workers`.*1.5"),
        ({"steps_per_epoch": 0}, ValueError, "`steps_per_epoch`.*=0"),
        ({"steps_per_epoch": 7}, ValueError, "`steps_per_epoch`.*=7"),
        ({"augmentation": 3}, TypeError, "`augmentation`.*3"),
        ({"augmentation": ["jitter"]}, TypeError, "`augmentation`.*'jitter'"),
        ({"mixing": "mixup"}, TypeError, "`mixing`.*'mixup'"),
    ],
    ids=short,
)
def test_augmented_batches(arguments, error, message):
    call = {"x": inputs(), "y": LABELS, "num_classes": 3, "batch_size": 2}
    with pytest.raises(error, match=f"(?s){message}"):
        AugmentedBatches(**{**call, **arguments})


@pytest.mark.parametrize("kind", [AugmentedBatches, OrderedBatches])
@pytest.mark.parametrize("index", [3, -1, 1.0, "0", True], ids=repr)
def test_index_of_a_batch(kind, index):
    batches = kind(inputs(), LABELS, 3, batch_size=2)
    with pytest.raises((TypeError, ValueError), match=f"`index`.*{index!r}"):
        batches[index]


@pytest.mark.parametrize(
    "identifier, options, error, message",
    [
        ("video", {}, ValueError, "`modality`.*'video'"),
        (3, {}, TypeError, "`modality`.*3"),
        (None, {}, TypeError, "`modality`.*None"),
        (modalities.Series, {}, TypeError, "`modality`.*Series"),
        ("series", {"vocabulary_size": 3}, TypeError, "'vocabulary_size'.*'series'"),
        ("bytes", {"vocabulary_size": 1}, ValueError, "`vocabulary_size`.*=1"),
        ("bytes", {"vocabulary_size": "9"}, TypeError, "`vocabulary_size`.*'9'"),
        ("bytes", {"embedding_dim": 0}, ValueError, "`embedding_dim`.*=0"),
        ("bytes", {"padding_id": 257}, ValueError, "`padding_id`.*=257"),
        ("bytes", {"padding_id": -1}, ValueError, "`padding_id`.*=-1"),
        (
            "bytes",
            {"trainable_embeddings": "no"},
            TypeError,
            "`trainable_embeddings`.*'no'",
        ),
    ],
    ids=short,
)
def test_modalities(identifier, options, error, message):
    with pytest.raises(error, match=message):
        modalities.get(identifier, **options)


@pytest.mark.parametrize("name", ["dropout_rate", "drop_path_rate"])
@pytest.mark.parametrize("value", [-0.1, 1, 2, np.nan, "a", True], ids=repr)
def test_rates_set_later(plain, name, value):
    before = plain.backbone.dropout_rate, plain.backbone.drop_path_rate
    with pytest.raises((TypeError, ValueError), match=f"`{name}`.*{value!r}"):
        plain.backbone.set_dropout(**{name: value})
    assert before == (plain.backbone.dropout_rate, plain.backbone.drop_path_rate)


def test_both_rates_or_none(plain):
    with pytest.raises(ValueError, match="`drop_path_rate`"):
        plain.backbone.set_dropout(dropout_rate=0.3, drop_path_rate=2)
    assert plain.backbone.dropout_rate == 0


@pytest.mark.parametrize("flag", ["truncate", "normalize"])
@pytest.mark.parametrize("value", ["no", 0, None])
def test_flags_of_preprocessors(flag, value):
    with pytest.raises(TypeError, match=f"`{flag}`.*{value!r}"):
        SeriesPreprocessor((STEPS, 2), **{flag: value})


def test_flags_of_backbones():
    with pytest.raises(TypeError, match="`trainable`.*'no'"):
        MaelreBackbone("series", (STEPS, 2), width=8, trainable="no")


# === Training ===


def test_steps_beyond_a_schedule():
    model = series_classifier(raw=False)
    optimizer = keras.optimizers.SGD(WarmupCosine(0.1, total_steps=2))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, **FEW_STEPS)
    with pytest.raises(ValueError, match="falls to 0 after 2 steps.* 3 that"):
        model.fit(inputs(), LABELS, batch_size=2, epochs=1, verbose=0)
    model.fit(inputs()[:4], LABELS[:4], batch_size=2, epochs=1, verbose=0)
    with pytest.raises(ValueError, match="Received: 2 steps that are done"):
        model.fit(inputs()[:4], LABELS[:4], batch_size=2, epochs=1, verbose=0)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_loss_that_is_not_finite_stops_with_a_warning():
    model = series_classifier(raw=False, dtype="mixed_float16")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(1e30), loss, **FEW_STEPS)
    with pytest.warns(UserWarning, match="Training stops.*(nan|inf).*learning rate"):
        history = model.fit(inputs(), LABELS, batch_size=2, epochs=5, verbose=0)
    assert len(history.epoch) < 5


def test_names_are_those_of_the_classifier(raw):
    assert tuple(sorted(raw.predict_raw(series(1))[0])) == tuple(sorted(NAMES))
