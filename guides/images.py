# %% [markdown]
# # Images: a folder of pictures, their size, their color, and what they are told by
#
# From a folder of image files to a classifier and its report; then what a smaller input or
# grey pictures cost, and which parts of a picture an answer rests on.
#
# - Needs: `pip install "keras_maelre[guides,image]"` and a backend
# - Time: a minute on two cores; two on JAX and TensorFlow, which compile
# - Data: cut out of two photographs that scikit-learn brings
# - Expect: an accuracy of .85 in color, .65 in grey

# %%
import pathlib
import warnings

import keras
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
from sklearn.base import clone
from sklearn.datasets import load_sample_images

import keras_maelre
from keras_maelre import MaelreClassifier, MaelreEstimator, datasets, training
from keras_maelre.estimator import simple_tool
from keras_maelre.preprocessing import ImagePreprocessor

keras.utils.set_random_seed(0)
print(f"keras {keras.version()} on {keras.backend.backend()}")

# %% [markdown]
# ## Data: a folder for each class
#
# The pictures are pieces of two photographs: of a pagoda and the trees around it, and of a
# flower and its leaves. Those to train on come from the left of what they show, those to test
# on from the right. Real, and at hand, but no more than two photographs: a score here says
# nothing about other pagodas. With pictures of your own, begin at `read_folder`.

# %%
pagoda, flower = load_sample_images().images
SIDE = 48
# Left, top, right and bottom of where to cut, in pixels.
places = {
    ("train", "flower"): (flower, (190, 120, 308, 320)),
    ("test", "flower"): (flower, (308, 120, 420, 320)),
    ("train", "leaves"): (flower, (0, 0, 160, 427)),
    ("test", "leaves"): (flower, (460, 0, 640, 427)),
    ("train", "pagoda"): (pagoda, (100, 90, 208, 350)),
    ("test", "pagoda"): (pagoda, (208, 90, 330, 350)),
    ("train", "trees"): (pagoda, (330, 320, 470, 427)),
    ("test", "trees"): (pagoda, (470, 300, 640, 427)),
}
generator = np.random.default_rng(0)
for (split, name), (photograph, (left, top, right, bottom)) in places.items():
    folder = pathlib.Path("pieces", split, name)
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(40):
        x = generator.integers(left, right - SIDE + 1)
        y = generator.integers(top, bottom - SIDE + 1)
        piece = photograph[y : y + SIDE, x : x + SIDE]
        Image.fromarray(piece).save(folder / f"{i:02}.png")

data = datasets.read_folder("pieces", check=datasets.check_image)
print(data.describe())

figure, panels = plt.subplots(4, 8, figsize=(8, 4.2), layout="constrained")
for label, (row, name) in enumerate(zip(panels, data.class_names, strict=True)):
    for column, axes in enumerate(row):
        x, y = (
            (data.x_train, data.y_train) if column < 4 else (data.x_test, data.y_test)
        )
        axes.imshow(Image.open(x[np.flatnonzero(y == label)[column % 4]]))
        axes.set(xticks=[], yticks=[])
    row[0].set_ylabel(name)
panels[0, 0].set_title("to train on", loc="left", fontsize=9)
panels[0, 4].set_title("to test on", loc="left", fontsize=9)
plt.show()

# %% [markdown]
# *Every row is a class. Color tells most: orange petals, red walls, two kinds of green.*
#
# ## Training
#
# `ImagePreprocessor` reads files of any size and kind, scales them, and cuts the middle out;
# with `crop_fraction=1.0` all that fits. The recipe for small data fits the head first, then
# trains for as long as it helps. Its augmentation cuts and mirrors the pictures; where mirrored
# is another class, as with letters, pass `augmentation=[]`.


# %%
def new_classifier(side):
    keras.utils.set_random_seed(0)
    return MaelreClassifier.from_preset(
        "tiny_image",
        preprocessor=ImagePreprocessor((side, side, 3), crop_fraction=1.0),
        class_names=data.class_names,
        pooling="blocks",
    )


classifier = new_classifier(32)
recipe = training.small_data_recipe("image")
recipe.fit(classifier, data.x_train, data.y_train, epochs=3, batch_size=16, verbose=2)
probabilities = classifier.predict_proba(data.x_test)
report = training.ClassificationReport(
    data.y_test, probabilities.argmax(axis=1), data.class_names
)
print(report)

# %% [markdown]
# The validation samples promised more than the test kept. They were drawn from the pictures to
# train on, and pieces of one photograph overlap; the test pieces are from elsewhere, where trees
# are darker. With pictures of your own the same happens with bursts of one scene: pass
# `fit(..., groups=scenes)`, and keep whole scenes apart in the test as well.
#
# ## What one would try first
#
# `MaelreEstimator` does all of this in one call, and joins histograms of gradients and colors to
# the encoder at the head. With `extra_features=None` the encoder decides alone, and a simple
# tool is fitted to the same pictures, those histograms with a support vector machine: a warning
# says if that is better on the validation samples.

# %%
joined = MaelreEstimator(
    "image", input_shape=(32, 32, 3), epochs=3, batch_size=16, random_state=0
)
joined.fit(data.x_train, data.y_train)
estimator = clone(joined).set_params(extra_features=None)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    estimator.fit(data.x_train, data.y_train)
print(estimator.comparison_)
print("warned:", any("Use the simple tool" in str(w.message) for w in caught))
tool = simple_tool("image").fit(data.x_train, data.y_train)
print(
    f"accuracy {estimator.score(data.x_test, data.y_test):.3f} of the estimator, "
    f"{tool.score(data.x_test, data.y_test):.3f} of gradients and colors, "
    f"{joined.score(data.x_test, data.y_test):.3f} of both"
)

# %% [markdown]
# Of so few pieces, which are of four colors, histograms tell more than the encoder learns. The
# validation samples could not say so: pieces overlap, and both are right about all sixteen of
# them. The default has both.
#
# ## How large, and in color?
#
# The side of the input decides the cost: twice the side, four times the tokens. Details that
# tell classes apart must survive it, nothing else need. A linear probe takes a second or two
# and shows early what a size is worth, and what color is.

# %%
x_train, x_test = (
    [Image.open(path).convert("RGB") for path in paths]
    for paths in (data.x_train, data.x_test)
)
sides, scores = (16, 32, 48), {}
for side in sides:
    for mode in ("RGB", "L"):
        probe = new_classifier(side)
        training.linear_probe(probe, [i.convert(mode) for i in x_train], data.y_train)
        found = probe.predict_proba([i.convert(mode) for i in x_test]).argmax(axis=1)
        scores[side, mode] = np.mean(found == data.y_test)
    macs = keras_maelre.count_macs(probe) / 1e6
    print(
        f"{side:2} by {side:2} pixels, {macs:4.0f} million multiply-adds: "
        f"accuracy {scores[side, 'RGB']:.3f} in color, {scores[side, 'L']:.3f} in grey"
    )

figure, axes = plt.subplots(figsize=(6, 2.4), layout="constrained")
for shift, mode, name, color in (
    (-0.2, "RGB", "color", "tab:orange"),
    (0.2, "L", "grey", "gray"),
):
    heights = [scores[side, mode] for side in sides]
    axes.bar(np.arange(len(sides)) + shift, heights, 0.38, label=name, color=color)
axes.axhline(1 / 4, color="black", linestyle="dotted")
axes.set(xticks=range(len(sides)), xticklabels=sides, ylim=(0, 1))
axes.set(xlabel="side of the input in pixels", ylabel="accuracy")
figure.legend(loc="outside right upper")
plt.show()

# %% [markdown]
# *Color is worth more here than pixels: the sizes differ by no more than chance does with 160
# test pieces. The dotted line is guessing.*
#
# Grey files are taken as they come: they get three equal channels. What color should not
# decide, for example because another camera has other colors, is better taken out of the
# pictures, or varied by augmentation: `augmentation=[keras.layers.RandomColorJitter(...)]`.
#
# ## Which parts speak for an answer
#
# A piece that holds both, a wall of the pagoda and the trees in front of it. What in it speaks
# for either?

# %%
mixed = pagoda[290:390, 60:160]
(walls,) = keras_maelre.explain(classifier, [mixed], "pagoda")
(trees,) = keras_maelre.explain(classifier, [mixed], "trees")
figure, panels = plt.subplots(1, 3, figsize=(8, 2.8), layout="constrained")
panels[0].imshow(mixed)
panels[0].set_title("the piece", fontsize=10)
for axes, one in zip(panels[1:], (walls, trees), strict=True):
    spread = np.abs(one.values).max()
    axes.imshow(one.values, cmap="RdBu_r", vmin=-spread, vmax=spread)
    axes.set_title(f"for {one.target} (log-odds {one.score:.1f})", fontsize=10)
for axes in panels:
    axes.axis("off")
plt.show()

# %% [markdown]
# *Red speaks for a class, blue against it. The wall above speaks for the pagoda and against
# trees, the bushes below the other way round.*
#
# ## When somebody else's model is the better choice
#
# This library has no weights that know pictures; all it learns of them, it learns from yours. For
# photographs of everyday things there are networks that were trained on millions of them
# (`keras.applications`, keras-hub, timm): with hundreds or a few thousand photographs, take the
# features of one and a linear classifier first, if its license and a download allow. What
# speaks for a training of your own: pictures unlike photographs (spectrograms, maps, scans of
# documents, microscopes), many of them, or a model that has to be small and yours.
#
# ## What next
#
# - Digits, and three ways to train: [three doors](three_doors.ipynb).
# - More on explanations, and how far to trust them: [why this answer?](explanation.ipynb)
# - Which tool for which data, with measured scores: [chooser](../docs/chooser.md).
