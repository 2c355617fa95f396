import json
import pathlib
import pickle

import keras
import numpy as np
import pytest
from keras import ops

from keras_maelre import MaelreClassifier
from keras_maelre.preprocessing import (
    AudioPreprocessor,
    LogMelFilterbank,
    NormalizedLogMel,
)
from keras_maelre.preprocessing.resample import resample

soundfile = pytest.importorskip("soundfile", reason="needs the extra [audio]")
SHAPE = (200, 128)  # frames that hold two seconds
MEAN, STDDEV = -4.2677393, 4.5689974


def noise(samples, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(samples)).astype("float32")


def normalized(wave):
    """The real frames of a wave at 16 kHz, without padding."""
    energies = ops.convert_to_numpy(LogMelFilterbank()(wave[None]))[0]
    return (energies - MEAN) / (2 * STDDEV)


@pytest.fixture
def preprocessor():
    return AudioPreprocessor(SHAPE)


@pytest.mark.parametrize("samples", [400, 5000, 16000, 32240])
def test_frames_are_normalized_and_zeros_follow(preprocessor, samples):
    wave = noise(samples)
    spectrogram = preprocessor([wave])
    frames = 1 + (samples - 400) // 160
    assert spectrogram.shape == (1, *SHAPE) and spectrogram.dtype == "float32"
    np.testing.assert_allclose(
        spectrogram[0, :frames], normalized(wave), rtol=0, atol=1e-4
    )
    np.testing.assert_array_equal(spectrogram[0, frames:], 0)


def test_same_alone_and_in_a_batch(preprocessor):
    sounds = [noise(9000), 1e-3 * noise(20001, 1), noise(32000, 2), np.zeros(4000)]
    together = preprocessor(sounds)
    for sound, spectrogram in zip(sounds, together, strict=True):
        np.testing.assert_array_equal(preprocessor([sound])[0], spectrogram)


def test_array_is_a_batch_of_waves(preprocessor):
    waves = noise((3, 8000))
    np.testing.assert_array_equal(preprocessor(waves), preprocessor(list(waves)))


def test_labels_and_weights_pass(preprocessor):
    x, y, weight = preprocessor(noise((2, 8000)), [0, 1], [1.0, 2.0])
    assert x.shape == (2, *SHAPE) and y == [0, 1] and weight == [1.0, 2.0]


def test_files_waves_and_pairs_give_the_same(preprocessor, tmp_path):
    stereo = noise((8000, 2))
    wave = stereo.mean(axis=1)
    path = tmp_path / "sound.wav"
    soundfile.write(path, stereo, 16000, subtype="FLOAT")
    expected = preprocessor([wave])[0]
    forms = [path, str(path), (wave, 16000), (stereo, 16000.0), [wave, 16000], stereo]
    forms.append(wave.astype("float64"))
    for spectrogram in preprocessor(forms):
        np.testing.assert_allclose(spectrogram, expected, rtol=0, atol=1e-4)
    np.testing.assert_array_equal(preprocessor(np.array([str(path)]))[0], expected)


def test_sixteen_bit_waves_are_scaled(preprocessor):
    integers = np.round(32768 * noise(8000)).astype("int16")
    expected = preprocessor([integers / 32768.0])
    np.testing.assert_allclose(preprocessor([integers]), expected, atol=1e-5)


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
def test_other_rates_are_resampled(preprocessor, rate):
    pytest.importorskip("soxr", reason="needs the extra [audio]")
    wave = noise(rate)
    spectrogram = preprocessor([(wave, rate)])
    np.testing.assert_array_equal(
        spectrogram, preprocessor([resample(wave, rate, 16000)])
    )
    assert np.all(spectrogram[0, :97].any(axis=1)) and not spectrogram[0, 99:].any()


def test_tone_keeps_its_pitch_at_any_rate(preprocessor):
    pytest.importorskip("soxr", reason="needs the extra [audio]")
    peaks = set()
    for rate in (8000, 16000, 44100):
        wave = np.sin(2 * np.pi * 1000 * np.arange(rate) / rate)
        peaks.add(int(preprocessor([(wave, rate)])[0, 50].argmax()))
    assert len(peaks) == 1


def test_three_seconds_fill_a_part_of_the_preset(tmp_path):
    preprocessor = AudioPreprocessor.from_preset("tiny_audio")
    path = tmp_path / "three.flac"
    soundfile.write(path, noise(48000), 16000)
    spectrogram = preprocessor([path])
    assert spectrogram.shape == (1, 1024, 128)
    assert spectrogram[0, :298].any(axis=1).all() and not spectrogram[0, 298:].any()


def test_silence_is_finite(preprocessor):
    spectrogram = preprocessor([np.zeros(32240)])
    np.testing.assert_allclose(spectrogram, -1.27760, atol=1e-5)


def test_frame_step_is_kept():
    preprocessor = AudioPreprocessor(SHAPE, frame_step_ms=5.0)
    assert preprocessor([noise(16000)])[0].any(axis=1).sum() == 196


def test_too_long_is_an_error_or_cut():
    wave = noise(32240 + 160)
    with pytest.raises(ValueError, match="200 frames.*sample 1 with 201.*truncate"):
        AudioPreprocessor(SHAPE)([noise(8000), wave])
    cut = AudioPreprocessor(SHAPE, truncate=True)([wave])
    np.testing.assert_allclose(cut[0], normalized(wave)[:200], rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "samples, error, message",
    [
        ([noise(8000), noise(399)], ValueError, "Sample 1 .*at least 400.*399"),
        ([np.array([0.1, np.nan] * 300)], ValueError, "Sample 0 holds NaN"),
        ([(np.full(800, np.inf), 16000)], ValueError, "Sample 0 holds NaN or inf"),
        ([(noise(800), 0)], ValueError, "rate of sample 0` must be a finite number"),
        ([(noise(800), 1e-6)], ValueError, "rate of sample 0.*1e-06"),
        ([(noise(800), True)], TypeError, "rate of sample 0.*True"),
        ([(noise(800), float("nan"))], ValueError, "rate of sample 0"),
        (noise(8000), TypeError, r"one array of shape \(8000,\). Put a single wave"),
        (noise(8000).tolist(), TypeError, "number .* as sample 0. Put a single wave"),
        ((noise(8000), 16000), TypeError, "16000 as sample 1. Put a single wave or pa"),
        ([(16000, noise(800))], TypeError, r"Sample 0 .*\(rate, wave\). Swap the two"),
        ([(noise(800), "16k")], TypeError, "Sample 0 must be .*a pair .*tuple, not an"),
        ([noise(800), 1000 * noise(800)], ValueError, r"Sample 1 must.*\[-1, 1\].*amp"),
        ([32768.0 * noise(800)], ValueError, "Sample 0 .*16-bit integers.*amplitude"),
        ([np.full(800, 1e20)], ValueError, "Sample 0 .*amplitude 1e\\+20"),
        ([(np.full((800, 2), -99.0), 8000)], ValueError, "Sample 0 .*amplitude 99"),
        ([np.arange(8000)], TypeError, "Sample 0.*int64"),
        ([noise((2, 800, 1))], TypeError, r"Sample 0.*shape \(2, 800, 1\)"),
        ([noise(0)], TypeError, r"Sample 0.*shape \(0,\)"),
        ([None], TypeError, "Sample 0.*NoneType"),
        ("sound.wav", TypeError, "list of samples.*Received: str"),
        (pathlib.Path("sound.wav"), TypeError, "list of samples"),
        ([], ValueError, "at least one sample"),
        (["none.wav"], FileNotFoundError, r"none\.wav"),
    ],
)
def test_bad_samples_are_named(preprocessor, samples, error, message):
    with pytest.raises(error, match=message):
        preprocessor(samples)


def test_bad_files_are_named(preprocessor, tmp_path):
    soundfile.write(tmp_path / "good.wav", noise(8000), 16000)
    soundfile.write(tmp_path / "short.wav", noise(300), 16000)
    soundfile.write(tmp_path / "nan.wav", np.full(8000, np.nan), 16000, subtype="FLOAT")
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "broken.ogg").write_bytes(b"OggS, but no more of it" * 10)
    for name, message in {
        "short.wav": r"Sample 1 \('.*short\.wav'\) must have at least 400",
        "nan.wav": r"Sample 1 \('.*nan\.wav'\) holds NaN",
        "empty.wav": r"empty\.wav' is damaged",
        "broken.ogg": r"broken\.ogg' is damaged",
    }.items():
        with pytest.raises(ValueError, match=message):
            preprocessor([tmp_path / "good.wav", tmp_path / name])


def test_presets():
    preprocessor = AudioPreprocessor.from_preset("base_audio", truncate=True)
    assert preprocessor.input_shape == (1024, 128) and preprocessor.truncate
    with pytest.raises(TypeError, match="rate_of_sampling"):
        AudioPreprocessor.from_preset("tiny_audio", rate_of_sampling=16000)
    with pytest.raises(ValueError, match="must be one of.*tiny_audio"):
        AudioPreprocessor.from_preset("tiny_series")


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"input_shape": (1024,)}, ValueError, "`input_shape`"),
        ({"stddev": 0}, ValueError, "`stddev`"),
        ({"mean": float("nan")}, ValueError, "`mean`"),
        ({"sampling_rate": -1}, ValueError, "`sampling_rate`"),
        ({"frame_step_ms": "10"}, TypeError, "`frame_step_ms`"),
    ],
)
def test_bad_arguments_raise(arguments, error, message):
    with pytest.raises(error, match=message):
        AudioPreprocessor(**arguments)


def test_config_is_whole(preprocessor):
    arguments = {
        "input_shape": (50, 64),
        "sampling_rate": 8000,
        "mean": -3.0,
        "stddev": 2.5,
        "frame_step_ms": 20.0,
        "truncate": True,
    }
    preprocessor = AudioPreprocessor(**arguments)
    assert preprocessor.get_config() == arguments
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(preprocessor)))
    clone = keras.saving.deserialize_keras_object(config)
    assert clone.get_config() == arguments
    copies = [clone, pickle.loads(pickle.dumps(preprocessor))]
    for copy in copies:
        np.testing.assert_array_equal(
            copy(noise((1, 9000))), preprocessor(noise((1, 9000)))
        )


def test_overshoot_is_no_error(preprocessor):
    assert np.isfinite(preprocessor([5 * noise(8000)])).all()


@pytest.mark.parametrize("shape", [(80000,), (80000, 2)])
def test_one_wave_in_place_of_a_batch_allocates_nothing(preprocessor, shape):
    for method in (preprocessor, preprocessor.lengths, preprocessor.adapt):
        with pytest.raises((TypeError, ValueError), match="single wave|Sample 0"):
            method(noise(shape))


def test_cut_off_files_are_named(preprocessor, tmp_path):
    path = tmp_path / "cut.wav"
    soundfile.write(path, noise(8000), 16000)
    path.write_bytes(path.read_bytes()[:9000])
    for method in (preprocessor, preprocessor.lengths):
        with pytest.raises(ValueError, match=r"cut\.wav' is cut off: 7044 bytes"):
            method([path])


def test_adapt_takes_real_frames_of_all_samples(capsys):
    sounds = [noise(9000), 0.01 * noise(20000, 1), np.zeros(1000, "float32")]
    energies = np.concatenate(
        [
            ops.convert_to_numpy(LogMelFilterbank()(sound[None]))[0].ravel()
            for sound in sounds
        ]
    )
    adapted = AudioPreprocessor(SHAPE, frame_step_ms=10, truncate=True)
    config, layer = adapted.get_config(), adapted.layer
    assert adapted.adapt(sounds) is None
    assert "3/3" in capsys.readouterr().out
    np.testing.assert_allclose(adapted.mean, energies.mean(dtype="float64"), 1e-5)
    np.testing.assert_allclose(adapted.stddev, energies.std(dtype="float64"), 1e-5)
    assert {**adapted.get_config(), "mean": MEAN, "stddev": STDDEV} == config
    assert adapted.layer.mean == adapted.mean and layer.mean == MEAN


def test_adapted_sounds_are_standardized(preprocessor):
    waves = noise((4, 32240))
    preprocessor(waves)  # with the former statistics
    preprocessor.adapt(waves, verbose=0)
    spectrograms = preprocessor(waves)
    np.testing.assert_allclose(spectrograms.mean(), 0, atol=1e-4)
    np.testing.assert_allclose(spectrograms.std(), 0.5, atol=1e-4)


def test_adapt_writes_a_line_into_a_log(preprocessor, capsys, monkeypatch):
    ticks = iter(range(10**6))
    monkeypatch.setattr("time.time", lambda: next(ticks))  # every update is late
    preprocessor.adapt(noise((30, 800)))
    assert capsys.readouterr().out.count("\n") <= 2
    preprocessor.adapt(noise((3, 800)), verbose=0)
    assert capsys.readouterr().out == ""


def test_adapt_refuses_what_has_no_spread(preprocessor):
    with pytest.raises(ValueError, match="not all be silent"):
        preprocessor.adapt([np.zeros(8000)], verbose=0)
    with pytest.raises(ValueError, match="at least one sample"):
        preprocessor.adapt([], verbose=0)
    with pytest.raises(TypeError, match="`verbose`.*'no'"):
        preprocessor.adapt(noise((2, 8000)), verbose="no")
    assert preprocessor.mean == MEAN


def test_lengths_count_frames(preprocessor, tmp_path):
    pytest.importorskip("soxr", reason="needs the extra [audio]")
    soundfile.write(tmp_path / "a.wav", noise((5000, 2)), 8000)
    sounds = [noise(400), noise((9000, 2)), (noise(9001), 22050), tmp_path / "a.wav"]
    lengths = preprocessor.lengths(sounds)
    assert lengths.dtype.kind == "i"
    made = preprocessor(sounds).any(axis=2).sum(axis=1)
    np.testing.assert_array_equal(lengths, made)
    with pytest.raises(ValueError, match="Sample 1 must have at least 400.*399"):
        preprocessor.lengths([noise(400), noise(399)])
    long = noise(32240 + 160)
    with pytest.raises(ValueError, match="200 frames.*sample 0 with 201"):
        preprocessor.lengths([long])
    assert AudioPreprocessor(SHAPE, truncate=True).lengths([long]) == [200]


def test_tf_data_pipeline(preprocessor, tmp_path):
    tf = pytest.importorskip("tensorflow", reason="tf.data")
    soundfile.write(tmp_path / "a.wav", noise(8000), 16000)
    paths = [str(tmp_path / "a.wav")] * 3
    dataset = tf.data.Dataset.from_tensor_slices((paths, [0, 1, 2])).batch(3)
    dataset = dataset.map(preprocessor)
    assert dataset.element_spec[0].shape == (None, *SHAPE)
    x, y = next(iter(dataset))
    np.testing.assert_array_equal(x.numpy(), preprocessor(paths))
    np.testing.assert_array_equal(y.numpy(), [0, 1, 2])


def test_layer_in_a_model_takes_waves(preprocessor):
    classifier = MaelreClassifier.from_preset(
        "tiny_audio", input_shape=SHAPE, num_classes=3
    )
    model = keras.Sequential([keras.Input((None,)), preprocessor.layer, classifier])
    assert model.output_shape == (None, 3)
    waves = noise((2, 8000))
    expected = classifier.predict(preprocessor(waves), verbose=0)
    np.testing.assert_allclose(model.predict(waves, verbose=0), expected, atol=1e-4)


def test_model_with_the_layer_is_saved(preprocessor, tmp_path):
    pool = keras.layers.GlobalAveragePooling1D()
    model = keras.Sequential([keras.Input((None,)), preprocessor.layer, pool])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    waves = noise((2, 8000))
    expected = preprocessor(waves).mean(axis=1)
    np.testing.assert_allclose(loaded.predict(waves, verbose=0), expected, atol=1e-4)


@pytest.mark.parametrize("samples", [8000, 32240, 40000])
def test_layer_pads_and_cuts(samples):
    waves = noise((2, samples))
    preprocessor = AudioPreprocessor(SHAPE, truncate=True)
    output = ops.convert_to_numpy(preprocessor.layer(waves))
    np.testing.assert_allclose(output, preprocessor(waves), rtol=0, atol=1e-4)


def test_layer_refuses_what_is_known_to_be_too_long():
    layer = NormalizedLogMel(frames=10)
    with pytest.raises(ValueError, match="at most 10 frames.*11 frames"):
        layer(noise((1, 2000)))
    with pytest.raises(ValueError, match="at most 10 frames"):
        layer(keras.Input((2000,)))
    assert layer(keras.Input((None,))).shape == (None, 10, 128)


def test_layer_config_round_trip():
    layer = NormalizedLogMel(20, 40, 8000, -1.0, 2.0, 20.0, True, name="sounds")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    clone = keras.saving.deserialize_keras_object(config)
    assert clone.get_config() == layer.get_config()
    waves = noise((2, 8000))
    np.testing.assert_array_equal(
        ops.convert_to_numpy(clone(waves)), ops.convert_to_numpy(layer(waves))
    )


def test_layer_takes_waves_of_different_lengths():
    """NaN is padding: each wave gives what it gives alone; NaN within it stays."""
    layer = AudioPreprocessor((40, 16), sampling_rate=2000).layer
    generator = np.random.default_rng(0)
    waves = [generator.uniform(-0.3, 0.3, n) for n in (600, 333, 50)]
    batch = np.full((3, 600), np.nan)
    for row, wave in zip(batch, waves, strict=True):
        row[: len(wave)] = wave
    found = keras.ops.convert_to_numpy(layer(batch))
    for row, wave in zip(found, waves, strict=True):
        alone = keras.ops.convert_to_numpy(layer(wave[None]))[0]
        np.testing.assert_allclose(row, alone, atol=1e-5)
    batch[0, 300] = np.nan
    assert np.isnan(keras.ops.convert_to_numpy(layer(batch))[0]).any()
