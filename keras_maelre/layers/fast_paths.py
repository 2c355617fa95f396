"""Faster paths of single backends, each behind one function.

None of them changes a result. Where more than the arithmetic of a layer is asked for (a
hook, a quantized product, a dtype policy of its own), Keras' own call runs instead.
"""

import keras
from keras import ops


def is_plain(part, whole):
    """Whether a part of a layer needs nothing but its arithmetic."""
    if part.quantization_mode is not None or part.compute_dtype != whole.compute_dtype:
        return False
    if part.activity_regularizer is not None:
        return False
    return keras.backend.backend() != "torch" or not _has_hooks(part)


def _has_hooks(module):
    from torch.nn.modules import module as torch_module

    return bool(
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
        or torch_module._global_forward_hooks
        or torch_module._global_forward_pre_hooks
        or torch_module._global_backward_hooks
        or torch_module._global_backward_pre_hooks
    )


def run_part(whole, part, x, **kwargs):
    """`part(x, **kwargs)` for a part of a layer, without the bookkeeping of a call.

    Keras spends a fifth of a millisecond on every call of a layer in eager mode, for
    casts, masks and scopes: a tenth of the time of a base model. A part inherits what
    the whole has set up.

    Args:
        whole: The layer that is being called.
        part: A layer of its own.
        x: Tensor in the compute dtype of `whole`, in which the result is, too.
        **kwargs: Other arguments of the call.
    """
    if is_plain(part, whole):
        return part.call(x, **kwargs)
    outputs = part(x, **kwargs)
    return keras.tree.map_structure(
        lambda output: ops.cast(output, whole.compute_dtype), outputs
    )


def is_eager_torch():
    """Whether shapes may depend on values: not in a compiled or exported model."""
    if keras.backend.backend() != "torch":
        return False
    import torch

    return not torch.compiler.is_compiling()


def is_jax_on_cpu():
    """Whether XLA compiles for a CPU from JAX."""
    if keras.backend.backend() != "jax":
        return False
    import jax

    return jax.default_backend() == "cpu"


# === torch ===


def torch_linear(x, kernel, bias):
    """`x @ kernel + bias` in one pass.

    Keras on torch multiplies, then adds the bias, which took a tenth of the time of a
    base model. XLA fuses the two by itself.
    """
    from torch.nn.functional import linear

    return linear(x, kernel.T, bias)


def torch_attention(query, key, value, mask, bias=None):
    """Dot-product attention of `(batch, tokens, heads, head_dim)` without copies.

    Keras copies query, key and value first, and takes no bias beside a mask; the
    kernel takes any strides.
    """
    from torch.nn.functional import scaled_dot_product_attention

    query, key, value = (x.transpose(1, 2) for x in (query, key, value))
    if bias is not None:
        bias = bias.to(query.dtype)
        mask = bias if mask is None else bias.masked_fill(~mask, float("-inf"))
    context = scaled_dot_product_attention(query, key, value, attn_mask=mask)
    return context.transpose(1, 2)


def torch_distinct(token_ids):
    """The distinct ids, and for each id its place among them."""
    import torch

    return torch.unique(token_ids, return_inverse=True)


def torch_sum_of_rows(products, indices):
    """`sum(products[i][indices[:, i:]])` over the window in one pass."""
    import torch

    window, size, dim = products.shape
    offsets = torch.arange(0, window * size, size, device=indices.device)
    rows = indices.unfold(1, window, 1) + offsets
    x = torch.nn.functional.embedding_bag(
        rows.reshape(-1, window), products.reshape(-1, dim), mode="sum"
    )
    return x.reshape(*rows.shape[:2], dim)


def torch_mean_of_rows(table, token_ids, padding_id):
    """The mean of `table[token_ids]` over the tokens, without padding, in one pass."""
    import torch

    return torch.nn.functional.embedding_bag(
        token_ids, table, mode="mean", padding_idx=padding_id
    )


# === JAX on CPUs ===


@ops.custom_gradient
def jax_product(x, kernel):
    """`x @ kernel` with a gradient of the kernel that XLA for CPUs computes well.

    JAX derives `(g^T x)^T`. XLA then transposes `g` in memory and takes a product of
    two transposed matrices, at a third of the speed of `x^T g`: a fifth of the gradient
    of a layer with many tokens. There is no forward-mode derivative.

    Args:
        x: Float tensor of shape `(..., inputs)`.
        kernel: Float tensor of shape `(inputs, outputs)`.
    """

    def gradient(upstream):
        rows = ops.reshape(x, (-1, kernel.shape[0]))
        upstream_rows = ops.reshape(upstream, (-1, kernel.shape[1]))
        return (
            ops.matmul(upstream, ops.transpose(kernel)),
            ops.matmul(ops.transpose(rows), upstream_rows),
        )

    return ops.matmul(x, kernel), gradient


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
