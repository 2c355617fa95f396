"""The kinds of attention beyond `maelre_numpy`, token by token, in float64.

Each is `(x, mask, weights, num_heads, ...) -> output`; the first token is the class
token.
"""

import numpy as np

from tests.references.maelre_numpy import multi_head


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
