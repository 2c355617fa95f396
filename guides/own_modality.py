# %% [markdown]
# # Your own modality in 40 lines: video clips
#
# A modality tells a backbone what depends on the kind of signal: the input, the stem that
# makes tokens of it, and the grid that these tokens lie on. `keras_maelre` brings text,
# bytes, series, audio and images. This guide adds video from outside the package, then
# trains, saves and loads a classifier of it.
#
# - Needs: `pip install "keras_maelre[guides]"` and a backend
# - Time: a minute on two cores
# - Data: simulated video clips
# - Expect: an accuracy of .95 or more

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np

import keras_maelre
from keras_maelre import modalities
from keras_maelre.training import ClassificationReport, plot_learning_curve, recipe

keras.utils.set_random_seed(0)
print(f"keras {keras.version()} on {keras.backend.backend()}")

# %% [markdown]
# ## The stem and the modality
#
# The stem is any Keras layer from a batch of inputs to `(batch, tokens, width)`. Here a 3-D
# convolution looks at tubes of 4 frames by 8 by 8 pixels, one token for each. The class is
# registered, so that a preset that uses it can be loaded.

# %%
TUBE = (4, 8, 8)  # frames, rows and columns of a token


@keras.saving.register_keras_serializable(package="guide")
class TubeStem(keras.layers.Layer):
    def __init__(self, dim, **kwargs):
        super().__init__(**kwargs)
        self.conv = keras.layers.Conv3D(dim, TUBE, TUBE, dtype=self.dtype_policy)

    def build(self, input_shape):
        self.conv.build(input_shape)

    def call(self, video):
        x = self.conv(video)
        return keras.ops.reshape(x, (keras.ops.shape(x)[0], -1, x.shape[-1]))


# %% [markdown]
# The modality names the axes, makes the stem, and counts the tokens. A grid of one number
# is a sequence, whose tokens are merged four by four; one of two numbers is a plane, merged
# two by two. Checks of shapes and values, costs, saving and recipes follow from these.


# %%
@keras.saving.register_keras_serializable(package="guide")
class Video(modalities.Modality):
    name = "video"
    axes = ("frames", "height", "width", "channels")
    description = "video clips"
    input_name = "video"

    def stem(self, width, dtype):
        return TubeStem(width, dtype=dtype, name="stem")

    def grid(self, input_shape):
        frames, rows, columns = (
            n // p for n, p in zip(input_shape, TUBE, strict=False)
        )
        return (frames * rows * columns,)


# %% [markdown]
# Signals of unequal length set `variable_length = True` and implement `kept(x)`, which
# tells values from padding. Sequences of token ids (letters of DNA, events of a log)
# subclass `modalities.Tokens`, which has all of that.
#
# ## Data
#
# The clips are **simulated**: a bright square under noise, which moves in one of four
# directions. No single frame tells which.

# %%
names = ("right", "left", "down", "up")


def clips(samples, seed):
    generator = np.random.default_rng(seed)
    labels = np.arange(samples) % 4
    x = generator.normal(0, 0.1, (samples, 16, 32, 32, 1))
    for clip, label in zip(x, labels, strict=True):
        start, speed = generator.integers(0, 4), generator.uniform(0.9, 1.2)
        other = generator.integers(0, 22)
        for t, frame in enumerate(clip):
            along = int(start + speed * t)
            along = along if label % 2 == 0 else 22 - along
            row, column = (other, along) if label < 2 else (along, other)
            frame[max(row, 0) : row + 10, max(column, 0) : column + 10] += 1
    return x.astype("float32"), labels


x_train, y_train = clips(320, seed=0)
x_test, y_test = clips(80, seed=1)

figure, panels = plt.subplots(1, 4, figsize=(8, 2.3), layout="constrained")
for axes, t in zip(panels, (0, 5, 10, 15), strict=True):
    axes.imshow(x_train[0, t, :, :, 0], cmap="gray")
    axes.set_title(f"frame {t}", fontsize=9)
    axes.axis("off")
figure.suptitle(f"A simulated clip: {names[y_train[0]]}")
plt.show()

# %% [markdown]
# ## Backbone, classifier, training
#
# The recipe of a new modality has the paper's optimizer, schedule, smoothing and averages,
# and no augmentation unless it is given one.

# %%
backbone = keras_maelre.MaelreBackbone(
    Video(), input_shape=(16, 32, 32, 1), width=32, depths=(1, 1, 2, 1)
)
classifier = keras_maelre.MaelreClassifier(
    backbone, num_classes=len(names), class_names=names
)
print("tokens of the four blocks:", [grid[0] for grid in backbone.token_grids])
print(f"{keras_maelre.count_macs(classifier) / 1e6:.0f} M multiply-accumulates a clip")

history = recipe(Video(), learning_rate=5e-4).fit(
    classifier, x_train, y_train, epochs=10, batch_size=16, verbose=2
)
plot_learning_curve(history.history, "learning_curve.png")

# %%
predicted = classifier.predict(x_test, verbose=0).argmax(axis=-1)
print(ClassificationReport(y_test, predicted, names))

# %% [markdown]
# ## Saved and loaded
#
# Whoever loads the preset must have the two classes above; without them, loading is an
# error that names what is missing.

# %%
classifier.save_to_preset("video_preset")
reloaded = keras_maelre.MaelreClassifier.from_preset("video_preset")
difference = np.abs(
    reloaded.predict(x_test, verbose=0) - classifier.predict(x_test, verbose=0)
)
print("the reloaded preset predicts the same:", bool(difference.max() < 1e-5))

# %% [markdown]
# ## What next
#
# - A preprocessor: any callable with `modality` and `input_shape` that turns raw samples
#   into inputs; with it `fit` and `predict_raw` take raw samples.
# - Augmentation: `recipe(Video(), augmentation=[...])` takes any Keras layers.
