# %% [markdown]
# # Three doors to the same classifier
#
# The same images, classified three times: by an estimator of scikit-learn, by a recipe, and
# by Keras' own `compile` and `fit`. Each door is built on the next, so that whatever is
# trained behind one of them can be used behind the others.
#
# - Needs: `pip install "keras_maelre[guides,image]"` and a backend
# - Time: two minutes on two cores
# - Data: the handwritten digits of scikit-learn
# - Expect: accuracies of .97 by estimator and recipe, .92 by `fit` alone

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np

import keras_maelre
from keras_maelre import MaelreClassifier, MaelreEstimator, datasets
from keras_maelre.preprocessing import ImagePreprocessor
from keras_maelre.training import small_data_recipe

keras.utils.set_random_seed(0)
print(f"keras {keras.version()} on {keras.backend.backend()}")

# %% [markdown]
# ## Data
#
# The 1797 handwritten digits that scikit-learn brings, 8 by 8 pixels: real, and small
# enough for a guide. A support vector machine has an accuracy of about .98 on them; with
# pictures this small it is the better choice.

# %%
data = datasets.load_digits_images()
print(data.describe())

figure, panels = plt.subplots(1, 8, figsize=(8, 1.4), layout="constrained")
for axes, image, label in zip(panels, data.x_train, data.y_train, strict=False):
    axes.imshow(image, cmap="gray")
    axes.set_title(data.class_names[label], fontsize=9)
    axes.axis("off")
figure.suptitle("Handwritten digits and their labels")
plt.show()

# %% [markdown]
# ## scikit-learn: raw samples to labels
#
# `MaelreEstimator` takes what scikit-learn's own estimators take, and raw samples besides:
# lists of strings, of paths, of arrays of unequal length. `time_limit=` in place of `epochs=`
# is a number of seconds. It works in `cross_val_score`, `GridSearchCV` and pipelines. By default
# the features of a simple tool join the encoder; here the encoder decides alone, as behind the
# other doors.

# %%
names = np.array(data.class_names)
# Mirrored or turned, digits are others or none: no augmentation.
plain = {"augmentation": [], "mixing": [], "learning_rate": 1e-3}

estimator = MaelreEstimator(
    "image",
    input_shape=(16, 16, 3),
    extra_features=None,
    epochs=6,
    recipe=plain,
    random_state=0,
)
estimator.fit(data.x_train, names[data.y_train])
print(f"accuracy {estimator.score(data.x_test, names[data.y_test]):.3f}")

# %% [markdown]
# ## Recipe: the whole of a training in one call
#
# A classifier with a preprocessor takes raw samples. A recipe holds optimizer, schedule,
# loss, metrics, augmentation, mixing, dropout rates and averages of the weights, and `fit`
# applies all of it. What it prints is read from the classifier and its batches. This one,
# which the estimator uses too, first fits the head alone, a linear probe on the untrained
# encoder, and goes back to it if training does not help. `recipe("image")` is the paper's.

# %%
classifier = MaelreClassifier.from_preset(
    "tiny_image",
    preprocessor=ImagePreprocessor((16, 16, 3), crop_fraction=1.0),
    class_names=data.class_names,
    pooling="blocks",
)
history = small_data_recipe("image", **plain).fit(
    classifier, data.x_train, data.y_train, epochs=6, output="digits", verbose=2
)
answers = classifier.predict_raw(data.x_test)
right = [
    answer.labels == (data.class_names[label],)
    for answer, label in zip(answers, data.y_test, strict=True)
]
print(f"accuracy {np.mean(right):.3f}")

# %% [markdown]
# The state of the training was kept in `digits/checkpoint` after every epoch: had it been
# killed, the same call with `resume=True` would go on. The classifier is in `digits/preset`.
#
# ## Keras: compile and fit
#
# The classifier is a Keras model. With a preprocessor its `fit`, `evaluate` and `predict`
# take raw samples, and labels as names or as integers.

# %%
classifier = MaelreClassifier.from_preset(
    "tiny_image",
    preprocessor=ImagePreprocessor((16, 16, 3), crop_fraction=1.0),
    class_names=data.class_names,
)
classifier.compile(
    optimizer=keras.optimizers.AdamW(1e-3),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
classifier.fit(data.x_train, names[data.y_train], epochs=6, verbose=2)
loss, accuracy = classifier.evaluate(data.x_test, data.y_test, verbose=0)
print(f"accuracy {accuracy:.3f}")

# %% [markdown]
# ## From door to door
#
# An estimator holds a classifier; a classifier saves a preset; a preset is loaded by either.

# %%
estimator.classifier_.save_to_preset("digits_preset")
reloaded = keras_maelre.MaelreClassifier.from_preset("digits_preset")
difference = np.abs(
    reloaded.predict_proba(data.x_test) - estimator.predict_proba(data.x_test)
)
print("the reloaded preset predicts the same:", bool(difference.max() < 1e-5))

# %% [markdown]
# ## What next
#
# - From raw files to a classifier, by the recipe: [from raw data](raw_data.ipynb).
# - Input of a kind that the package does not know: [your own
#   modality](own_modality.ipynb).
