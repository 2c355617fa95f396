# %% [markdown]
# # From probabilities to decisions: rare classes, thresholds, calibration
#
# A classifier gives probabilities; you need decisions. This guide goes through what lies in
# between: what rare classes do to a score, where to put a threshold, whether .9 means nine
# times out of ten, and how to answer with a set of classes where one is too bold.
#
# - Needs: `pip install "keras_maelre[guides,image]"` and a backend
# - Time: a minute on two cores
# - Data: scikit-learn's handwritten digits under simulated noise, two of them made rare
# - Expect: a quarter of the rare digits found with weights, none without; sets that hold the
#   truth nine times in ten, give or take .03
#
# All classifiers but one are linear probes: the encoder keeps its new, random weights, and
# the head is fitted in closed form. That takes seconds; what follows is the same for any
# classifier, however it was trained.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
from mapie.classification import SplitConformalClassifier
from mapie.metrics.classification import (
    classification_coverage_score,
    classification_mean_width_score,
)
from sklearn.base import BaseEstimator, ClassifierMixin

from keras_maelre import MaelreClassifier, datasets, training
from keras_maelre.preprocessing import ImagePreprocessor

print(f"keras {keras.version()} on {keras.backend.backend()}")

# %% [markdown]
# ## Data
#
# The digits are real, the noise over them is **simulated**: without it there would be
# nothing to decide. A quarter of the samples to learn from is put aside for validation:
# whatever is chosen by looking at scores (a threshold, a temperature) is chosen there, never
# on the test samples.

# %%
generator = np.random.default_rng(0)
data = datasets.load_digits_images()


def noisy(images):
    noise = generator.normal(0, 0.35, np.shape(images))
    return (np.array(images) / np.max(images) + noise).clip(0, 1).astype("float32")


x, y = noisy(data.x_train), np.array(data.y_train)
x_test, y_test = noisy(data.x_test), np.array(data.y_test)
held_out = datasets.stratified_split(y, 0.25)
x_train, y_train = x[~held_out], y[~held_out]
x_val, y_val = x[held_out], y[held_out]

figure, panels = plt.subplots(1, 10, figsize=(8, 1.2), layout="constrained")
for digit, axes in enumerate(panels):
    axes.imshow(x_train[y_train == digit][0], cmap="gray")
    axes.set_title(digit, fontsize=9)
    axes.axis("off")
plt.show()

# %% [markdown]
# *One sample of each digit, as the classifier sees them.*
#
# ## Accuracy hides what is rare
#
# To see what rarity does, nine tenths of the eights and nines to learn from are thrown away.
# Then one probe in which every sample counts alike, and one in which every class does: the
# samples of a class are weighted by how rare it is.


# %%
def new_classifier(**arguments):
    keras.utils.set_random_seed(0)
    return MaelreClassifier.from_preset(
        "tiny_image",
        preprocessor=ImagePreprocessor((16, 16, 3), crop_fraction=1.0),
        pooling="blocks",
        **arguments,
    )


kept = (y_train < 8) | (generator.random(len(y_train)) < 0.1)
x_rare, y_rare = x_train[kept], y_train[kept]
counts = np.bincount(y_rare)
print("samples to train on, by digit:", counts)

weights = {"alike": None, "by class": (len(y_rare) / (10 * counts))[y_rare]}
reports, classifiers = {}, {}
for name, weight in weights.items():
    classifiers[name] = new_classifier(class_names=data.class_names)
    training.linear_probe(classifiers[name], x_rare, y_rare, sample_weight=weight)
    predicted = classifiers[name].predict_proba(x_test).argmax(axis=1)
    reports[name] = training.ClassificationReport(y_test, predicted, data.class_names)
    print(
        f"samples count {name:9} accuracy {reports[name].accuracy:.3f}, "
        f"macro-F1 {reports[name].macro_f1:.3f}, "
        f"of the eights and nines {reports[name].recall[8:].mean():.2f} found"
    )

# %%
figure, panels = plt.subplots(1, 2, figsize=(8, 2.8), sharey=True, layout="constrained")
for axes, score in zip(panels, ("recall", "precision"), strict=True):
    for shift, (name, report) in zip((-0.2, 0.2), reports.items(), strict=True):
        axes.bar(np.arange(10) + shift, getattr(report, score), 0.4, label=name)
    axes.set(xlabel="digit", title=score, xticks=range(10), ylim=(0, 1))
bars = panels[0].get_legend_handles_labels()
figure.legend(*bars, title="samples count", loc="outside right upper")
plt.show()

# %% [markdown]
# *Eights and nines, at the right of each panel, are what changes. Recall: of those in the
# test, how many were found; precision: of the answers, how many were right. Weights find
# more of the rare digits and pay with some answers that are wrong.*
#
# ## A threshold is a choice of what errors cost
#
# A detector of eights, a tenth of all digits (none is thrown away from here on), is a
# multi-label classifier with one label: every sample has it, or has not. It answers where the probability exceeds a threshold, .5 by itself. Where to put
# it depends on what you fear, and the validation samples show what there is to choose from.

# %%
detector = new_classifier(class_names=["eight"], multi_label=True)
training.linear_probe(detector, x_train, (y_train == 8)[:, None].astype("float32"))


def rates(probabilities, truth, threshold):
    """Recall and precision of a threshold."""
    found = probabilities > threshold
    return (found & truth).sum() / truth.sum(), (found & truth).sum() / max(
        found.sum(), 1
    )


probabilities = detector.predict_proba(x_val)[:, 0]
thresholds = np.linspace(0.01, 0.9, 120)
curve = np.array([rates(probabilities, y_val == 8, t) for t in thresholds])
best = training.tune_thresholds(
    (y_val == 8)[:, None].astype(int), probabilities[:, None]
)

figure, axes = plt.subplots(figsize=(8, 2.8), layout="constrained")
axes.plot(thresholds, curve[:, 0], label="recall")
axes.plot(thresholds, curve[:, 1], label="precision")
axes.axvline(0.5, color="gray", linestyle="dotted", label="0.5")
axes.axvline(best, color="black", linestyle="dashed", label="best F1")
axes.set(xlabel="threshold", ylim=(0, 1.05))
axes.legend(ncol=2)
plt.show()

# %% [markdown]
# *To the left more eights are found, and more of the alarms are false. At .5, the dotted
# line, too many are missed: a rare class seldom gets a probability above a half.*
#
# The validation samples hold a few dozen eights, so that the best threshold is uncertain. If a
# miss costs ten times a false alarm, theory says: alarm above 1 / 11, whatever the
# curve, as long as the probabilities mean what they say. That is the next question.

# %%
truth, answers = y_test == 8, detector.predict_proba(x_test)[:, 0]
for name, threshold in (
    ("one half", 0.5),
    ("best F1", best),
    ("a miss costs 10", 1 / 11),
):
    recall, precision = rates(answers, truth, threshold)
    print(f"{name:16} {threshold:.3f}: recall {recall:.2f}, precision {precision:.2f}")
detector.thresholds = best
(answer,) = detector.predict_raw(x_test[answers > best][:1])
print(answer, "->", answer.labels)

# %% [markdown]
# ## Does .9 mean nine times out of ten?
#
# Linear probes are calibrated on held-out samples. A classifier that was trained for long on
# few samples is not: it is surer than it should be. Here is one, trained by `fit`, without
# anything that holds it back.

# %%
trained = new_classifier(class_names=data.class_names)
trained.compile(
    optimizer=keras.optimizers.AdamW(1e-3),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)
trained.fit(x_train, y_train, epochs=8, verbose=0)
print(f"accuracy {(trained.predict_proba(x_test).argmax(axis=1) == y_test).mean():.3f}")

figure, panels = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
before = trained.predict_proba(x_test)
trained.temperature = training.fit_temperature(trained.predict(x_val, verbose=0), y_val)
after = trained.predict_proba(x_test)
for axes, p in zip(panels, (before, after), strict=True):
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y_test
    edges = np.quantile(confidence, np.linspace(0, 1, 9))
    place = np.digitize(confidence, edges[1:-1])
    means = [
        (confidence[place == i].mean(), right[place == i].mean()) for i in range(8)
    ]
    axes.plot(*np.transpose(means), marker="o")
    axes.plot([0.2, 1], [0.2, 1], color="gray", linestyle="dashed")
    error = training.expected_calibration_error(y_test, p)
    axes.set(xlabel="probability of the answer", title=f"calibration error {error:.3f}")
    axes.set_box_aspect(1)
panels[0].set_ylabel("share of answers that are right")
figure.suptitle(f"Before and after a temperature of {trained.temperature:.2f}")
plt.show()

# %% [markdown]
# *Each point is an eighth of the test samples. Below the dashed line a classifier is surer
# than it is right. Dividing the logits by one number, found on the validation samples, brings
# the points to the line and changes no answer.*
#
# ## A set in place of one answer
#
# Where a wrong answer is worse than a long one, answer with all classes that are not ruled
# out. The rule, split conformal prediction: on the validation samples, see how little
# probability the truth may get; rule out what gets less than all but a tenth of them. On
# new samples of the same kind, the set then holds the truth nine times out of ten, give or
# take what chance does with a few hundred samples, whatever the classifier is worth.

# %%
scores = np.sort(trained.predict_proba(x_val)[np.arange(len(y_val)), y_val])
least = scores[int(np.floor(0.1 * (len(scores) + 1))) - 1]
sets = trained.predict_proba(x_test) >= least
holds = sets[np.arange(len(y_test)), y_test].mean()
print(f"least probability {least:.3f}")
print(f"the set holds the truth: {holds:.3f}")
print(f"classes in a set, on average: {sets.sum(axis=1).mean():.2f}")

sizes = np.bincount(sets.sum(axis=1))
figure, axes = plt.subplots(figsize=(8, 2.4), layout="constrained")
axes.bar(range(len(sizes)), sizes)
axes.set(xlabel="classes in the set", ylabel="test samples", xticks=range(len(sizes)))
plt.show()

# %% [markdown]
# *Most samples get one class, the doubtful ones several: the size of the set tells how sure
# the classifier is, in a unit that needs no calibration.*
#
# ## The same with MAPIE
#
# MAPIE, a package for conformal prediction, has this rule (`"lac"`) and others. It takes a fitted
# `MaelreEstimator` of series as it is, and any classifier with `classes_`, `predict` and
# `predict_proba`: a small wrapper makes one of the classifier above. What it promises is set
# against what the test samples say.


# %%
class Fitted(ClassifierMixin, BaseEstimator):
    """A trained `MaelreClassifier` as MAPIE takes one."""

    def __init__(self, classifier):
        self.classifier = classifier
        self.classes_ = np.arange(len(classifier.class_names))

    def fit(self, X, y):
        raise NotImplementedError("It is fitted already.")

    def predict_proba(self, X):
        return self.classifier.predict_proba(X).astype("float64")

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


promised = [0.8, 0.85, 0.9, 0.95, 0.98]
figure, axes = plt.subplots(figsize=(4.5, 4), layout="constrained")
axes.plot([0.75, 1], [0.75, 1], color="gray", linestyle="dashed")
for rule in ("lac", "aps"):
    mapie = SplitConformalClassifier(
        Fitted(trained), promised, conformity_score=rule, prefit=True, random_state=0
    )
    mapie.conformalize(x_val, y_val)
    _, sets = mapie.predict_set(x_test)
    coverage = classification_coverage_score(y_test, sets)
    widths = classification_mean_width_score(sets)
    axes.plot(promised, coverage, marker="o", label=rule)
    for level, holds, width in zip(promised, coverage, widths, strict=True):
        print(f"{rule}: promised {level:.2f}, holds {holds:.3f}, {width:.2f} classes")
axes.set(xlabel="coverage promised", ylabel="coverage on the test samples")
axes.legend()
plt.show()

# %% [markdown]
# *On the dashed line a promise is kept. `"lac"` lies some .02 below, no more than chance does with
# validation and test samples as few as these. `"aps"`, which collects classes until their
# probabilities sum to enough, holds more than it promised, with larger sets.*
#
# The promise is for samples of the same kind. Where the world changes, as from the thinned
# digits above to the test samples, neither thresholds nor sets keep what they promised.
#
# ## Saved with the model
#
# Temperature and thresholds are part of a preset: whoever loads it decides as you do.

# %%
detector.save_to_preset("detector_preset")
reloaded = MaelreClassifier.from_preset("detector_preset")
print(
    "the reloaded preset decides the same:", reloaded.thresholds == detector.thresholds
)

# %% [markdown]
# ## What next
#
# - What the answers rest on: [why this answer?](explanation.ipynb)
# - `MaelreEstimator(class_weight="balanced")` and `recipe(task, balanced=True)` do for a
#   training what the weights do here for a probe; both at once are an error.
# - Scores and tables of multi-label tasks: `keras_maelre.training.MultiLabelReport`.
