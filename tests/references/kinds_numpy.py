"""The kinds of attention beyond `maelre_numpy`, token by token, in float64.

Each is `(x, mask, weights, num_heads, ...) -> output`; the first token is the class
token.
"""

import numpy as np

from tests.references.maelre_numpy import multi_head, softmax


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
