import json

import keras
import numpy as np
import pytest
from keras import ops

from keras_maelre.preprocessing import LogMelFilterbank

FLOOR = np.log(np.finfo("float32").eps)


def noise(samples, level=0.1, seed=0):
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal(samples)).astype("float32")


def chirp(samples, level=0.5):
    time = np.arange(samples) / 16000
    return (level * np.sin(2 * np.pi * (100 + 2500 * time) * time)).astype("float32")


SOUNDS = {
    "noise": noise(16000),
    "odd length": noise(16057),
    "chirp in noise": chirp(30001) + noise(30001, 0.02),
    "chirp": chirp(30001),
    "quiet": noise(8000, 1e-4),
    "off centre": noise(8000) + np.float32(0.4),
    "one frame": noise(400),
    "bursts": noise(24000) * (np.arange(24000) // 3000 % 2),
}


def log_mel(waves, **settings):
    return ops.convert_to_numpy(LogMelFilterbank(**settings)(waves))


def kaldi(wave, num_mel_bins=128, rate=16000, step_ms=10.0):
    """Kaldi's energies, by runs of filters.

    Kaldi refuses a bank with filters too narrow to hold a bin of the spectrum. The
    filters between such are a bank of their own, on the same mel scale.
    """
    mel = np.linspace(*mel_of(np.array([20, rate / 2])), num_mel_bins + 2)
    corners = 700 * np.expm1(mel / 1127)
    bins = np.arange(256) * rate / 512
    inside = (bins > corners[:-2, None]) & (bins < corners[2:, None])
    holds = inside.any(axis=1)
    edges = np.flatnonzero(np.diff(np.pad(holds, 1).astype(int)))
    runs = []
    for first, last in edges.reshape(-1, 2):
        options = (last - first, corners[first], corners[last + 1], rate, step_ms)
        runs.append((first, last, kaldi_run(wave, *options)))
    energies = np.full((len(runs[0][2]), num_mel_bins), FLOOR)
    for first, last, run in runs:
        energies[:, first:last] = run
    return energies


def kaldi_run(wave, num_mel_bins, low, high, rate, step_ms):
    fbank = pytest.importorskip("kaldi_native_fbank", reason="the extra [test]")
    options = fbank.FbankOptions()
    options.frame_opts.dither = 0
    options.frame_opts.samp_freq = rate
    options.frame_opts.frame_shift_ms = step_ms
    options.frame_opts.window_type = "hanning"
    options.mel_opts.num_bins = num_mel_bins
    options.mel_opts.low_freq = low
    options.mel_opts.high_freq = high
    computer = fbank.OnlineFbank(options)
    computer.accept_waveform(rate, wave.tolist())
    computer.input_finished()
    return np.stack([computer.get_frame(i) for i in range(computer.num_frames_ready)])


def mel_of(frequency):
    return 1127 * np.log(1 + frequency / 700)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"num_mel_bins": 80},
        {"frame_step_ms": 5.0},
        {"frame_step_ms": 30.0, "num_mel_bins": 40},
    ],
)
@pytest.mark.parametrize("sound", SOUNDS)
def test_equals_kaldi(sound, settings):
    wave = SOUNDS[sound]
    expected = kaldi(
        wave,
        settings.get("num_mel_bins", 128),
        step_ms=settings.get("frame_step_ms", 10.0),
    )
    energies = log_mel(wave[None], **settings)[0]
    assert energies.shape == expected.shape
    loudest = expected.max(axis=1, keepdims=True)
    # Less than a millionth of the frame's loudest, Kaldi's float32 is rounding.
    sound = expected > loudest - np.log(1e6)
    np.testing.assert_allclose(energies[sound], expected[sound], rtol=0, atol=1e-3)
    error = np.abs(np.exp(energies / 2) - np.exp(expected / 2))
    assert np.all(error < 5e-5 * np.exp(loudest / 2))


def test_equals_the_definition_at_another_rate():
    """Straight from the definition, in float64; 11025 Hz gives odd sizes."""
    wave = noise(9001)
    window, step, fft = 275, 110, 512
    starts = range(0, len(wave) - window + 1, step)
    frames = np.array([wave[s : s + window] for s in starts], "float64")
    frames -= frames.mean(axis=1, keepdims=True)
    emphasised = frames.copy()
    emphasised[:, 1:] -= 0.97 * frames[:, :-1]
    emphasised[:, 0] *= 1 - 0.97
    phase = 2 * np.pi * np.arange(window) / (window - 1)
    power = np.abs(np.fft.rfft(emphasised * (0.5 - 0.5 * np.cos(phase)), fft)) ** 2
    mels = mel_of(np.arange(257) * 11025 / fft)
    low, high = mel_of(20), mel_of(11025 / 2)
    width = (high - low) / 41
    expected = []
    for i in range(40):
        centre = low + (i + 1) * width
        weights = np.maximum(0, 1 - np.abs(mels - centre) / width)
        expected.append(power @ weights)
    energies = log_mel(wave[None], sampling_rate=11025, num_mel_bins=40)[0]
    np.testing.assert_allclose(energies, np.log(expected).T, rtol=0, atol=3e-4)


def test_batch_equals_each_alone():
    waves = np.stack([chirp(8000, 1.0), noise(8000, 1e-4), np.zeros(8000, "float32")])
    together = log_mel(waves)
    for wave, energies in zip(waves, together, strict=True):
        np.testing.assert_allclose(log_mel(wave[None])[0], energies, atol=1e-4)
    np.testing.assert_allclose(together[2], FLOOR, rtol=1e-6)


def test_what_follows_a_frame_does_not_change_it():
    wave = noise(3000)
    whole, part = log_mel(wave[None])[0], log_mel(wave[None, :1999])[0]
    assert len(part) == 10
    np.testing.assert_allclose(part, whole[:10], atol=1e-4)


def test_compiled_with_unknown_batch_and_length():
    inputs = keras.Input((None,))
    outputs = LogMelFilterbank()(inputs)
    assert outputs.shape == (None, None, 128)
    model = keras.Model(inputs, outputs)
    model.compile(jit_compile=keras.backend.backend() != "torch")
    for batch, samples in ((2, 4000), (3, 2345)):
        waves = noise((batch, samples))
        predicted = model.predict(waves, verbose=0)
        # The accuracy that the layer promises: compilers round otherwise.
        np.testing.assert_allclose(predicted, log_mel(waves), rtol=0, atol=1e-3)


@pytest.mark.parametrize("samples", [400, 559, 560, 16000, None])
def test_declared_shape_is_the_shape(samples):
    layer = LogMelFilterbank(num_mel_bins=40)
    declared = layer.compute_output_shape((2, samples))
    if samples is None:
        assert declared == (2, None, 40)
    else:
        assert declared == layer(noise((2, samples))).shape


def test_config_round_trip():
    layer = LogMelFilterbank(22050, 64, 7.5, name="energies")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    clone = keras.saving.deserialize_keras_object(config)
    assert clone.get_config() == layer.get_config()
    waves = noise((1, 5000))
    np.testing.assert_array_equal(
        ops.convert_to_numpy(clone(waves)), ops.convert_to_numpy(layer(waves))
    )


def test_half_precision_only_rounds_the_result():
    waves = 1e-3 * noise((2, 4000))
    half = LogMelFilterbank(dtype="mixed_float16")(waves)
    assert keras.backend.standardize_dtype(half.dtype) == "float16"
    half = ops.convert_to_numpy(half).astype("float32")
    np.testing.assert_allclose(half, log_mel(waves), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "settings, error, message",
    [
        ({"sampling_rate": 0}, ValueError, r"`sampling_rate`.*\[100, 1e\+06\]"),
        (
            {"sampling_rate": "16k"},
            TypeError,
            "`sampling_rate` must be a finite",
        ),
        ({"num_mel_bins": 0}, ValueError, "`num_mel_bins` must be an integer from 1"),
        ({"sampling_rate": 1e12}, ValueError, "`sampling_rate`.*1e"),
        ({"num_mel_bins": 10**9}, ValueError, "`num_mel_bins`.*1024"),
        ({"num_mel_bins": 12.5}, TypeError, "`num_mel_bins` must be an integer"),
        ({"frame_step_ms": 0}, ValueError, r"`frame_step_ms`.*\[1, 10000\]"),
    ],
)
def test_bad_arguments_raise(settings, error, message):
    with pytest.raises(error, match=message):
        LogMelFilterbank(**settings)


def test_bad_inputs_raise():
    with pytest.raises(ValueError, match="at least 400 samples.*Received: 399"):
        LogMelFilterbank()(noise((2, 399)))
    with pytest.raises(ValueError, match="ndim"):
        LogMelFilterbank()(noise(4000))
