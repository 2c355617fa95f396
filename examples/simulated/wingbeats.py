"""Simulated flight tones of mosquitoes."""

import numpy as np

from keras_maelre.checks import check_integer, check_number
from keras_maelre.datasets import ClassificationDataset

# Species, mean and standard deviation of the female wingbeat frequency in Hz.
# The means are rounded from the literature (see `simulated_wingbeats`); the
# spread is chosen so that neighbours overlap.
SPECIES = (
    ("Anopheles quadrimaculatus", 350.0, 16.0),
    ("Culex quinquefasciatus", 410.0, 16.0),
    ("Anopheles quadriannulatus", 460.0, 16.0),
    ("Anopheles stephensi", 520.0, 18.0),
    ("Aedes aegypti", 570.0, 18.0),
    ("Aedes albopictus", 610.0, 18.0),
)
LARGEST_DEVIATION = 3.0  # of an individual from its species, in spreads
LARGEST_DRIFT = 0.03  # of the frequency during one flight, relative
HARMONICS = 6
# Series are made some at a time: the intermediate arrays are larger than them.
BATCH = 256


def simulated_wingbeats(
    samples_per_class, length=3750, sample_rate=6000, seed=0, test_fraction=0.33
):
    """Simulates the flight tones of six mosquito species.

    The data are SIMULATED: no mosquito was recorded. They are for trying a model and
    its training without data, and say nothing about how well mosquitoes can be told
    apart.

    Each series is one insect that flies past a microphone: a harmonic tone at a
    wingbeat frequency drawn around the mean of its species, with slow drift, random
    amplitudes that fall with the number of the harmonic, and a loudness that rises and
    falls with the distance, in a mixture of white and coloured noise at a
    signal-to-noise ratio between -3 and 12 dB. Series have zero mean and unit standard
    deviation. Only the wingbeat frequency identifies the species, and neighbouring
    species overlap: whoever knew it exactly would identify about 89 % of the series.

    The means, in the table `SPECIES`, are rounded from the ranges found in recordings
    of females; they were not measured anew. Frequencies differ between strains and
    body sizes, and rise with temperature.

    Args:
        samples_per_class: Integer, series of each species, training and test
            together.
        length: Integer, time steps per series.
        sample_rate: Float, time steps per second in Hz.
        seed: Integer; the same seed gives the same series.
        test_fraction: Float in (0, 1), the fraction of the series of each species that
            goes to the test split.

    Returns:
        A `ClassificationDataset`, shuffled, with its `simulated` set. The samples are
        float32 arrays of shape `(series, length, 1)`.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is out of its range, or a split would be
            left without series.

    Example:

    ```python
    from simulated import simulated_wingbeats

    data = simulated_wingbeats(samples_per_class=20, length=1000)
    print(data.describe())
    ```

    Reference: Mukundarajan et al. (2017), Using mobile phones as acoustic
    sensors for high-throughput mosquito surveillance, eLife 6:e27854, for the
    ranges of frequencies; Arthur et al. (2014), J. Acoust. Soc. Am. 135(2), for
    the harmonics.
    """
    samples_per_class = check_integer("samples_per_class", samples_per_class, low=2)
    length = check_integer("length", length, low=2)
    test_fraction = check_number("test_fraction", test_fraction, above=0, below=1)
    highest = max(mean + LARGEST_DEVIATION * spread for _, mean, spread in SPECIES)
    # Sampled more slowly, it would be folded back to another frequency.
    lowest_rate = round(2 * (1 + LARGEST_DRIFT) * highest)
    sample_rate = check_number("sample_rate", sample_rate, above=lowest_rate)
    test_samples = round(samples_per_class * test_fraction)
    if not 0 < test_samples < samples_per_class:
        raise ValueError(
            "`samples_per_class` and `test_fraction` must leave each species at "
            "least one training and one test series. Received: "
            f"samples_per_class={samples_per_class}, test_fraction={test_fraction}"
        )
    rng = np.random.default_rng(seed)
    x_train, y_train = _draw_split(
        rng, samples_per_class - test_samples, length, sample_rate
    )
    x_test, y_test = _draw_split(rng, test_samples, length, sample_rate)
    return ClassificationDataset(
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        class_names=tuple(name for name, _, _ in SPECIES),
        sample_rate=sample_rate,
        name="simulated_wingbeats",
        simulated=True,
    )


def _draw_split(rng, samples_per_class, length, sample_rate):
    y = rng.permutation(np.repeat(np.arange(len(SPECIES)), samples_per_class))
    x = np.empty((len(y), length, 1), "float32")
    for start in range(0, len(y), BATCH):
        labels = y[start : start + BATCH]
        tone = _draw_tones(rng, labels, length, sample_rate)
        tone *= _draw_flybys(rng, len(labels), length)
        noise = _draw_noise(rng, len(labels), length)
        snr_db = rng.uniform(-3, 12, (len(labels), 1))
        heard = _standardized(tone) + noise * 10 ** (-snr_db / 20)
        x[start : start + BATCH, :, 0] = _standardized(heard)
    return x, y


def _draw_tones(rng, labels, length, sample_rate):
    """Draws harmonic tones, `(len(labels), length)`, of constant loudness."""
    column = (len(labels), 1)
    mean = np.array([mean for _, mean, _ in SPECIES])[labels, None]
    spread = np.array([spread for _, _, spread in SPECIES])[labels, None]
    deviation = rng.standard_normal(column)
    deviation = deviation.clip(-LARGEST_DEVIATION, LARGEST_DEVIATION)

    # Drift: a steady glide and one slow swing.
    time = np.arange(length) / sample_rate
    glide = rng.uniform(-1, 1, column) * np.linspace(-1, 1, length)
    swing = np.sin(
        2 * np.pi * (rng.uniform(0.5, 2, column) * time + rng.random(column))
    )
    drift = LARGEST_DRIFT / 2 * (glide + rng.random(column) * swing)
    frequency = (mean + spread * deviation) * (1 + drift)

    phase = 2 * np.pi * np.cumsum(frequency, axis=1) / sample_rate
    fundamental = np.exp(1j * phase)
    decay = rng.uniform(0.3, 1.2, column)
    tones = np.zeros((len(labels), length))
    harmonic = np.ones_like(fundamental)
    for number in range(1, HARMONICS + 1):
        harmonic *= fundamental
        offset = np.exp(2j * np.pi * rng.random(column))
        amplitude = np.exp(-decay * (number - 1) + 0.4 * rng.standard_normal(column))
        # What a microphone would filter out, sampling would fold back.
        audible = number * frequency.max(axis=1, keepdims=True) < sample_rate / 2
        tones += audible * amplitude * (offset * harmonic).real
    return tones


def _draw_flybys(rng, samples, length):
    """Draws loudness curves: the inverse of the distance on a straight flight."""
    position = np.linspace(0, 1, length)
    nearest = rng.uniform(0.1, 0.9, (samples, 1))
    width = rng.uniform(0.1, 0.6, (samples, 1))
    return 1 / np.hypot(1, (position - nearest) / width)


def _draw_noise(rng, samples, length):
    """Draws mixtures of white and coloured noise of unit standard deviation."""
    spectrum = np.fft.rfft(rng.standard_normal((samples, length)))
    exponent = rng.uniform(0.5, 1.5, (samples, 1))  # of power over 1 / frequency
    spectrum[:, 0] = 0
    spectrum[:, 1:] *= np.arange(1, spectrum.shape[1]) ** (-exponent / 2)
    coloured = _standardized(np.fft.irfft(spectrum, n=length))
    weight = rng.uniform(0.2, 0.8, (samples, 1))
    white = rng.standard_normal((samples, length))
    return _standardized(np.sqrt(weight) * coloured + np.sqrt(1 - weight) * white)


def _standardized(x):
    x = x - x.mean(axis=1, keepdims=True)
    return x / x.std(axis=1, keepdims=True)
