# %% [markdown]
# # Long inputs: what they cost, and what to do about it
#
# Where does the time of a long input go, how do time and memory grow with its length, and
# which switch saves what? Everything here is measured on the machine that runs it.
#
# - Needs: `pip install "keras_maelre[guides]"` and a backend
# - Time: a minute on two cores
# - Data: simulated series of up to 16,384 steps
# - Expect: time that grows with the tokens, and with their square where all attention is by
#   dot products; an accuracy of .94 from a bump of 64 steps in 8,192

# %%
import subprocess
import sys
import time

import keras
import matplotlib.pyplot as plt
import numpy as np

from keras_maelre import MaelreClassifier, count_macs
from keras_maelre.models.cost import macs_by_part
from keras_maelre.training import linear_probe

keras.utils.set_random_seed(0)
generator = np.random.default_rng(0)
print(f"keras {keras.version()} on {keras.backend.backend()}")

# %% [markdown]
# ## Many narrow tokens, then few wide ones
#
# Between blocks four tokens of a series become one, of twice the width. Presets have linear
# attention in the first two blocks, as in the paper. `attention="auto"` decides by the length:
# linear attention where a block has more tokens than its width, and dot products, which are
# cheap there, where it has fewer.


# %%
def classifier_for(length, attention="auto", **arguments):
    return MaelreClassifier.from_preset(
        "tiny_series",
        input_shape=(length, 1),
        num_classes=2,
        attention=attention,
        **arguments,
    )


for length in (512, 4096, 32_768):
    model = classifier_for(length)
    backbone = model.backbone
    tokens = [grid[0] for grid in backbone.token_grids]
    print(f"{length:6,} steps, {count_macs(model) / 1e6:5,.0f} million multiply-adds")
    print("       tokens   ", tokens, "\n       attention", backbone.attention_plan)

# %%
parts = {
    plan: macs_by_part(classifier_for(8192, attention=plan)) for plan in ("auto", "dot")
}
figure, axes = plt.subplots(figsize=(8, 2.2), layout="constrained")
for row, macs in enumerate(parts.values()):
    left = 0
    for color, (part, count) in enumerate(macs.items()):
        label = part if row == 0 else None
        axes.barh(row, count / 1e9, left=left, color=f"C{color}", label=label)
        left += count / 1e9
axes.set(yticks=(0, 1), yticklabels=parts, xlabel="billion multiply-adds")
axes.invert_yaxis()
axes.legend(ncol=3, fontsize=8)
plt.show()

# %% [markdown]
# *One series of 8,192 steps. With dot products everywhere, nearly all of the work is that of
# the first block, every token of which attends to 8,192 others.*
#
# ## Time
#
# The same counted by the clock: one forward pass, the median of three.


# %%
def seconds_of(model, length):
    x = generator.normal(size=(1, length, 1)).astype("float32")
    taken = []
    for _ in range(4):
        begin = time.perf_counter()
        model.predict_on_batch(x)
        taken.append(time.perf_counter() - begin)
    return np.median(taken[1:])


lengths = {"auto": (1024, 2048, 4096, 8192, 16_384), "dot": (1024, 2048, 4096)}
figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
for plan, steps in lengths.items():
    taken = [seconds_of(classifier_for(n, attention=plan), n) for n in steps]
    axes.loglog(steps, taken, marker="o", label=f'attention="{plan}"')
    slope = np.log2(taken[-1] / taken[-2])
    print(f"{plan}: twice the steps take {2**slope:.1f} times as long in the end")
axes.set(xlabel="steps", ylabel="seconds a series")
axes.set_xticks(lengths["auto"], lengths["auto"])
axes.set_xticks([], minor=True)
axes.legend()
plt.show()

# %% [markdown]
# *A straight line of slope 1 means that time grows with the length. Dot products in all blocks
# grow twice as steeply.*
#
# ## Memory
#
# Three switches of `from_preset`. None of them changes an answer beyond rounding:
#
# - `remat=True` keeps for the backward pass only what enters a layer and computes the rest
#   again: less memory, a third more time. It pays in training.
# - `chunk_size=n` has a layer work on `n` tokens at a time. It pays in inference on very long
#   inputs.
# - `dtype="mixed_bfloat16"` halves what is kept, where the hardware knows it; in training.
#
# Each row is a process of its own, which reports its peak: one training step on eight series
# of 8,192 steps. The first block has six layers here, as it has in larger presets: with one
# layer, there is nothing to recompute that is not needed at once.

# %%
STEP = """
import threading
import keras, numpy as np, psutil
from keras_maelre import MaelreClassifier
model = MaelreClassifier.from_preset(
    "tiny_series",
    input_shape=(8192, 1),
    num_classes=2,
    attention="auto",
    depths=(6, 1, 1, 1),
    {arguments}
)
model.compile("adamw", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
seen, done = [psutil.Process().memory_info().rss], threading.Event()
def watch():
    while not done.wait(0.005):
        seen.append(psutil.Process().memory_info().rss)
watcher = threading.Thread(target=watch)
watcher.start()
model.train_on_batch(np.ones((8, 8192, 1), "float32"), np.arange(8) % 2)
done.set()
watcher.join()
print((max(seen) - seen[0]) / 2**20)
"""


def peak_of(arguments):
    code = STEP.format(arguments=arguments)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    return float(done.stdout.split()[-1])


rows = {
    "as it is": "",
    "remat": "remat=True",
    "remat and chunks": "remat=True, chunk_size=1024",
}
peaks = {name: peak_of(arguments) for name, arguments in rows.items()}
print({name: f"{peak:.0f} MiB" for name, peak in peaks.items()})
figure, axes = plt.subplots(figsize=(6, 2), layout="constrained")
axes.barh(list(peaks), list(peaks.values()))
axes.invert_yaxis()
axes.set(xlabel="MiB that a training step takes beyond model and imports")
plt.show()

# %% [markdown]
# *What recomputation saves is what lies between the layers' inputs. Chunks need not help in a
# training step, where all of them are kept for the backward pass of their layer. On CPUs the
# compiler of JAX undoes `remat` unless
# `XLA_FLAGS=--xla_disable_hlo_passes=cse_barrier_expander` is set.*
#
# That no switch changes an answer, with the same weights:

# %%
x = generator.normal(size=(2, 8192, 1)).astype("float32")
plain = classifier_for(8192)
for arguments in ({"remat": True}, {"chunk_size": 1000}):
    other = classifier_for(8192, **arguments)
    other.set_weights(plain.get_weights())
    difference = np.abs(other.predict_on_batch(x) - plain.predict_on_batch(x)).max()
    print(arguments, f"largest difference {difference:.0e}")

# %% [markdown]
# ## A needle in a haystack
#
# Does anything of 64 steps survive in 8,192? **Simulated** noise, with a bump of 64 steps at a
# random place in every other series. Nothing but the head is fitted, by `linear_probe`; with
# `pooling="blocks"` it sees the statistics of the tokens of every block.


# %%
def haystack(samples):
    x = generator.normal(size=(samples, 8192, 1)).astype("float32")
    labels = np.arange(samples) % 2
    for i in np.flatnonzero(labels):
        start = generator.integers(8192 - 64)
        x[i, start : start + 64, 0] += 3 * np.hanning(64)
    return x, labels


x_train, y_train = haystack(160)
x_test, y_test = haystack(80)
classifier = classifier_for(8192, pooling="blocks")
linear_probe(classifier, x_train, y_train, verbose=0)
found = classifier.predict_proba(x_test).argmax(axis=1)
print(f"accuracy {np.mean(found == y_test):.3f}")

# %% [markdown]
# ## What next
#
# - The switches in one table, with gradient accumulation: [memory](../docs/howto/memory.md).
# - Up to a million tokens, and beside other models of long inputs:
#   [benchmarks](../benchmarks/README.md#scalingpy-to-a-million-tokens).
# - What each part of the architecture costs, and is worth: [ablations](ablations.ipynb).
# - [Several devices](several_devices.ipynb), which divide batches, or one long series.
