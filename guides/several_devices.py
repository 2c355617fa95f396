# %% [markdown]
# # Several devices: divide the batch, or the sequence
#
# Two ways to use more devices than one: each takes a part of the batch, which saves time, or
# a stretch of every sample, which makes room for inputs that do not fit into one. Both give
# the results of one device. This guide shows it on JAX, which does both, and at the end the
# programs that divide batches on TensorFlow and torch.
#
# - Needs: `pip install "keras_maelre[jax,guides]"`. The guide runs on JAX, whatever
#   `KERAS_BACKEND` says; the last part needs the other backends, and is skipped without
# - Time: a minute or two on two cores
# - Data: simulated series of two pitches in noise
# - Expect: an accuracy of 1.0, and losses that are the same on four devices as on one to the
#   fifth digit
#
# The devices are **simulated**: four parts of one CPU, which show that results are equal and
# what each device holds, and gain no time. On a machine with several accelerators leave the
# line with `jax_num_cpu_devices` out.

# %%
import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ["KERAS_BACKEND"] = "jax"

import jax

jax.config.update("jax_num_cpu_devices", 4)

import keras
import matplotlib.pyplot as plt
import numpy as np

from keras_maelre import MaelreClassifier
from keras_maelre.training import SequenceParallel, recipe

devices = keras.distribution.list_devices()
print(f"keras {keras.version()} on {keras.backend.backend()}: {devices}")

# %%
LENGTH = 512


def simulated(count, seed, length=LENGTH):
    """Series of two pitches in noise that is louder than they are."""
    generator = np.random.default_rng(seed)
    y = np.arange(count) % 2
    time = np.arange(length) / 16
    pitch = np.where(y, 1.15, 1.0)[:, None]
    start = generator.uniform(0, 2 * np.pi, (count, 1))
    x = np.sin(2 * np.pi * pitch * time + start)
    x = x + 2 * generator.normal(size=(count, length))
    return x[..., None].astype("float32"), y


x_train, y_train = simulated(128, seed=0)
x_test, y_test = simulated(128, seed=1)

# %% [markdown]
# ## Each device a part of the batch
#
# `keras.distribution.DataParallel` is Keras' own. Under it, or after
# `keras.distribution.set_distribution`, models are built and trained as always, recipes
# included: the four devices have four samples each of every batch of 16, and the same
# weights.


# %%
def trained():
    keras.utils.set_random_seed(0)
    classifier = MaelreClassifier.from_preset(
        "tiny_series",
        num_classes=2,
        input_shape=(LENGTH, 1),
        width=16,
        depths=(1, 1, 1, 1),
    )
    history = recipe("series", learning_rate=2e-3, augmentation=[], mixing=[]).fit(
        classifier,
        x_train,
        y_train,
        validation_data=(x_test, y_test),
        epochs=14,
        batch_size=16,
        verbose=0,
    )
    return history, classifier


alone, classifier = trained()
with keras.distribution.DataParallel(devices=devices).scope():
    divided, _ = trained()

for name, history in (("one device", alone), ("four devices", divided)):
    print(f"{name:14} accuracy {max(history.history['val_accuracy']):.3f} (simulated)")
difference = np.abs(np.subtract(alone.history["val_loss"], divided.history["val_loss"]))
print("largest difference of a validation loss:", f"{difference.max():.0e}")

# %%
figure, axes = plt.subplots(figsize=(5, 3), layout="constrained")
for name, history, style in (
    ("one device", alone, "-"),
    ("four devices", divided, "o"),
):
    axes.plot(history.history["val_loss"], style, label=name, fillstyle="none")
axes.set(xlabel="epoch", ylabel="validation loss, simulated data", ylim=(0, None))
axes.legend()
plt.show()

# %% [markdown]
# *The circles of four devices lie on the line of one: sums are formed in another order, and
# that is all that differs.*
#
# ## Each device a stretch of every sample
#
# `SequenceParallel` divides the tokens. Convolutions exchange the few tokens beyond their edge
# with the neighbor; linear attention adds up its sums over the keys, which are as small as the
# width of a head, however long the input is. Dot-product attention of the last blocks gathers
# the tokens, which are few by then. All weights are on every device.

# %%
LONG = 16_384


def long_classifier():
    keras.utils.set_random_seed(0)
    return MaelreClassifier.from_preset(
        "tiny_series",
        num_classes=2,
        input_shape=(LONG, 1),
        width=16,
        depths=(1, 1, 1, 1),
    )


x_long, _ = simulated(2, seed=2, length=LONG)
expected = long_classifier().predict(x_long, verbose=0)

distribution = SequenceParallel(devices)
with distribution.scope():
    divided = long_classifier()
    found = divided.predict(x_long, verbose=0)
    backbone = divided.backbone
    weights = [v.value for v in backbone.trainable_variables]
    states = [v.value for v in backbone.non_trainable_variables]
    layout = distribution.get_data_layout(x_long.shape).backend_layout
    outputs, _ = jax.jit(backbone.stateless_call)(
        weights, states, jax.device_put(x_long, layout)
    )

close = np.allclose(found, expected, atol=1e-4)
print("four devices answer as one does:", close)
held = {
    name: [part.data.shape[1] for part in outputs[name].addressable_shards]
    for name in (f"block_{i}" for i in (1, 2, 3, 4))
}
for name, tokens in held.items():
    print(f"{name}: tokens on each device {tokens}, of {outputs[name].shape[1]:,}")

# %%
figure, axes = plt.subplots(figsize=(6, 2.4), layout="constrained")
colors = plt.colormaps["viridis"](np.linspace(0.15, 0.85, len(devices)))
for row, (name, tokens) in enumerate(held.items()):
    whole = outputs[name].shape[1]
    starts = np.cumsum([0, *tokens[:-1]])
    for start, count, color in zip(starts, tokens, colors, strict=True):
        axes.barh(row, count / whole, left=start / whole, color=color)
axes.set(xlabel="share of the tokens of the input", xlim=(0, 1))
axes.set_yticks(range(4), [n.replace("_", " ") for n in held])
axes.invert_yaxis()
plt.show()

# %% [markdown]
# *One color for each device: in every block they hold neighboring stretches of the input. Only
# within a layer that attends by dot products are the tokens of a block on all of them.*
#
# - `batch_shards=2` divides the batch in two as well: of four devices, two share each sample.
# - The length must be a multiple of the devices: pad series with NaN and token ids with
#   `padding_id`, both of which are masked.
# - `chunk_size` must stay `None`, and one process must see all devices.
#
# ## TensorFlow and torch
#
# They divide batches, by their own means; sequences they do not divide. Each of these programs
# trains two steps on two simulated devices and prints the losses, and then the same on one.

# %%
TENSORFLOW = """
import keras, numpy as np, tensorflow as tf
from keras_maelre import MaelreClassifier

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
names = [device.name for device in tf.config.list_logical_devices("CPU")]

def losses():
    keras.utils.set_random_seed(0)
    model = MaelreClassifier.from_preset(
        "tiny_series", num_classes=2, input_shape=(128, 1), width=8, depths=(1, 1, 1, 1))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, y = np.random.normal(size=(8, 128, 1)), np.arange(8) % 2
    # `fit` divides its batches, which `train_on_batch` does not.
    return model.fit(x, y, batch_size=8, epochs=2, verbose=0).history["loss"]

with tf.distribute.MirroredStrategy(names).scope():
    divided = losses()
print("two devices", divided, "one", losses())
"""
TORCH = """
import sys, torch, keras, numpy as np
from keras_maelre import MaelreClassifier

def losses(rank, size):
    keras.utils.set_random_seed(0)
    model = MaelreClassifier.from_preset(
        "tiny_series", num_classes=2, input_shape=(128, 1), width=8, depths=(1, 1, 1, 1))
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    x, y = np.random.normal(size=(8, 128, 1)).astype("float32"), np.arange(8) % 2
    call = torch.nn.parallel.DistributedDataParallel(model) if size > 1 else model
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    found = []
    for _ in range(2):
        optimizer.zero_grad()
        inputs = keras.ops.convert_to_tensor(x[rank::size])
        loss = cross_entropy(keras.ops.convert_to_tensor(y[rank::size]), call(inputs))
        loss.backward()  # DistributedDataParallel averages the gradients
        optimizer.step()
        mean = loss.detach() / size
        if size > 1:
            torch.distributed.all_reduce(mean)
        found.append(float(mean))
    return found

torch.distributed.init_process_group("gloo")
divided = losses(torch.distributed.get_rank(), 2)
if torch.distributed.get_rank() == 0:
    print("two devices", divided, "one", losses(0, 1))
torch.distributed.destroy_process_group()
"""
PROGRAMS = {
    "tensorflow": (TENSORFLOW, []),
    "torch": (TORCH, ["-m", "torch.distributed.run", "--nproc-per-node=2"]),
}
for backend, (program, launcher) in PROGRAMS.items():
    if importlib.util.find_spec(backend) is None:
        print(f"{backend} is not installed here")
        continue
    file = pathlib.Path(tempfile.mkdtemp()) / "program.py"
    file.write_text(program)
    done = subprocess.run(
        [sys.executable, *launcher, file],
        env={**os.environ, "KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    print(backend, done.stdout.strip() or done.stderr[-800:])

# %% [markdown]
# ## What next
#
# - [Long inputs](long_inputs.ipynb): what one device can hold, by chunks and recomputation.
# - `examples/distributed.py` compares a whole training on several devices with that on one, on
#   each backend, and takes accelerators where there are some.
