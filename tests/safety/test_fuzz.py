"""Random input within bounds: an exact result or a named error, and nothing else."""

import functools
import json
import shutil
import tempfile
import time

import keras
import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from keras_maelre import MaelreBackbone, MaelreClassifier
from keras_maelre.models.targets import encode_targets
from keras_maelre.preprocessing import BytePreprocessor
from keras_maelre.training import AugmentedBatches, OrderedBatches, recipe
from keras_maelre.training.recipe import Recipe
from tests.models.tiny import padded, without_values
from tests.safety.fuzzing import NAMED, SECONDS, fuzz
from tests.safety.small import NAMES, STEPS, bytes_classifier, series_classifier

TOLERANCE = 1e-4


@functools.cache
def model_of(make, **kwargs):
    """A classifier that the examples of this file share."""
    keras.utils.set_random_seed(0)
    return make(**kwargs)


@functools.cache
def saved():
    """The files of a preset: configuration and weights."""
    with tempfile.TemporaryDirectory() as directory:
        series_classifier().save_to_preset(directory)
        with open(f"{directory}/config.json", "rb") as file:
            config = file.read()
        with open(f"{directory}/model.weights.h5", "rb") as file:
            return config, file.read()


def load(config, weights):
    """Loads a preset of these files; `None` for one that is refused by name."""
    directory = tempfile.mkdtemp()
    try:
        with open(f"{directory}/config.json", "wb") as file:
            file.write(config)
        with open(f"{directory}/model.weights.h5", "wb") as file:
            file.write(weights)
        begin = time.monotonic()
        try:
            return MaelreClassifier.from_preset(directory)
        except ValueError as error:
            assert "does not describe" in str(error) or "damaged" in str(error)
            return None
        finally:
            assert time.monotonic() - begin < SECONDS
    finally:
        shutil.rmtree(directory)


def logits(model, x):
    return model.predict_on_batch(x)


seeds = st.integers(0, 2**32 - 1)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 9),
    st.sampled_from([10**30, -(10**30), 2**63]),
    st.floats(),
    st.text(max_size=6),
    st.binary(max_size=4),
    st.sampled_from([*NAMES, "linear", "dot", "auto", "int8"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(st.text(max_size=4), inner, max_size=3),
    ),
    max_leaves=8,
)
arrays = hnp.arrays(
    dtype=st.one_of(hnp.scalar_dtypes(), hnp.unicode_string_dtypes(max_len=3)),
    shape=hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
)
floats = hnp.arrays(
    dtype=st.sampled_from(["float16", "float32", "float64"]),
    shape=st.one_of(
        st.tuples(st.integers(0, STEPS + 2), st.sampled_from([1, 2, 2, 2, 3])),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    ),
)


# === Padding and gaps ===

# Every new shape is compiled on the other backends.
if keras.backend.backend() == "torch":
    lengths, paddings = st.integers(1, STEPS), st.integers(0, STEPS)
else:
    lengths, paddings = st.sampled_from([1, 7]), st.sampled_from([0, STEPS])


@fuzz(
    quick=15,
    slow=400,
    seed=seeds,
    length=lengths,
    more=paddings,
    gaps=st.lists(st.integers(0, STEPS - 1), max_size=10),
    scale=st.floats(1e-3, 1e3),
)
def test_padding_of_series(seed, length, more, gaps, scale):
    """Logits are those without the padding, wherever else there are gaps."""
    model = model_of(series_classifier, raw=False)
    x = scale * np.random.default_rng(seed).normal(size=(2, length, 2))
    x = x.astype("float32")
    x[:, [i for i in gaps if i < length - 1]] = np.nan
    longer = padded("series", x, min(STEPS, length + more))
    np.testing.assert_allclose(logits(model, longer), logits(model, x), atol=TOLERANCE)


@fuzz(
    quick=15,
    slow=400,
    seed=seeds,
    length=lengths,
    more=paddings,
    gaps=st.lists(st.integers(0, STEPS - 1), max_size=10),
)
def test_padding_of_bytes(seed, length, more, gaps):
    model = model_of(bytes_classifier, raw=False)
    ids = np.random.default_rng(seed).integers(1, 257, (2, length)).astype("int32")
    ids[:, [i for i in gaps if i < length - 1]] = 0
    longer = padded("bytes", ids, min(STEPS, length + more))
    np.testing.assert_allclose(
        logits(model, longer), logits(model, ids), atol=TOLERANCE
    )


# === Samples and inputs ===


@fuzz(quick=20, slow=500, samples=st.lists(st.one_of(floats, scalars), max_size=5))
def test_raw_series(samples):
    """Either an error, or for each sample what it gets alone."""
    model = model_of(series_classifier)
    try:
        together = model.predict_proba(samples, batch_size=2)
    except NAMED:
        return
    assert together.shape == (len(samples), 3)
    np.testing.assert_allclose(together.sum(axis=-1), 1, atol=1e-6)
    for sample, row in zip(samples, together, strict=True):
        alone = model.predict_proba([sample])[0]
        np.testing.assert_allclose(alone, row, atol=TOLERANCE)


@fuzz(quick=20, slow=500, x=st.one_of(arrays, values))
def test_whatever_is_predicted(x):
    for model in (model_of(series_classifier), model_of(bytes_classifier)):
        try:
            answers = model.predict_raw(x)
        except NAMED:
            continue
        assert all(np.isfinite(list(answer.values())).all() for answer in answers)


@fuzz(quick=20, slow=500, x=arrays)
def test_arrays_for_the_model(x):
    for make in (series_classifier, bytes_classifier):
        try:
            made = model_of(make, raw=False).predict(x, verbose=0)
        except NAMED:
            continue
        assert made.shape == (len(x), 3) and np.isfinite(made).all()


@fuzz(quick=30, slow=1000, texts=st.lists(st.one_of(st.text(), st.binary())))
def test_bytes_are_exact(texts):
    """What is not refused can be read back from the ids."""
    try:
        ids = BytePreprocessor((STEPS,))(texts)
    except NAMED:
        return
    for text, row in zip(texts, ids, strict=True):
        read = bytes((row[row > 0] - 1).astype("uint8"))
        assert read == (text.encode() if isinstance(text, str) else text)


# === Labels ===


@fuzz(
    quick=60,
    slow=3000,
    y=st.one_of(arrays, values, st.lists(scalars), st.lists(st.lists(scalars))),
    classes=st.integers(1, 4),
    multi_label=st.booleans(),
    named=st.booleans(),
)
def test_labels(y, classes, multi_label, named):
    """Integers of the classes or rows of numbers, one for each label given."""
    names = ("calm", "breeze", "storm", "rain")[:classes] if named else None
    try:
        made = encode_targets(y, classes, names, multi_label)
    except NAMED:
        return
    assert len(made) == len(y) and np.isfinite(made).all()
    if made.ndim == 1:
        assert made.dtype == "int32" and not multi_label
        assert not made.size or 0 <= made.min() <= made.max() < classes
    else:
        assert made.shape == (len(y), classes) and made.dtype == "float32"
        assert not made.size or made.min() >= 0


@fuzz(
    quick=30,
    slow=1000,
    labels=st.lists(st.sets(st.integers(0, 3)), min_size=1, max_size=6),
)
def test_collections_of_labels_are_exact(labels):
    """Whatever their sizes, each collection marks its own labels."""
    rows = encode_targets([sorted(one) for one in labels], 4, multi_label=True)
    assert [set(np.flatnonzero(row)) for row in rows] == labels


# === Configurations ===

ARGUMENTS = (
    "width depths num_heads attention merge feature_map dropout_rate drop_path_rate "
    "attention_window relative_positions remat chunk_size dtype trainable "
    "vocabulary_size padding_id input_shape modality"
).split()
sensible = {
    "width": st.integers(1, 16),
    "depths": st.lists(st.integers(0, 2), min_size=3, max_size=5),
    "num_heads": st.lists(st.integers(0, 4), min_size=3, max_size=5),
    "input_shape": st.lists(st.integers(0, 30), min_size=1, max_size=3),
    "modality": st.sampled_from(["text", "bytes", "series", "audio", "image"]),
    "dtype": st.sampled_from(["float32", "mixed_bfloat16", "float16", "int8"]),
    "merge": st.sampled_from(["conv", "average", "linear", "none", "max", "med"]),
}
arguments = st.fixed_dictionaries(
    {},
    optional={
        name: st.one_of(sensible.get(name, values), values) for name in ARGUMENTS
    },
)


@fuzz(quick=25, slow=800, changes=arguments)
def test_configurations(changes):
    """What is built is built again by its configuration, through JSON."""
    start = {"modality": "series", "input_shape": (STEPS, 2), "width": 8}
    start |= {"depths": (1, 1, 1, 1)}
    with without_values():
        try:
            backbone = MaelreBackbone(**{**start, **changes})
        except NAMED:
            return
        config = json.loads(json.dumps(backbone.get_config()))
        again = MaelreBackbone.from_config(config)
        assert again.count_params() == backbone.count_params()
        assert again.get_config() == backbone.get_config()


@fuzz(
    quick=40,
    slow=2000,
    changes=st.dictionaries(
        st.sampled_from(sorted(set(vars(recipe("series"))) - {"task"})),
        st.one_of(scalars, values),
        max_size=3,
    ),
    task=st.one_of(st.sampled_from(["text", "series", "audio"]), scalars),
)
def test_recipes(changes, task):
    try:
        made = recipe(task, **changes)
    except NAMED:
        return
    assert isinstance(made, Recipe) and str(made)
    assert 0 < made.rate(100) < np.inf
    for name in ("weight_decay", "label_smoothing", "ema_fraction"):
        assert 0 <= getattr(made, name) < np.inf


@fuzz(
    quick=30,
    slow=1000,
    seed=st.one_of(seeds, scalars),
    count=st.integers(0, 9),
    changes=st.fixed_dictionaries(
        {},
        optional={
            "batch_size": st.one_of(st.integers(1, 12), scalars),
            "lengths": st.one_of(st.lists(st.integers(0, 9), max_size=9), values),
            "sample_weight": st.one_of(st.lists(st.floats(0, 9)), values),
            "steps_per_epoch": st.one_of(st.integers(1, 3), scalars),
            "workers": st.integers(-1, 2),
        },
    ),
)
def test_batches(seed, count, changes):
    """Every sample comes at most once, with its own label."""
    x = np.arange(count, dtype="float32")[:, None, None]
    y = np.arange(count) % 3
    try:
        batches = AugmentedBatches(x, y, 3, seed=seed, **changes)
    except NAMED:
        return
    seen = []
    for i in range(len(batches)):
        inputs, rows = batches[i][:2]
        seen += inputs[:, 0, 0].tolist()
        np.testing.assert_array_equal(rows.argmax(axis=-1), inputs[:, 0, 0] % 3)
    assert len(set(seen)) == len(seen) <= count
    ordered = OrderedBatches(x, y, 3, batch_size=batches.batch_size)
    parts = [ordered[i][0] for i in range(len(ordered))]
    np.testing.assert_array_equal(np.concatenate(parts), x)


# === Presets ===


@fuzz(
    quick=10,
    slow=200,
    places=st.lists(st.integers(0, 10**9), min_size=1, max_size=4, unique=True),
    masks=st.lists(st.integers(1, 255), min_size=4, max_size=4),
)
def test_flipped_bytes_of_weights(places, masks):
    """The hash finds them all."""
    config, weights = saved()
    changed = bytearray(weights)
    for place, mask in zip({p % len(weights) for p in places}, masks, strict=False):
        changed[place] ^= mask
    assert load(config, bytes(changed)) is None


@fuzz(quick=5, slow=60, kept=st.floats(0, 1, exclude_max=True))
def test_cut_weights(kept):
    config, weights = saved()
    assert load(config, weights[: int(kept * len(weights))]) is None


@fuzz(
    quick=15,
    slow=200,
    places=st.lists(st.integers(0, 10**6), min_size=1, max_size=4),
    masks=st.lists(st.integers(1, 255), min_size=4, max_size=4),
)
def test_flipped_bytes_of_configurations(places, masks):
    """A letter of a name may be another one; what is built is whole."""
    config, weights = saved()
    changed = bytearray(config)
    for place, mask in zip(places, masks, strict=False):
        changed[place % len(config)] ^= mask
    model = load(bytes(changed), weights)
    if model is not None:
        assert np.isfinite(model.predict_proba([np.ones((4, 2))])).all()


def paths(node, path=()):
    """The places of all entries of a configuration."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in pairs:
        yield (*path, key)
        if isinstance(value, (dict, list)):
            yield from paths(value, (*path, key))


json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 30),
        st.sampled_from([10**9, 10**12, 10**30, -(10**12)]),
        st.floats(),
        st.text(max_size=8),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["class_name", "config", "module", "registered_name", "x"]),
            inner,
        ),
    ),
    max_leaves=6,
)


@pytest.mark.compiles_long
@fuzz(quick=20, slow=250, where=st.integers(0, 10**6), value=json_values)
def test_changed_configurations(where, value):
    text, weights = saved()
    config = json.loads(text)
    found = list(paths(config))
    *path, last = found[where % len(found)]
    node = config
    for key in path:
        node = node[key]
    node[last] = value
    model = load(json.dumps(config).encode(), weights)
    if model is not None:
        try:
            made = model.predict_proba([np.ones((4, 2))])
        except NAMED:
            return  # Such as a sample too long for another `input_shape`.
        assert np.isfinite(made).all()
