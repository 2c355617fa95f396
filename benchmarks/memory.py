"""How much memory does a training step on long documents take?

    KERAS_BACKEND=jax python benchmarks/memory.py          # 24 documents, 17,000 tokens
    KERAS_BACKEND=jax python benchmarks/memory.py --quick  # tiny_text, 2 of 4,096
    KERAS_BACKEND=jax python benchmarks/memory.py --run remat_chunks

The compiler's own account (JAX: arguments, temporary memory and results of the
compiled step, those that are updated in place counted once) of a training step with
AdamW in mixed_bfloat16, the token table frozen, as in the paper, whose authors train 24
documents of 17,000 tokens on a GPU of 16 GB. As the model is; with every layer
recomputed in the backward pass; and that in chunks of tokens. With `--run`, the named
one is also executed once, in this process, and its time and the peak of the process are
printed.

Compilers for other devices schedule and fuse otherwise: what they need may differ.
"""

import argparse
import time

import environment
import jax
import keras
import numpy as np

import keras_maelre

WAYS = {
    "plain": {},
    "remat": {"remat": True},
    "remat_chunks": {"remat": True, "chunk_size": 1024},
}
# XLA for CPUs removes the barriers that keep what is recomputed apart from what was
# computed, and then keeps the latter after all: without this, `remat` does nothing.
OPTIONS = (
    {"xla_disable_hlo_passes": "cse_barrier_expander"}
    if jax.default_backend() == "cpu"
    else None
)


def training_step(model):
    """The step as a pure function, and the state it starts from."""
    optimizer = keras.optimizers.AdamW(1e-4)
    optimizer.build(model.trainable_variables)
    loss_function = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def loss(trainable, others, x, y):
        logits, others = model.stateless_call(trainable, others, x, training=True)
        return loss_function(y, logits), others

    def step(trainable, others, slots, x, y):
        (value, others), grads = jax.value_and_grad(loss, has_aux=True)(
            trainable, others, x, y
        )
        trainable, slots = optimizer.stateless_apply(slots, grads, trainable)
        return value, trainable, others, slots

    state = (model.trainable_variables, model.non_trainable_variables)
    state = (*state, optimizer.variables)
    return step, [[variable.value for variable in part] for part in state]


def measure(way, args):
    model = keras_maelre.MaelreClassifier.from_preset(
        args.preset,
        num_classes=10,
        input_shape=(args.length,),
        attention="auto",
        trainable_embeddings=False,
        dtype="mixed_bfloat16",
        **WAYS[way],
    )
    x = np.random.default_rng(0).integers(2, 50265, (args.batch_size, args.length))
    x, y = x.astype("int32"), np.zeros(args.batch_size, "int32")
    step, state = training_step(model)
    lowered = jax.jit(step, donate_argnums=(0, 1, 2)).lower(*state, x, y)
    compiled = lowered.compile(compiler_options=OPTIONS)
    sizes = compiled.memory_analysis()
    gib = [
        size / 2**30
        for size in (
            sizes.argument_size_in_bytes,
            sizes.temp_size_in_bytes,
            sizes.output_size_in_bytes - sizes.alias_size_in_bytes,
        )
    ]
    print(
        f"| {way} | {gib[0]:.2f} | {gib[1]:.2f} | {sum(gib):.2f} |",
        end="" if args.run == way else "\n",
        flush=True,
    )
    if args.run != way:
        return
    begin = time.perf_counter()
    value = compiled(*state, x, y)[0].block_until_ready()
    seconds = time.perf_counter() - begin
    if not np.isfinite(value):
        raise ArithmeticError(f"The loss is {value}.")
    print(
        f" {seconds:.0f} s, {environment.memory('VmHWM') / 2**30:.2f} GiB |", flush=True
    )


def main(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="base_text")
    parser.add_argument("--batch-size", type=int, default=24)
    parser.add_argument("--length", type=int, default=17_000)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--run", choices=WAYS, help="also execute this one")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args(argv)
    if keras.backend.backend() != "jax":
        parser.error("only JAX tells the memory of a compiled step: KERAS_BACKEND=jax")
    if args.quick:
        args.preset, args.batch_size, args.length = "tiny_text", 2, 4096
    print("| | state, GiB | temporary | sum | executed: time, peak of the process |")
    print("|---|---|---|---|---|")
    for way in args.ways:
        measure(way, args)
    print(
        f"\n{args.preset}, {args.batch_size} documents of {args.length:,} tokens, "
        f"mixed_bfloat16; {environment.one_line('keras', 'jax', 'numpy')}."
    )


if __name__ == "__main__":
    main()
