"""Distributed: the same training on several devices as on one.

    KERAS_BACKEND=jax python examples/distributed.py --devices 2 --compare
    KERAS_BACKEND=jax python examples/distributed.py --devices 2 --sequence-parallel
    KERAS_BACKEND=torch python examples/distributed.py --devices 2 --compare

`KERAS_BACKEND=tensorflow|jax|torch` selects the backend and with it what divides the
work, all of it the backend's or Keras' own:

- JAX: `keras.distribution.DataParallel`, every device has a part of the batch; with
  `--sequence-parallel` `keras_maelre.training.SequenceParallel`, every device has a
  stretch of every series, for inputs too long for one device;
- TensorFlow: `tf.distribute.MirroredStrategy`;
- torch: `torch.nn.parallel.DistributedDataParallel`, one process for each device.

Without accelerators the devices are SIMULATED: parts of the CPU, which show that the
results are the same, and gain no time. The data are simulated wingbeats, a third of
them shorter than the others; the recipe is that of mosquito.py without what is random.
"""

import argparse
import contextlib
import itertools
import pathlib
import tempfile

import keras
import numpy as np
import shared
from simulated import simulated_wingbeats

import keras_maelre
from keras_maelre import training
from keras_maelre.preprocessing import SeriesPreprocessor


def main(arguments=None):
    args = parse(arguments)
    train = {"jax": train_jax, "tensorflow": train_tensorflow, "torch": train_torch}
    devices, losses = train[keras.backend.backend()](args)
    print(f"{args.preset} on {keras.backend.backend()}: {', '.join(devices)}")
    if any("cpu" in name.lower() for name in devices):
        print(f"simulated: one machine's CPU split into {args.devices} devices")
    whole = f"{args.batch_size} series of {args.length} steps"
    share = f"{args.batch_size // args.devices} series"
    if args.sequence_parallel:
        share = f"{args.length // args.devices} steps of every series"
    print(f"A batch has {whole}, of which every device has {share}.")
    if not args.compare:
        for step, loss in enumerate(losses, 1):
            print(f"step {step:3}   loss {loss:.6f}")
        return losses, None
    alone = train_steps(*build(args))
    print(f"{'loss by step':14}{f'{args.devices} devices':>11}{'1 device':>11}")
    for step, (loss, other) in enumerate(zip(losses, alone, strict=True), 1):
        print(f"{step:<14}{loss:11.6f}{other:11.6f}")
    print(f"Largest difference: {max(np.abs(np.subtract(losses, alone))):.1e}")
    return losses, alone


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (
        ("devices", 2),
        ("steps", 20),
        ("batch-size", 8),
        ("length", 1000),
    ):
        parser.add_argument(
            f"--{name}",
            type=shared.positive,
            default=default,
            help="default: %(default)s",
        )
    parser.add_argument("--preset", default="tiny_series", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument(
        "--sequence-parallel",
        action="store_true",
        help="divide every series instead of the batch, on JAX",
    )
    parser.add_argument(
        "--compare", action="store_true", help="train on one device too, and compare"
    )
    args = parser.parse_args(arguments)
    if args.sequence_parallel and keras.backend.backend() != "jax":
        parser.error("--sequence-parallel needs KERAS_BACKEND=jax")
    divided = "length" if args.sequence_parallel else "batch_size"
    if getattr(args, divided) % args.devices:
        # The mean over the samples is that over the devices only if these are equal.
        parser.error(f"--devices must divide the {divided.replace('_', ' ')}")
    return args


def build(args):
    """The compiled classifier and its batches: the same for the same arguments."""
    keras.utils.set_random_seed(args.seed)
    data = simulated_wingbeats(samples_per_class=8, length=args.length, seed=args.seed)
    recipe = training.recipe(
        "series",
        augmentation=[],
        mixing=[],
        ema=False,
        drop_path_rate=0.0,
        # On TensorFlow Keras clips the gradients of every device, not their average.
        global_clipnorm=None,
    )
    classifier = keras_maelre.MaelreClassifier.from_preset(
        args.preset,
        num_classes=len(data.class_names),
        input_shape=data.x_train.shape[1:],
    )
    recipe.compile(classifier, args.steps)
    series = list(data.x_train)
    series[::3] = [x[: 2 * args.length // 3] for x in series[::3]]
    batches = training.AugmentedBatches(
        series,
        data.y_train,
        num_classes=len(data.class_names),
        batch_size=args.batch_size,
        preprocessor=SeriesPreprocessor(input_shape=data.x_train.shape[1:]),
        seed=args.seed,
    )
    return classifier, steps_of(batches, args.steps)


def steps_of(batches, steps):
    """As many batches as there are steps, from as many epochs as it takes."""
    for epoch in itertools.count():
        batches.begin_epoch(epoch)
        for index in range(len(batches)):
            if epoch * len(batches) + index == steps:
                return
            yield batches[index]


def train_steps(classifier, batches):
    """Trains on each batch and returns the loss of every step.

    On TensorFlow `fit` divides a batch among devices, and `train_on_batch` does not.
    """
    losses = []
    for x, y in batches:
        history = classifier.fit(x, y, batch_size=len(x), verbose=0)
        losses.append(history.history["loss"][0])
    return losses


def train_jax(args):
    import jax

    # Simulates that many where there is no accelerator, and does nothing elsewhere.
    jax.config.update("jax_num_cpu_devices", args.devices)
    names = chosen(keras.distribution.list_devices(), args.devices)
    if args.sequence_parallel:
        distribution = training.SequenceParallel(names)
    else:
        distribution = keras.distribution.DataParallel(devices=names)
    with distribution.scope():  # `set_distribution` for the whole of a program
        return names, train_steps(*build(args))


def train_tensorflow(args):
    import tensorflow as tf

    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    if kind == "CPU":
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0],
            [tf.config.LogicalDeviceConfiguration()] * args.devices,
        )
    found = [device.name for device in tf.config.list_logical_devices(kind)]
    names = chosen(found, args.devices)
    strategy = tf.distribute.MirroredStrategy(names)
    with strategy.scope():
        classifier, batches = build(args)
    return names, train_steps(classifier, batches)


def train_torch(args):
    import torch

    names = ["cpu"] * args.devices
    if torch.cuda.is_available():
        found = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
        names = chosen(found, args.devices)
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(
            torch_process, (args, names, folder), nprocs=args.devices
        )
        return names, np.load(pathlib.Path(folder) / "losses.npy").tolist()


def torch_process(rank, args, names, folder):
    """What each process does: `rank`'s share of every batch, averaged gradients."""
    import torch

    on_gpu = names[rank] != "cpu"
    if on_gpu:
        torch.cuda.set_device(names[rank])
    torch.distributed.init_process_group(
        "nccl" if on_gpu else "gloo",
        init_method=(pathlib.Path(folder) / "rendezvous").as_uri(),
        rank=rank,
        world_size=args.devices,
    )
    with keras.device(names[rank]) if on_gpu else contextlib.nullcontext():
        losses = torch_steps(rank, args)
    if rank == 0:
        np.save(pathlib.Path(folder) / "losses.npy", losses)
    # What divided the batches is gone: were it the last to know of the group, it would
    # wait, with Python's lock, for a thread that waits for the lock.
    torch.distributed.destroy_process_group()


def torch_steps(rank, args):
    """The losses of every step, over all processes."""
    import torch

    classifier, batches = build(args)
    divided = torch.nn.parallel.DistributedDataParallel(classifier)
    weights = classifier.trainable_variables
    losses = []
    for x, y in batches:
        logits = divided(
            keras.ops.convert_to_tensor(x[rank :: args.devices]), training=True
        )
        classifier.zero_grad()
        loss = classifier.compute_loss(
            y=keras.ops.convert_to_tensor(y[rank :: args.devices]), y_pred=logits
        )
        loss.backward()  # and averages the gradients over all processes
        with torch.no_grad():
            classifier.optimizer.apply([w.value.grad for w in weights], weights)
        mean = loss.detach() / args.devices
        torch.distributed.all_reduce(mean)
        losses.append(float(mean))
    return losses


def chosen(found, count):
    """The first devices of those found, if there are as many."""
    if len(found) < count:
        raise SystemExit(
            f"--devices {count}, but there are only {len(found)}: {', '.join(found)}. "
            "To simulate them on the CPU, hide these from the backend: "
            "CUDA_VISIBLE_DEVICES= (JAX: JAX_PLATFORMS=cpu)."
        )
    return found[:count]


if __name__ == "__main__":
    main()
