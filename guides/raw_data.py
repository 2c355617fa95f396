# %% [markdown]
# # From raw data: a folder of sound files to a classifier of sounds
#
# A preprocessor takes data as they come (files, strings, ragged arrays) to the tensors
# that models take. The classifier carries it, saves it, and applies it to new samples.
# This guide goes that way with a folder of WAV files; the others (`BytePreprocessor`,
# `TextPreprocessor`, `SeriesPreprocessor`, `ImagePreprocessor`) are used alike.
#
# - Needs: `pip install "keras_maelre[guides,audio]"` and a backend
# - Time: a minute on two cores
# - Data: simulated sounds, written as WAV files
# - Expect: an accuracy of .85

# %%
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np
import soundfile
import soxr

import keras_maelre
from keras_maelre import augmentation, datasets, preprocessing, training

keras.utils.set_random_seed(0)
print(f"keras {keras.version()} on {keras.backend.backend()}")

# %% [markdown]
# ## Data: a folder for each class
#
# The sounds are **simulated**, and written to files only so that there is a folder to
# read. With recordings of your own, begin at `read_folder`.

# %%
rate = 16000
generator = np.random.default_rng(0)
time = np.arange(rate) / rate


def simulated_sounds():
    """One second of each kind of sound, at a pitch, pace and loudness of its own."""
    turns = 2 * np.pi * generator.uniform(0.7, 1.4) * time
    noise = generator.normal(size=rate)
    waves = {
        "chirps": np.sin(3500 * turns + 150 * np.sin(5 * turns))
        * (np.sin(4 * turns) > 0),
        "flute": sum(np.sin(440 * k * turns) / k**2 for k in (1, 2, 3)),
        "hum": sum(np.sin(60 * k * turns) / k for k in range(1, 9)),
        "rain": noise,
        "siren": np.sin(900 * turns + 300 * np.sin(1.5 * turns)),
        "ticks": noise * (np.sin(5 * turns) > 0.98),
    }
    background = generator.normal(0, 0.03, rate)
    for name, wave in waves.items():
        loudness = generator.uniform(0.1, 0.8)
        yield name, loudness * (wave / np.abs(wave).max() + background).clip(-1, 1)


for i in range(60):
    for name, wave in simulated_sounds():
        folder = pathlib.Path("sounds", "train" if i < 40 else "test", name)
        folder.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / f"{i:03}.wav", wave, rate)

data = datasets.read_folder("sounds", check=datasets.check_sound)
print(data.describe())
print(data.x_train[0])

# %% [markdown]
# ## The preprocessor
#
# `AudioPreprocessor` reads files of any rate, resamples them to 16 kHz, and computes
# Kaldi's log-mel filterbank. `adapt` finds the mean and the deviation of the training
# sounds. Sounds with more than 112 frames of 10 ms would be an error, unless
# `truncate=True`.

# %%
preprocessor = preprocessing.AudioPreprocessor(input_shape=(112, 128))
preprocessor.adapt(data.x_train, verbose=0)
print(f"log-mel mean {preprocessor.mean:.2f}, deviation {preprocessor.stddev:.2f}")

shown = [data.x_train[np.flatnonzero(data.y_train == label)[0]] for label in range(6)]
spectrograms = keras.ops.convert_to_numpy(preprocessor(shown))
figure, panels = plt.subplots(2, 3, figsize=(8, 4), sharex=True, layout="constrained")
for axes, spectrogram, name in zip(
    panels.flat, spectrograms, data.class_names, strict=True
):
    axes.imshow(spectrogram.T, origin="lower", aspect="auto", cmap="magma")
    axes.set_title(name, fontsize=9)
figure.supxlabel("frame of 10 ms")
figure.supylabel("mel filter")
plt.show()

# %% [markdown]
# ## Training
#
# The recipe of the task holds optimizer, schedule, loss, metrics, augmentation and
# dropout rates; any of it can be changed. Here the training is too short for masks and
# mixing. `fit` applies all of it: it reads, preprocesses and augments one batch at a
# time, so that the data need not fit into memory, validates the moving averages of the
# weights on a tenth of the samples, and keeps the best. What it prints is read from the
# classifier and its batches.

# %%
classifier = keras_maelre.MaelreClassifier.from_preset(
    "tiny_audio", preprocessor=preprocessor, class_names=data.class_names
)
recipe = training.recipe(
    "audio", augmentation=[augmentation.SpectrogramRoll()], mixing=[]
)
history = recipe.fit(
    classifier, data.x_train, data.y_train, epochs=10, batch_size=8, verbose=2
)
training.plot_learning_curve(history.history, "learning_curve.png")

# %% [markdown]
# ## From a file to an answer
#
# `predict_raw` takes what the preprocessor takes and returns a dictionary for each
# sample, the likeliest class first.

# %%
answers = classifier.predict_raw(data.x_test)
predicted = [data.class_names.index(next(iter(answer))) for answer in answers]
print(training.ClassificationReport(data.y_test, predicted, data.class_names))

# %% [markdown]
# A saved preset holds the preprocessor and the names of the classes. Whoever loads it
# needs nothing else, not even files of the same rate: here a sound comes as an array at
# 44.1 kHz.

# %%
classifier.save_to_preset("sounds_preset")
reloaded = keras_maelre.MaelreClassifier.from_preset("sounds_preset")
again = reloaded.predict_raw(data.x_test[:8])
same = all(
    abs(one[name] - other[name]) < 1e-6
    for one, other in zip(again, answers[:8], strict=True)
    for name in data.class_names
)
print("the reloaded preset answers the same:", same)

wave, rate = soundfile.read(data.x_test[-1])
(answer,) = reloaded.predict_raw([(soxr.resample(wave, rate, 44100), 44100)])
print(data.x_test[-1])
for name, probability in list(answer.items())[:3]:
    print(f"{name:12} {probability:.2f}")

# %% [markdown]
# ## What next
#
# - Long recordings, and when simple statistics do: [sounds](sounds.ipynb).
# - Thousands of sounds, masks and mixing: the example `vggsound.py`, with its scores.
# - Input of a kind that the package does not know: [your own
#   modality](own_modality.ipynb).
