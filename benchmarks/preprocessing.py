"""Does preprocessing keep up with training? A table of samples per second.

    KERAS_BACKEND=torch python benchmarks/preprocessing.py
    KERAS_BACKEND=jax python benchmarks/preprocessing.py --size small --batch-size 8

For every modality: generated raw samples, the preprocessor alone, augmentation and
mixing as the recipe has them, and the training step of a preset on what comes out.
Medians over several batches, after two to warm up, all in one run. The last column is
the share of the time of a training that the model computes if one thread does all.
"""

import argparse
import pathlib
import statistics
import tempfile
import time

import keras
import numpy as np

import keras_maelre
from keras_maelre import preprocessing, training

WARMUP = 2


def texts(count, generator):
    """Documents of about the length of an abstract, 1200 characters."""
    words = [
        "".join(generator.choice(list("etaoinshrdlu"), generator.integers(2, 11)))
        for _ in range(500)
    ]
    return [" ".join(generator.choice(words, 180)) for _ in range(count)]


def series(count, generator):
    return [generator.normal(size=3750) for _ in range(count)]


def sounds(count, generator, folder):
    """FLAC files of ten seconds at 44.1 kHz, to be decoded and resampled."""
    import soundfile

    paths = [folder / f"{i}.flac" for i in range(count)]
    for path in paths:
        soundfile.write(path, generator.normal(0, 0.1, 441_000), 44_100)
    return paths


def images(count, generator, folder):
    """JPEG files of 400 x 300 pixels."""
    from PIL import Image

    paths = [folder / f"{i}.jpg" for i in range(count)]
    for path in paths:
        coarse = generator.integers(0, 255, (30, 40, 3), "uint8")
        Image.fromarray(coarse).resize((400, 300)).save(path, quality=90)
    return paths


def pipelines(count, folder):
    """Yields the name, the task, the preset, the raw samples and the preprocessor."""
    generator = np.random.default_rng(0)
    documents = texts(count, generator)
    yield (
        "bytes",
        "text",
        documents,
        preprocessing.BytePreprocessor((2048,), truncate=True),
    )
    yield (
        "text",
        "text",
        documents,
        preprocessing.TextPreprocessor.from_documents(
            documents, 2000, input_shape=(512,)
        ),
    )
    yield (
        "series",
        "series",
        series(count, generator),
        preprocessing.SeriesPreprocessor(),
    )
    yield (
        "audio",
        "audio",
        sounds(count, generator, folder),
        preprocessing.AudioPreprocessor(),
    )
    yield (
        "image",
        "image",
        images(count, generator, folder),
        preprocessing.ImagePreprocessor(),
    )


def rate(function, repeats, batch_size):
    """Samples per second of a function that does one batch: the median."""
    seconds = []
    for i in range(WARMUP + repeats):
        begin = time.perf_counter()
        function(i)
        seconds.append(time.perf_counter() - begin)
    return batch_size / statistics.median(seconds[WARMUP:])


def measure(modality, task, samples, preprocessor, args):
    classes = 10
    labels = np.arange(len(samples)) % classes
    recipe = training.recipe(task)
    common = {"batch_size": args.batch_size, "num_classes": classes}
    model = {}
    if modality == "text":
        model = {"vocabulary_size": preprocessor.vocabulary_size, "embedding_dim": 128}
    classifier = keras_maelre.MaelreClassifier.from_preset(
        f"{args.size}_{modality}",
        num_classes=classes,
        input_shape=preprocessor.input_shape,
        **model,
    )
    prepared = preprocessor(samples[: args.batch_size])
    augmented = training.AugmentedBatches(
        np.repeat(prepared, 2, axis=0),
        np.tile(labels[: args.batch_size], 2),
        augmentation=recipe.layers("augmentation", classifier.modality),
        mixing=recipe.layers("mixing", classifier.modality),
        **common,
    )
    # More steps than are timed: the schedule may not end before.
    recipe.compile(classifier, total_steps=10_000)
    x, y = augmented[0]
    size = args.batch_size
    chunks = [samples[i : i + size] for i in range(0, len(samples) - size + 1, size)]
    rates = [
        rate(lambda i: preprocessor(chunks[i % len(chunks)]), args.repeats, size),
        rate(lambda i: augmented[i % 2], args.repeats, size),
        rate(lambda i: classifier.train_on_batch(x, y), args.repeats, size),
    ]
    return (preprocessor.input_shape, *rates)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", default="tiny", help="of the presets, default: tiny")
    parser.add_argument("--batch-size", type=int, default=16, help="default: 16")
    parser.add_argument("--repeats", type=int, default=5, help="default: 5")
    args = parser.parse_args()
    print(
        f"keras {keras.version()} on {keras.backend.backend()}, {args.size} presets, "
    )
    print(f"batches of {args.batch_size}; samples per second\n")
    print("| modality | input | preprocessing | augmentation | training step | share |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for modality, *rest in pipelines(2 * args.batch_size, pathlib.Path(folder)):
            shape, *rates = measure(modality, *rest, args)
            seconds = [1 / one for one in rates]
            share = seconds[-1] / sum(seconds)
            shown = " | ".join(
                f"{one:,.0f}" if one >= 100 else f"{one:.1f}" for one in rates
            )
            sizes = " x ".join(map(str, shape))
            print(f"| {modality} | {sizes} | {shown} | {share:.0%} |", flush=True)


if __name__ == "__main__":
    main()
