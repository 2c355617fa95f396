# %% [markdown]
# # A trained model, trained on: adapters, freezing, and a smaller file
#
# A classifier that learned one task is a better start for the next than random weights, if
# the tasks are alike. This guide trains one to read digits, then others, in five ways, to tell
# odd from even ones by forty samples, averages two of them, and makes the result smaller.
#
# - Needs: `pip install "keras_maelre[guides,image]"` and a backend
# - Time: two minutes on two cores
# - Data: the handwritten digits of scikit-learn
# - Expect: accuracies of .8 from new weights and of .9 or more from trained ones; a file of
#   less than half the size at the same accuracy

# %%
import pathlib
import warnings

import keras
import matplotlib.pyplot as plt
import numpy as np

from keras_maelre import MaelreClassifier, datasets
from keras_maelre.preprocessing import ImagePreprocessor
from keras_maelre.training import average_presets, recipe

keras.utils.set_random_seed(0)
print(f"keras {keras.version()} on {keras.backend.backend()}")

# %% [markdown]
# ## Data, and the model to start from
#
# The classifier to start from reads ten digits. Odd or even is another question to the same
# pictures, and has forty samples of its own to learn from: where there are thousands, the
# start hardly matters.

# %%
data = datasets.load_digits_images()
few = datasets.stratified_split(data.y_train, 40 / len(data.y_train), seed=0)
many = ~few


def chosen_of(images, which):
    return [image for image, chosen in zip(images, which, strict=True) if chosen]


# Mirrored or turned, digits are others or none: no augmentation.
plain = {"augmentation": [], "mixing": []}


def new_classifier(names):
    return MaelreClassifier.from_preset(
        "tiny_image",
        preprocessor=ImagePreprocessor((16, 16, 3), crop_fraction=1.0),
        class_names=names,
    )


def accuracy(classifier, y):
    found = classifier.predict_proba(data.x_test).argmax(axis=1)
    return float(np.mean(found == y))


trained = new_classifier(data.class_names)
recipe("image", learning_rate=1e-3, **plain).fit(
    trained,
    chosen_of(data.x_train, many),
    data.y_train[many],
    epochs=12,
    seed=0,
    verbose=0,
)
trained.save_to_preset("ten_digits")
print(f"ten digits: accuracy {accuracy(trained, data.y_test):.3f}")

x_new, y_new, y_test = (
    chosen_of(data.x_train, few),
    data.y_train[few] % 2,
    data.y_test % 2,
)
print(f"odd or even: {len(x_new)} samples to learn from, {len(y_test)} to test on")

# %% [markdown]
# ## Five ways to go on
#
# Loaded with other class names, the preset gets a new head, and a warning says so.
#
# - *new weights*: what the start is worth is the difference from this.
# - *head*: `freeze(4)` keeps the whole encoder.
# - *last block*: `freeze(3)` keeps all but the last block and the head.
# - *adapters*: `enable_lora(4)` adds a product of two thin matrices to each kernel, and
#   trains those and the head.
# - *all*: every weight, those of early blocks at a lower rate (`layer_decay`), since they need
#   the least change.

# %%
names = ["even", "odd"]


def loaded():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The preset has")
        return MaelreClassifier.from_preset("ten_digits", class_names=names)


def train_on(classifier, rate, seed=0, **changes):
    recipe("image", learning_rate=rate, **plain, **changes).fit(
        classifier, x_new, y_new, epochs=60, batch_size=16, seed=seed, verbose=0
    )
    return classifier


keras.utils.set_random_seed(0)
models = {"new weights": train_on(new_classifier(names), 1e-3)}

models["head"] = loaded()
models["head"].freeze(4)
train_on(models["head"], 3e-3)

models["last block"] = loaded()
models["last block"].freeze(3)
train_on(models["last block"], 1e-3)

models["adapters"] = loaded()
models["adapters"].enable_lora(4)
train_on(models["adapters"], 3e-3)

models["all"] = train_on(loaded(), 1e-3, layer_decay=0.7)

accuracies, shares = {}, {}
for name, model in models.items():
    accuracies[name] = accuracy(model, y_test)
    count = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    shares[name] = count / model.count_params()
    print(f"{name:12} trains {shares[name]:6.1%}: accuracy {accuracies[name]:.3f}")

# %%
figure, axes = plt.subplots(figsize=(6, 2.4), layout="constrained")
error = [np.sqrt(a * (1 - a) / len(y_test)) for a in accuracies.values()]
axes.barh(list(accuracies), list(accuracies.values()), xerr=error)
axes.set(xlim=(0.5, 1), xlabel=f"accuracy on {len(y_test)} test samples")
axes.invert_yaxis()
plt.show()

# %% [markdown]
# *Accuracy and its standard error: the ways that differ by less than two bars do not differ.
# The learning rates were not tuned for each.*
#
# ## Adapters are a small file
#
# `save_adapter` writes adapters and head alone. Whoever has the preset adds them to it; the
# file knows which weights it belongs to and refuses others. `merge_lora` makes an ordinary
# model of both, with the same answers.

# %%
models["adapters"].save_adapter("odd_or_even.h5")
megabytes = {
    "preset": sum(f.stat().st_size for f in pathlib.Path("ten_digits").iterdir()),
    "adapters": pathlib.Path("odd_or_even.h5").stat().st_size,
}
print({name: f"{size / 1e6:.2f} MB" for name, size in megabytes.items()})

again = loaded()
again.load_adapter("odd_or_even.h5")
before = again.predict_proba(data.x_test)
again.merge_lora()
difference = np.abs(again.predict_proba(data.x_test) - before).max()
print("the merged model predicts the same:", bool(difference < 1e-5))

# %% [markdown]
# ## The average of two trainings
#
# Two trainings from the same start, in another order, averaged weight by weight: the answers
# of one model at the cost of one.

# %%
models["all"].save_to_preset("first")
second = train_on(loaded(), 1e-3, seed=1, layer_decay=0.7)
second.save_to_preset("second")
average = average_presets(["first", "second"])
for name, model in (("first", models["all"]), ("second", second), ("both", average)):
    print(f"{name:6} accuracy {accuracy(model, y_test):.3f}")

# %% [markdown]
# ## A smaller file
#
# `quantize("int8")` stores kernels in a quarter of the bytes. In Keras nothing becomes quicker
# by it; a preset keeps it.

# %%
average.save_to_preset("whole")
average.quantize("int8")
average.save_to_preset("digits_preset")
for name in ("whole", "digits_preset"):
    size = sum(file.stat().st_size for file in pathlib.Path(name).iterdir())
    model = MaelreClassifier.from_preset(name)
    print(f"{name:13} {size / 1e6:.2f} MB, accuracy {accuracy(model, y_test):.3f}")

# %% [markdown]
# ## What next
#
# - The same in a few lines: [fine-tuning](../docs/howto/fine_tuning.md).
# - Measured with rates chosen by validation, on two sets:
#   [adaptation](../benchmarks/README.md#adaptationpy-training-a-trained-model-on).
# - Out of Keras, where small files are quick too: [export and serve](export_and_serve.ipynb).
