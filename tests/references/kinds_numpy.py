"""The kinds of attention beyond `maelre_numpy`, token by token, in float64.

Each is `(x, mask, weights, num_heads, ...) -> output`; the first token is the class
token.
"""

import numpy as np

from tests.references.maelre_numpy import dense, multi_head, softmax


def performer_attention(x, mask, weights, num_heads):
    """Every query weighs every valid token by the product of their features."""

    def exponents(x):
        x = x / len(weights["directions"]) ** 0.25
        lengths = np.sum(x * x, axis=1, keepdims=True)
        return x @ weights["directions"] - lengths / 2

    def attend(query, key, value, mask):
        products = exponents(query)[:, None] + exponents(key)[None, :]
        products[:, ~mask] = -np.inf
        products = np.exp(products - products.max(axis=(1, 2), keepdims=True))
        similarity = products.sum(axis=2)
        return similarity / similarity.sum(axis=1, keepdims=True) @ value

    return multi_head(x, mask, weights, num_heads, attend)


def nystrom_attention(x, mask, weights, num_heads, num_landmarks, iterations=6):
    """Tokens attend to the means of segments of the valid tokens, and these to all."""

    def shares(query, key):
        return softmax(query @ key.T / np.sqrt(query.shape[1]), True, axis=1)

    def attend(query, key, value, mask):
        segments = np.arange(mask.sum()) * num_landmarks // mask.sum()
        near_query, near_key = (
            np.stack([part[mask][segments == i].mean(0) for i in np.unique(segments)])
            for part in (query, key)
        )
        between = shares(near_query, near_key)
        identity = np.eye(len(between))
        rows, columns = (between.sum(axis).max() for axis in (1, 0))
        inverse = between.T / (rows * columns)
        for _ in range(iterations):
            product = between @ inverse
            inner = 15 * identity - product @ (7 * identity - product)
            inverse = inverse @ (13 * identity - product @ inner) / 4
        context = shares(near_query, key[mask]) @ value[mask]
        return shares(query, near_key) @ inverse @ context

    return multi_head(x, mask, weights, num_heads, attend)


def linformer_attention(x, mask, weights, num_heads):
    """Attention to sums of the keys and values of valid tokens, one weight a place."""

    def attend(query, key, value, mask):
        projections = (
            weights[name][: len(key)] for name in ("key_projection", "value_projection")
        )
        key, value = (
            rows[mask].T @ part[mask]
            for rows, part in zip(projections, (key, value), strict=True)
        )
        scores = query @ key.T / np.sqrt(query.shape[1])
        return softmax(scores, True, axis=1) @ value

    return multi_head(x, mask, weights, num_heads, attend)


def neighbors(tokens, size, grid):
    """The numbers of the tokens in a window around each, and their places in it.

    The first token is the class token, which is in no window and has none.
    """
    shape = (tokens - 1,) if grid is None else grid
    numbers = 1 + np.arange(tokens - 1).reshape(shape)
    found = {}
    for place in np.ndindex(*shape):
        found[numbers[place]] = []
        for offset in np.ndindex(*(size,) * len(shape)):
            other = tuple(np.add(place, offset) - size // 2)
            if all(0 <= i < n for i, n in zip(other, shape, strict=True)):
                found[numbers[place]].append((numbers[other], offset))
    return found


def pool_mixer(x, mask, weights, num_heads, size, grid=None):
    """Means of valid neighbors, for the class token of all others, minus the token."""
    if mask is None:
        mask = np.ones(x.shape[:2], dtype=bool)
    outputs = -x
    for sample, kept in enumerate(mask):
        windows = {0: [(i, None) for i in range(1, len(kept))]}
        for token, window in (windows | neighbors(len(kept), size, grid)).items():
            seen = [x[sample, i] for i, _ in window if kept[i]]
            if seen:
                outputs[sample, token] += np.mean(seen, axis=0)
    return outputs


def conv_mixer(x, mask, weights, num_heads, size, grid=None):
    """Dense, StarReLU, a convolution of each channel, Dense."""
    if mask is None:
        mask = np.ones(x.shape[:2], dtype=bool)
    hidden = 0.8944 * np.maximum(dense(x, weights["input_dense"]), 0) ** 2 - 0.4472
    kernel = weights["depthwise_kernel"]
    mixed = np.zeros_like(hidden)
    for sample, kept in enumerate(mask):
        if kept[1:].any():
            mixed[sample, 0] = hidden[sample, 1:][kept[1:]].mean(axis=0)
        for token, window in neighbors(len(kept), size, grid).items():
            for i, offset in window:
                if kept[i]:
                    place = np.ravel_multi_index(offset, (size,) * len(offset))
                    mixed[sample, token] += kernel[place] * hidden[sample, i]
    return dense(mixed, weights["output_dense"])


def axial_attention(x, mask, weights, num_heads, grid):
    """The class token and all others, each other and its row and column."""
    rows, columns = (1 + axis.ravel() for axis in np.indices(grid))
    places = np.stack([np.append(0, rows), np.append(0, columns)], axis=1)
    near = (places[:, None] == places[None]).any(axis=2)
    near[0] = near[:, 0] = True

    def attend(query, key, value, mask):
        scores = query @ key.T / np.sqrt(query.shape[1])
        return softmax(scores, near & mask | np.eye(len(key), dtype=bool), 1) @ value

    return multi_head(x, mask, weights, num_heads, attend)


def relative_dot_attention(x, mask, weights, num_heads, grid):
    """Scores have products of the query with vectors for the offsets of the key."""
    places = np.stack([axis.ravel() for axis in np.indices(grid)], axis=1)
    tables = [weights["row_positions"], weights["column_positions"]]

    def attend(query, key, value, mask):
        scores = query @ key.T
        for i, of_query in enumerate(places):
            for j, of_key in enumerate(places):
                for axis, table in enumerate(tables):
                    offset = of_query[axis] - of_key[axis] + grid[axis] - 1
                    scores[1 + i, 1 + j] += query[1 + i] @ table[offset]
        return softmax(scores / np.sqrt(query.shape[1]), mask, axis=1) @ value

    return multi_head(x, mask, weights, num_heads, attend)
