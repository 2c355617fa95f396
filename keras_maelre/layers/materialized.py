"""A value that XLA computes once and stores, instead of once for every use."""

import keras


def is_jax_on_cpu():
    if keras.backend.backend() != "jax":
        return False
    import jax

    return jax.default_backend() == "cpu"


def materialized(x):
    """Returns `x`; on JAX on CPUs, its gradient is stored before it is used.

    The gradient that flows along the residual connections is a sum of one term per
    layer. XLA for CPUs takes sums for cheap and repeats them in each product that uses
    them, so that deep models spent a quarter of a training step on adding the same
    terms again (and half of the compilation). It drops optimization barriers before
    it decides so, but it does not look into a condition.

    Args:
        x: Float tensor of rank 3.
    """
    if not is_jax_on_cpu():
        return x
    import jax

    first = jax.lax.stop_gradient(x[0, 0, 0]).astype("float32")
    # Never true of a finite activation; what it would do must differ from nothing.
    return jax.lax.cond(first > 3e38, lambda x: 2 * x, lambda x: x, x)
