"""Simulated everyday sounds."""

import numpy as np

from keras_maelre.checks import check_integer, check_number
from keras_maelre.datasets import ClassificationDataset

SAMPLE_RATE = 16000


def simulated_sounds(samples_per_class, seconds=2.0, seed=0, test_fraction=0.33):
    """Simulates six kinds of everyday sounds.

    The data are SIMULATED: nothing was recorded. They are for trying a model and its
    training without data, and say nothing about real sounds.

    The classes are bird chirps (short whistles that rise or fall), clock ticks
    (clicks at an even pace), an engine's hum (low harmonics of an uneven loudness), a
    flute's tone (a steady tone with vibrato and few harmonics), rain (drops over
    filtered noise), and a siren (a tone that sweeps up and down). Pitch, pace and
    timbre are random within each class, and so are the loudness, over 12 dB, and the
    noise in the background, 15 to 35 dB below.

    Args:
        samples_per_class: Integer, sounds of each class, training and test together.
        seconds: Float, the length of each sound, at least 0.5.
        seed: Integer; the same seed gives the same sounds.
        test_fraction: Float in (0, 1), the fraction of the sounds of each class that
            goes to the test split.

    Returns:
        A `ClassificationDataset`, shuffled, with its `simulated` set. The samples are
        float32 waves at 16 kHz, arrays of shape `(sounds, samples)`, within
        `[-1, 1]`.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is out of its range, or a split would be left
            without sounds.

    Example:

    ```python
    from simulated import simulated_sounds

    data = simulated_sounds(samples_per_class=3, seconds=0.5)
    print(data.describe())
    ```
    """
    samples_per_class = check_integer("samples_per_class", samples_per_class, low=2)
    seconds = check_number("seconds", seconds, low=0.5)
    test_fraction = check_number("test_fraction", test_fraction, above=0, below=1)
    test_samples = round(samples_per_class * test_fraction)
    if not 0 < test_samples < samples_per_class:
        raise ValueError(
            "`samples_per_class` and `test_fraction` must leave each class at least "
            "one training and one test sound. Received: "
            f"samples_per_class={samples_per_class}, test_fraction={test_fraction}"
        )
    rng = np.random.default_rng(seed)
    samples = round(seconds * SAMPLE_RATE)
    x_train, y_train = _draw_split(rng, samples_per_class - test_samples, samples)
    x_test, y_test = _draw_split(rng, test_samples, samples)
    return ClassificationDataset(
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        class_names=tuple(CLASSES),
        name="simulated_sounds",
        simulated=True,
    )


def _draw_split(rng, samples_per_class, samples):
    y = rng.permutation(np.repeat(np.arange(len(CLASSES)), samples_per_class))
    makers = list(CLASSES.values())
    time = np.arange(samples) / SAMPLE_RATE
    x = np.empty((len(y), samples), "float32")
    for wave, label in zip(x, y, strict=True):
        sound = makers[label](rng, time)
        background = _coloured_noise(rng, samples, exponent=rng.uniform(0, 1))
        snr_db = rng.uniform(15, 35)
        heard = sound / np.std(sound) + background * 10 ** (-snr_db / 20)
        level_db = rng.uniform(-12, 0)
        wave[:] = heard / np.abs(heard).max() * 10 ** (level_db / 20)
    return x, y


def _draw_chirps(rng, time):
    wave = np.zeros_like(time)
    for start in np.arange(rng.uniform(0, 0.1), time[-1], rng.uniform(0.15, 0.35)):
        duration = rng.uniform(0.05, 0.12)
        first, last = rng.uniform(2500, 6500, 2)
        since = time - start
        inside = (since >= 0) & (since < duration)
        t = since[inside]
        phase = 2 * np.pi * (first * t + (last - first) * t**2 / (2 * duration))
        wave[inside] += np.sin(phase) * np.sin(np.pi * t / duration) ** 2
    return wave


def _draw_ticks(rng, time):
    wave = np.zeros_like(time)
    pitch, decay = rng.uniform(1500, 4000), rng.uniform(0.002, 0.008)
    for start in np.arange(rng.uniform(0, 0.1), time[-1], rng.uniform(0.2, 0.5)):
        t = np.maximum(time - start, 0)
        click = np.exp(-t / decay) * np.sin(2 * np.pi * pitch * t)
        wave += click + 0.3 * np.exp(-t / decay) * (t > 0) * _white(rng, len(t))
    return wave


def _draw_engine(rng, time):
    pitch = rng.uniform(40, 90) * (1 + 0.05 * _slow(rng, time))
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    wave = sum(
        rng.uniform(0.3, 1) / number * np.sin(number * phase + rng.uniform(0, 6.3))
        for number in range(1, 15)
    )
    return wave * (1 + 0.3 * np.sin(phase / 2))


def _draw_tone(rng, time):
    vibrato = 0.008 * np.sin(2 * np.pi * rng.uniform(4, 6) * time)
    phase = 2 * np.pi * np.cumsum(rng.uniform(260, 520) * (1 + vibrato)) / SAMPLE_RATE
    wave = sum(rng.uniform(0.2, 1) ** n * np.sin((n + 1) * phase) for n in range(4))
    return wave * np.minimum(1, time / 0.1)


def _draw_rain(rng, time):
    wave = 0.3 * _coloured_noise(rng, len(time), exponent=rng.uniform(0, 0.6))
    drops = rng.integers(0, len(time), int(rng.uniform(30, 120) * time[-1]))
    impulses = np.zeros_like(time)
    impulses[drops] = rng.uniform(1, 4, len(drops))
    splash = _white(rng, 80) * np.exp(-np.arange(80) / 15)
    return wave + np.convolve(impulses, splash)[: len(time)]


def _draw_siren(rng, time):
    middle, depth = rng.uniform(800, 1200), rng.uniform(0.3, 0.45)
    swing = np.sin(2 * np.pi * (rng.uniform(0.7, 2) * time + rng.random()))
    phase = 2 * np.pi * np.cumsum(middle * (1 + depth * swing)) / SAMPLE_RATE
    return sum(0.5**number * np.sin((number + 1) * phase) for number in range(4))


def _white(rng, samples):
    return rng.standard_normal(samples)


def _slow(rng, time):
    """A swing within [-1, 1] of a period of a second or more."""
    return np.sin(2 * np.pi * (rng.uniform(0.2, 1) * time + rng.random()))


def _coloured_noise(rng, samples, exponent):
    """Noise of unit deviation whose power falls as 1 / frequency ** exponent."""
    spectrum = np.fft.rfft(_white(rng, samples))
    spectrum[0] = 0
    spectrum[1:] *= np.arange(1, len(spectrum)) ** (-exponent / 2)
    noise = np.fft.irfft(spectrum, n=samples)
    return noise / noise.std()


CLASSES = {
    "bird chirps": _draw_chirps,
    "clock ticks": _draw_ticks,
    "engine hum": _draw_engine,
    "flute tone": _draw_tone,
    "rain": _draw_rain,
    "siren": _draw_siren,
}
