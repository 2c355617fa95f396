"""The MAELRE architecture in plain float64 NumPy: slow, obvious, no Keras.

Everything here is written from the definition of the architecture, one formula
at a time, so that it shares no algorithm with the library. Linear attention
builds the whole tokens x tokens matrix of kernel weights; convolutions and
poolings walk over every window.

Weights come as nested dictionaries of arrays: `{"kernel", "bias"}` for a dense
map or a convolution, `{"gamma", "beta"}` for a layer normalisation, and the
names of the parts for everything larger. A mask is True for a token that counts.
"""

import itertools
import math

import numpy as np

LAYER_NORM_EPSILON = 1e-6

_erf = np.vectorize(math.erf, otypes=[np.float64])


def elu_plus_one(x):
    return np.where(x > 0, x + 1.0, np.exp(np.minimum(x, 0.0)))


def relu(x):
    return np.maximum(x, 0.0)


def softplus(x):
    return np.logaddexp(x, 0.0)


def focused(x):
    """The third power of the positive part of every vector, at its own length."""
    y = relu(x)
    cubes = y**3
    size = np.linalg.norm(cubes, axis=-1, keepdims=True)
    size[size == 0] = 1.0
    return np.linalg.norm(y, axis=-1, keepdims=True) * cubes / size


FEATURE_MAPS = {
    "elu": elu_plus_one,
    "focused": focused,
    "relu": relu,
    "softplus": softplus,
}


def gelu(x):
    return 0.5 * x * (1.0 + _erf(x / math.sqrt(2.0)))


def dense(x, weights):
    return x @ weights["kernel"] + weights["bias"]


def layer_norm(x, weights):
    mean = x.mean(axis=-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
    normalised = (x - mean) / np.sqrt(variance + LAYER_NORM_EPSILON)
    return normalised * weights["gamma"] + weights["beta"]


# Attention


def kernel_attention_head(query, key, value, mask, feature_map):
    """One head of one sample: every query weighs every valid token."""
    weights = feature_map(query) @ feature_map(key).T
    weights[:, ~mask] = 0.0
    total = weights.sum(axis=1, keepdims=True)
    # A query whose features meet no key (possible with ReLU) attends to nothing.
    total[total == 0] = 1.0
    return (weights / total) @ value


def state_attention_head(query, key, value, mask, feature_map):
    """The same head through its (head_dim, head_dim) state, for long inputs."""
    key = feature_map(key)[mask]
    state = key.T @ value[mask]
    normaliser = key.sum(axis=0)
    query = feature_map(query)
    total = query @ normaliser
    total[total == 0] = 1.0
    return (query @ state) / total[:, None]


def softmax_attention_head(query, key, value, mask):
    scores = query @ key.T / math.sqrt(query.shape[1])
    scores[:, ~mask] = -np.inf
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True) @ value


def multi_head(x, mask, weights, num_heads, attend):
    """Runs `attend(query, key, value, mask)` for every sample and every head."""
    batch, tokens, dim = x.shape
    head_dim = dim // num_heads
    if mask is None:
        mask = np.ones((batch, tokens), dtype=bool)
    query, key, value = np.split(dense(x, weights["qkv"]), 3, axis=-1)
    heads = np.empty((batch, tokens, dim))
    for sample in range(batch):
        for head in range(num_heads):
            columns = slice(head * head_dim, (head + 1) * head_dim)
            heads[sample, :, columns] = attend(
                query[sample, :, columns],
                key[sample, :, columns],
                value[sample, :, columns],
                mask[sample],
            )
    return dense(heads, weights["output_dense"])


def linear_attention(x, mask, weights, num_heads, feature_map=elu_plus_one):
    def attend(query, key, value, mask):
        return kernel_attention_head(query, key, value, mask, feature_map)

    return multi_head(x, mask, weights, num_heads, attend)


def long_linear_attention(x, mask, weights, num_heads, feature_map=elu_plus_one):
    """`linear_attention` for lengths whose tokens x tokens matrix is too large."""

    def attend(query, key, value, mask):
        return state_attention_head(query, key, value, mask, feature_map)

    return multi_head(x, mask, weights, num_heads, attend)


def dot_attention(x, mask, weights, num_heads):
    return multi_head(x, mask, weights, num_heads, softmax_attention_head)


def focused_attention(x, mask, weights, num_heads):
    """Linear attention, and a convolution of the values of the tokens after the first.

    Each channel of a head has its own kernel, the same in all heads.
    """
    kernel = weights["value_kernel"]
    size = len(kernel)

    def attend(query, key, value, mask):
        result = kernel_attention_head(query, key, value, mask, focused)
        for i in range(1, len(value)):
            for offset in range(size):
                j = i + offset - size // 2
                if 1 <= j < len(value) and mask[j]:
                    result[i] += kernel[offset] * value[j]
        return result

    return multi_head(x, mask, weights, num_heads, attend)


def sees(tokens, mask, window):
    """Which token (row) sees which: the first sees all and is seen by all.

    The others see those at most `window` places away. A token that is masked sees
    nothing but itself at least, so that its meaningless output is a number.
    """
    place = np.arange(tokens)
    near = np.abs(place[:, None] - place) <= window
    near[0] = near[:, 0] = True
    return near & mask | np.eye(tokens, dtype=bool)


def softmax(scores, allowed, axis):
    scores = np.where(allowed, scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return weights / weights.sum(axis=axis, keepdims=True)


def window_attention(x, mask, weights, num_heads, window):
    def attend(query, key, value, mask):
        scores = query @ key.T / math.sqrt(query.shape[1])
        return softmax(scores, sees(len(x[0]), mask, window), axis=1) @ value

    return multi_head(x, mask, weights, num_heads, attend)


def long_short_attention(x, mask, weights, num_heads, window):
    """The window, and means of keys and values of each head that all tokens see."""
    batch, tokens, dim = x.shape
    head_dim = dim // num_heads
    if mask is None:
        mask = np.ones((batch, tokens), dtype=bool)
    query, key, value = np.split(dense(x, weights["qkv"]), 3, axis=-1)
    landmarks = weights["landmark_kernel"].shape[1] // num_heads
    heads = np.empty((batch, tokens, dim))
    columns = [slice(h * head_dim, (h + 1) * head_dim) for h in range(num_heads)]
    for sample in range(batch):
        far_key, far_value = np.empty((2, landmarks, dim))
        for head, part in enumerate(columns):
            kernel = weights["landmark_kernel"]
            kernel = kernel[:, head * landmarks : (head + 1) * landmarks]
            shares = softmax(key[sample, :, part] @ kernel, mask[sample][:, None], 0)
            far_key[:, part] = shares.T @ key[sample, :, part]
            far_value[:, part] = shares.T @ value[sample, :, part]
        keys, values = (
            np.concatenate(
                [
                    layer_norm(near[sample], weights["near_norm"]),
                    layer_norm(far, weights["far_norm"]),
                ]
            )
            for near, far in ((key, far_key), (value, far_value))
        )
        allowed = np.ones((tokens, tokens + landmarks), dtype=bool)
        allowed[:, :tokens] = sees(tokens, mask[sample], window)
        # The first token reads the tokens themselves.
        allowed[0, tokens:] = False
        for part in columns:
            scores = query[sample, :, part] @ keys[:, part].T / math.sqrt(head_dim)
            heads[sample, :, part] = softmax(scores, allowed, 1) @ values[:, part]
    return dense(heads, weights["output_dense"])


def attention(x, mask, weights, num_heads, kind, feature_map=elu_plus_one, window=32):
    if kind == "linear":
        return linear_attention(x, mask, weights, num_heads, feature_map)
    if kind == "dot":
        return dot_attention(x, mask, weights, num_heads)
    if kind == "focused":
        return focused_attention(x, mask, weights, num_heads)
    if kind == "window":
        return window_attention(x, mask, weights, num_heads, window)
    if kind == "long_short":
        return long_short_attention(x, mask, weights, num_heads, window)
    raise ValueError(f"no attention {kind!r}")


# Convolution and token merging, over any number of spatial axes


def windows(shape, kernel_size, strides):
    """Yields (output position, [(offset in the kernel, input position), ...]).

    Output `j` is centred at input `strides * j`: `kernel_size // 2` positions
    before it, `(kernel_size - 1) // 2` behind. Only inputs that exist are listed.
    """
    outputs = [range(-(-size // strides)) for size in shape]
    offsets = [range(kernel_size)] * len(shape)
    for output in itertools.product(*outputs):
        inside = []
        for offset in itertools.product(*offsets):
            position = tuple(
                strides * j - kernel_size // 2 + o
                for j, o in zip(output, offset, strict=True)
            )
            if all(0 <= p < size for p, size in zip(position, shape, strict=True)):
                inside.append((offset, position))
        yield output, inside


def merged_shape(x, strides):
    spatial = [-(-size // strides) for size in x.shape[1:-1]]
    return (x.shape[0], *spatial)


def zero_masked(x, mask):
    return x if mask is None else np.where(mask[..., None], x, 0.0)


def conv(x, weights, strides, mask=None):
    """Convolution of (batch, *spatial, channels), masked positions as zeros."""
    x = zero_masked(x, mask)
    kernel, bias = weights["kernel"], weights["bias"]
    result = np.empty((*merged_shape(x, strides), kernel.shape[-1]))
    for output, inside in windows(x.shape[1:-1], kernel.shape[0], strides):
        total = np.zeros((x.shape[0], kernel.shape[-1]))
        for offset, position in inside:
            total += x[:, *position] @ kernel[offset]
        result[:, *output] = total + bias
    return result


def average_merge(x, kernel_size, strides, mask=None):
    """Mean over the valid tokens of every window, 0 where there are none."""
    if mask is None:
        mask = np.ones(x.shape[:-1], dtype=bool)
    result = np.zeros((*merged_shape(x, strides), x.shape[-1]))
    for output, inside in windows(x.shape[1:-1], kernel_size, strides):
        for sample in range(x.shape[0]):
            valid = [x[sample, *p] for _, p in inside if mask[sample, *p]]
            if valid:
                result[sample, *output] = np.mean(valid, axis=0)
    return result


def max_merge(x, weights, kernel_size, strides, mask=None):
    """Convolution, LayerNorm, then the largest of the valid tokens of every window."""
    if mask is None:
        mask = np.ones(x.shape[:-1], dtype=bool)
    x = layer_norm(conv(x, weights["conv"], 1, mask), weights["norm"])
    result = np.zeros((*merged_shape(x, strides), x.shape[-1]))
    for output, inside in windows(x.shape[1:-1], kernel_size, strides):
        for sample in range(x.shape[0]):
            valid = [x[sample, *p] for _, p in inside if mask[sample, *p]]
            if valid:
                result[sample, *output] = np.max(valid, axis=0)
    return result


def residual_merge(x, weights, strides, mask=None):
    """A convolution, and the mean over its windows."""
    kernel_size = weights["kernel"].shape[0]
    mean = average_merge(x, kernel_size, strides, mask)
    return conv(x, weights, strides, mask) + mean


def linear_merge(x, weights, strides, mask=None):
    """A dense map over the token axis; short sequences use its leading part.

    The tokens of a grid are taken row by row, before and after.
    """
    x = zero_masked(x, mask)
    shape = merged_shape(x, strides)
    tokens = x.reshape(x.shape[0], -1, x.shape[-1])
    merged = np.zeros((shape[0], math.prod(shape[1:]), x.shape[-1]))
    for j in range(merged.shape[1]):
        for i in range(tokens.shape[1]):
            merged[:, j] += weights["kernel"][i, j] * tokens[:, i]
        merged[:, j] += weights["bias"][j]
    return merged.reshape(*shape, x.shape[-1])


def merged_mask(mask, strides):
    """A merged token is valid if any of the tokens of its cell is."""
    result = np.zeros((mask.shape[0], *[-(-s // strides) for s in mask.shape[1:]]))
    for sample, *position in np.argwhere(mask):
        result[sample, *[p // strides for p in position]] = 1
    return result.astype(bool)


# Encoder


def encoder_layer(
    x, mask, weights, num_heads, kind, feature_map=elu_plus_one, window=32
):
    """x + Attention(LN(x)), then x + MLP(LN(x))."""
    normalised = layer_norm(x, weights["attention_norm"])
    x = x + attention(
        normalised, mask, weights["attention"], num_heads, kind, feature_map, window
    )
    normalised = layer_norm(x, weights["mlp_norm"])
    hidden = gelu(dense(normalised, weights["mlp_hidden"]))
    return x + dense(hidden, weights["mlp_output"])


def merge_tokens(tokens, mask, weights, merge, shape):
    """Merges (batch, tokens, dim), laid out first on `shape`: a length or a grid.

    Returns the merged tokens, their mask and their shape.
    """
    if merge == "none":
        return tokens, mask, shape
    batch, _, dim = tokens.shape
    kernel_size, strides = (9, 4) if len(shape) == 1 else (3, 2)
    laid = tokens.reshape(batch, *shape, dim)
    laid_mask = None if mask is None else mask.reshape(batch, *shape)
    if merge == "conv":
        laid = conv(laid, weights, strides, laid_mask)
    elif merge == "average":
        laid = average_merge(laid, kernel_size, strides, laid_mask)
    elif merge == "max":
        laid = max_merge(laid, weights, kernel_size, strides, laid_mask)
    elif merge == "residual":
        laid = residual_merge(laid, weights, strides, laid_mask)
    elif merge == "linear":
        laid = linear_merge(laid, weights, strides, laid_mask)
    else:
        raise ValueError(f"no merge {merge!r}")
    if mask is not None:
        mask = merged_mask(laid_mask, strides).reshape(batch, -1)
    return laid.reshape(batch, -1, dim), mask, laid.shape[1:-1]


def block(
    x,
    mask,
    weights,
    num_heads,
    kind,
    merge,
    shape,
    feature_map=elu_plus_one,
    window=32,
):
    """Encoder layers, then merging, then widening by `weights["expand"]`, if any.

    The class token is `x[:, 0]` and never merged; the others lie on `shape`.
    Returns the tokens, their mask and shape, and the tokens before merging.
    """
    for layer in weights["layers"]:
        x = encoder_layer(x, mask, layer, num_heads, kind, feature_map, window)
    before = x
    tokens, token_mask, shape = merge_tokens(
        x[:, 1:],
        None if mask is None else mask[:, 1:],
        weights.get("merge"),
        merge,
        shape,
    )
    x = np.concatenate([x[:, :1], tokens], axis=1)
    if mask is not None:
        mask = np.concatenate([mask[:, :1], token_mask], axis=1)
    if "expand" in weights:
        x = dense(x, weights["expand"])
    return x, mask, shape, before


# Whole model


def token_stem(token_ids, weights, padding_id):
    """Token embeddings, then a convolution of stride 1; padding is masked."""
    mask = token_ids != padding_id
    embedded = weights["embeddings"][token_ids]
    return conv(embedded, weights["conv"], 1, mask), mask


def embedding_mean(token_ids, weights, modality):
    """The mean of the embeddings of each sample's tokens, without padding."""
    padding_id = {"text": 1, "bytes": 0}[modality]
    rows = [sample[sample != padding_id] for sample in token_ids]
    return np.stack([weights["embeddings"][row].mean(axis=0) for row in rows])


def series_stem(series, weights):
    """A convolution of stride 1; a step that is NaN in every channel is padding."""
    mask = ~np.isnan(series).all(axis=-1)
    return conv(series, weights["conv"], 1, mask), mask


def patch_stem(x, weights):
    """A convolution of stride 4 over a spectrogram or an image, as a grid."""
    if x.ndim == 3:
        x = x[..., None]
    return conv(x, weights["conv"], 4)


def stem(x, weights, modality):
    """Returns the tokens, their mask and the shape they lie on."""
    if modality in ("text", "bytes"):
        tokens, mask = token_stem(x, weights, {"text": 1, "bytes": 0}[modality])
    elif modality == "series":
        tokens, mask = series_stem(x, weights)
    else:
        tokens, mask = patch_stem(x, weights), None
    shape = tokens.shape[1:-1]
    return tokens.reshape(tokens.shape[0], -1, tokens.shape[-1]), mask, shape


def backbone(x, weights, modality, num_heads, attention, merge, feature_map, window=32):
    """Returns name -> array and name -> mask (or None) of all outputs.

    `num_heads` and `attention` hold one entry per block. The arrays are `cls` and
    `tokens`, normalised, and `block_1` and so on, the tokens before merging; of token
    ids also `summary`, the mean of the embeddings of the tokens that are kept.
    """
    inputs = x
    x, mask, shape = stem(x, weights["stem"], modality)
    positions = weights["positions"].reshape(-1, x.shape[-1])
    x = x + positions[: x.shape[1]]
    batch, _, dim = x.shape
    cls = np.broadcast_to(weights["cls"], (batch, 1, dim))
    x = np.concatenate([cls, x], axis=1)
    if mask is not None:
        mask = np.concatenate([np.ones((batch, 1), dtype=bool), mask], axis=1)
    outputs, masks = {}, {}
    plan = zip(weights["blocks"], num_heads, attention, strict=True)
    for number, (block_weights, heads, kind) in enumerate(plan, start=1):
        is_last = number == len(num_heads)
        name = f"block_{number}"
        masks[name] = None if mask is None else mask[:, 1:]
        x, mask, shape, before = block(
            x,
            mask,
            block_weights,
            heads,
            kind,
            "none" if is_last else merge,
            shape,
            feature_map,
            window,
        )
        outputs[name] = before[:, 1:]
    x = layer_norm(x, weights["norm"])
    outputs |= {"cls": x[:, 0], "tokens": x[:, 1:]}
    masks |= {"cls": None, "tokens": None if mask is None else mask[:, 1:]}
    if modality in ("text", "bytes"):
        outputs["summary"] = embedding_mean(inputs, weights["stem"], modality)
        masks["summary"] = None
    return outputs, masks
