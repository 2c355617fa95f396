"""Features of sounds whose pitch and rhythm are known."""

import numpy as np
import pytest

from keras_maelre.estimator import MelStatistics
from keras_maelre.preprocessing import AudioPreprocessor
from tests.estimator.small import tones


def by_definition(spectrogram, frames):
    """Sum by sum, of one sound of shape `(heard frames, bands)`."""
    length, bands = spectrogram.shape
    at = np.arange(bands)
    cepstrum = []
    for k in range(min(20, bands)):
        scale = np.sqrt((1 if k == 0 else 2) / bands)
        wave = np.cos(np.pi * k * (2 * at + 1) / (2 * bands))
        cepstrum.append(scale * np.sum(spectrogram * wave, axis=1))
    found = []
    for rows in (spectrogram, np.stack(cepstrum, axis=1)):
        for course in (rows, rows[1:] - rows[:-1]):
            mean = sum(course) / len(course)
            found += [mean, np.sqrt(sum((course - mean) ** 2) / len(course))]
    groups = min(16, bands)
    edges = [bands * group // groups for group in range(groups + 1)]
    begin = 1
    while begin == 1 or 4 * begin <= frames:
        end = frames // 2 + 1 if 8 * begin > frames else 2 * begin
        for low, high in zip(edges, edges[1:], strict=False):
            course = spectrogram[:, low:high].mean(axis=1)
            course = course - course.mean()
            power = [
                abs(sum(course * np.exp(-2j * np.pi * k * np.arange(length) / frames)))
                ** 2
                for k in range(begin, end)
            ]
            found.append([np.log(np.mean(power) / length + 1e-5)])
        begin *= 2
    return np.concatenate(found)


@pytest.mark.parametrize(
    ("bands", "frames"), [(64, 128), (16, 60), (37, 50), (5, 33), (1, 2), (3, 4)]
)
def test_as_defined(bands, frames):
    sounds = tones(3)
    found = MelStatistics(bands, frames).fit_transform(sounds)
    spectrograms = AudioPreprocessor((frames, bands), truncate=True)(sounds)
    for row, spectrogram in zip(found, spectrograms, strict=True):
        heard = spectrogram[np.any(spectrogram != 0, axis=1)].astype("float64")
        expected = by_definition(heard, frames)
        np.testing.assert_allclose(row, expected, rtol=1e-3, atol=1e-3)


def test_padding_does_not_count():
    """Means and deviations do not depend on how many frames there might be."""
    sounds = tones(3)
    one, other = (
        MelStatistics(16, frames).fit_transform(sounds)[:, : 8 * 16]
        for frames in (60, 400)
    )
    np.testing.assert_allclose(one, other, atol=1e-5)
    assert one[:, 16:32].min() > 0


def test_statistics_are_of_bands():
    low, high = MelStatistics(16, 60).fit_transform(tones(2))[:, :16]
    assert low.argmax() < high.argmax()


@pytest.mark.parametrize(("rate", "octave"), [(2, 1), (5, 2), (30, 5)])
def test_rhythm_is_heard(rate, octave):
    """Noise that swells so many times a second; octaves begin at 0.78 Hz."""
    time = np.arange(20_480) / 16_000
    noise = np.random.default_rng(0).normal(size=len(time))
    swell = 0.1 * noise * (1 + 0.9 * np.sin(2 * np.pi * rate * time))
    found = MelStatistics(16, 128).fit_transform([swell])
    rhythm = found[0, 8 * 16 :].reshape(6, 16)
    assert rhythm.mean(axis=1).argmax() == octave


def test_silence_and_a_single_frame_are_finite():
    sounds = [np.zeros(8000), tones(1)[0][:400]]
    assert np.all(np.isfinite(MelStatistics().fit_transform(sounds)))


@pytest.mark.parametrize(
    "parameters, error, name",
    [
        ({"bands": 0}, ValueError, "bands"),
        ({"bands": 2.5}, TypeError, "bands"),
        ({"frames": 1}, ValueError, "frames"),
    ],
)
def test_bad_arguments(parameters, error, name):
    with pytest.raises(error, match=name):
        MelStatistics(**parameters).fit(tones(1))
