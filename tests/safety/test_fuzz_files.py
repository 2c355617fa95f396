"""Damaged files: an error that names the file, or what the whole file holds.

Formats with checksums (`.npz`, FLAC, Ogg, PNG) bear no other result. Those that have
none can hold other values, but what their headers say twice must agree.
"""

import functools
import pathlib
import shutil
import tempfile

import numpy as np
import pytest
from hypothesis import strategies as st

from keras_maelre.datasets import read_image_archive, read_npz, read_table
from keras_maelre.preprocessing import (
    AudioPreprocessor,
    ImagePreprocessor,
    read_sound,
)
from tests.safety.fuzzing import bounded_memory, fuzz

SPLIT = {"y": [0, 1, 0, 1, 0, 1], "is_test": [0, 0, 0, 0, 1, 1]}
CLASSES = ["calm", "storm"]
RATE = 16000

# === Damage ===

# Most of what can go wrong is in the first and last bytes of a file.
places = st.one_of(st.integers(0, 127), st.integers(-127, -1), st.integers(0, 2**20))
flips = st.tuples(st.just("flip"), places, st.integers(1, 255))
edits = st.one_of(
    flips,
    st.tuples(st.just("cut"), places, st.none()),
    st.tuples(st.just("insert"), places, st.binary(min_size=1, max_size=9)),
    st.tuples(st.just("drop"), places, st.integers(1, 64)),
    st.tuples(st.just("blank"), places, st.integers(1, 16)),
)
damage = st.lists(edits, min_size=1, max_size=3)


def damaged(content, changes):
    content = bytearray(content)
    for kind, place, what in changes:
        place %= max(1, len(content))
        if kind == "flip" and content:
            content[place] ^= what
        elif kind == "cut":
            del content[place:]
        elif kind == "insert":
            content[place:place] = what
        elif kind == "drop":
            del content[place : place + what]
        elif kind == "blank":
            content[place : place + what] = bytes(len(content[place : place + what]))
    return bytes(content)


# === Files ===


def tone(channels=1, samples=900):
    generator = np.random.default_rng(0)
    wave = 0.4 * np.sin(np.arange(samples)[:, None] * [0.1, 0.2][:channels])
    return wave + generator.uniform(-0.1, 0.1, wave.shape)


def write_npz(path):
    x = np.arange(30.0).reshape(6, 5)
    more = {"file_id": np.arange(6), "sample_rate": 7.0, "classes": CLASSES}
    np.savez_compressed(path, X=x, **SPLIT, **more)


def write_images(path):
    content = np.arange(60, dtype="uint8")
    np.savez(path, jpeg=content, offset=range(0, 61, 10), classes=CLASSES, **SPLIT)


def write_parquet(path):
    pyarrow = pytest.importorskip("pyarrow", reason="the extra [data]")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table(
        {
            "text": [f"täxt {i}" for i in range(40)],
            "label": [CLASSES[i % 2] for i in range(40)],
            "split": ["train" if i < 30 else "test" for i in range(40)],
        }
    )
    parquet.write_table(table, path, write_page_checksum=True)


def write_sound(*options, channels=1, samples=900):
    def write(path):
        soundfile = pytest.importorskip("soundfile", reason="the extra [audio]")
        kind, subtype, *endian = options
        wave = tone(channels, samples)
        soundfile.write(path, wave, RATE, subtype, *(endian or ["FILE"]), kind)

    return write


def write_image(kind, mode, **options):
    def write(path):
        image = pytest.importorskip("PIL.Image", reason="the extra [image]")
        pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), "uint8")
        pixels = np.kron(pixels, np.ones((4, 4, 1), "uint8"))
        image.fromarray(pixels).convert(mode).save(path, kind, **options)

    return write


def read_image(path):
    return ImagePreprocessor((16, 16, 3), crop_fraction=1.0)([str(path)])


def of(reader):
    """All that a reader of a data set returns, in a list."""

    def read(path):
        data = reader(path)
        return [*data.x_train, *data.x_test, *vars(data).values()][:-2]

    return read


FILES = {
    "series.npz": (write_npz, of(read_npz)),
    "images.npz": (write_images, of(read_image_archive)),
    "table.parquet": (write_parquet, of(read_table)),
    "mono.wav": (write_sound("WAV", "PCM_16"), read_sound),
    "stereo.wav": (write_sound("WAV", "PCM_24", "BIG", channels=2), read_sound),
    "extended.wav": (write_sound("WAVEX", "PCM_24"), read_sound),
    "float.wav": (write_sound("WAV", "FLOAT"), read_sound),
    "long.wav": (write_sound("RF64", "PCM_16"), read_sound),
    "mono.aiff": (write_sound("AIFF", "PCM_16"), read_sound),
    "mono.flac": (write_sound("FLAC", "PCM_16"), read_sound),
    "stereo.flac": (
        write_sound("FLAC", "PCM_24", channels=2, samples=9000),
        read_sound,
    ),
    "vorbis.ogg": (write_sound("OGG", "VORBIS", samples=60000), read_sound),
    "opus.ogg": (write_sound("OGG", "OPUS", samples=60000), read_sound),
    "layer.mp3": (write_sound("MP3", "MPEG_LAYER_III"), read_sound),
    "noise.png": (write_image("PNG", "RGB"), read_image),
    "palette.png": (write_image("PNG", "P"), read_image),
    "noise.jpg": (write_image("JPEG", "RGB"), read_image),
    "progressive.jpg": (write_image("JPEG", "L", progressive=True), read_image),
}


@functools.cache
def whole(name):
    """The content of a file, and what is read from it."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, name)
        write, read = FILES[name]
        write(path)
        return path.read_bytes(), read(path)


def read_of(name, content):
    """What is read from a file of this content; `None` if it is refused by name."""
    whole(name)  # once, before memory is bounded
    folder = tempfile.mkdtemp()
    try:
        path = pathlib.Path(folder, name)
        path.write_bytes(content)
        with bounded_memory():
            return FILES[name][1](path)
    except (ValueError, OSError) as error:
        assert name in str(error)
        return None
    finally:
        shutil.rmtree(folder)


def assert_same(made, expected):
    if isinstance(expected, (list, tuple)):
        assert len(made) == len(expected)
        for pair in zip(made, expected, strict=True):
            assert_same(*pair)
    else:
        assert type(made) is type(expected)
        np.testing.assert_array_equal(made, expected, strict=True)


# === Properties ===

CHECKED = [name for name in FILES if name.endswith((".npz", ".flac", ".ogg", ".png"))]
UNCHECKED = [name for name in FILES if name not in CHECKED]


@pytest.mark.parametrize("name", FILES)
def test_whole_files_are_read(name):
    content, expected = whole(name)
    assert_same(read_of(name, content), expected)


@fuzz(quick=250, slow=20000, name=st.sampled_from(CHECKED), changes=damage)
def test_checksums_are_looked_at(name, changes):
    content, expected = whole(name)
    made = read_of(name, damaged(content, changes))
    if made is not None:
        assert_same(made, expected)


@fuzz(quick=250, slow=20000, name=st.sampled_from(UNCHECKED), changes=damage)
def test_damage_without_checksums(name, changes):
    """Values may be others, within what the file can hold."""
    content = damaged(whole(name)[0], changes)
    made = read_of(name, content)
    if made is None or name.endswith(".parquet"):
        return
    if name.endswith(".jpg"):
        assert made.shape == (1, 16, 16, 3) and np.isfinite(made).all()
        return
    wave, rate = made
    assert wave.ndim == 1 and wave.dtype == "float32" and rate > 0
    # A frame of MP3 is 24 bytes or more, and 1152 samples or less.
    assert 0 < len(wave) <= len(content) * (48 if name.endswith(".mp3") else 1)


def header_of(name):
    """Where the samples begin, and the bytes before that say what nothing else does:
    the kind of the samples, and in AIFF their rate."""
    content = whole(name)[0]
    if name.endswith(".aiff"):
        rate = content.index(b"COMM") + 16
        return content.index(b"SSND") + 16, range(rate, rate + 10)
    kind = content.index(b"fmt ") + 8
    return content.index(b"data") + 8, range(kind, kind + 2)


SOUNDS = [name for name in UNCHECKED if name.endswith((".wav", ".aiff"))]


@fuzz(
    quick=150,
    slow=10000,
    name=st.sampled_from(SOUNDS),
    place=st.integers(0, 127),
    mask=st.integers(1, 255),
)
def test_headers_of_sounds_agree_with_themselves(name, place, mask):
    content, expected = whole(name)
    start, alone = header_of(name)
    place %= start
    made = read_of(name, damaged(content, [("flip", place, mask)]))
    if made is not None and place not in alone:
        assert_same(made, expected)


@fuzz(
    quick=50,
    slow=2000,
    name=st.sampled_from(SOUNDS),
    place=st.integers(0, 2**20),
    mask=st.integers(1, 255),
)
def test_a_damaged_sample_is_one_sample(name, place, mask):
    content, (expected, rate) = whole(name)
    start, _ = header_of(name)
    made = read_of(
        name, damaged(content, [("flip", start + place % (len(content) - start), mask)])
    )
    assert made is not None and made[1] == rate
    assert np.count_nonzero(made[0] != expected) <= 1


@fuzz(
    quick=50,
    slow=2000,
    place=st.integers(0, 2**20),
    change=st.one_of(flips, edits),
)
def test_pages_of_parquet(place, change):
    """Where it was written with checksums; what describes the columns has none."""
    content, expected = whole("table.parquet")
    pages = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    kind, _, what = change
    made = read_of("table.parquet", damaged(content, [(kind, place % pages, what)]))
    if made is not None:
        assert_same(made, expected)


@pytest.mark.parametrize("name", FILES)
def test_every_cut(name):
    """None is read where something is gone, but of MP3, which does not tell."""
    content, expected = whole(name)
    for kept in range(0, len(content), max(1, len(content) // 40)):
        made = read_of(name, content[:kept])
        if made is not None and name.endswith(".mp3"):
            assert len(made[0]) <= len(expected[0])
        elif made is not None:
            assert_same(made, expected)


def test_an_entry_that_swallows_the_next():
    """Of an archive: what is optional would be taken for missing."""
    content, _ = whole("series.npz")
    last = content.rindex(b"PK\1\2")
    entry = content.rindex(b"PK\1\2", 0, last)
    comment = len(content) - 22 - last
    swallowing = comment.to_bytes(2, "little")
    changed = content[: entry + 32] + swallowing + content[entry + 34 :]
    assert read_of("series.npz", changed) is None


def test_samples_that_look_like_a_part_of_the_file(tmp_path):
    """Where the header says that the sound ends before its end."""
    content, _ = whole("mono.wav")
    start, _ = header_of("mono.wav")
    shorter = (800).to_bytes(4, "little")
    changed = content[: start - 4] + shorter + content[start : start + 800]
    changed += b"LIST" + content[start + 804 :]
    assert read_of("mono.wav", changed) is None


def test_a_sound_of_few_samples_a_second(tmp_path):
    """Raised to the rate of the model it would fill the memory."""
    soundfile = pytest.importorskip("soundfile", reason="the extra [audio]")
    soundfile.write(tmp_path / "slow.wav", tone(samples=90000)[:, 0], 1)
    preprocessor = AudioPreprocessor((16, 128), truncate=True)
    with bounded_memory(), pytest.raises(ValueError, match=r"slow\.wav.*100.*=1"):
        preprocessor([str(tmp_path / "slow.wav")])
