# %% [markdown]
# # Documents: what to try first, and what the words add
#
# A few hundred documents are few for a network that has to learn the language from them. This
# guide classifies documents with a simple tool, with the encoder, and with both at once, and
# shows what each goes by.
#
# - Needs: `pip install "keras_maelre[guides,text,sklearn]"` and a backend
# - Time: two minutes on two cores
# - Data: the documentation of four Python packages that this guide needs anyhow
# - Expect: accuracies of .9 by words and of both together, and .7 to .8 by the encoder

# %%
import ast
import importlib.util
import pathlib
import re
import warnings

import keras
import matplotlib.pyplot as plt
import numpy as np

import keras_maelre
from keras_maelre import MaelreEstimator, datasets
from keras_maelre.estimator import simple_tool
from keras_maelre.explanation import top_words

keras.utils.set_random_seed(0)
print(f"keras {keras.version()} on {keras.backend.backend()}")

# %% [markdown]
# ## Data
#
# Every package documents its functions in docstrings: English of some hundred words, real,
# and on your disk already. Which package does one come from? Names that give it away are
# struck out, and the code of examples too. What is left differs in subject and in habit.

# %%
packages = ("keras", "matplotlib", "numpy", "sklearn")
telling = re.compile(r"\b(keras|matplotlib|mpl|numpy|np|plt|pyplot|sklearn|scikit)\b")


def documents_of(package, count, generator):
    """Docstrings of a package, of files in random order."""
    folder = pathlib.Path(importlib.util.find_spec(package).origin).parent
    files = sorted(f for f in folder.rglob("*.py") if "test" not in str(f))
    found = {}
    for i in generator.permutation(len(files)):
        for node in ast.walk(ast.parse(files[i].read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                text = re.sub(r"^\s*(>>>|\.\.\.).*$", "", ast.get_docstring(node) or "")
                text = telling.sub("X", text)
                if 300 < len(text) < 2000:
                    found[text] = files[i]
        if len(found) >= count:
            break
    return list(found)[:count], list(found.values())[:count]


generator = np.random.default_rng(0)
texts, labels, files = [], [], []
for package in packages:
    found, sources = documents_of(package, 200, generator)
    texts += found
    labels += [package] * len(found)
    files += [str(source) for source in sources]
labels = np.array(labels)
shortest, median, longest = np.percentile([len(t) for t in texts], (5, 50, 95))
print(
    f"{len(texts)} documents; half have {median:.0f} characters or more, nine in ten "
    f"between {shortest:.0f} and {longest:.0f}"
)

# %% [markdown]
# Functions of one file resemble each other, so that whole files go to the test: documents of
# one file on both sides would make any score too good.

# %%
is_test = datasets.stratified_split(labels, 0.3, groups=files, seed=0)
x_train = [text for text, test in zip(texts, is_test, strict=True) if not test]
x_test = [text for text, test in zip(texts, is_test, strict=True) if test]
y_train, y_test = labels[~is_test], labels[is_test]
groups_train = np.array(files)[~is_test]
print(f"{len(x_train)} to train on, {len(x_test)} to test on")
print("---\n" + x_train[0][:300])

# %% [markdown]
# ## The simple tool first
#
# How often each word and pair of words occurs, and a linear classifier: a second of work,
# and what everything else has to beat.

# %%
words = simple_tool("text").fit(x_train, y_train)
accuracies = {"words": words.score(x_test, y_test)}
print(f"accuracy of words {accuracies['words']:.3f}")

# %% [markdown]
# ## The encoder
#
# `MaelreEstimator("text")` learns a vocabulary of pieces of words from the training
# documents, and first embeddings of them from the documents in which they occur together;
# then encoder and head. With `extra_features=None` that is all that decides. Then it fits the
# simple tool to the same samples by itself and compares the two on a held-out tenth, or, where
# that would take whole files of few, as here, in cross-validation: if words win there by more
# than chance, it warns.

# %%
estimator = MaelreEstimator(
    "text", extra_features=None, epochs=5, random_state=0, verbose=2
)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    estimator.fit(x_train, y_train, groups=groups_train)
accuracies["encoder"] = estimator.score(x_test, y_test)
print(f"accuracy of the encoder {accuracies['encoder']:.3f}")
print(estimator.comparison_)
print("warned:", any("Use the simple tool" in str(w.message) for w in caught))

# %% [markdown]
# ## Both
#
# By default what the simple tool sees joins what the encoder sees, at the head; validation
# samples, where there are some, decide how much either counts. Any transformer of scikit-learn
# may stand in its place, such as `extra_features=TfidfVectorizer(analyzer="char")`.

# %%
joined = MaelreEstimator("text", epochs=5, random_state=0)
joined.fit(x_train, y_train, groups=groups_train)
accuracies["both"] = joined.score(x_test, y_test)
print(f"accuracy of both {accuracies['both']:.3f}")

error = [np.sqrt(a * (1 - a) / len(x_test)) for a in accuracies.values()]
figure, axes = plt.subplots(figsize=(6, 2.2), layout="constrained")
axes.barh(list(accuracies), list(accuracies.values()), xerr=error, color="tab:blue")
axes.set(xlim=(0, 1), xlabel="accuracy on the test documents")
axes.axvline(0.25, color="gray", linestyle="dotted")
axes.invert_yaxis()
plt.show()

# %% [markdown]
# *Accuracy and its standard error; the dotted line is what guessing gives. With a few hundred
# documents words are hard to beat: if they are enough, take them. The encoder earns its place
# where order matters, where documents are many, or where words are not what counts.*
#
# The warning was right: in the folds, which hold out whole files, words were ahead by as much as
# in the test. The probe is better in them than the encoder is in the test, since the embeddings
# were made of all training documents, and know those that a fold holds out.
#
# ## What the encoder goes by
#
# The words that speak most for each class, summed over test documents: relevance is gradient
# times input, the quickest of the methods.

# %%
asked = {p: np.flatnonzero(y_test == p)[:20] for p in packages}
explanations = [
    explanation
    for package, chosen in asked.items()
    for explanation in keras_maelre.explain(
        estimator.classifier_, [x_test[i] for i in chosen], package, method="gradient"
    )
]
for package, found in top_words(explanations, n=8).items():
    print(f"{package:11}", ", ".join(word for word, _, _ in found))

# %% [markdown]
# Some of these are habits of a package's authors rather than its subject: how they spell the
# headings of arguments, for example. A classifier takes whatever tells classes apart. If such
# habits are not what you want it to learn, strike them out of the documents, as the names of
# the packages were.
#
# ## Saved and loaded

# %%
estimator.save("documents")
reloaded = MaelreEstimator.load("documents")
same = np.array_equal(reloaded.predict(x_test[:40]), estimator.predict(x_test[:40]))
print("the reloaded estimator predicts the same:", same)

# %% [markdown]
# ## What next
#
# - Documents with several labels each: [how-to](../docs/howto/multi_label.md).
# - Which tool for which data, with measured scores: [chooser](../docs/chooser.md).
# - Where an answer comes from, word by word: [why this answer?](explanation.ipynb)
