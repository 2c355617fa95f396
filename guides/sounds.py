# %% [markdown]
# # Sounds: when statistics are enough, and what to set when they are not
#
# Most sounds are told apart by how much of which pitch they hold, and then a support vector
# machine on a few statistics does it in a second. This guide has a task of that kind and one
# where time matters, looks at the settings of the spectrogram, and listens to long recordings.
# How files are read, and a recipe for training, are in [a folder of sounds](raw_data.ipynb).
#
# - Needs: `pip install "keras_maelre[guides,audio,sklearn]"` and a backend
# - Time: a minute on two cores; several on JAX and TensorFlow, which compile
# - Data: simulated calls of birds, written as WAV files
# - Expect: accuracies of .88 by the estimator, .66 by statistics; 1 where five seconds vote

# %%
import pathlib
import warnings

import keras
import matplotlib.pyplot as plt
import numpy as np
import soundfile

import keras_maelre
from keras_maelre import MaelreEstimator, datasets
from keras_maelre.estimator import simple_tool
from keras_maelre.preprocessing import AudioPreprocessor
from keras_maelre.training import linear_probe

keras.utils.set_random_seed(0)
print(f"keras {keras.version()} on {keras.backend.backend()}")

# %% [markdown]
# ## Data
#
# The calls are **simulated**: short whistles, one or two a second, under noise. Those of three
# kinds of bird rise, fall or stay level, at any pitch.

# %%
RATE = 16_000
generator = np.random.default_rng(0)
KINDS = {"falling": -1.0, "level": 0.0, "rising": 1.0}


def calls(kind, seconds=1.0):
    """A simulated recording at 16 kHz, of shape `(samples,)`."""
    wave = 0.04 * generator.normal(size=int(RATE * seconds))
    begin = generator.uniform(0, 0.3)
    while begin < seconds - 0.35:
        length = int(RATE * generator.uniform(0.25, 0.35))
        slope = KINDS[kind] + generator.normal(0, 0.2)
        course = 1 + slope * np.linspace(-0.5, 0.5, length)
        angle = 2 * np.pi * np.cumsum(generator.uniform(1000, 1500) * course) / RATE
        call = generator.uniform(0.1, 0.4) * np.sin(angle) * np.hanning(length)
        place = int(RATE * begin)
        wave[place : place + length] += call
        begin += generator.uniform(0.4, 0.7)
    return wave.clip(-1, 1)


for split, count in (("train", 40), ("test", 40)):
    for kind in KINDS:
        folder = pathlib.Path("calls", split, kind)
        folder.mkdir(parents=True, exist_ok=True)
        for i in range(count):
            soundfile.write(folder / f"{i:03}.wav", calls(kind), RATE)

data = datasets.read_folder("calls", check=datasets.check_sound)
print(data.describe())
names = np.array(data.class_names)
y_train, y_test = names[data.y_train], names[data.y_test]

# %% [markdown]
# ## The estimator, and what it compares with
#
# `MaelreEstimator("audio")` takes paths as they are. By default statistics of mel bands (how
# loud each is on average, how much that varies, and in which rhythm) join the encoder. Here the
# encoder is alone; it then fits these statistics and a support vector machine to the same
# samples, and warns if they validate better.

# %%
estimator = MaelreEstimator("audio", extra_features=None, epochs=2, random_state=0)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    estimator.fit(data.x_train, y_train)
print(estimator.comparison_)
print("warned:", any("Use the simple tool" in str(w.message) for w in caught))
print(f"accuracy {estimator.score(data.x_test, y_test):.3f} on simulated calls")
statistics = simple_tool("audio").fit(data.x_train, y_train)
print(f"accuracy {statistics.score(data.x_test, y_test):.3f} of statistics")

# %% [markdown]
# Statistics do not know what comes before what: a call that rises visits the same bands as one
# that falls. They suffice where classes differ in their pitches or their loudness. Here is
# that task: the same recordings, is there a call at all?

# %%
quiet = [0.04 * generator.normal(size=RATE) for _ in range(90)]
heard = [calls(kind) for kind in KINDS for _ in range(30)]
waves = [wave for pair in zip(quiet, heard, strict=True) for wave in pair]
present = np.arange(len(waves)) % 2
statistics = simple_tool("audio").fit(waves[:90], present[:90])
print(
    f"accuracy {statistics.score(waves[90:], present[90:]):.3f} of statistics: call or not"
)

# %% [markdown]
# ## Settings of the spectrogram
#
# `frame_step_ms` and the number of mel bands decide what is left of a sound, and the cost: an
# input `(frames, bands)` of half the frames and half the bands has a quarter of the tokens. A
# linear probe tells early what is worth it.

# %%
settings = {"10 ms, 64 bands": (10, 64), "20 ms, 64": (20, 64), "40 ms, 16": (40, 16)}
figure, panels = plt.subplots(1, 3, figsize=(8, 2.6), layout="constrained")
for (name, (step, bands)), axes in zip(settings.items(), panels, strict=True):
    preprocessor = AudioPreprocessor(
        (1000 // step, bands), frame_step_ms=step, truncate=True
    )
    preprocessor.adapt(data.x_train, verbose=0)
    classifier = keras_maelre.MaelreClassifier.from_preset(
        "tiny_audio",
        preprocessor=preprocessor,
        class_names=data.class_names,
        pooling="blocks",
    )
    linear_probe(classifier, data.x_train, data.y_train)
    found = classifier.predict_proba(data.x_test).argmax(axis=1)
    macs = keras_maelre.count_macs(classifier) / 1e6
    score = np.mean(found == data.y_test)
    print(
        f"{name:17} {macs:4.0f} million multiply-adds, accuracy {score:.3f} of a probe"
    )
    (spectrogram,) = preprocessor(data.x_train[-1:])
    axes.imshow(spectrogram.T, origin="lower", aspect="auto", cmap="magma")
    axes.set_title(name, fontsize=10)
    axes.set(xlabel="frame", ylabel="band")
plt.show()

# %% [markdown]
# *One second with a rising call. On the right it is a staircase of a few cells: that it rises is
# left, how steeply hardly.*
#
# The estimator takes 64 bands, and steps of 20 ms for sounds beyond 2.5 seconds. For others
# pass `preprocessor=AudioPreprocessor(...)`, adapted to the training sounds as above. Speech and
# music have detail in 10 ms and 128 bands; engines and rain do with less.
#
# ## Long recordings
#
# Waves are cut into windows like series, as long as what tells the class, and vote.

# %%
truth = np.repeat(names, 8)
recordings = [calls(kind, seconds=5.0) for kind in truth]
windows, sources = datasets.cut_windows(recordings, length=RATE)
probabilities = estimator.predict_proba(windows)
single = names[probabilities.argmax(axis=1)] == truth[sources]
votes = datasets.average_windows(probabilities, sources)
together = names[votes.argmax(axis=1)] == truth
print(f"accuracy {single.mean():.3f} of single seconds of simulated recordings")
print(f"accuracy {together.mean():.3f} of recordings of five seconds")

wrong = np.bincount(sources, ~single, minlength=len(truth))
shown = int(np.argmax(wrong * together))
(spectrogram,) = AudioPreprocessor((500, 64), truncate=True)([recordings[shown]])
figure, panels = plt.subplots(2, 1, figsize=(8, 3.6), layout="constrained")
panels[0].imshow(
    spectrogram.T, origin="lower", aspect="auto", cmap="magma", extent=(0, 5, 0, 64)
)
panels[0].set(ylabel="band")
bottom = np.zeros(5)
for name, values in zip(names, probabilities[sources == shown].T, strict=True):
    panels[1].bar(np.arange(5) + 0.5, values, 0.9, bottom, label=name)
    bottom += values
panels[1].set(xlim=(0, 5), xlabel="second", ylabel="probability")
figure.legend(loc="outside right lower")
figure.suptitle(f'"{truth[shown]}", and what is heard in each second')
plt.show()

# %% [markdown]
# *Steepness varies from call to call, and a second with a steeper one, or with half of one, is
# taken for another kind; the others outvote it.*
#
# ## What next
#
# - Training by a recipe, and sounds of other rates: [a folder of sounds](raw_data.ipynb).
# - Ten classes of real sounds, and mel statistics on them: [chooser](../docs/chooser.md).
# - Overlapping windows, and `groups` in training:
#   [long recordings](../docs/howto/long_recordings.md).
