# %% [markdown]
# # Quickstart: from arrays to a saved classifier
#
# `keras_maelre` classifies long inputs: texts, time series, sounds, images. This guide
# takes the shortest way through it with time series: a classifier from a preset, trained
# with `model.fit`, looked at, saved, and loaded again.
#
# - Needs: `pip install "keras_maelre[guides]"` and a backend
# - Time: a minute on two cores
# - Data: simulated buzzes of unequal length
# - Expect: an accuracy of .98
#
# `KERAS_BACKEND=jax jupyter lab guides/quickstart.ipynb` runs it on another backend.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np

import keras_maelre

keras.utils.set_random_seed(0)
print(f"keras {keras.version()} on {keras.backend.backend()}")

# %% [markdown]
# ## Data: arrays
#
# A model takes one array per modality. For time series it is `(samples, length,
# channels)`. Shorter series are padded at the end with NaN; the model masks those steps,
# and they change nothing.
#
# The series here are **simulated**: a buzz under noise that swells and fades. Its pitch
# differs from class to class, though not by much more than within one.


# %%
def buzzes(samples, length=600, seed=0):
    """Simulated buzzes of three pitches, some of them shorter than the others."""
    generator = np.random.default_rng(seed)
    labels = np.arange(samples) % 3
    pitch = np.array([0.05, 0.07, 0.1])[labels] * generator.normal(1, 0.05, samples)
    time = np.arange(length) + generator.uniform(0, 100, (samples, 1))
    phase = 2 * np.pi * pitch[:, None] * time
    swell = np.exp(-(((time / length - generator.random((samples, 1))) / 0.4) ** 2))
    x = swell * (np.sin(phase) + 0.5 * np.sin(2 * phase))
    x += 0.5 * generator.normal(size=x.shape)
    ends = generator.integers(length * 3 // 4, length + 1, samples)
    x[np.arange(length) >= ends[:, None]] = np.nan
    return x[..., None].astype("float32"), labels


names = ("low", "middle", "high")
x_train, y_train = buzzes(480, seed=0)
x_test, y_test = buzzes(240, seed=1)
print(x_train.shape, "of which padding:", f"{np.isnan(x_train).mean():.0%}")

# %%
figure, panels = plt.subplots(3, 1, figsize=(8, 4), sharex=True, layout="constrained")
for label, axes in enumerate(panels):
    axes.plot(x_train[label, :, 0], linewidth=0.6)
    axes.set_ylabel(names[label])
panels[-1].set_xlabel("time step")
figure.suptitle("Simulated buzzes, one of each class")
plt.show()

# %% [markdown]
# ## A model from a preset
#
# `presets` lists what there is. A preset is an architecture; `input_shape` and
# `num_classes` fit it to the data.

# %%
for name in ("tiny_series", "small_series", "base_series"):
    preset = keras_maelre.MaelreClassifier.presets[name]
    print(f"{name:14} {preset['parameters'] / 1e6:6.1f} M  {preset['input_shape']}")

classifier = keras_maelre.MaelreClassifier.from_preset(
    "tiny_series", num_classes=len(names), input_shape=x_train.shape[1:]
)
print(
    f"{keras_maelre.count_macs(classifier) / 1e6:.0f} M multiply-accumulates a series"
)
print("attention of the four blocks:", classifier.backbone.attention_plan)

# %% [markdown]
# ## Training: `compile` and `fit`
#
# The classifier is a plain Keras model that returns logits. Everything that works with
# Keras works with it: callbacks, mixed precision (`dtype="mixed_bfloat16"`), data sets.

# %%
classifier.compile(
    optimizer=keras.optimizers.AdamW(3e-4),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
history = classifier.fit(
    x_train,
    y_train,
    batch_size=16,
    epochs=5,
    validation_split=0.1,
    verbose=2,
)

# %%
figure, panels = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
for axes, name in zip(panels, ("loss", "accuracy"), strict=True):
    axes.plot(history.history[name], marker=".", label="training")
    axes.plot(history.history[f"val_{name}"], marker=".", label="validation")
    axes.set(xlabel="epoch", ylabel=name)
    axes.legend()
plt.show()

# %% [markdown]
# ## Predictions
#
# A softmax over the logits gives probabilities; the report gives accuracy, F1 and a line
# per class.

# %%
logits = classifier.predict(x_test, verbose=0)
probabilities = keras.ops.convert_to_numpy(keras.ops.softmax(logits))
report = keras_maelre.training.ClassificationReport(
    y_test, probabilities.argmax(axis=-1), names
)
print(report)

# %% [markdown]
# Padding changes nothing: a series alone, cut to its valid steps, gets the logits that it
# got padded and in company.

# %%
valid = ~np.isnan(x_test[0, :, 0])
alone = classifier.predict(x_test[:1, valid], verbose=0)
print(f"{valid.sum()} of {valid.size} steps are valid")
print(f"largest difference of the logits: {np.abs(alone[0] - logits[0]).max():.1e}")

# %% [markdown]
# ## What the encoder sees
#
# The backbone returns the class token, the tokens, and the tokens of every block: the
# pyramid that merging builds.

# %%
outputs = classifier.backbone.predict(x_test[:3], verbose=0)
for name in ("block_1", "block_2", "block_3", "block_4", "cls"):
    print(f"{name:8} {outputs[name].shape}")

figure, panels = plt.subplots(4, 1, figsize=(8, 5), layout="constrained")
for i, axes in enumerate(panels):
    block = outputs[f"block_{i + 1}"][2]
    spread = np.abs(block).max()
    axes.imshow(block.T, aspect="auto", cmap="RdBu", vmin=-spread, vmax=spread)
    axes.set(ylabel=f"block {i + 1}", yticks=[])
panels[-1].set_xlabel("token (time goes right; the last ones are padding)")
plt.show()

# %% [markdown]
# ## Saving
#
# `save_to_preset` writes the configuration and the weights; `from_preset` loads them, on
# this backend or another.

# %%
classifier.save_to_preset("quickstart_preset")
reloaded = keras_maelre.MaelreClassifier.from_preset("quickstart_preset")
again = reloaded.predict(x_test, verbose=0)
print(f"largest difference after loading: {np.abs(again - logits).max():.1e}")

# %% [markdown]
# ## What next
#
# - Raw samples, named labels and less to decide: [three doors](three_doors.ipynb).
# - Files of your own: [from raw data](raw_data.ipynb).
# - Series of your own: [time series](series.ipynb).
