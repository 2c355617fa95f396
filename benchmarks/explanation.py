"""Which explanation finds the evidence: a pointing game on simulated data.

    KERAS_BACKEND=torch OMP_NUM_THREADS=1 python benchmarks/explanation.py

The data are SIMULATED. Every sample holds one piece of evidence, which alone tells its
class, and elsewhere a louder distractor of the same size, which tells nothing. A tiny
classifier is trained on each kind of data; then every method of
`keras_maelre.explain` explains test samples that are classified correctly.

Columns: the pointing game (how often the most relevant unit lies within the evidence)
beside chance (the share of units that do), the share of positive relevance inside, the
CPU milliseconds of a sample, and of integrated gradients the error of completeness: the
median of |sum - difference of the scores| / |difference|.
"""

import argparse
import dataclasses
import pathlib
import tempfile
import time

import environment
import keras
import numpy as np

import keras_maelre
from keras_maelre import MaelreClassifier, explanation, preprocessing
from keras_maelre.explanation.explain import prepared_subject
from keras_maelre.explanation.score_gradient import ScoreGradient

CLASSES = 3
SAMPLE_RATE = 16000
PITCHES = ("low", "middle", "high")
STRIPES = ("horizontal", "vertical", "diagonal")
TOPICS = {
    "heart": "cardiac myocardial tachycardia".split(),
    "nerves": "neural neuralgia neuropathy".split(),
    "liver": "hepatic hepatitis hepatoma".split(),
}
FILLERS = (
    "a after all among and are at between both care case change cohort compared "
    "control data during each effect findings first follow group had hospital in is "
    "less long mean method more not of often on one outcome period rate result sample "
    "second the trial two under was when with year"
).split()
LOUD = "WARNING!!! NOTICE!!! ATTENTION!!! IMPORTANT!!!".split()


@dataclasses.dataclass
class Task:
    """Samples with their classes, and which of their units are evidence.

    Attributes:
        preset: String, the classifier to train.
        preprocessor: What turns samples into inputs.
        class_names: Tuple of strings.
        draw: Function of a generator and a class to `(sample, evidence)`; `evidence` is
            a boolean array of the shape of an explanation.
        train: Integer, samples to train on.
        epochs: Integer.
    """

    preset: str
    preprocessor: object
    class_names: tuple
    draw: object
    train: int
    epochs: int

    def samples(self, count, seed):
        rng = np.random.default_rng(seed)
        y = rng.integers(CLASSES, size=count)
        drawn = [self.draw(rng, label) for label in y]
        return [sample for sample, _ in drawn], y, [inside for _, inside in drawn]


def two_places(rng, length, size):
    """The starts of two stretches that do not overlap."""
    first, second = sorted(rng.integers(0, length - 2 * size, 2))
    starts = [first, second + size]
    rng.shuffle(starts)
    return starts


def draw_series(rng, label):
    length, size = rng.integers(192, 257), 28
    series = 0.2 * rng.standard_normal(length)
    evidence, distractor = two_places(rng, length, size)
    pitch = (0.05, 0.12, 0.25)[label] * rng.uniform(0.9, 1.1)
    series[evidence : evidence + size] += tone(rng, size, pitch)
    series[distractor : distractor + size] += 3 * np.hanning(size)
    inside = np.zeros(length, bool)
    inside[evidence : evidence + size] = True
    return series, inside


def draw_image(rng, label):
    size, patch = 48, 17
    image = 110 + 12 * rng.standard_normal((size, size, 3))
    rows, columns = np.mgrid[:patch, :patch]
    wave = {0: rows, 1: columns, 2: (rows + columns) / 2**0.5}[label]
    stripes = 35 * np.sin(1.2 * wave + rng.uniform(0, 6.3))
    # One of them on the left, the other on the right.
    places = rng.integers(0, [size - patch + 1, size // 2 - patch + 1], (2, 2))
    places[rng.integers(2), 1] += size // 2
    (top, left), (other_top, other_left) = places
    image[top : top + patch, left : left + patch] += stripes[..., None]
    color = rng.choice([-1, 1]) * rng.uniform(50, 100, 3)
    image[other_top : other_top + patch, other_left : other_left + patch] += color
    inside = np.zeros((size, size), bool)
    inside[top : top + patch, left : left + patch] = True
    return np.clip(image, 0, 255).astype("uint8"), inside


def draw_audio(rng, label):
    samples, size = SAMPLE_RATE // 2, SAMPLE_RATE // 8
    evidence, distractor = two_places(rng, samples, size)
    pitch = (400, 1000, 2500)[label] * rng.uniform(0.9, 1.1) / SAMPLE_RATE
    alone = np.zeros(samples)
    alone[evidence : evidence + size] = 0.02 * trill(rng, size, pitch)
    wave = alone + 0.001 * rng.standard_normal(samples)
    hiss = rng.standard_normal(size) * np.hanning(size)
    wave[distractor : distractor + size] += 0.06 * hiss
    # The box where the evidence alone comes within 26 dB of its peak.
    energies = AUDIO([alone + 1e-6 * rng.standard_normal(samples)])[0]
    loud = 2 * AUDIO.stddev * (energies - energies.max()) > -6
    inside = np.zeros(loud.shape, bool)
    frames, bins = (np.flatnonzero(loud.any(axis=axis)) for axis in (1, 0))
    inside[frames[0] : frames[-1] + 1, bins[0] : bins[-1] + 1] = True
    return wave.astype("float32"), inside


def draw_bytes(rng, label):
    words = rng.choice(FILLERS, size=rng.integers(25, 40)).tolist()
    topic = list(TOPICS.values())[label]
    for word in (*rng.choice(LOUD, size=2), rng.choice(topic)):
        words.insert(rng.integers(1, len(words)), word)
    inside = [
        np.full(len(word) + 1, word in topic) & (np.arange(len(word) + 1) < len(word))
        for word in words
    ]
    return " ".join(words), np.concatenate(inside)[:-1]


def tone(rng, size, pitch):
    """A short tone of a pitch in cycles per sample."""
    phase = 2 * np.pi * pitch * np.arange(size)
    return np.sin(phase + rng.uniform(0, 6.3)) * np.hanning(size)


def trill(rng, size, pitch):
    """The same with a pitch that swings by a fifth to both sides."""
    swing = np.sin(2 * np.pi * 5 * np.arange(size) / size)
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.2 * swing))
    return np.sin(phase + rng.uniform(0, 6.3)) * np.hanning(size)


AUDIO = preprocessing.AudioPreprocessor((48, 64))
TASKS = {
    "series": Task(
        "tiny_series",
        preprocessing.SeriesPreprocessor((256, 1)),
        PITCHES,
        draw_series,
        train=600,
        epochs=6,
    ),
    "image": Task(
        "tiny_image",
        preprocessing.ImagePreprocessor((48, 48, 3)),
        STRIPES,
        draw_image,
        train=600,
        epochs=6,
    ),
    "audio": Task("tiny_audio", AUDIO, PITCHES, draw_audio, train=900, epochs=7),
    "bytes": Task(
        "tiny_bytes",
        preprocessing.BytePreprocessor((384,)),
        tuple(TOPICS),
        draw_bytes,
        train=1500,
        epochs=5,
    ),
}


def trained(name, pooling, folder):
    """Returns the trained classifier of a task, from the folder if it is there.

    The class token learns slowly where samples are few: a classifier that pools it
    starts from the trained one that pools the statistics of all blocks.
    """
    task, path = TASKS[name], folder / f"{name}_{pooling}"
    if path.is_dir():
        return MaelreClassifier.from_preset(path)
    keras.utils.set_random_seed(0)
    if pooling == "blocks":
        classifier = MaelreClassifier.from_preset(
            task.preset,
            preprocessor=task.preprocessor,
            class_names=task.class_names,
            pooling=pooling,
        )
    else:
        trained(name, "blocks", folder)
        classifier = MaelreClassifier.from_preset(
            folder / f"{name}_blocks", pooling=pooling
        )
    x, y, _ = task.samples(task.train, seed=1)
    steps = task.epochs * -(-len(x) // 32)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps - steps // 10, warmup_target=2e-3, warmup_steps=steps // 10
    )
    classifier.compile(
        keras.optimizers.AdamW(rate, clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    classifier.fit(x, y, epochs=task.epochs, verbose=2)
    classifier.save_to_preset(path)
    return classifier


def measure(classifier, task, count):
    """Yields a row of the table for each method."""
    x, y, evidence = task.samples(count, seed=2)
    right = classifier.predict_proba(x).argmax(-1) == y
    accuracy = right.mean()
    x, y, evidence = (
        [part for part, kept in zip(parts, right, strict=True) if kept]
        for parts in (x, y, evidence)
    )
    chance = np.mean([inside.mean() for inside in evidence])
    for method in explanation.METHODS:
        keras_maelre.explain(classifier, x[:1], y[:1], method)  # compiled before
        start = time.process_time()
        found = keras_maelre.explain(classifier, x, y, method)
        seconds = time.process_time() - start
        hits, shares = [], []
        for one, inside in zip(found, evidence, strict=True):
            hits.append(inside.flat[one.values.argmax()])
            positive = np.maximum(one.values, 0)
            shares.append(positive[inside].sum() / max(positive.sum(), 1e-30))
        error = ""
        if method == "integrated_gradients":
            error = f"{completeness(classifier, x, y, found):.4f}"
        yield {
            "accuracy": f"{accuracy:.2f}",
            "method": method,
            "chance": f"{chance:.3f}",
            "pointing game": f"{np.mean(hits):.2f}",
            "share inside": f"{np.mean(shares):.2f}",
            "CPU ms": f"{1000 * seconds / len(x):.0f}",
            "completeness": error,
        }


def completeness(classifier, x, y, found):
    """The median error of the sums, as a share of the difference of the scores."""
    errors = []
    gradient = ScoreGradient(classifier)
    for sample, label, one in zip(x, y, found, strict=True):
        subject = prepared_subject(classifier, sample, 0)
        point, difference = gradient.ends(subject)
        (baseline,), _ = gradient(point - difference, subject, int(label))
        gap = one.score - baseline
        errors.append(abs(one.values.sum() - gap) / abs(gap))
    return np.median(errors)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=TASKS)
    parser.add_argument("--poolings", nargs="+", default=["blocks", "cls"])
    parser.add_argument("--samples", type=int, default=40, help="of each task")
    parser.add_argument(
        "--models", type=pathlib.Path, help="folder of classifiers that are kept"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.models or pathlib.Path(temporary)
        rows = []
        for name in args.tasks:
            for pooling in args.poolings:
                classifier = trained(name, pooling, folder)
                for row in measure(classifier, TASKS[name], args.samples):
                    rows.append({"simulated data": name, "pooling": pooling, **row})
                    print(rows[-1], flush=True)
    print("\nSIMULATED data. " + environment.one_line("keras", keras.backend.backend()))
    print("| " + " | ".join(rows[0]) + " |")
    print("|" + "---|" * len(rows[0]))
    for row in rows:
        print("| " + " | ".join(row.values()) + " |")


if __name__ == "__main__":
    main()
