# %% [markdown]
# # Time series of your own: arrays, channels, unequal lengths, long recordings
#
# Series come as an array, with several channels, as a list of unequal lengths, or as
# recordings of which each is much longer than what tells its class. `MaelreEstimator` takes
# all of these; this guide goes through them, and compares with MiniRocket on the way.
#
# - Needs: `pip install "keras_maelre[guides,sklearn]"` and a backend
# - Time: a minute on two cores; several on JAX and TensorFlow, which compile
# - Data: simulated vibrations of a shaft, at one sensor or two
# - Expect: accuracies of .7 by the encoder with one sensor, .9 by MiniRocket and by both
#   together, .9 by the encoder with two sensors; a vote of windows gains .05

# %%
import warnings

import keras
import matplotlib.pyplot as plt
import numpy as np

from keras_maelre import MaelreEstimator
from keras_maelre.datasets import average_windows, cut_windows
from keras_maelre.estimator import MiniRocket, simple_tool
from keras_maelre.training import ClassificationReport

keras.utils.set_random_seed(0)
print(f"keras {keras.version()} on {keras.backend.backend()}")

# %% [markdown]
# ## Data
#
# The series are **simulated**: vibrations that swell and fade while a shaft turns, seen by two
# sensors on either side of it. Turning forward it is slower than turning backward, but not
# always: speeds overlap. Which sensor is ahead of the other tells the direction too; when the
# shaft sways, neither is.

# %%
NAMES = ("backward", "forward", "sways")
generator = np.random.default_rng(0)


def vibrations(name, steps, noise=0.5):
    """Simulated vibrations at both sensors, of shape `(steps, 2)`."""
    speed, ahead = {
        "backward": (0.08, -1.0),
        "forward": (0.06, 1.0),
        "sways": (0.1, 0.0),
    }[name]
    angle = 2 * np.pi * speed * generator.normal(1, 0.08) * np.arange(steps)
    angle += generator.uniform(0, 2 * np.pi)
    swell = 38 * generator.uniform(0.7, 1.3)
    middles = np.arange(generator.uniform(0, 128), steps + 64, 128)
    loudness = sum(
        np.exp(-(((np.arange(steps) - middle) / swell) ** 2)) for middle in middles
    )
    both = np.stack([np.sin(angle), np.sin(angle + ahead)], axis=1)
    both = loudness[:, None] * both + noise * generator.normal(size=(steps, 2))
    return both.astype("float32")


y_train, y_test = np.array(NAMES * 80), np.array(NAMES * 80)
x_train = np.stack([vibrations(name, 128) for name in y_train])
x_test = np.stack([vibrations(name, 128) for name in y_test])
print("one array:", x_train.shape, "(samples, steps, channels)")

figure, panels = plt.subplots(
    3, 2, figsize=(8, 4), sharex=True, sharey=True, layout="constrained"
)
for row, name in zip(panels, NAMES, strict=True):
    for axes, noise in zip(row, (0.05, 0.5), strict=True):
        axes.plot(vibrations(name, 128, noise), linewidth=0.9)
    row[0].set_ylabel(name)
panels[0, 0].set_title("with little noise")
panels[0, 1].set_title("with the noise of the data")
figure.legend(axes.lines, ("sensor 1", "sensor 2"), loc="outside right upper")
figure.supxlabel("step")
plt.show()

# %% [markdown]
# *Left, orange follows blue when the shaft turns backward, leads when it turns forward, and
# goes along with it when the shaft sways. Right, that is hidden in noise. One sensor alone has
# nothing but the speed.*
#
# ## One array, one channel
#
# With one sensor, the data are an array `(samples, length)`, as scikit-learn's users have it.
# `time_limit` is a number of seconds: the estimator times a few steps, and plans how much
# training fits. Give it minutes on data of your own; the few seconds here hardly train
# beyond the linear probe that every training begins with. Series of one channel start from
# `"tiny_series_synthetic"`, an encoder that synthetic series taught, unless a probe on new
# weights is better.
#
# These recordings begin at any moment, whereas outlines or single heartbeats begin at the same
# point. The estimator tells such series apart by linear probes on shifted samples, and trains
# on random shifts of those that are not aligned. `aligned=True` or `False` says so instead.


# %%
def fitted(x, y, **arguments):
    """An encoder alone; what it compared, and whether it warned, are printed."""
    estimator = MaelreEstimator(
        "series", extra_features=None, time_limit=2, random_state=0, **arguments
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(x, y)
    print(estimator.comparison_)
    print("warned:", any("Use the simple tool" in str(w.message) for w in caught))
    return estimator


one_train, one_test = x_train[:, :, 0], x_test[:, :, 0]
print("one array:", one_train.shape, "(samples, steps)")
scores = {}
estimator = fitted(one_train, y_train)
scores["encoder"] = estimator.score(one_test, y_test)
print(f"accuracy {scores['encoder']:.3f} on simulated series of one sensor")

# %% [markdown]
# The first line is the comparison: MiniRocket and ridge regression, fitted to the same samples
# and validated on the same tenth. If MiniRocket wins there by more than chance, the estimator
# warns, as it should: on a few hundred short series MiniRocket is often the better tool, and
# then you need none of the rest. A tenth of a few hundred is little, though: mind the standard
# error. Where it hides what the choice is worth, cross-validate, or see on a test:

# %%
tool = simple_tool("series", random_state=0).fit(one_train, y_train)
scores["MiniRocket"] = tool.score(one_test, y_test)
print(f"accuracy {scores['MiniRocket']:.3f} of MiniRocket on the same")

# %% [markdown]
# ## MiniRocket beside the encoder
#
# The encoder was alone there, by `extra_features=None`. By default the features of MiniRocket
# join it at the head, or those of any other transformer of scikit-learn. The validation samples
# decide how much either counts.

# %%
rocket = MiniRocket(2000, random_state=0)  # a fifth of its features, to be quick
joined = MaelreEstimator(
    "series", time_limit=2, random_state=0, extra_features=rocket
).fit(one_train, y_train)
scores["both"] = joined.score(one_test, y_test)
print(f"accuracy {scores['both']:.3f} of both together")
encoder, features, _ = joined.joined_head_.weights
print(f"the encoder counts {encoder:.2f}, MiniRocket {features:.2f}")

# %% [markdown]
# ## Several channels, unequal lengths
#
# Both sensors are two channels, last: `(samples, length, channels)`, or
# `channels_first=True`. Series of unequal length come in a list. They are padded, or resized
# to one length, whichever a linear probe does better with on a tenth of the samples. Where you
# know that time means the same in all of them, pass
# `preprocessor=SeriesPreprocessor(shape)`, which pads.


# %%
def ragged(series):
    """A list of series whose ends are cut off at random."""
    return [one[: generator.integers(80, 129)] for one in series]


two_train, two_test = ragged(x_train), ragged(x_test)
print(
    "a list of arrays of shape", ", ".join(str(s.shape) for s in two_train[:3]), "..."
)
estimator = fitted(two_train, y_train)
scores["encoder,\ntwo sensors"] = estimator.score(two_test, y_test)
score = scores["encoder,\ntwo sensors"]
print(f"accuracy {score:.3f} on simulated series of two sensors")
preprocessor = estimator.classifier_.preprocessor
print("resized" if preprocessor.resize else "padded", "to", preprocessor.input_shape)

# %% [markdown]
# Twice the channels that were given: the estimator adds the differences of successive steps.
#
# ## What to read from a report
#
# One number hides which classes are confused. Recall tells how many of a class are found,
# precision how many answers of a class are right, and the counts which class is taken for
# which.

# %%
report = ClassificationReport(
    [NAMES.index(name) for name in y_test],
    [NAMES.index(name) for name in estimator.predict(two_test)],
    NAMES,
)
print(report)
figure, panels = plt.subplots(1, 2, figsize=(8, 2.8), layout="constrained")
panels[0].imshow(report.confusion, cmap="Blues")
for (row, column), count in np.ndenumerate(report.confusion):
    color = "white" if count > 40 else "black"
    panels[0].text(column, row, count, ha="center", va="center", color=color)
panels[0].set(xticks=range(3), xticklabels=NAMES, yticks=range(3), yticklabels=NAMES)
panels[0].set(xlabel="answer", ylabel="truth")
error = [np.sqrt(score * (1 - score) / len(y_test)) for score in scores.values()]
panels[1].barh(list(scores), list(scores.values()), xerr=error, color="tab:blue")
panels[1].axvline(1 / 3, color="gray", linestyle="dotted")
panels[1].set(xlim=(0, 1), xlabel="accuracy on the test series")
panels[1].invert_yaxis()
plt.show()

# %% [markdown]
# *Left the answers of the last estimator: a row is what became of the samples of a class. Right
# the accuracies so far, with their standard errors; the dotted line is guessing. The second
# sensor gains the encoder no less than the features of MiniRocket do: better data are worth as
# much as another tool.*
#
# ## Long recordings
#
# Recordings of minutes, in which the same goes on and on, are cut into windows, which vote.
# `groups` keeps windows of one recording from being both trained and validated on; keep whole
# recordings apart in your own test as well. Here one sensor, and more noise than above.

# %%
labels, new_labels = np.array(NAMES * 12), np.array(NAMES * 20)
recordings, new = (
    [vibrations(name, generator.integers(500, 900), noise=0.8)[:, 0] for name in names]
    for names in (labels, new_labels)
)
windows, sources = cut_windows(recordings, length=128)
print(f"{len(recordings)} recordings to learn from, {len(windows)} windows")
voter = MaelreEstimator("series", time_limit=2, random_state=0, extra_features=rocket)
voter.fit(windows, labels[sources], groups=sources)

windows, sources = cut_windows(new, length=128, step=64)
probabilities = voter.predict_proba(windows)
alone = voter.classes_[probabilities.argmax(axis=1)] == new_labels[sources]
votes = average_windows(probabilities, sources)
together = voter.classes_[votes.argmax(axis=1)] == new_labels
print(f"accuracy {alone.mean():.3f} of single windows of simulated recordings")
print(f"accuracy {together.mean():.3f} of recordings, by the mean of their windows")

wrong = np.bincount(sources, ~alone, minlength=len(new))
shown = int(np.argmax(wrong * together))
found = probabilities[sources == shown]
figure, panels = plt.subplots(2, 1, figsize=(8, 3.6), sharex=True, layout="constrained")
panels[0].plot(new[shown], linewidth=0.6, color="black")
panels[0].set(ylabel="sensor 1", xlim=(0, len(new[shown])))
bottom = np.zeros(len(found))
for name, values in zip(voter.classes_, found.T, strict=True):
    panels[1].bar(64 + 64 * np.arange(len(found)), values, 56, bottom, label=name)
    bottom += values
panels[1].set(xlabel="step, and middle of a window", ylabel="probability")
figure.legend(loc="outside right lower")
figure.suptitle(f'A recording of "{new_labels[shown]}", and the answers to its windows')
plt.show()

# %% [markdown]
# *A bar is the answer to one window. Several windows of this recording are wrong; all of them
# together are right. Overlapping windows, here by half, give more votes, though not
# independent ones.*
#
# ## What next
#
# - Where MiniRocket wins, and where it does not, measured on real series:
#   [chooser](../docs/chooser.md).
# - One question each: [unequal lengths](../docs/howto/unequal_lengths.md),
#   [channels](../docs/howto/channels.md), [missing values](../docs/howto/missing_values.md),
#   [long recordings](../docs/howto/long_recordings.md).
# - Which steps an answer rests on: [why this answer?](explanation.ipynb)
